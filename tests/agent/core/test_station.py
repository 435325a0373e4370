"""The whole station: docks, refusals, requests, the inbox, restarts."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.effect import Enter, Identify, Release, Reply, TakeReadings
from agent.core.event import (
    Asked,
    CopyEnded,
    DevicesSeen,
    FromDock,
    Identified,
    InboxSettled,
    ReadAgain,
    Surveyed,
    Ticked,
    Trouble,
    UplinkChanged,
    VisitFailed,
)
from agent.core.recorder import Device, Listing
from agent.core.station import refusal_of
from contracts.commands import Declare, Issue, Observe, ReportFault, Retry, Return
from contracts.dock import DockState
from contracts.errors import ArchiveFullError
from contracts.facts import (
    AgentStarted,
    RecorderDocked,
    RecorderIssued,
    RecorderService,
    WitnessMet,
)
from contracts.reading import Identity
from tests.support.made_up import NOW, card_file, device, entry, later, readings, station, surveyed

INBOX = Device("inbox", "inbox", Path("/inbox"), "inbox")
STRANGER = Device("pci-0-usb-0:9", "other", Path("/dev/hidraw0"), "keyboard", classes=("03",))


def facts(effects):
    return [effect.fact for effect in effects if isinstance(effect, Enter)]


def see(one, *devices, now=NOW):
    return one.decide(DevicesSeen(devices), now)


def report(one, kind, *rest, dock=1, now=NOW):
    at = one.docks[dock] if dock else one.inbox
    rest = (*rest, at.listing) if kind is CopyEnded else rest
    return one.decide(FromDock(dock, kind(at.visit, *rest)), now)


def fold(one, effects):
    for fact in facts(effects):
        one.fold(entry(fact))


def dock_and_empty(one, number="R1", name="1", now=NOW, battery=90):
    """Plug a recorder without files in and carry its visit to the end."""
    dock = int(name)
    effects = see(one, device(name), now=now)
    effects += report(one, Identified, Identity(device_number=number), dock=dock, now=now)
    listing = (readings(battery=battery), Listing(()), ())
    effects += report(one, Surveyed, *listing, dock=dock, now=now)
    effects += report(one, CopyEnded, "m", dock=dock, now=now)
    fold(one, effects)
    return effects


def ask(one, command, *proved):
    effects = one.decide(Asked(7, command, frozenset(proved)), NOW)
    fold(one, effects)
    return effects, next(e.answer for e in effects if isinstance(e, Reply))


def issue(one, recorder="R1", person="1001", **more):
    return ask(one, Issue(recorder, person, "pin", **more), person, more.get("approver", ""))


def test_a_device_on_a_bound_port_is_docked_and_leaves_again():
    one = station()
    assert [type(e) for e in see(one, device())] == [Identify]
    assert [type(e) for e in see(one)] == [Release]
    assert one.docks[1].state is DockState.EMPTY


def test_what_is_seen_again_unchanged_changes_nothing():
    one = station()
    see(one, device())
    assert see(one, device()) == []


def test_what_udev_finds_out_later_does_not_end_the_visit():
    one = station()
    see(one, device())
    assert see(one, replace(device(), volume="late")) == []


def test_another_device_in_the_same_port_ends_the_visit():
    one = station()
    see(one, replace(device(), arrival="1"))
    effects = see(one, replace(device(), arrival="2"))
    assert [type(e) for e in effects] == [Release, Identify]


def test_a_device_on_an_unbound_port_is_entered_once_while_it_is_there():
    one = station()
    assert [f.code for f in facts(see(one, STRANGER))] == ["not_a_recorder"]
    assert facts(see(one, STRANGER)) == []
    see(one)
    assert len(facts(see(one, STRANGER))) == 1


def test_a_keyboard_in_a_dock_is_barred_and_shown_in_the_dock():
    one = station()
    see(one, replace(STRANGER, port="virtual:1"))
    assert one.docks[1].state is DockState.REFUSED
    see(one)
    assert one.docks[1].state is DockState.EMPTY


def test_a_word_of_an_earlier_visit_changes_nothing():
    one = station()
    see(one, device("1"))
    before = one.docks[1]
    effects = one.decide(FromDock(1, Identified("earlier", Identity(device_number="R1"))), NOW)
    assert (effects, one.docks[1]) == ([], before)


def test_an_unregistered_recorder_is_entered_as_refused():
    one = station()
    see(one, device())
    effects = report(one, Identified, Identity(device_number="R9"))
    assert [f.code for f in facts(effects)] == ["recorder_unknown"]


def test_plugging_in_is_a_return():
    one = station()
    dock_and_empty(one)
    issue(one)
    see(one)
    assert one.custody.holdings.keys() == {"R1"}
    effects = dock_and_empty(one, now=later(60))
    assert [f.TYPE for f in facts(effects)][:2] == ["recorder.docked", "recorder.returned"]
    assert one.custody.holdings == {}


def test_a_restart_with_an_issued_recorder_still_in_its_dock_is_no_return():
    one = station()
    issued = RecorderIssued("h", "R1", "1001", "甲", "d1", (), dock=1)
    one.fold(entry(issued))
    effects = dock_and_empty(one)
    assert "recorder.returned" not in [f.TYPE for f in facts(effects)]


def test_a_recorder_found_in_its_dock_and_returned_by_hand_is_visited_again():
    one = station()
    one.fold(entry(RecorderIssued("h", "R1", "1001", "甲", "d1", (), dock=1)))
    found = dock_and_empty(one)
    assert facts(found)[-1].found
    effects, _ = ask(one, Return("R1", "1001", ""), "1001")
    assert [type(e) for e in effects] == [Enter, Release, Identify, Reply]


def test_a_restart_with_an_issued_recorder_in_another_dock_is_a_return():
    one = station()
    one.fold(entry(RecorderIssued("h", "R1", "1001", "甲", "d1", (), dock=2)))
    assert "recorder.returned" in [f.TYPE for f in facts(dock_and_empty(one))]


def test_a_visit_left_open_by_the_last_run_is_entered_as_interrupted():
    one = station()
    left = RecorderDocked("old", 1, "virtual:1", "R1", Identity(), "x")
    one.fold(entry(left))
    [fact] = facts(one.resume())
    assert (fact.visit, fact.code, fact.docked_at) == ("old", "agent_restarted", NOW)
    one.fold(entry(fact, 2))
    assert one.resume() == []


def test_a_recorder_is_issued_with_the_checks_it_had():
    one = station()
    dock_and_empty(one)
    effects, answer = issue(one)
    [fact] = facts(effects)
    assert answer.ok
    assert (fact.recorder, fact.person, fact.dock, fact.findings) == ("R1", "1001", 1, ())
    assert effects[-1].entered


@pytest.mark.parametrize(
    ("command", "proved", "code"),
    [
        (Issue("R1", "9999", ""), ["9999"], "person_unknown"),
        (Issue("R1", "1001", ""), [], "pin_wrong"),
        (Issue("R9", "1001", ""), ["1001"], "no_such_recorder"),
        (Issue("R3", "1002", ""), ["1002"], "kept_by_other"),
        (Issue("R2", "1002", ""), ["1002"], "approval_needed"),
        (Issue("R2", "1002", "", "1001"), ["1002", "1001"], "not_allowed"),
        (Issue("R2", "2001", "", "2001"), ["2001"], "not_allowed"),
        (Issue("R2", "1002", "", "2001"), ["1002"], "pin_wrong"),
        (Issue("R1", "1001", ""), ["1001"], "checks_failed"),
        (Issue("R2", "1002", "", "2001", "", "why"), ["1002", "2001"], "override_barred"),
        (Return("R1", "1001", ""), ["1001"], "not_issued"),
        (Declare("R1", NOW.date(), "other", " ", "1001", ""), ["1001"], "command_invalid"),
        (Declare("R1", NOW.date(), "off_site", "x", "1001", ""), ["1001"], "command_invalid"),
        (ReportFault("R1", "in_repair", "", "1001", ""), ["1001"], "command_invalid"),
        (ReportFault("R1", "in_service", "x", "1001", ""), ["1001"], "not_allowed"),
        (Observe("R1", "1001", ""), ["1001"], "command_invalid"),
        (Observe("R1", "1001", "", 101), ["1001"], "command_invalid"),
        (Retry(1), [], "nothing_to_retry"),
        (Retry(99), [], "dock_unknown"),
    ],
)
def test_a_request_that_may_not_be_is_refused_with_its_code(command, proved, code):
    effects, answer = ask(station(), command, *proved)
    assert (answer.ok, answer.code) == (False, code)
    assert facts(effects) == []
    assert answer.remedy_zh
    assert answer.remedy_en


def test_a_recorder_that_is_out_cannot_be_issued_again():
    one = station()
    dock_and_empty(one)
    issue(one)
    assert issue(one)[1].code == "already_issued"


def test_an_approved_issue_names_the_approver():
    one = station()
    dock_and_empty(one, "R2")
    effects, _ = issue(one, "R2", "1002", approver="2001")
    assert (facts(effects)[0].approver, facts(effects)[0].approver_name) == ("2001", "丙")


def test_a_failed_check_is_overridden_only_with_a_reason_that_is_entered():
    one = station()
    dock_and_empty(one, battery=20)
    assert issue(one)[1].code == "checks_failed"
    effects, answer = issue(one, override_reason=" 紧急 ")
    assert answer.ok
    assert facts(effects)[0].override.reason == "紧急"
    assert [f.code for f in facts(effects)[0].findings] == ["battery_low"]


def test_a_recorder_still_importing_is_not_issued():
    one = station()
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    _, answer = issue(one)
    assert "采集未完成" in answer.zh


def test_a_recorder_in_repair_is_not_issued_until_it_is_back_in_service():
    one = station()
    dock_and_empty(one)
    ask(one, ReportFault("R1", "in_repair", "镜头", "1001", ""), "1001")
    assert issue(one)[1].code == "out_of_service"
    assert issue(one, override_reason="紧急")[1].code == "out_of_service"
    ask(one, ReportFault("R1", "in_service", "修好", "3001", ""), "3001")
    assert issue(one)[1].ok


def test_a_lost_recorder_is_known_after_a_restart():
    one = station()
    one.fold(entry(RecorderService("R1", "lost", "x", "1001")))
    assert one.custody.service["R1"].state == "lost"


def test_the_holder_and_the_manager_may_return_by_hand_and_no_one_else():
    one = station()
    dock_and_empty(one)
    issue(one)
    see(one)
    assert ask(one, Return("R1", "1002", ""), "1002")[1].code == "not_allowed"
    assert ask(one, Return("R1", "1001", ""), "1001")[1].ok
    issue(one, override_reason="不在工位")
    assert ask(one, Return("R1", "3001", ""), "3001")[1].ok


def test_a_declaration_is_entered():
    declared = Declare("R1", NOW.date(), "off_site", "外勤", "1001", "", later(3600))
    effects, answer = ask(station(), declared, "1001")
    assert answer.ok
    assert facts(effects)[0].until == later(3600)


def test_an_observed_reading_answers_an_unknown_one():
    one = station()
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    unknown = readings(battery=None, offset_ms=None)
    report(one, Surveyed, unknown, Listing(()), ())
    report(one, CopyEnded, "m")
    assert {f.code for f in one.docks[1].findings} == {"battery_unknown", "clock_unknown"}
    local = NOW.astimezone(one.zone).replace(tzinfo=None)
    effects, _ = ask(one, Observe("R1", "1001", "", 80, local), "1001")
    assert one.docks[1].findings == ()
    assert [(r.value, r.confidence) for r in facts(effects)[0].readings] == [
        (80, "observed"),
        (0, "observed"),
    ]


def test_an_observed_reading_outlasts_what_the_recorder_does_not_say():
    one = station()
    dock_and_empty(one, battery=None)
    ask(one, Observe("R1", "1001", "pin", battery_percent=80), "1001")
    report(one, ReadAgain, readings(battery=None))
    assert [(r.value, r.confidence) for r in one.docks[1].readings[:1]] == [(80, "observed")]


def test_an_observation_of_a_recorder_that_is_not_docked_is_entered_too():
    effects, _ = ask(station(), Observe("R1", "1001", "", 80, NOW), "1001")
    assert facts(effects)[0].visit is None


def test_a_dock_can_be_tried_again():
    one = station()
    dock_and_empty(one)
    effects, answer = ask(one, Retry(1))
    assert answer.ok
    assert not effects[-1].entered
    assert one.docks[1].state is DockState.IDENTIFYING


def test_copying_goes_on_by_itself_when_the_archive_has_room_again():
    one = station()
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    visit = one.docks[1].visit
    one.decide(FromDock(1, surveyed(visit, card_file(size=5000))), NOW)
    report(one, VisitFailed, Trouble.of(ArchiveFullError()))
    assert one.decide(Ticked(4000, 10**6, "unknown"), NOW) == []
    assert one.decide(Ticked(None, None, "unknown"), NOW) == []
    effects = one.decide(Ticked(6000, 10**6, "unknown"), NOW)
    assert [type(e) for e in effects] == [Release, Identify]


def test_a_disk_that_is_full_with_room_on_it_is_not_tried_every_second():
    one = station()
    see(one, device())
    report(one, Identified, Identity(device_number="R1"))
    visit = one.docks[1].visit
    one.decide(FromDock(1, surveyed(visit, card_file(size=5000))), NOW)
    report(one, VisitFailed, Trouble.of(ArchiveFullError()))
    full = Ticked(6000, 10**6, "unknown")
    assert not any(one.decide(full, later(second)) for second in range(599))
    assert one.decide(full, later(600))


def test_a_reason_longer_than_an_entry_has_room_for_is_refused():
    _, answer = ask(station(), ReportFault("R1", "in_repair", "x" * 301, "1001", ""), "1001")
    assert answer.code == "command_invalid"


def test_finished_docks_are_read_again_every_half_minute():
    one = station()
    dock_and_empty(one)
    assert one.decide(Ticked(1, 1, "unknown"), later(29)) == []
    [order] = one.decide(Ticked(1, 1, "unknown"), later(31))
    assert isinstance(order, TakeReadings)


def test_a_clock_set_back_does_not_stop_the_readings():
    one = station()
    dock_and_empty(one)
    assert one.decide(Ticked(1, 1, "unknown"), later(-3600)) != []


def test_the_inbox_is_visited_again_when_files_settled_meanwhile():
    one = station()
    one.decide(InboxSettled(INBOX), NOW)
    first = one.inbox.visit
    assert one.decide(InboxSettled(INBOX), NOW) == []
    report(one, Identified, Identity(), dock=0)
    report(one, Surveyed, (), Listing(()), (), dock=0)
    report(one, CopyEnded, "m", dock=0)
    assert one.inbox.state is DockState.IDENTIFYING
    assert one.inbox.visit != first


def test_a_finished_inbox_visit_makes_room_for_the_next():
    one = station()
    for _ in range(2):
        one.decide(InboxSettled(INBOX), NOW)
        report(one, Identified, Identity(), dock=0)
        report(one, Surveyed, (), Listing(()), (), dock=0)
        report(one, CopyEnded, "m", dock=0)
        assert one.inbox.state is DockState.READY


def test_how_things_stand_with_the_index_is_remembered():
    one = station()
    change = UplinkChanged(connected=True, index_has=3, witnessed=2)
    assert one.decide(change, NOW) == []
    assert one.uplink == change


def test_the_key_of_the_index_is_known_after_a_restart():
    one = station()
    one.fold(entry(WitnessMet("key", pinned=False)))
    one.fold(entry(AgentStarted("1", 2, "aa")))
    assert one.custody.witness_key == "key"


def test_what_nobody_decides_is_our_bug():
    with pytest.raises(RuntimeError):
        refusal_of(station().docks[1])
    with pytest.raises(RuntimeError):
        station().decide(object(), NOW)
    with pytest.raises(RuntimeError):
        station().decide(Asked(1, object(), frozenset()), NOW)
