import hashlib
import os
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from agent.archive import Archive
from agent.archive.grouping import GROUP_FILES, SMALL_BYTES
from agent.copying import Copying, Watch
from agent.core.effect import CopyFiles
from agent.core.event import FileImported, FileUnreadable
from agent.core.plan import Plan, PlannedCopy
from agent.core.recorder import CardFile, MediaFacts
from contracts.errors import (
    ArchiveFullError,
    FileUnreadableError,
    ReadBackError,
    RecorderGoneError,
)
from tests.support.loopdisk import MIB, loop_disk
from tests.support.source import MemoryFile, files_below, names_in

SIZES = [0, 5, 40_960, SMALL_BYTES + 3, 7, MIB, SMALL_BYTES, *[9] * (GROUP_FILES + 3)]


def content(number: int, size: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * (size // 32) + os.urandom(size % 32)


class Card:
    """A recorder whose files are bytes; `faults` are what a `MemoryFile` of that name is given."""

    def __init__(self, sizes, **faults):
        self.contents = {b"%04d.bin" % n: content(n, size) for n, size in enumerate(sizes)}
        self.faults = {b"%04d.bin" % int(name[1:]): fault for name, fault in faults.items()}
        self.opened = []

    def open_file(self, file):
        self.opened.append(file.path)
        return MemoryFile(self.contents[file.path], **self.faults.get(file.path, {}))

    def look_again(self, file):
        return file if file.path in self.contents else None

    def plan(self):
        files = [CardFile(name, len(held), 0) for name, held in self.contents.items()]
        return Plan(tuple(map(PlannedCopy, files)), ())


class Ticking:
    """A clock that goes on by so much whenever it is asked."""

    def __init__(self, seconds=0.0):
        self._at = datetime(2026, 8, 4, tzinfo=UTC)
        self._step = timedelta(seconds=seconds)

    def __call__(self):
        self._at += self._step
        return self._at


class Visit:
    """One visit's copy into an archive, and what it reported."""

    def __init__(self, root, card, *, now=None):
        archive = Archive(root)
        archive.prepare()
        self.root, self.card, self.archive = root, card, archive
        self.given_up = threading.Event()
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.means = SimpleNamespace(
            archive=archive,
            archive_root=root,
            look=lambda _path, _name: MediaFacts("not_media"),
            now=now or Ticking(),
            zone=ZoneInfo("Asia/Shanghai"),
        )

    def go_on(self):
        if self.given_up.is_set():
            raise RecorderGoneError

    def run(self, read=lambda _done: None):
        order = CopyFiles(1, "v", "R1", self.card.plan(), None, sm3=False)
        watch = Watch(self.go_on, read, self.events.put)
        copying = Copying(order, self.card, self.means, watch)
        with ThreadPoolExecutor(1) as settler:
            copying.run(settler)
        return copying.imported

    def reported(self):
        return [self.events.get_nowait() for _ in range(self.events.qsize())]

    def paths(self, kind=FileImported):
        return [event.planned.file.path for event in self.reported() if isinstance(event, kind)]

    def check(self, event):
        held = self.card.contents[event.planned.file.path]
        assert event.sha256 == hashlib.sha256(held).hexdigest()
        assert (self.root / event.object).read_bytes() == held
        assert (self.root / event.view).samefile(self.root / event.object)


def test_every_file_is_proven_named_and_reported_in_the_order_of_the_plan(tmp_path):
    visit = Visit(tmp_path, Card(SIZES))
    imported = visit.run()
    events = visit.reported()
    assert [event.planned.file.path for event in events] == list(visit.card.contents)
    assert imported == [(event.sha256, event.view) for event in events]
    for event in events:
        visit.check(event)
    assert names_in(tmp_path / "incoming") == []


def test_the_same_card_again_is_held_under_the_same_names(tmp_path):
    first = Visit(tmp_path, Card([0, 9, 40_960, SMALL_BYTES]))
    imported = first.run()
    again = Visit(tmp_path, first.card)
    assert again.run() == imported
    assert all(event.held for event in again.reported())


def test_the_next_file_is_read_while_one_is_being_proven(tmp_path):
    opened_before = {}
    visit = Visit(tmp_path, Card([SMALL_BYTES] * 3))
    settle_after = threading.Event()
    go_on = visit.go_on

    def waiting():
        if threading.current_thread() is not main:
            assert settle_after.wait(30)
        go_on()

    main = threading.current_thread()
    visit.go_on = waiting

    def read(done):
        opened_before[done] = visit.events.qsize()
        if done > SMALL_BYTES:
            settle_after.set()

    visit.run(read)
    assert opened_before[SMALL_BYTES + MIB] == 0
    assert len(visit.paths()) == 3


def test_an_unreadable_file_harms_none_of_its_group(tmp_path):
    error = FileUnreadableError(name="a", offset=3, reason="EIO")
    card = Card([9] * 5, f2={"error": error, "fails_at": 3}, f3={"unchanged": False})
    visit = Visit(tmp_path, card)
    visit.run()
    events = visit.reported()
    assert [type(event) for event in events] == [
        FileImported, FileImported, FileUnreadable, FileUnreadable, FileImported,
    ]  # fmt: skip
    assert [event.offset for event in events[2:4]] == [3, None]
    assert names_in(tmp_path / "incoming") == []


def test_a_file_that_reads_back_otherwise_is_named_and_the_others_are_kept(tmp_path):
    def damage():
        for part in (tmp_path / "incoming").iterdir():
            if part.read_bytes() == card.contents[b"0002.bin"]:
                part.write_bytes(b"otherwise")

    card = Card([9] * 5, f2={"at_end": damage})
    visit = Visit(tmp_path, card)
    with pytest.raises(ReadBackError) as raised:
        visit.run()
    assert raised.value.fields == {"name": "0002.bin"}
    kept = visit.reported()
    assert [event.planned.file.path[:4] for event in kept] == [b"0000", b"0001", b"0003", b"0004"]
    for event in kept:
        visit.check(event)
    assert names_in(tmp_path / "incoming") == []


def test_a_slow_recorders_files_are_reported_without_waiting_for_a_full_group(tmp_path):
    visit = Visit(tmp_path, Card([9] * 6), now=Ticking(0.3))
    waiting = []
    visit.run(lambda _: waiting.append(visit.events.qsize()))
    assert waiting[-1] >= 2


@pytest.mark.parametrize("at", [1, SMALL_BYTES, 2 * SMALL_BYTES + MIB])
def test_a_copy_that_is_given_up_ends_both_stages_and_leaves_no_part(tmp_path, at):
    visit = Visit(tmp_path, Card([9, SMALL_BYTES, 9, SMALL_BYTES, 9, 9, SMALL_BYTES]))

    def read(done):
        if done >= at:
            visit.given_up.set()

    with pytest.raises(RecorderGoneError):
        visit.run(read)
    assert names_in(tmp_path / "incoming") == []
    for event in visit.reported():
        visit.check(event)


@pytest.mark.parametrize("size", [9, SMALL_BYTES])
def test_what_was_read_whole_before_the_recorder_went_is_proven_and_reported(tmp_path, size):
    card = Card([size] * 4, f3={"error": RecorderGoneError(), "fails_at": 5})
    visit = Visit(tmp_path, card)
    with pytest.raises(RecorderGoneError):
        visit.run()
    assert visit.paths() == list(card.contents)[:3]
    assert names_in(tmp_path / "incoming") == []


def test_a_disk_that_is_full_in_mid_group_keeps_the_files_before_it():
    with loop_disk(20) as disk:
        visit = Visit(disk.path, Card([MIB] * 40))
        with pytest.raises(ArchiveFullError):
            visit.run()
        events = visit.reported()
        assert len(events) >= 5
        for event in events:
            visit.check(event)
        assert names_in(disk.path / "incoming") == []
        assert len(files_below(disk.path / "objects")) == len(events)
