"""A station with a recorder in command mode: what leaves a port, what comes back, what must not."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.effect import Enter, Identify, Interview
from agent.core.event import (
    Asked,
    DevicesSeen,
    FromDock,
    Identified,
    Interviewed,
    SwitchBegun,
    Ticked,
)
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, Volume
from agent.core.station import Station
from contracts.commands import Retry
from contracts.dock import DockState
from contracts.facts import RecorderIssued
from contracts.reading import Identity
from contracts.settings import DockBinding
from contracts.text import Text
from tests.support.made_up import NOW, ROSTER, SETTINGS, entry, later, readings

PLUG = Path("/dev/bus/usb/001/007")
ASKED = Device(
    "usb-0:5", "other", PLUG, "Acme", vendor_id="4255", model_id="0001", classes=("ff",),
    arrival="1.7", usb=PLUG,
)  # fmt: skip
CARD = Volume(Path("/dev/sda1"), "AAAA-0001", "vfat")
DISK = replace(
    ASKED, kind="block", node=CARD.node, classes=("08",), arrival="1.8.3", volumes=(CARD,),
    usb=Path("/dev/bus/usb/001/008"),
)  # fmt: skip
LINE = replace(ASKED, classes=("02", "0a", "ff"), lines=(Path("/dev/ttyACM0"),))
KEYBOARD = replace(ASKED, classes=("03",), node=Path("/dev/bus/usb/001/009"), arrival="1.9")
AMBA = Profile(
    "amba", Text("型号", "model"), Match(kinds=("usb",), usb=("4255:0001",)),
    Language("amba_control", "usb"),
)  # fmt: skip
SERIAL = replace(
    AMBA, name="serial", match=replace(AMBA.match, kinds=("serial",)), admits=("02", "0a")
)
WHO = Identity(device_number="R1")
HANDED_IN = "recorder.returned"


def speaking(profile=AMBA):
    docks = (DockBinding(1, "usb-0:5"), DockBinding(2, "usb-0:6"))
    return Station(replace(SETTINGS, dock=docks), ROSTER, NOW, (profile,))


def see(one, *devices, now=NOW):
    return done(one, one.decide(DevicesSeen(devices), now))


def report(one, kind, *rest, now=NOW, **more):
    return done(one, one.decide(FromDock(1, kind(one.docks[1].visit, *rest, **more)), now))


def done(one, effects):
    for effect in effects:
        if isinstance(effect, Enter):
            one.fold(entry(effect.fact))
    return effects


def facts(effects):
    return [effect.fact.TYPE for effect in effects if isinstance(effect, Enter)]


def switching(one):
    see(one, ASKED)
    report(one, Identified, WHO, asks=True)
    report(one, Interviewed, readings(free_bytes=None), (), 30.0)
    report(one, SwitchBegun)
    return one.docks[1].visit


def test_a_recorder_leaves_the_port_and_comes_back_as_a_disk_in_one_visit():
    one = speaking()
    visit = switching(one)
    assert see(one, ASKED) == []
    assert see(one) == []
    assert see(one, DISK) == [Identify(1, visit, DISK, as_disk=True)]
    assert facts(report(one, Identified, Identity())) == ["recorder.switched"]
    assert one.docks[1].state is DockState.CHECKING


def test_its_coming_back_is_seen_though_its_leaving_was_not():
    one = speaking()
    visit = switching(one)
    assert see(one, DISK) == [Identify(1, visit, DISK, as_disk=True)]


def test_one_that_was_handed_out_is_returned_once_by_docking():
    one = speaking()
    one.fold(entry(RecorderIssued("h1", "R1", "1001", "甲", "d1", (), dock=2)))
    see(one, ASKED)
    assert facts(report(one, Identified, WHO, asks=True)) == ["recorder.docked", HANDED_IN]
    report(one, Interviewed, readings(free_bytes=None), (), 30.0)
    report(one, SwitchBegun)
    see(one, DISK)
    assert HANDED_IN not in facts(report(one, Identified, Identity()))


def test_one_that_never_comes_back_is_given_up_in_time():
    one = speaking()
    switching(one)
    see(one)
    assert one.decide(Ticked(None, None, "unknown"), later(30)) == []
    assert facts(one.decide(Ticked(None, None, "unknown"), later(31))) == ["visit.interrupted"]
    assert one.docks[1].trouble.code == "not_back_as_disk"


def given_up():
    one = speaking()
    switching(one)
    see(one)
    done(one, one.decide(Ticked(None, None, "unknown"), later(31)))
    return one


def test_a_recorder_that_is_away_is_in_no_dock():
    assert given_up().by_recorder() == {}


def test_to_retry_what_is_not_there_empties_the_dock():
    one = given_up()
    reply = one.decide(Asked(7, Retry(1), frozenset()), NOW)[-1]
    assert (reply.answer.ok, one.docks[1].state) == (True, DockState.EMPTY)


def test_when_its_own_key_was_pressed_late_a_new_visit_begins():
    one = given_up()
    (order,) = see(one, DISK)
    assert (order.device, order.as_disk) == (DISK, False)
    assert one.docks[1].visit == order.visit


def test_a_dock_that_shows_why_refuses_a_keyboard_all_the_same():
    one = given_up()
    assert facts(see(one, KEYBOARD)) == ["device.refused"]
    assert one.docks[1].state is DockState.REFUSED


def test_a_keyboard_in_its_place_ends_the_visit():
    one = speaking()
    switching(one)
    assert facts(see(one, KEYBOARD)) == ["device.refused", "visit.interrupted"]
    assert (one.docks[1].state, one.by_recorder()) == (DockState.REFUSED, {})


def test_a_disk_of_another_recorder_is_no_refused_device():
    one = speaking()
    switching(one)
    see(one, DISK)
    effects = report(one, Identified, Identity(device_number="R2"))
    assert facts(effects) == ["visit.interrupted"]


def test_a_serial_line_that_appears_a_moment_later_makes_it_a_recorder():
    one = speaking(SERIAL)
    bare = replace(LINE, lines=())
    assert facts(see(one, bare)) == ["device.refused"]
    order = see(one, LINE)[-1]
    assert order == Identify(1, one.docks[1].visit, LINE)


def test_a_device_that_grows_a_keyboard_is_let_go():
    one = speaking()
    see(one, ASKED)
    see(one, replace(ASKED, classes=("03", "ff")))
    assert one.docks[1].state is DockState.REFUSED


def test_a_disk_that_appears_while_it_is_asked_changes_nothing():
    one = speaking(SERIAL)
    see(one, LINE)
    both = replace(DISK, classes=LINE.classes, usb=PLUG, arrival="1.7.3", lines=LINE.lines)
    assert see(one, both) == []
    assert one.docks[1].device == both
    report(one, Identified, WHO, asks=True)
    effects = report(one, Interviewed, readings(free_bytes=None), (), 30.0)
    assert effects[-1] == Identify(1, one.docks[1].visit, both, as_disk=True)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_restart_in_the_middle_ends_the_visit_and_begins_another(steps):
    one, after = speaking(), speaking()
    entered = [e for part in list(walk(one))[:steps] for e in part if isinstance(e, Enter)]
    for effect in entered:
        after.fold(entry(effect.fact))
    assert facts(done(after, after.resume())) == ["visit.interrupted"]
    assert isinstance(see(after, DISK)[-1], Identify)
    assert after.docks[1].found


def walk(one):
    yield [*see(one, ASKED), *report(one, Identified, WHO, asks=True)]
    yield report(one, Interviewed, readings(free_bytes=None), (), 30.0)
    yield [*report(one, SwitchBegun), *see(one)]
    yield [*see(one, DISK), *report(one, Identified, Identity())]


def test_it_is_asked_first():
    one = speaking()
    see(one, ASKED)
    effects = report(one, Identified, WHO, asks=True)
    assert effects[-1] == Interview(1, one.docks[1].visit)
