import logging

from agent.showing import write_snapshot
from tests.support.madeup_station import snapshot


def test_a_snapshot_that_cannot_be_written_stops_nothing_and_is_logged_once(tmp_path, caplog):
    folder = tmp_path / "run"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            write_snapshot(folder, snapshot())
    (said,) = caplog.messages
    assert str(folder) in said
    folder.mkdir()
    write_snapshot(folder, snapshot())
    assert [path.name for path in folder.iterdir()] == ["snapshot.json"]
