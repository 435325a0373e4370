"""Errors and kills at real system calls: a commit's outcome, a schema's making, the open files."""

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.entry import Draft
from ledger.database import Database
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.support.entering import MOMENT, draft, filled, opened

ROOT = Path(__file__).parents[2]
WRITES = "pwrite64,fdatasync,fsync"
APPEND_TWICE = """
import sys
from pathlib import Path
from contracts.errors import LedgerError
from tests.support.entering import MOMENT, draft, opened
ledger = opened(Path(sys.argv[1]))
open("/proc/self/comm").close()
for _ in range(2):
    try:
        print(ledger.append([draft(7)], MOMENT)[0].sequence)
    except LedgerError as error:
        print(error.code)
"""
OPEN = """
import sys
from pathlib import Path
from contracts.errors import LedgerError
from tests.support.entering import opened
try:
    opened(Path(sys.argv[1]))
    print("open")
except LedgerError as error:
    print(error.code)
"""
APPEND_AND_BACK_UP = """
import sys
from pathlib import Path
from tests.support.entering import MOMENT, cosign, draft, opened
folder = Path(sys.argv[1])
ledger = opened(folder)
for number in range(5):
    ledger.append([draft(number)], MOMENT)
    cosign(ledger)
ledger.back_up(folder.parent / "backup")
ledger.prove(3)
"""
MIGRATE = """
import os, signal, sys
from pathlib import Path
import apsw
from ledger.database import Database, _migrations
def die():
    os.kill(os.getpid(), signal.SIGKILL)
apsw.connection_hooks.append(lambda made: made.set_progress_handler(die, int(sys.argv[2])))
later = "CREATE TABLE later (x INTEGER) STRICT; INSERT INTO later SELECT sequence FROM entry;"
more = "ALTER TABLE later ADD COLUMN y TEXT; CREATE INDEX later_by_y ON later (y, x);"
Database.writer(Path(sys.argv[1]), (*_migrations(), later, more))
"""


def traced(script, folder, *options):
    """Run a script on a folder with system calls injected or listed by strace."""
    command = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        *options,
        sys.executable,
        "-c",
        script,
        str(folder),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def inject(script, folder, calls, fault, when):
    paths = ("-P", str(folder / "ledger.db"), "-P", str(folder / "ledger.db-wal"))
    fault = ("--seccomp-bpf", "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}:when={when}")
    return traced(script, folder, *paths, *fault).stdout.split()


def numbers(folder):
    with LedgerReader(folder) as reader:
        return [entry.data.get("number") for entry in reader.select()]


def test_a_commit_whose_sync_failed_is_unknown_and_after_the_restart_there_is_one_entry(tmp_path):
    folder = tmp_path / "ledger"
    filled(folder, 6).close()
    said = inject(
        APPEND_TWICE, folder, "fsync,fdatasync", "error=EIO", "2+"
    )  # the first is the start's
    assert said == ["ledger_commit_unknown", "ledger_commit_unknown"]
    with opened(folder) as ledger:
        if (
            ledger.size == 6
        ):  # it was not entered: whoever wanted it finds it missing, and enters it
            ledger.append([draft(7)], MOMENT)
        assert ledger.size == 7
    assert numbers(folder).count(7) == 1
    assert verify(folder) == ()


@pytest.mark.parametrize("when", [1, 3, 5, 7, 9])
def test_a_write_that_fails_while_a_ledger_is_made_leaves_none_with_other_settings(tmp_path, when):
    folder = tmp_path / "ledger"
    folder.mkdir()
    (said,) = inject(OPEN, folder, WRITES, "error=EIO", when)
    assert said in {"ledger_storage", "ledger_commit_unknown"}
    with opened(folder) as ledger:
        assert ledger.size == 1
        assert ledger._database.value("PRAGMA journal_mode") == "wal"
        assert ledger._database.value("PRAGMA synchronous") == 2
    assert verify(folder) == ()


def test_nobody_but_sqlite_opens_the_database_of_a_running_ledger(tmp_path):
    # Closing any other descriptor of the file would drop SQLite's locks on it.
    trace = tmp_path / "trace"
    done = traced(
        APPEND_AND_BACK_UP,
        tmp_path / "ledger",
        "--seccomp-bpf",
        "-e",
        "trace=/open",
        "-o",
        str(trace),
    )
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(encoding="utf-8").splitlines()
    assert sum(f'{tmp_path}/ledger/ledger.db"' in line for line in lines) == 1
    assert any(f'{tmp_path}/backup/ledger.db"' in line for line in lines)
    assert verify(tmp_path / "backup") == ()


def test_a_migration_killed_at_any_of_its_steps_is_done_anew_and_whole(tmp_path):
    folder, seen, steps = tmp_path / "ledger", set(), 20
    filled(folder, 6).close()
    command = [sys.executable, "-c", MIGRATE, str(folder)]
    while subprocess.run([*command, str(steps)], cwd=ROOT, check=False).returncode:
        seen.add((_version(folder), _later(folder)))
        steps += 20
    assert (1, None) in seen  # at least one was killed before anything was committed
    assert seen <= {(1, None), (2, 6), (3, 6)}
    assert (_version(folder), _later(folder)) == (3, 6)


def _version(folder):
    database = Database._open(folder, 1, {})
    try:
        return database.schema_version
    finally:
        database.close()


def _later(folder):
    database = Database._open(folder, 1, {})
    try:
        known = database.row("SELECT 1 FROM sqlite_schema WHERE name = 'later'")
        return database.value("SELECT count(*) FROM later") if known else None
    finally:
        database.close()


def test_an_entry_too_long_for_the_queue_is_refused_where_it_is_entered(tmp_path):
    with filled(tmp_path / "ledger", 2) as ledger, pytest.raises(Exception, match="entry_invalid"):
        ledger.append([Draft("x", "y", {"text": "x" * 20_000})], MOMENT)
