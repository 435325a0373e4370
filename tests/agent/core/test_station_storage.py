"""What the storage does to visits, and what scrubbing finds, at the whole station."""

from dataclasses import replace

import pytest

from agent.core.effect import BeginScrub, CopyFiles, Enter, Identify, Release, Reply
from agent.core.event import (
    ArchiveFound,
    FromDock,
    Identified,
    ScrubProgressed,
    StorageSeen,
    Trouble,
    VisitFailed,
)
from contracts.archive_facts import ArchiveScrubbed, FootageMissing, ScrubCounts
from contracts.commands import Scrub
from contracts.copy_facts import CopyScrubbed
from contracts.dock import DockState
from contracts.errors import ArchiveReadOnlyError
from contracts.reading import Identity
from contracts.text import Text
from tests.agent.core.test_station import ask, facts, report, see
from tests.support.made_up import MIB, NOW, card_file, device, imported, station, surveyed


def seen_storage(free_mib=5000, trouble=None):
    return StorageSeen(trouble, free_mib * MIB, 10_000 * MIB, 10**12, 10**12)


def low_on_room(one, *files):
    """Dock a recorder whose files find no room beside the reserve of 200 MiB."""
    one.decide(seen_storage(free_mib=201), NOW)
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    return one.decide(FromDock(1, surveyed(one.docks[1].visit, *files)), NOW)


def test_a_copy_that_finds_no_room_is_not_begun_but_the_recorder_is_checked():
    one = station()
    effects = low_on_room(one, card_file(size=2 * MIB))
    assert [fact.TYPE for fact in facts(effects)] == ["recorder.checked", "visit.interrupted"]
    assert (one.docks[1].trouble.code, len(one.docks[1].readings)) == ("archive_low", 3)


def test_a_visit_without_room_goes_on_when_there_is_room():
    one = station()
    low_on_room(one, card_file(size=2 * MIB))
    assert one.decide(seen_storage(free_mib=201), NOW)[1:] == []
    kinds = [type(effect) for effect in one.decide(seen_storage(), NOW)]
    assert kinds == [Enter, Release, Identify]


def test_a_recorder_with_nothing_new_needs_no_room():
    one = station()
    effects = low_on_room(one)
    assert [type(effect) for effect in effects] == [Enter, CopyFiles]


def test_a_visit_the_disk_ended_goes_on_when_the_disk_is_good_again():
    one = station()
    see(one, device())
    report(one, VisitFailed, Trouble.of(ArchiveReadOnlyError()))
    one.decide(seen_storage(trouble=Trouble.of(ArchiveReadOnlyError())), NOW)
    assert one.docks[1].state is DockState.FAILED
    kinds = [type(effect) for effect in one.decide(seen_storage(), NOW)]
    assert kinds == [Enter, Release, Identify]


def test_a_visit_the_disk_ended_is_not_begun_again_and_again():
    one = station()
    see(one, device())
    report(one, VisitFailed, Trouble.of(ArchiveReadOnlyError()))
    assert one.decide(seen_storage(), NOW) == []
    assert one.docks[1].state is DockState.FAILED


def test_a_visit_that_failed_of_something_else_stays_failed():
    one = station()
    see(one, device())
    report(one, VisitFailed, Trouble("recorder_gone", Text("a", "a"), Text("b", "b")))
    one.decide(seen_storage(trouble=Trouble.of(ArchiveReadOnlyError())), NOW)
    one.decide(seen_storage(), NOW)
    assert one.docks[1].state is DockState.FAILED


def test_what_scrubbing_finds_is_entered_once():
    one = station()
    found = ArchiveFound(FootageMissing("R1", "a" * 64, "objects/a", "view/a", 9))
    assert facts(one.decide(found, NOW)) == [found.fact]
    assert one.decide(found, NOW) == []


def test_a_second_copys_pass_is_entered_as_the_archives_is():
    one = station()
    for ended in (ArchiveScrubbed, CopyScrubbed):
        fact = ended(NOW, asked=False, counts=ScrubCounts())
        assert facts(one.decide(ArchiveFound(fact), NOW)) == [fact]


def test_a_pass_that_is_asked_for_begins():
    effects, answer = ask(station(), Scrub())
    assert [type(effect) for effect in effects] == [BeginScrub, Reply]
    assert (answer.ok, answer.zh) == (True, "已开始, 结果见台账")


def test_how_far_a_pass_is_can_be_seen():
    one = station()
    one.decide(ScrubProgressed(40), NOW)
    assert one.storage.scrub_percent == 40


@pytest.mark.parametrize(
    ("kept", "entered"),
    [(None, "footage.intact"), ("damaged/ab.1", "footage.replaced")],
)
def test_damaged_footage_that_is_proven_anew_is_said_to_be_whole(kept, entered):
    one = station()
    one.decide(ArchiveFound(FootageMissing("R1", "ab", "objects/ab", "view/a", 9)), NOW)
    file = card_file()
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    visit = one.docks[1].visit
    one.decide(FromDock(1, surveyed(visit, file)), NOW)
    assert one.is_copying
    effects = one.decide(FromDock(1, replace(imported(visit, file), kept=kept)), NOW)
    assert [fact.TYPE for fact in facts(effects)] == ["footage.imported", entered]
    assert not one.storage.is_reported("objects/ab")
    assert one.decide(FromDock(1, replace(imported("old", file), kept=kept)), NOW) == []
