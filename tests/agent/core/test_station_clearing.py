"""Clearing as the whole station decides it: when it asks the gate, and what a restart knows."""

from dataclasses import replace
from pathlib import PurePath

import pytest

from agent.core.board import show
from agent.core.effect import BringCopies, ClearCard, Enter, LookAgain, Owed, ReadCardAgain
from agent.core.event import (
    ArchiveFound,
    CardReadAgain,
    ClearEnded,
    CopyEnded,
    DevicesSeen,
    FromDock,
    Identified,
    LookedAgain,
    SecondCopied,
    SecondCopySeen,
    StorageSeen,
    Ticked,
    Trouble,
    UplinkChanged,
)
from agent.core.handover import standing_findings
from agent.core.recorder import Listing, Reread
from agent.core.station import Station
from contracts.archive_facts import FootageMissing
from contracts.clearing import ClearingPhase, Reason
from contracts.copy_facts import CopyCommissioned, CopyDamaged
from contracts.dock import DockState
from contracts.errors import ArchiveFillingError, ArchiveUnwritableError
from contracts.facts import RecorderIssued
from contracts.reading import Identity
from contracts.roster import ClearRule
from contracts.settings import SecondCopySettings
from tests.support.made_up import (
    NOW,
    ROSTER,
    SETTINGS,
    card_file,
    device,
    entry,
    imported,
    later,
    readings,
    surveyed,
)

KEY = "index+1+AA"
WHO = Identity(device_number="R1", serial="S1")
FILE = card_file()
POLICY = replace(ROSTER.policy[0], clear=(ClearRule("M", copies=1),))
FIRST = replace(ROSTER.recorder[0], model="M", serial="S1")
CLEARING = replace(
    ROSTER, policy=(POLICY, ROSTER.policy[1]), recorder=(FIRST, *ROSTER.recorder[1:])
)


class Run:
    """A station whose ledger and worker answer at once."""

    def __init__(self):
        self.station = Station(replace(SETTINGS, witness_key=KEY), CLEARING, NOW)
        self.facts = []
        self.orders = []
        self.do(self.station.decide(Ticked(10**9, 10**9, "synchronised"), NOW))

    def decide(self, event, at=NOW):
        self.do(self.station.decide(event, at))

    def report(self, kind, *rest, number=1):
        self.decide(FromDock(number, kind(self.station.docks[number].visit, *rest)))

    def do(self, effects):
        for effect in effects:
            if isinstance(effect, Enter):
                self.facts.append(effect.fact)
                self.station.fold(entry(effect.fact, len(self.facts)))
            else:
                self.orders.append(effect)

    def completed(self):
        self.decide(DevicesSeen((device(),)))
        self.report(Identified, WHO)
        visit = self.station.docks[1].visit
        self.decide(FromDock(1, surveyed(visit, FILE)))
        self.decide(FromDock(1, imported(visit, FILE)))
        self.report(CopyEnded, "m", Listing((FILE,)))
        return self

    def witness(self, key=KEY):
        size = len(self.facts)
        self.decide(UplinkChanged(True, size, size, witness=key, witnessed_at=NOW))

    def read(self):
        read = (Reread(FILE, "ab", "ab", is_archived=True),)
        self.report(CardReadAgain, True, WHO, Listing((FILE,)), read)

    def removing(self):
        self.completed().witness()
        self.read()
        self.witness()
        self.report(LookedAgain, WHO, readings())
        return self

    @property
    def clearing(self):
        return self.station.docks[1].clearing


def test_what_the_witness_has_seen_moves_a_clearing_on_and_nothing_else_is_needed():
    run = Run().completed()
    run.witness()
    assert isinstance(run.orders[-1], ReadCardAgain)
    run.read()
    assert run.facts[-1].TYPE == "recorder.clearing"
    run.witness()
    assert isinstance(run.orders[-1], LookAgain)
    run.report(LookedAgain, WHO, readings())
    assert isinstance(run.orders[-1], ClearCard)
    run.report(ClearEnded, Listing(()))
    assert (run.facts[-1].code, run.clearing.phase) == ("cleared", ClearingPhase.CLEARED)


