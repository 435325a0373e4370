"""A recorder in command mode: asked, its clock set, switched, and back as a disk in one visit."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.dock import step
from agent.core.effect import (
    CopyFiles,
    Enter,
    Identify,
    Interview,
    Release,
    SetClock,
    Survey,
    SwitchToDisk,
)
from agent.core.event import (
    Barred,
    ClockCorrected,
    CopyEnded,
    Docked,
    Identified,
    Interviewed,
    NotBack,
    ReadAgain,
    Removed,
    SwitchBegun,
    Trouble,
    VisitFailed,
)
from agent.core.recorder import Device, Volume
from agent.core.switching import is_overdue, is_still
from contracts.dock import DockState
from contracts.errors import NotARecorderError, SwitchRefusedError
from contracts.finding import Finding
from contracts.reading import Identity, Reading
from tests.support.made_up import (
    NOW,
    around,
    card_file,
    empty_dock,
    later,
    readings,
    surveyed,
)

PLUG = Path("/dev/bus/usb/001/007")
COMMANDED = Device("usb-0:5", "other", PLUG, "Acme", classes=("ff",), arrival="1.7", usb=PLUG)
CARD = Volume(Path("/dev/sda1"), "AAAA-0001", "vfat")
DISK = replace(
    COMMANDED, kind="block", node=CARD.node, file_system="vfat", arrival="1.8.3", volumes=(CARD,)
)
BLANK = replace(DISK, file_system=None, volumes=(Volume(Path("/dev/sda")),))
TOLD = readings(free_bytes=None)
ON_DISK = readings(battery=None, offset_ms=None)
WHO = Identity(volume="V1")
PASSWORD = Finding("default_password", "warning")
REFUSED = Trouble.of(SwitchRefusedError())
KEYBOARD = Trouble.of(NotARecorderError(port="usb-0:5", device="keyboard"))


def after(*events, dock=None, world=None):
    """Return the dock after the events and the effects of the last."""
    dock, effects = dock or empty_dock(), ()
    for event in events:
        dock, effects = step(dock, event, world or around())
    return dock, list(effects)


def facts(effects):
    return [effect.fact for effect in effects if isinstance(effect, Enter)]


def asked(number="R1", device=COMMANDED):
    return [Docked(device, "v1"), Identified("v1", Identity(device_number=number), asks=True)]


def interviewed(*remarks, told=TOLD):
    return Interviewed("v1", told, remarks, 30.0)


def switched(*remarks, number="R1", told=TOLD):
    return [*asked(number), interviewed(*remarks, told=told), SwitchBegun("v1"), Removed()]


def back(identity=WHO, **more):
    return [*switched(**more), Docked(DISK, "v2"), Identified("v1", identity)]


def test_a_recorder_that_speaks_is_entered_and_asked_before_anything_else():
    dock, effects = after(*asked())
    assert (dock.state, dock.recorder) == (DockState.ASKING, "R1")
    assert [fact.TYPE for fact in facts(effects)] == ["recorder.docked"]
    assert effects[-1] == Interview(1, "v1")


def test_a_stranger_that_speaks_is_refused_and_never_switched():
    dock, effects = after(*asked("R9"))
    assert (dock.state, dock.trouble.code) == (DockState.REFUSED, "recorder_unknown")
    assert effects == [Release(1)]


def test_what_it_tells_is_entered_before_it_is_switched():
    dock, effects = after(*asked(), interviewed(PASSWORD))
    assert dock.state is DockState.ASKING
    (checked,) = facts(effects)
    assert (checked.TYPE, checked.readings) == ("recorder.checked", TOLD)
    assert effects[-1] == SwitchToDisk(1, "v1")
    assert dock.remarks == (PASSWORD,)


def test_what_only_the_disk_can_tell_is_no_finding_yet():
    dock, _ = after(*asked(), interviewed(told=readings(battery=5, free_bytes=None)))
    assert [finding.code for finding in dock.findings] == ["battery_low"]


def test_its_clock_is_set_while_it_can_be_and_its_offset_entered_first():
    slow = interviewed(told=readings(offset_ms=420_000, free_bytes=None))
    dock, effects = after(*asked("R2"), slow)
    kinds = [type(effect) for effect in effects]
    assert kinds == [Enter, SetClock, SwitchToDisk]
    dock, effects = after(ClockCorrected("v1", NOW, 420_000, TOLD), dock=dock)
    assert [fact.TYPE for fact in facts(effects)] == ["clock.set", "recorder.checked"]
    assert (dock.findings, dock.clock_offset_ms) == ((), 420_000)


def test_a_clock_that_takes_a_time_and_tells_none_is_set_with_its_offset_unknown():
    unseen = interviewed(told=readings(offset_ms=None, free_bytes=None))
    dock, effects = after(*asked("R2"), unseen)
    assert SetClock(1, "v1", None) in effects
    _, effects = after(ClockCorrected("v1", NOW, None, unseen.readings), dock=dock)
    assert facts(effects)[0].offset_ms_before is None


@pytest.mark.parametrize("number", ["R1", "R2"])
def test_no_clock_is_set_unseen_without_policy_or_from_a_clock_in_doubt(number):
    unseen = interviewed(told=readings(offset_ms=None, free_bytes=None))
    doubtful = replace(around(), surroundings=replace(around().surroundings, clock="unknown"))
    world = doubtful if number == "R2" else around()
    _, effects = after(*asked(number), unseen, world=world)
    assert SetClock not in [type(effect) for effect in effects]


def test_a_disk_that_tells_no_time_is_not_set():
    survey = surveyed("v1", readings=readings(offset_ms=None))
    identified = Identified("v1", Identity(device_number="R2"))
    _, effects = after(Docked(DISK, "v1"), identified, survey)
    assert SetClock not in [type(effect) for effect in effects]


def test_its_leaving_the_port_is_expected():
    dock, effects = after(*switched())
    assert (dock.state, dock.device, dock.visit_open) == (DockState.SWITCHING, None, True)
    assert effects == []


def test_the_disk_that_comes_back_is_the_same_visit():
    dock, effects = after(*switched(), Docked(DISK, "v2"))
    assert (dock.state, dock.visit, dock.device) == (DockState.IDENTIFYING, "v1", DISK)
    assert effects == [Identify(1, "v1", DISK, as_disk=True)]
    dock, effects = after(Identified("v1", Identity(volume="V1")), dock=dock)
    assert dock.state is DockState.CHECKING
    (fact,) = facts(effects)
    assert (fact.TYPE, fact.visit, fact.identity.volume) == ("recorder.switched", "v1", "V1")
    assert effects[-1] == Survey(1, "v1", "R1")


@pytest.mark.parametrize("early", [COMMANDED, BLANK, replace(DISK, kind="drive", volumes=())])
def test_what_shows_no_file_system_yet_is_waited_for(early):
    dock, effects = after(*switched(), Docked(early, "v2"))
    assert (dock.state, dock.device, effects) == (DockState.SWITCHING, early, [])
    assert after(Docked(DISK, "v1"), dock=dock)[0].state is DockState.IDENTIFYING


def test_what_the_disk_does_not_tell_stays_as_the_recorder_told_it():
    told = tuple(replace(one, at=later(-60)) for one in TOLD)
    dock, effects = after(*back(told=told), surveyed("v1", readings=ON_DISK))
    assert dock.readings == (*told[:2], ON_DISK[2])
    assert facts(effects)[0].readings == dock.readings
    assert isinstance(effects[-1], CopyFiles)
    dock, _ = after(CopyEnded("v1", "m", dock.listing), ReadAgain("v1", ON_DISK), dock=dock)
    assert dock.readings == (*told[:2], ON_DISK[2])


def test_the_offset_that_was_corrected_still_dates_the_recordings():
    slow = readings(offset_ms=420_000, free_bytes=None)
    start = (*asked("R2"), interviewed(told=slow), ClockCorrected("v1", NOW, 420_000, TOLD))
    dock, _ = after(*start, SwitchBegun("v1"), Removed(), Docked(DISK, "v2"))
    survey = surveyed("v1", card_file(), readings=ON_DISK)
    dock, effects = after(Identified("v1", Identity()), survey, dock=dock)
    assert (dock.clock_offset_ms, effects[-1].clock_offset_ms) == (420_000, 420_000)
    assert SetClock not in [type(effect) for effect in effects]
    assert dock.findings == ()


def test_a_warning_about_the_recorder_outlasts_the_switch():
    dock, _ = after(*back(), surveyed("v1", readings=ON_DISK))
    assert dock.remarks == ()
    start = [*switched(PASSWORD), Docked(DISK, "v2"), Identified("v1", Identity())]
    dock, _ = after(*start, surveyed("v1", readings=ON_DISK))
    assert dock.remarks == (PASSWORD,)


@pytest.mark.parametrize(
    "identity", [Identity(device_number="R2"), Identity(device_number="R1", serial="R2")]
)
def test_a_disk_of_another_recorder_ends_the_visit(identity):
    roster = around().roster
    second = replace(roster.recorder[1], serial="R2")
    roster = replace(roster, recorder=(roster.recorder[0], second, *roster.recorder[2:]))
    dock, effects = after(*back(identity), world=replace(around(), roster=roster))
    assert (dock.state, dock.trouble.code) == (DockState.FAILED, "identity_conflict")
    assert [fact.TYPE for fact in facts(effects)] == ["visit.interrupted"]
    assert "R2" in facts(effects)[0].reason


def test_a_recorder_that_shows_its_disk_already_is_not_switched():
    both = replace(DISK, lines=(Path("/dev/ttyACM0"),))
    dock, effects = after(*asked(device=both), interviewed())
    assert effects[-1] == Identify(1, "v1", both, as_disk=True)
    dock, _ = after(ClockCorrected("v1", NOW, 420_000, TOLD), dock=dock)
    dock, effects = after(Identified("v1", Identity(volume="V1")), dock=dock)
    assert (dock.state, effects) == (DockState.CHECKING, [Survey(1, "v1", "R1")])


def test_one_that_is_under_no_policy_is_switched_all_the_same():
    dock, _ = after(*asked())
    nobody = replace(around(), roster=replace(around().roster, recorder=()))
    dock, effects = after(interviewed(), dock=dock, world=nobody)
    assert effects == [SwitchToDisk(1, "v1")]


def test_one_that_does_not_come_back_ends_the_visit_and_says_what_to_press():
    dock, effects = after(*switched(), NotBack())
    assert (dock.state, dock.trouble.code) == (DockState.FAILED, "not_back_as_disk")
    assert [fact.code for fact in facts(effects)] == ["not_back_as_disk"]
    assert "30" in str(dock.trouble.sentence)
    assert dock.is_vacant


def test_a_dock_that_shows_why_takes_the_next_recorder():
    dock, effects = after(*switched(), NotBack(), Docked(DISK, "v2"))
    assert (dock.state, dock.visit, dock.trouble) == (DockState.IDENTIFYING, "v2", None)
    assert effects == [Identify(1, "v2", DISK)]


def test_a_recorder_that_refuses_says_so():
    dock, effects = after(*asked(), interviewed(), SwitchBegun("v1"), VisitFailed("v1", REFUSED))
    assert (dock.state, dock.device) == (DockState.FAILED, COMMANDED)
    assert [fact.code for fact in facts(effects)] == ["switch_refused"]


@pytest.mark.parametrize("events", [asked(), [*asked(), interviewed()]])
def test_one_taken_out_while_it_is_asked_is_an_interrupted_visit(events):
    dock, effects = after(*events, Removed())
    assert dock.state is DockState.EMPTY
    assert [fact.code for fact in facts(effects)] == ["recorder_gone"]


def test_a_disk_taken_out_before_it_says_who_it_is_is_an_interrupted_visit():
    dock, effects = after(*switched(), Docked(DISK, "v2"), Removed())
    assert dock.state is DockState.EMPTY
    assert [fact.TYPE for fact in facts(effects)] == ["visit.interrupted"]


def test_a_keyboard_that_comes_in_its_place_is_refused_and_ends_the_visit():
    dock, effects = after(*switched(), Barred(replace(COMMANDED, classes=("03",)), KEYBOARD))
    assert (dock.state, dock.recorder, dock.trouble) == (DockState.REFUSED, None, KEYBOARD)
    assert [fact.code for fact in facts(effects)] == ["not_a_recorder"]


def test_one_that_answered_in_no_language_says_so_in_its_readings():
    silent = Reading("battery_percent", None, "no answer: novatek-text", NOW, "unknown")
    identified = Identified("v1", Identity(device_number="R1"), unanswered=(silent,))
    dock, _ = after(Docked(DISK, "v1"), identified, surveyed("v1", readings=ON_DISK))
    assert dock.readings == (silent, *ON_DISK[1:])
    assert "battery_unknown" in [finding.code for finding in dock.findings]


def test_the_wait_for_a_disk_ends_whatever_the_wall_clock_does():
    dock, _ = after(*switched())
    assert [is_overdue(dock, later(s)) for s in (0, 29, 31, -1)] == [False, False, True, True]
    assert not is_overdue(empty_dock(), later(99))


def still(state, there, *, device=COMMANDED, is_docked=True, visit_open=False):
    dock = replace(empty_dock(), state=state, device=device, visit="v1", visit_open=visit_open)
    return is_still(dock, there, is_docked=is_docked)


def test_a_disk_that_appears_while_the_recorder_is_asked_is_no_other_recorder():
    shown = replace(DISK, arrival="1.7.3")
    assert still(DockState.ASKING, shown, visit_open=True)
    assert still(DockState.IDENTIFYING, shown)
    assert not still(DockState.IDENTIFYING, shown, visit_open=True)
    assert not still(DockState.FAILED, shown)
    assert not still(DockState.ASKING, replace(shown, usb=Path("/dev/bus/usb/001/008")))
    assert not still(DockState.ASKING, replace(shown, arrival="x"), device=DISK)


def test_a_device_stands_there_as_long_as_it_may_be_opened():
    assert still(DockState.READY, DISK, device=DISK)
    assert not still(DockState.READY, DISK, device=DISK, is_docked=False)
    assert not is_still(empty_dock(), DISK, is_docked=True)


def test_a_barred_device_that_turns_out_to_be_a_recorder_is_taken_for_one():
    barred, _ = after(Barred(COMMANDED, KEYBOARD))
    assert is_still(barred, COMMANDED, is_docked=False)
    assert not is_still(barred, COMMANDED, is_docked=True)
