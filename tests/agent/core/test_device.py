"""Which device stands on which dock, what is refused, and whose recorder it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.device import bind, languages, match_recorder
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device
from contracts.errors import IdentityConflictError
from contracts.reading import Identity
from contracts.roster import RecorderRecord
from contracts.text import Text

STICK = Device("usb-0:5", "block", Path("/dev/sda"), "Acme Camera", classes=("08",))
DOCKS = {"usb-0:5": 3, "virtual:1": 1, "usb-0:7": 4}
ROSTER = (
    RecorderRecord("A1", "d", device_number="N1", serial="S1", volume="V1"),
    RecorderRecord("A2", "d", device_number="N2", serial="S2", volume="V2"),
    RecorderRecord("A3", "d", serial="S1"),
)


def codes(*devices, own_ports=()):
    return [refused.code for refused in bind(devices, DOCKS, own_ports).refused]


def test_a_device_stands_on_the_dock_its_port_is_bound_to():
    assert bind([STICK], DOCKS).docked == {3: STICK}


def test_nothing_plugged_in_is_nothing_docked():
    assert bind([], DOCKS) == bind([], {})


def test_a_virtual_recorder_stands_on_its_dock():
    virtual = Device("virtual:1", "virtual", Path("/ports/1"), "1")
    assert bind([virtual], DOCKS).docked == {1: virtual}


def test_a_device_on_an_unbound_port_is_refused():
    assert codes(replace(STICK, port="usb-0:9")) == ["port_unbound"]


def test_a_device_that_could_not_be_let_in_is_refused_and_a_stranger_stays_a_stranger():
    assert codes(replace(STICK, is_barred=True)) == ["not_admitted"]
    assert codes(replace(STICK, port="usb-0:9", is_barred=True)) == ["port_unbound"]
    assert codes(replace(STICK, classes=("03",), is_barred=True)) == ["not_a_recorder"]


@pytest.mark.parametrize("classes", [("03",), ("02", "0a"), ("e0",), ("ef",), ("ff",), ("06",), ()])
def test_what_is_no_disk_is_no_recorder(classes):
    assert codes(replace(STICK, kind="other", classes=classes)) == ["not_a_recorder"]


@pytest.mark.parametrize("beside", ["03", "02", "0a", "e0", "ef", "?"])
def test_a_disk_with_something_else_on_its_plug_is_no_recorder(beside):
    assert codes(replace(STICK, classes=("08", beside))) == ["not_a_recorder"]


def test_a_keyboard_on_an_unbound_port_is_called_what_it_is():
    keyboard = replace(STICK, port="usb-0:9", kind="other", classes=("03",))
    assert codes(keyboard) == ["not_a_recorder"]


def test_a_disk_may_bring_its_makers_own_commands():
    assert codes(replace(STICK, classes=("08", "ff"))) == []


def test_the_second_disk_on_a_port_is_refused_and_not_forgotten():
    second = replace(STICK, node=Path("/dev/sdb"))
    bindings = bind([second, STICK], DOCKS)
    assert bindings.docked == {3: STICK}
    assert [(r.device, r.code, r.dock) for r in bindings.refused] == [(second, "dock_taken", 3)]


def test_a_refused_device_does_not_take_the_dock():
    keyboard = replace(STICK, node=Path("/dev/bus/usb/1"), kind="other", classes=("03",))
    bindings = bind([keyboard, STICK], DOCKS)
    assert bindings.docked == {3: STICK}
    assert [refused.code for refused in bindings.refused] == ["not_a_recorder"]


def spoken(**match):
    admits = match.pop("admits", ())
    language = Language("novatek", "scsi")
    return Profile("p", Text("型号", "model"), Match(**match), language, admits=admits)


VENDOR = replace(
    STICK, kind="other", classes=("ff",), vendor_id="4255", model_id="0001", usb=Path("/dev/bus")
)
AMBA = spoken(kinds=("usb",), usb=("4255:0001",))


def test_what_shows_no_disk_stands_on_a_dock_if_it_can_be_spoken_with():
    assert bind([VENDOR], DOCKS, (), [AMBA]).docked == {3: VENDOR}


@pytest.mark.parametrize(
    "profile",
    [
        replace(AMBA, language=None),
        spoken(kinds=("usb",), usb=("1234:0001",)),
        spoken(kinds=("usb",)),  # says nothing of what it is told by
        spoken(kinds=("usb",), interfaces=("ff",)),
    ],
)
def test_nothing_is_sent_to_what_no_profile_tells(profile):
    (refused,) = bind([VENDOR], DOCKS, (), [profile]).refused
    assert refused.code == "not_a_recorder"
    assert languages(VENDOR, [profile]) == ()


def test_only_what_the_profile_of_a_device_admits_is_let_through():
    line = replace(VENDOR, classes=("02", "08", "0a"), lines=(Path("/dev/ttyACM0"),))
    profile = spoken(kinds=("serial",), usb=("4255:0001",), admits=("02", "0a"))
    assert bind([line], DOCKS, (), [profile]).docked == {3: line}
    keyboard = replace(line, classes=("02", "03", "08", "0a"))
    (refused,) = bind([keyboard], DOCKS, (), [profile]).refused
    assert refused.code == "not_a_recorder"


def test_a_drive_without_a_medium_is_nothing_unless_it_can_be_spoken_with():
    drive = replace(STICK, kind="drive", inquiry="DV16 DEVICE")
    nothing = bind([drive, replace(drive, port="usb-0:9")], DOCKS)
    assert (nothing.docked, nothing.refused) == ({}, ())
    assert bind([drive], DOCKS, (), [spoken(inquiry="DV16*")]).docked == {3: drive}


def test_a_drive_with_something_else_on_its_plug_is_no_recorder():
    assert codes(replace(STICK, kind="drive", classes=("03", "08"))) == ["not_a_recorder"]


def test_the_kiosks_own_keyboard_is_nobodys_business():
    keyboard = replace(STICK, port="usb-1:2", kind="other", classes=("03",))
    assert codes(keyboard, own_ports=("usb-1:*",)) == []


def test_a_refusal_names_port_and_device_in_both_languages():
    (refused,) = bind([replace(STICK, port="usb-0:9")], DOCKS).refused
    assert "usb-0:9" in refused.error.text.zh
    assert "Acme Camera" in refused.error.text.en


@pytest.mark.parametrize(
    ("identity", "number"),
    [
        (Identity(device_number="N2"), "A2"),
        (Identity(serial="S2"), "A2"),
        (Identity(volume="V1"), "A1"),
        (Identity(device_number="N1", serial="S1", volume="V1"), "A1"),
        (Identity(device_number="N1", serial="S1"), "A1"),  # the number settles a shared serial
        (Identity(volume="V1", serial="S1"), "A1"),
        (Identity(device_number="N2", serial="new"), "A2"),
        (Identity(device_number="new"), None),
        (Identity(), None),
    ],
)
def test_a_recorder_is_told_by_its_marks(identity, number):
    assert match_recorder(identity, ROSTER) == number


@pytest.mark.parametrize(
    "identity",
    [
        Identity(serial="S1"),
        Identity(device_number="N1", serial="S2"),
        Identity(device_number="N1", volume="V2"),
        Identity(device_number="N2", serial="S1"),
    ],
)
def test_marks_that_contradict_each_other_are_refused(identity):
    with pytest.raises(IdentityConflictError) as raised:
        match_recorder(identity, ROSTER)
    assert "A1" in str(raised.value)


def test_a_mark_that_is_registered_nowhere_matches_no_unmarked_recorder():
    assert match_recorder(Identity(volume=""), (RecorderRecord("A4", "d", volume=""),)) is None
