"""What the kernel may bind its drivers to, judged by ids and classes alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.admission import as_foreseen, is_foreseen, judge
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, Volume
from contracts.text import Text

DOCKS = {"usb-0:5": 5}
OWN = ("usb-0:9*",)
NAME = Text("某型", "some model")
LINE = Profile("line", NAME, Match(("serial",), usb=("0403:*",)), Language("grammar", "serial"))
CAMERA = Profile("ptp", NAME, Match(("usb",), interfaces=("06",)), Language("ptp", "ptp"))
PROFILES = (replace(LINE, admits=("02", "0a")), replace(CAMERA, admits=("06",)))


def verdict(*classes, port="usb-0:5", ids="1234:5678", profiles=PROFILES):
    vendor, _, model = ids.partition(":")
    node = Path("/dev/bus/usb/001/002")
    plug = Device(
        port, "other", node, "x", vendor_id=vendor, model_id=model, classes=classes, usb=node
    )
    return judge(plug, DOCKS, OWN, profiles)


@pytest.mark.parametrize("classes", [("08",), ("08", "ff")])
def test_a_disk_on_a_dock_is_admitted(classes):
    assert verdict(*classes) == "admit"


@pytest.mark.parametrize(
    "classes", [("03",), ("03", "08"), ("02", "0a"), ("e0",), ("ff",), ("08", "09"), ("01",)]
)
def test_what_no_dock_takes_is_shut_out_of_it(classes):
    assert verdict(*classes) == "shut_out"


def test_what_a_profile_speaks_with_is_admitted():
    assert verdict("02", "0a", ids="0403:6001") == "admit"
    assert verdict("06") == "admit"
    assert verdict("06", profiles=()) == "shut_out"


@pytest.mark.parametrize("classes", [("03",), ("08",), ("e0", "01")])
def test_whatever_is_on_a_port_of_the_kiosk_itself_is_admitted(classes):
    assert verdict(*classes, port="usb-0:9.2") == "admit"


@pytest.mark.parametrize("port", ["usb-0:5", "usb-0:7"])
def test_a_hub_is_admitted_anywhere(port):
    assert verdict("09", port=port) == "admit"


@pytest.mark.parametrize("classes", [("03",), ("08",), ("09", "03")])
def test_what_is_on_no_dock_is_left_as_it_is(classes):
    assert verdict(*classes, port="usb-0:7") == "leave"


def test_what_shows_no_classes_yet_is_left_as_it_is():
    assert verdict() == "leave"


def test_a_disk_is_foreseen_as_one_and_anything_else_with_lines():
    plug = Device("usb-0:5", "other", Path("/dev/bus/usb/001/002"), "x", classes=("08",))
    assert as_foreseen(plug).kind == "block"
    other = replace(plug, classes=("ff",))
    assert as_foreseen(other).lines
    known = replace(other, lines=(Path("/dev/ttyUSB3"),))
    assert as_foreseen(known) == known


def test_what_is_only_foreseen_is_told_from_what_is_there():
    plug = Device("usb-0:5", "other", Path("/dev/bus/usb/001/002"), "x", classes=("08",))
    line = replace(plug, classes=("ff",))
    disk = replace(plug, kind="block", volumes=(Volume(Path("/dev/sdz1")),))
    assert all(map(is_foreseen, (as_foreseen(plug), as_foreseen(line))))
    assert not any(map(is_foreseen, (plug, disk, replace(line, lines=(Path("/dev/ttyUSB3"),)))))