def with_second_copy():
    """Return a station whose policy asks for two copies, and the disk for the second."""
    run = Run()
    two = replace(POLICY, clear=(ClearRule("M"),))
    roster = replace(CLEARING, policy=(two, ROSTER.policy[1]))
    settings = replace(
        SETTINGS, witness_key=KEY, second_copy=SecondCopySettings(PurePath("/second"))
    )
    run.station = Station(settings, roster, NOW)
    run.decide(Ticked(10**9, 10**9, "synchronised"))
    return run


SECOND = CopyCommissioned("d" * 32, "/second", None, True, 10**12)


def test_where_policy_asks_for_two_copies_the_intent_waits_for_the_second():
    run = with_second_copy().completed()
    run.witness()
    assert run.clearing.reasons == (Reason.NOT_READ_AGAIN, Reason.SECOND_COPY_AWAY)
    run.decide(SecondCopySeen(None, 10**12, 10**12, SECOND))
    run.decide(SecondCopySeen(None, 10**12, 10**12))
    assert run.orders[-1] == BringCopies((Owed("ab", FILE.size),))
    run.witness()
    run.decide(Ticked(10**9, 10**9, "synchronised"))
    assert isinstance(run.orders[-1], ReadCardAgain)
    run.read()
    assert run.clearing.reasons == (Reason.NOT_COPIED,)
    run.decide(SecondCopied(("ab",)))
    run.decide(Ticked(10**9, 10**9, "synchronised"))
    assert [fact.TYPE for fact in run.facts[-2:]] == ["footage.copied", "recorder.clearing"]


def test_a_copy_that_is_found_damaged_shuts_the_gate_again():
    run = with_second_copy().completed()
    run.decide(SecondCopySeen(None, 10**12, 10**12, SECOND))
    run.decide(SecondCopied(("ab",)))
    run.witness()
    run.read()
    assert run.facts[-1].TYPE == "recorder.clearing"
    run.decide(ArchiveFound(CopyDamaged(SECOND.copy, "ab", "objects/ab", FILE.size, 1)))
    run.witness()
    assert run.clearing.reasons == (Reason.NOT_COPIED,)
    assert not any(isinstance(order, LookAgain) for order in run.orders)


def test_nothing_is_brought_while_a_dock_copies_or_the_archive_is_ill():
    run = with_second_copy()
    run.decide(DevicesSeen((device(),)))
    run.report(Identified, WHO)
    visit = run.station.docks[1].visit
    run.decide(FromDock(1, surveyed(visit, FILE)))
    run.decide(FromDock(1, imported(visit, FILE)))
    run.decide(SecondCopySeen(None, 10**12, 10**12, SECOND))
    run.report(CopyEnded, "m", Listing((FILE,)))
    ill = StorageSeen(Trouble.of(ArchiveUnwritableError(reason="EIO")), None, None, 10**12, 10**12)
    run.decide(ill)
    run.decide(SecondCopySeen(None, 10**12, 10**12))
    assert not any(isinstance(order, BringCopies) for order in run.orders)
    run.decide(StorageSeen(None, 10**12, 10**12, 10**12, 10**12))
    run.decide(SecondCopySeen(None, 10**12, 10**12))
    assert isinstance(run.orders[-1], BringCopies)


def test_damage_in_the_archive_is_entered_with_whether_the_second_copy_has_it():
    run = with_second_copy().completed()
    run.decide(SecondCopySeen(None, 10**12, 10**12, SECOND))
    run.decide(SecondCopied(("ab",)))
    run.decide(ArchiveFound(FootageMissing("R1", "ab", "objects/ab", "v", 9)))
    assert run.facts[-1].second_copy is True
    shown = show(run.station, 1, "0", NOW).second_copy
    assert (shown.is_known, shown.confirmed, shown.owed) == (True, 1, 0)


