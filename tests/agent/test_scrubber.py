"""The scrubbing thread: it goes on where it was, gives way, and waits for a disk."""

import threading

import pytest

from agent.archive.scrubbing import Step
from agent.core.event import ArchiveFound
from agent.scrubber import Desk, Scrubber
from contracts.archive_facts import ArchiveScrubbed, ArchiveUnexpected, ScrubCounts
from contracts.errors import ArchiveAbsentError
from contracts.settings import StorageSettings
from tests.support.made_up import NOW

ONE = ScrubCounts(expected=1, intact=1, bytes_read=1)


class Shelf:
    """An archive of three parts with two files each; it may stop or fail at one of them."""

    def __init__(self, read, at=lambda path: None):
        self.read, self.at = read, at
        self.seen = []

    def steps(self, part, after):
        for path in (f"{part}/1", f"{part}/2"):
            if path > after:
                self.at(path)
                self.seen.append(path)
                self.read(1)
                yield Step(path, ONE, (), suspect=path == "b/2")

    def unnamed(self, paths):
        return [ArchiveUnexpected(path.encode(), path, "file", 1) for path in paths]

    def settled(self, paths):
        return []


class Bench:
    """A scrubber on such an archive, and what it said."""

    def __init__(self, folder, at=lambda path: None):
        self.said = []
        self.shelves = []
        self.busy = False
        self.done = threading.Event()
        self.began = threading.Event()
        self.due_at = NOW
        self.desk = Desk(
            settings=StorageSettings(),
            file=folder / "scrub.json",
            parts=("a", "b", "c"),
            scrubbed=lambda read: self.shelve(read, at),
            deliver=self.take,
            now=lambda: NOW,
            due_at=lambda: self.due_at,
            used_bytes=lambda: 6,
            is_busy=lambda: self.busy,
            unexpected=frozenset,
            retry_seconds=0.01,
        )
        self.scrubber = Scrubber(self.desk)

    def shelve(self, read, at):
        self.shelves.append(Shelf(read, at))
        return self.shelves[-1]

    def take(self, event):
        self.began.set()
        if isinstance(event, ArchiveFound):
            self.said.append(event.fact)
            if isinstance(event.fact, ArchiveScrubbed):
                self.due_at = None
                self.done.set()

    @property
    def seen(self):
        return [path for shelf in self.shelves for path in shelf.seen]


ALL = ["a/1", "a/2", "b/1", "b/2", "c/1", "c/2"]
WHOLE = ScrubCounts(expected=6, intact=6, unexpected=1, bytes_read=6)


def test_a_pass_that_is_due_begins_by_itself_and_its_counts_add_up(tmp_path):
    bench = Bench(tmp_path)
    bench.scrubber.start()
    assert bench.done.wait(30)
    assert bench.scrubber.stop(5)
    assert bench.seen == ALL
    assert bench.said[-1] == ArchiveScrubbed(NOW, asked=False, counts=WHOLE)
    assert not bench.desk.file.exists()


def test_a_pass_cut_off_goes_on_where_it_was_after_a_restart(tmp_path):
    reached, go_on = threading.Event(), threading.Event()

    def hold(path):
        if path == "b/2":
            reached.set()
            go_on.wait(30)

    first = Bench(tmp_path, hold)
    first.scrubber.start()
    assert reached.wait(30)
    first.scrubber.stop(0)
    go_on.set()
    assert first.scrubber.stop(5)
    second = Bench(tmp_path)
    second.scrubber.start()
    assert second.done.wait(30)
    assert second.scrubber.stop(5)
    assert second.seen == ["b/2", "c/1", "c/2"]
    assert second.said[-1].counts == WHOLE


def test_a_cursor_that_cannot_be_read_begins_a_pass_anew(tmp_path):
    bench = Bench(tmp_path)
    bench.desk.file.write_bytes(b"{")
    bench.scrubber.start()
    assert bench.done.wait(30)
    assert bench.scrubber.stop(5)
    assert bench.seen == ALL


def test_a_pass_gives_way_to_copies_and_one_that_is_asked_for_begins_at_once(tmp_path):
    bench = Bench(tmp_path)
    bench.busy = True
    bench.scrubber.start()
    assert bench.began.wait(30)
    bench.scrubber.begin()
    bench.busy = False
    assert bench.done.wait(30)
    assert bench.scrubber.stop(5)
    assert bench.seen[-6:] == ALL
    assert bench.said[-1].asked


def test_a_disk_that_is_gone_is_waited_for_and_nothing_is_called_damaged(tmp_path):
    gone = iter([True, True])

    def fail(path):
        if path == "b/1" and next(gone, False):
            raise ArchiveAbsentError(where="/srv")

    bench = Bench(tmp_path, fail)
    bench.scrubber.start()
    assert bench.done.wait(30)
    assert bench.scrubber.stop(5)
    assert bench.seen == ALL
    assert bench.said[-1].counts == WHOLE


def test_a_pass_by_hand_raises_what_the_disk_says(tmp_path):
    def fail(path):
        raise ArchiveAbsentError(where="/srv")

    with pytest.raises(ArchiveAbsentError):
        Bench(tmp_path, fail).scrubber.run_once()
    assert Bench(tmp_path).scrubber.run_once() == WHOLE
