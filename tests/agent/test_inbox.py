"""The inbox: what is finished is delivered, what is still written waits, and nothing is removed."""

import queue
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from agent.inbox import InboxWatch, inbox_device
from agent.recorders.folder import list_folder
from agent.recorders.inbox import Inbox

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@contextmanager
def watching(folder, **periods):
    seen = queue.SimpleQueue()
    periods = {"settle_seconds": 0.2, **periods}
    watch = InboxWatch(folder, lambda: list_folder(folder), seen.put, **periods)
    watch.start()
    try:
        yield watch, lambda: seen.get(timeout=20)
    finally:
        watch.stop()


def finished(watch):
    return sorted(file.path for file in watch.finished())


def until(claim):
    while not claim():
        time.sleep(0.02)


def test_files_that_are_there_at_the_start_are_delivered(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"footage")
    with watching(tmp_path) as (watch, delivered):
        assert delivered().device == inbox_device(tmp_path)
        assert finished(watch) == [b"a.mp4"]


def test_a_file_is_delivered_when_it_was_written_and_closed(tmp_path):
    with watching(tmp_path) as (watch, delivered):
        (tmp_path / "b.mp4").write_bytes(b"footage")
        delivered()
        assert finished(watch) == [b"b.mp4"]


def test_a_file_moved_in_is_delivered(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"footage")
    with watching(tmp_path / "inbox") as (watch, delivered):
        (tmp_path / "a.mp4").rename(tmp_path / "inbox" / "a.mp4")
        delivered()
        assert finished(watch) == [b"a.mp4"]


def test_a_whole_folder_moved_in_is_delivered(tmp_path):
    (tmp_path / "card" / "DCIM").mkdir(parents=True)
    (tmp_path / "card" / "DCIM" / "a.mp4").write_bytes(b"footage")
    with watching(tmp_path / "inbox") as (watch, delivered):
        (tmp_path / "card").rename(tmp_path / "inbox" / "card")
        delivered()
        assert finished(watch) == [b"card/DCIM/a.mp4"]


def test_a_file_still_being_written_waits_though_it_rests(tmp_path):
    with watching(tmp_path) as (watch, delivered), (tmp_path / "slow.mp4").open("wb") as slow:
        slow.write(b"half")
        slow.flush()
        for name in ("first", "second"):
            (tmp_path / name).write_bytes(b"x")
            delivered()
        assert finished(watch) == [b"first", b"second"]
        slow.close()
        delivered()
        assert b"slow.mp4" in finished(watch)


def test_a_temporary_name_is_never_delivered_once_it_was_renamed(tmp_path):
    with watching(tmp_path) as (watch, delivered):
        with (tmp_path / "a.part").open("wb") as part:
            part.write(b"footage")
        (tmp_path / "a.part").rename(tmp_path / "a.mp4")
        delivered()
        assert finished(watch) == [b"a.mp4"]


def test_a_file_that_is_written_to_again_is_delivered_again(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"footage")
    with watching(tmp_path) as (watch, delivered):
        delivered()
        (tmp_path / "a.mp4").write_bytes(b"other footage")
        delivered()
        assert [file.size for file in watch.finished()] == [13]


def test_a_file_taken_away_is_no_longer_finished(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    with watching(tmp_path) as (watch, delivered):
        delivered()
        (tmp_path / "a").unlink()
        (tmp_path / "b").write_bytes(b"x")
        delivered()
        assert finished(watch) == [b"b"]


def test_a_name_that_is_no_text_is_delivered(tmp_path):
    with watching(tmp_path) as (watch, delivered):
        (tmp_path / "\udcff\n.mp4").write_bytes(b"x")
        delivered()
        assert finished(watch) == [b"\xff\n.mp4"]


def test_a_folder_that_goes_and_comes_back_is_watched_on(tmp_path):
    folder = tmp_path / "inbox"
    with watching(folder, rescan_seconds=0.3) as (watch, delivered):
        (folder / "a").write_bytes(b"x")
        delivered()
        (folder / "a").unlink()
        folder.rmdir()
        folder.mkdir()
        (folder / "b").write_bytes(b"x")
        until(lambda: finished(watch) == [b"b"])


def test_a_visit_of_the_inbox_lists_and_reads_only_finished_files(tmp_path):
    (tmp_path / "done").write_bytes(b"footage")
    done = frozenset(list_folder(tmp_path).files)
    (tmp_path / "half").write_bytes(b"foo")
    visit = Inbox(lambda: done).attach(inbox_device(tmp_path))
    (file,) = visit.list_files().files
    opened = visit.open_file(file)
    buffer = memoryview(bytearray(10))
    assert bytes(buffer[: opened.readinto(buffer)]) == b"footage"
    opened.close()
    visit.release()


def test_a_visit_leaves_everything_where_it_is(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    files = frozenset(list_folder(tmp_path).files)
    visit = Inbox(lambda: files).attach(inbox_device(tmp_path))
    assert not visit.can_clear
    assert not visit.set_clock(NOW)
    visit.release()
    visit.release()
    assert (tmp_path / "a").read_bytes() == b"x"


def test_the_inbox_is_no_recorder(tmp_path):
    visit = Inbox(frozenset).attach(inbox_device(tmp_path))
    assert (visit.identify().device_number, visit.readings(NOW)) == (None, ())
    visit.release()


@pytest.mark.parametrize(("kind", "served"), [("inbox", True), ("block", False)])
def test_only_the_inbox_is_served(tmp_path, kind, served):
    device = inbox_device(tmp_path)
    assert Inbox(frozenset).recognise(type(device)(kind, kind, tmp_path, "")) is served
