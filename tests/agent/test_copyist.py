"""The second copy's thread, with two real archives: what it reports, and whom it lets go first."""

import queue
import threading

import pytest

from agent.archive import Archive
from agent.archive.grouping import path_of
from agent.archive.second import SecondCopy
from agent.copyist import Copyist, Desk
from agent.core.effect import BringCopies, Owed
from agent.core.event import ArchiveFound, SecondCopied, SecondCopyMoved, SecondCopySeen
from contracts.archive_facts import FootageIntact, FootageMissing
from contracts.errors import ArchiveAbsentError
from tests.agent.archive.test_second import ORIGIN, harm, sealed
from tests.support.loopdisk import loop_disk
from tests.support.source import names_in

WAIT_SECONDS = 60


class Place:
    """An archive, a second disk and the thread between them."""

    def __init__(self, folder, disk):
        (folder / "archive").mkdir()
        self.archive = Archive(folder / "archive")
        self.archive.prepare()
        self.disk = disk
        self.events = queue.Queue()
        self.known = None
        self.busy = threading.Event()
        self.answers = {}
        self.checked = []
        second = SecondCopy(disk.path, self.archive, ORIGIN)
        self.copyist = Copyist(
            Desk(second, lambda: self.known, self.examine, self.busy.is_set, self.deliver)
        )

    def examine(self, sha256):
        answer = self.answers[sha256]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def deliver(self, event):
        if isinstance(event, SecondCopied):
            # What is reported is what a power cut would leave.
            there = [(self.disk.path / path_of(one)).exists() for one in event.copied]
            self.checked.append((all(there), names_in(self.disk.path / "incoming")))
        if isinstance(event, SecondCopySeen) and event.commissioned:
            self.known = event.commissioned
        self.events.put(event)

    def next(self, kind):
        while not isinstance(event := self.events.get(timeout=WAIT_SECONDS), kind):
            pass
        return event

    def order(self, wanted):
        self.copyist.give(BringCopies(tuple(Owed(*one) for one in wanted)))


@pytest.fixture
def place(tmp_path):
    with loop_disk(48) as disk:
        made = Place(tmp_path, disk)
        made.copyist.start()
        while made.next(SecondCopySeen).commissioned:
            pass
        yield made
        assert made.copyist.stop(WAIT_SECONDS)


def test_what_is_reported_is_proven_and_in_its_place(place):
    wanted = sealed(place.archive, 100, 70_000)
    place.order(wanted)
    assert place.next(SecondCopied) == SecondCopied(tuple(sha256 for sha256, _ in wanted))
    assert place.checked == [(True, [])]
    assert place.next(SecondCopySeen).free_bytes > 0


def test_it_stands_still_while_a_dock_copies_and_says_that_it_lives(place):
    wanted = sealed(place.archive, 70_000)
    place.busy.set()
    place.order(wanted)
    place.next(SecondCopyMoved)
    assert not (place.disk.path / path_of(wanted[0][0])).exists()
    place.busy.clear()
    assert place.next(SecondCopied).copied == (wanted[0][0],)


def test_it_ends_in_the_middle_of_an_order(place):
    place.busy.set()
    place.order(sealed(place.archive, 70_000))
    place.next(SecondCopyMoved)
    assert place.copyist.stop(WAIT_SECONDS)
    assert names_in(place.disk.path / "incoming") == []
    assert place.checked == []


def test_what_the_archive_does_not_give_is_examined_and_said(place):
    gone, seen_whole, unasked, good = wanted = sealed(place.archive, 10, 20, 30, 40)
    for sha256, _ in wanted[:3]:
        harm(place.archive.root / path_of(sha256))
    missing = FootageMissing("R1", gone[0], path_of(gone[0]), "v", 10)
    place.answers = {
        gone[0]: (missing,),
        seen_whole[0]: (FootageIntact("R1", seen_whole[0], path_of(seen_whole[0])),),
        unasked[0]: ArchiveAbsentError(where="x"),  # a fault of the disk is none of the file's
    }
    place.order(wanted)
    assert place.next(ArchiveFound).fact == missing
    ended = place.next(SecondCopied)
    assert (ended.copied, ended.lacking, ended.trouble) == ((good[0],), (gone[0],), None)


def test_a_disk_that_goes_is_told_with_every_look(place):
    place.disk.remount("ro")
    trouble = place.next(SecondCopySeen).trouble or place.next(SecondCopySeen).trouble
    assert trouble.code == "second_copy_failing"
    place.order(sealed(place.archive, 70_000))
    assert place.next(SecondCopied).trouble.code == "second_copy_failing"
