"""Which profiles a device may be of, before anything is asked of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.profile import (
    PLAIN,
    Card,
    Known,
    Language,
    Match,
    Profile,
    admitted,
    candidates,
    chosen,
    in_order,
    problems,
)
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


@pytest.mark.parametrize(
    "match",
    [
        {"usb": ("1:1",)},
        {"interfaces": ("08",)},
        {"inquiry": "DV16*"},
        {"volume_label": "BWC*"},
        {"ports": ("usb-0:4",)},
        {"folders": ("VIDEO",)},
    ],
)
def test_what_fits_any_disk_is_tried_after_all_that_names_something(match):
    telling = [profile(name, **match) for name in ("d", "c")]
    known = [profile("a"), profile("b", kinds=("usb",)), *telling]
    assert [one.name for one in in_order(known)] == ["d", "c", "a", "b"]


def test_only_a_fitting_profile_lets_interfaces_through():
    known = [profile("a", ("02", "0a"), kinds=("serial",)), profile("b", ("06",), usb=("1:1",))]
    assert admitted(COMPOSITE, known) == {"02", "0a"}
    assert admitted(CARD, known) == frozenset()


def test_a_profile_may_be_of_one_port_only():
    known = [profile("a", ports=("usb-0:4",)), profile("b", ports=("usb-0:*",))]
    assert [one.name for one in candidates(CARD, known)] == ["b"]


def test_what_is_on_the_card_decides_after_it_is_mounted():
    known = [
        profile("a", usb=("1:1",)),
        profile("b", folders=("DCIM", "DPB1*")),
        profile("c", folders=("DCIM",)),
        profile("d"),
    ]
    assert chosen(CARD, known, {"DCIM"}.__contains__) == known[2]
    assert chosen(CARD, known, set().__contains__) == known[3]
    assert chosen(CARD, known[:3], set().__contains__) is None


def test_of_two_profiles_of_one_id_that_is_chosen_in_whose_language_it_answered():
    known = [profile("a"), profile("b"), profile("c", folders=("DCIM",))]
    for name, holds, expected in (
        (None, set(), "a"),
        ("b", set(), "b"),
        ("c", {"DCIM"}, "c"),
        ("c", set(), "a"),
    ):
        found = chosen(replace(CARD, profile=name), known, holds.__contains__)
        assert (name, found.name) == (name, expected)


SPOKEN = Language("novatek", "scsi")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"name": "A b"}, "name"),
        ({"match": Match(usb=("0603-8611",))}, "match.usb"),
        ({"match": Match(usb=("0603:861G",))}, "match.usb"),
        ({"match": Match(interfaces=("8",))}, "match.interfaces"),
        ({"admits": ("xx",)}, "admits"),
        ({"admits": ("03",)}, "admits"),
        ({"language": SPOKEN}, "match"),
        (
            {
                "match": Match(usb=("1:1",)),
                "language": replace(SPOKEN, probe_seconds=0),
            },
            "language",
        ),
        (
            {
                "match": Match(usb=("1:1",)),
                "language": replace(SPOKEN, switch_seconds=-1),
            },
            "language",
        ),
        ({"clearing": True}, "facts.clear"),
        ({"match": Match(kinds=())}, "match.kinds"),
        ({"card": Card(sidecars=(".gpx", "gpx"))}, "card.sidecars"),
        ({"card": Card(sidecars=(".",))}, "card.sidecars"),
        ({"card": Card(important=("_IMP", "_IMP.mp4"))}, "card.important"),
        ({"card": Card(important=("",))}, "card.important"),
        ({"card": Card(chapters="(")}, "card.chapters"),
        ({"card": Card(chapters="(?P<part>1)")}, "card.chapters"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said_with_its_key(changes, key):
    (problem,) = problems(replace(profile(), **changes))
    assert problem.partition(": ")[0] == key


@pytest.mark.parametrize(
    "match",
    [
        Match(usb=("0603:8611",)),
        Match(inquiry="DV16*"),
        Match(ports=("usb-0:4",)),
        Match(interfaces=("06",)),
    ],
)
def test_whom_to_speak_with_is_told_by_plug_inquiry_port_or_a_class_with_one_language(match):
    known = replace(profile(), match=match, language=SPOKEN)
    clearing = replace(known, clearing=True, facts={"clear": Known("unlink")})
    assert problems(known) == problems(clearing) == ()


def test_a_disk_of_no_known_model_is_read_and_never_cleared():
    assert problems(PLAIN) == ()
    assert not PLAIN.clearing
    assert candidates(CARD, [PLAIN])
