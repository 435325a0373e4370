"""Readers beside the writer: what they find, and that they need no right to write."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.entry import Draft
from contracts.errors import LedgerStorageError
from contracts.proof import check
from ledger.reading import LedgerReader, Search
from tests.support.entering import MOMENT, cosign, draft, filled, opened

NOBODY = 65534


@pytest.fixture
def ledger(tmp_path):
    with filled(tmp_path / "ledger", 3) as made:
        later = replace(MOMENT, at=MOMENT.at + timedelta(days=1))
        made.append([Draft("footage.imported", "R0002", {"name": '甲"1.mp4'})], later)
        made.append([Draft("recorder.docked", "R0002", {"note": "100%_Done"})], later)
        yield made


@pytest.fixture
def reader(ledger):
    with LedgerReader(ledger.folder) as made:
        yield made


def found(reader, limit=50, **search):
    return [entry.sequence for entry in reader.search(Search(**search), limit)]


def test_everything_is_found_newest_first(reader):
    assert found(reader) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("search", "sequences"),
    [
        ({"type": "footage.imported"}, [4, 3, 2]),
        ({"subject": "R0002"}, [5, 4]),
        ({"text": '甲"1'}, [4]),
        ({"text": "100%_done"}, [5]),
        ({"text": "nothing of the kind"}, []),
        ({"since": MOMENT.at + timedelta(hours=1)}, [5, 4]),
        ({"until": MOMENT.at + timedelta(days=1)}, [3, 2, 1]),
        ({"type": "footage.imported", "subject": "R0002", "text": "mp4"}, [4]),
    ],
)
def test_a_search_finds_exactly_what_fits(reader, search, sequences):
    assert found(reader, **search) == sequences


def test_pages_follow_one_another_without_gap_or_repetition(reader):
    assert found(reader, limit=2) == [5, 4]
    assert found(reader, limit=2, before=4) == [3, 2]
    assert found(reader, limit=2, before=2) == [1]


def test_a_reader_sees_what_was_appended_after_it_opened(reader, ledger):
    ledger.append([draft(6)], MOMENT)
    cosign(ledger)
    assert (reader.size, reader.witnessed_size, reader.checkpoint) == (6, 6, ledger.checkpoint)
    assert reader.get(6) == ledger.get(6)
    assert reader.get(7) is None


def test_a_reader_proves_what_the_writer_proves(reader, ledger):
    cosign(ledger)
    assert reader.prove(3) == ledger.prove(3)
    assert (
        check(reader.prove(3), f"{3:064x}", {reader.public_key}).problems[0].code == "key_untrusted"
    )


def test_there_must_be_a_ledger_to_read(tmp_path):
    with pytest.raises(LedgerStorageError):
        LedgerReader(tmp_path)


@pytest.mark.parametrize("writer_runs", [True, False])
def test_somebody_who_may_only_read_can_read(writer_runs):
    if os.geteuid() != 0:
        pytest.fail("this test must run as root: it becomes a user who may only read")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    ledger = filled(folder / "ledger", 3)
    try:
        if not writer_runs:
            ledger.close()
        assert _size_seen_by_nobody(folder / "ledger") == 3
        if writer_runs:
            ledger.append([draft(4)], MOMENT)
            assert _size_seen_by_nobody(folder / "ledger") == 4
    finally:
        ledger.close()
        opened(folder / "ledger").close()
        shutil.rmtree(folder)


def _size_seen_by_nobody(folder):
    # The rights are given up only once another ledger was read: whatever is imported on the way
    # may be out of nobody's reach.
    script = f"""
import os, tempfile
from pathlib import Path
from ledger.reading import LedgerReader
from tests.support.entering import opened
with tempfile.TemporaryDirectory() as other, opened(Path(other)) as ledger:
    LedgerReader(Path(other)).get(1)
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
assert not os.access({str(folder)!r}, os.W_OK)
with LedgerReader(Path({str(folder)!r})) as reader:
    print(len(reader.entries(1, 100)))
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
