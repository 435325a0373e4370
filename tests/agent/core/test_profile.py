"""Which profiles a device may be of, before anything is asked of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.profile import Match, Profile, admitted, candidates
from agent.core.recorder import Device
from contracts.text import Text

CARD = Device(
    "usb-0:5",
    "block",
    Path("/dev/sda1"),
    "Acme",
    vendor_id="0603",
    model_id="8611",
    classes=("08",),
    usb=Path("/dev/bus/usb/001/002"),
    inquiry="NOVATEK NTK96550",
    label="BWC0001",
)
COMPOSITE = replace(CARD, kind="other", classes=("02", "08", "0a"), lines=(Path("/dev/ttyACM0"),))


def profile(name="one", admits=(), **match):
    return Profile(name, Text("型号", "model"), Match(**match), admits=admits)


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"usb": ("4255:0001", "0603:86*")},
        {"interfaces": ("08",)},
        {"inquiry": "NOVATEK*"},
        {"volume_label": "BWC????"},
        {"kinds": ("usb",)},
    ],
)
def test_a_device_fits_what_is_said_of_it(match):
    assert candidates(CARD, [profile(**match)])


@pytest.mark.parametrize(
    "match",
    [
        {"usb": ("4255:0001",)},
        {"interfaces": ("08", "ff")},
        {"inquiry": "DV16*"},
        {"volume_label": "OTHER"},
        {"kinds": ("serial",)},
    ],
)
def test_one_thing_that_does_not_fit_is_enough(match):
    assert not candidates(CARD, [profile(**match)])


def test_the_order_of_the_profiles_is_kept():
    known = [profile("a", kinds=("usb",)), profile("b", usb=("1:1",)), profile("c")]
    assert [one.name for one in candidates(CARD, known)] == ["a", "c"]


def test_only_a_fitting_profile_lets_interfaces_through():
    known = [profile("a", ("02", "0a"), kinds=("serial",)), profile("b", ("06",), usb=("1:1",))]
    assert admitted(COMPOSITE, known) == {"02", "0a"}
    assert admitted(CARD, known) == frozenset()
