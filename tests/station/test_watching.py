"""Reading the agent's snapshot file."""

from station.watching import SnapshotFile
from tests.support.madeup_station import snapshot, write_snapshot


def test_a_replaced_file_is_read_again(folder):
    file = SnapshotFile(folder / "run" / "snapshot.json")
    assert file.newest() == snapshot()
    write_snapshot(folder, snapshot(ledger_size=7))
    assert file.newest().ledger_size == 7


def test_an_unchanged_file_is_not_read_again(folder):
    file = SnapshotFile(folder / "run" / "snapshot.json")
    assert file.newest() is file.newest()


def test_a_missing_or_broken_file_is_no_snapshot(folder):
    path = folder / "run" / "snapshot.json"
    file = SnapshotFile(path)
    path.write_bytes(b'{"organisation": ')
    assert file.newest() is None
    path.unlink()
    assert file.newest() is None