def test_each_tick_asks_the_gate_again():
    run = Run().completed()
    run.decide(Ticked(10**9, 10**9, "synchronised"), later(1))
    assert run.clearing.reasons == (Reason.NOT_READ_AGAIN, Reason.NOT_WITNESSED)


def test_a_cosignature_by_another_key_ends_the_clearing():
    run = Run().completed()
    run.witness(key="index+2+BB")
    assert run.facts[-1].reasons == ("clear_witness_not_pinned",)


def test_a_recorder_that_was_issued_meanwhile_is_not_cleared():
    run = Run().completed()
    run.do([Enter(RecorderIssued("h", "R1", "1001", "甲", "d1", (), dock=1))])
    run.witness()
    assert run.facts[-1].reasons == ("clear_handed_out",)


def test_a_second_device_of_the_same_number_bars_the_first_one():
    run = Run().completed()
    run.decide(DevicesSeen((device("1"), device("2"))))
    run.report(Identified, WHO, number=2)
    run.witness()
    assert run.facts[-1].reasons == ("clear_recorder_twice",)


def test_a_stranger_in_another_dock_bars_nobody():
    run = Run().completed()
    run.decide(DevicesSeen((device("1"), device("2"))))
    run.report(Identified, Identity(device_number="?"), number=2)
    run.witness()
    assert isinstance(run.orders[-1], ReadCardAgain)


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ArchiveFillingError(free_mib=1, percent=1, hours=1), False),
        (ArchiveUnwritableError(reason="EIO"), True),
    ],
)
def test_an_archive_in_trouble_is_waited_for_and_a_full_one_is_not(error, waits):
    run = Run().completed()
    run.decide(StorageSeen(Trouble(error.code, error.sentence, error.remedy), 1, 1, 1, 1))
    run.witness()
    assert (run.clearing.phase is ClearingPhase.WAITING) == waits
    assert (Reason.ARCHIVE_UNHEALTHY in run.clearing.reasons) == waits


def test_a_recorder_that_is_being_cleared_may_not_be_issued():
    run = Run().removing()
    assert run.station.docks[1].state is DockState.CLEARING
    station = run.station
    found = standing_findings("R1", station.custody, station.by_recorder())
    assert "being_cleared" in {finding.code for finding in found}


def test_the_kiosk_is_shown_how_far_a_clearing_is():
    run = Run().removing()
    (tile, other) = show(run.station, 9, "1.0", NOW).docks
    assert (tile.clearing.phase, tile.clearing.files) == (ClearingPhase.REMOVING, 1)
    assert tile.clearing.bytes_total == FILE.size
    assert other.clearing is None


def restarted(run):
    again = Run()
    for fact in run.facts:
        again.do([Enter(fact)])
    assert again.station.custody == run.station.custody
    return again


def test_a_restart_ends_a_clearing_of_which_nobody_knows_how_far_it_came():
    again = restarted(Run().removing())
    again.do(again.station.resume())
    (cleared,) = [fact for fact in again.facts if fact.TYPE == "recorder.cleared"]
    assert (cleared.code, cleared.removed, cleared.left) == ("agent_restarted", None, None)
    assert again.station.resume() == []


def test_the_next_visit_says_what_a_cut_off_clearing_has_left_and_then_forgets_it():
    again = restarted(Run().removing())
    again.do(again.station.resume())
    again.completed()
    completed = again.facts[-1]
    assert [finding.code for finding in completed.findings] == ["clearing_unfinished"]
    assert again.station.custody.unfinished == {}


def test_a_clearing_that_was_seen_to_its_end_leaves_nothing_to_say():
    run = Run().removing()
    run.report(ClearEnded, Listing(()))
    assert (run.station.custody.clearings, run.station.custody.unfinished) == ({}, {})
