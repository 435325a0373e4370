"""Writers that die: with a kill, without a disk, and two at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.checkpoint import verify_checkpoint
from contracts.errors import LedgerCommitError, LedgerLockedError
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.support.entering import MOMENT, cosign, draft, filled, opened

ROOT = Path(__file__).parents[2]
APPEND_FOR_EVER = """
import sys
from pathlib import Path
from tests.support.entering import MOMENT, draft, opened
ledger = opened(Path(sys.argv[1]))
while True:
    entries = ledger.append([draft(ledger.size + n) for n in (1, 2, 3)], MOMENT)
    print(entries[-1].sequence, ledger.checkpoint.encode().hex(), flush=True)
"""
OPEN_AND_FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from contracts.errors import LedgerError
from tests.support.entering import MOMENT, draft, opened
ledger = opened(Path(sys.argv[1]))
signal = __import__("signal")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for _ in range(2):
    try:
        while True:
            ledger.append([draft(ledger.size + n) for n in range(1, 40)], MOMENT)
    except LedgerError as error:
        print(error.code)
"""


def child(script, folder, **options):
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("lines", [1, 2, 5, 9, 14])
def test_a_writer_killed_in_the_middle_loses_nothing_it_had_returned(tmp_path, lines):
    folder = tmp_path / "ledger"
    with child(APPEND_FOR_EVER, folder) as writer:
        for _ in range(lines):
            said = writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        said = (writer.stdout.read().splitlines(keepends=True) or [said])[-1]
    last, note = said.split() if said.endswith("\n") else (0, "")
    with opened(folder) as ledger:
        assert ledger.size >= int(last)
        promised = verify_checkpoint(bytes.fromhex(note).decode(), ledger.verifying_key)
        assert ledger.checkpoint_at(promised.size) == bytes.fromhex(note).decode()
        ledger.append([draft(1)], MOMENT)
    assert verify(folder) == ()


def test_a_second_process_is_refused_while_the_first_one_lives(tmp_path):
    folder = tmp_path / "ledger"
    with child(APPEND_FOR_EVER, folder) as writer:
        writer.stdout.readline()
        with pytest.raises(LedgerLockedError):
            opened(folder)
        os.kill(writer.pid, signal.SIGKILL)
    opened(folder).close()


def test_a_reader_sees_whole_appends_while_a_writer_writes(tmp_path):
    folder = tmp_path / "ledger"
    with child(APPEND_FOR_EVER, folder) as writer:
        writer.stdout.readline()
        with LedgerReader(folder) as reader:
            sizes = {reader.size for _ in range(50)}
        assert verify(folder) == ()
        os.kill(writer.pid, signal.SIGKILL)
    assert {size % 3 for size in sizes} == {1}


def test_a_full_disk_is_an_error_and_what_was_entered_before_stays(tmp_path):
    folder = tmp_path / "ledger"
    with child(OPEN_AND_FILL_THE_DISK, folder) as writer:
        codes = writer.stdout.read().split()
    assert len(codes) == 2
    assert set(codes) <= {"ledger_storage", "ledger_commit_unknown"}
    assert verify(folder) == ()
    opened(folder).close()


def test_a_head_file_that_a_crash_left_behind_is_brought_up_to_date(tmp_path):
    with filled(tmp_path, 3) as ledger:
        behind = ledger.checkpoint
        cosign(ledger)
        ledger.append([draft(4)], MOMENT)
        newest = ledger.checkpoint
    (tmp_path / "head.note").write_text(behind, encoding="utf-8")
    (tmp_path / "witness.note").unlink()
    opened(tmp_path).close()
    assert (tmp_path / "head.note").read_text(encoding="utf-8") == newest
    assert (tmp_path / "witness.note").exists()


def test_after_a_commit_of_unknown_outcome_nothing_more_is_taken(tmp_path):
    ledger = filled(tmp_path / "ledger", 2)
    # A folder in the way of the file that every commit replaces.
    (tmp_path / "ledger" / "head.note").unlink()
    (tmp_path / "ledger" / "head.note").mkdir()
    for _ in range(2):
        with pytest.raises(LedgerCommitError):
            ledger.append([draft(3)], MOMENT)
    assert ledger.size == 3
    ledger.close()
    (tmp_path / "ledger" / "head.note").rmdir()
