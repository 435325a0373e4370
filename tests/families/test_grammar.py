"""Declared languages: the examples of the manual, against the devices they were declared for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.family import Family, Told
from agent.families.grammar import Grammar, Value
from contracts.errors import NoAnswerError, SettingsError
from contracts.reading import Identity
from tests.support.declared import BADGE, BOARD, BYTES, PROFILES, RECORDERS, TEXT
from tests.support.emulators.serial_recorder import BadgeReader, ChargeBoard, TextRecorder
from tests.support.wire import Says, held, overheard

MIB = 1 << 20
EVENING = datetime(2026, 11, 22, 18, 30, 5)  # noqa: DTZ001  # a recorder's, which has no zone
PROBE = {"ask": "?", "answer": "OK", "example": "OK"}
NO_FACTS = {"serial", "frame", "value"}


def test_the_manuals_examples_say_in_their_facts_all_that_they_ask():
    for profile in PROFILES:
        assert profile["facts"].keys() == profile["language"]["options"].keys() - NO_FACTS


@pytest.fixture(params=RECORDERS)
def pair(request):
    options, device = RECORDERS[request.param]
    return Grammar(options), device()


def asked(fact, **declared):
    """Return a language that asks for one fact with a text, and declares no frame."""
    return Grammar({"probe": PROBE, fact: {"ask": "?", **declared}})


def problems(options):
    with pytest.raises(SettingsError) as refused:
        Grammar(options)
    return [problem.partition(": ")[0] for problem in refused.value.problems]


def test_it_says_who_it_is(pair):
    family: Family = pair[0]
    told = held(family.identity(), pair[1])
    assert (told.device_number, told.how) == ("DSJ0001", "grammar")


def test_it_tells_battery_clock_and_storage(pair):
    family, device = pair
    assert held(family.battery(), device) == Told(87, "grammar")
    assert held(family.clock(), device) == Told(EVENING, "grammar")
    free, total = held(family.storage(), device)
    assert (free.value, total.value, free.uncertainty) == (20480 * MIB, 30436 * MIB, MIB)


def test_its_clock_is_set(pair):
    family, device = pair
    moment = datetime(2027, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert held(family.set_clock(moment), device)
    assert held(family.clock(), device).value == moment


def test_it_becomes_a_disk(pair):
    family, device = pair
    assert held(family.switch(), device)
    assert device.is_disk


def test_one_that_leaves_before_it_answers_may_have_become_a_disk(pair):
    family, device = pair
    device.is_silent = True
    assert held(family.switch(), device)


def test_an_answer_to_something_else_is_a_refusal_to_become_a_disk():
    family = Grammar({**TEXT, "frame": {"suffix": "\n"}})
    assert held(family.switch(), Says(b"BUSY\n")) is False


def test_the_speeds_are_tried_in_order_until_it_answers():
    device = TextRecorder(baud=9600)
    assert held(Grammar(TEXT).probe(), device)
    assert device._host_baud == 9600
    assert held(Grammar(TEXT).probe(), TextRecorder(baud=300)) is False


def test_a_line_without_declared_speeds_is_probed_as_it_is():
    assert held(Grammar(BYTES).probe(), RECORDERS["bytes"][1]())


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"hello\r\n", b"$ERR*00\r\n", b"\xaa\x55"])
def test_noise_is_passed_over_or_asked_through(pair, garbage):
    family, device = pair
    device.garbage = garbage
    try:
        told = held(family.battery(), device)
    except NoAnswerError:
        return
    assert told is None or told.value == 87


def test_what_is_not_answered_is_asked_again(pair):
    family, device = pair
    device.mutes = 1
    assert held(family.battery(), device).value == 87
    device.mutes = 2
    with pytest.raises(NoAnswerError):
        held(family.battery(), device)


@pytest.mark.parametrize("fault", ["is_halved", "is_damaged", "is_silent"])
def test_no_value_comes_of_damage(pair, fault):
    family, device = pair
    setattr(device, fault, True)
    try:
        told = held(family.battery(), device)
    except NoAnswerError:
        return
    assert told is None


def test_what_a_request_says_is_in_no_error():
    device = TextRecorder()
    device.is_silent = True
    with pytest.raises(NoAnswerError) as silent:
        held(Grammar(TEXT).battery(), device)
    assert "BAT" not in str(silent.value)


def test_answers_to_something_else_are_passed_over_only_so_long():
    family = Grammar({"probe": PROBE, "frame": {"suffix": "\n"}})
    assert held(family.probe(), Says(b"x\n" * 7 + b"OK\n"))
    assert held(family.probe(), Says(b"x\n" * 8 + b"OK\n")) is False


def test_what_is_not_declared_is_not_asked_for():
    family, device = Grammar({"probe": PROBE}), TextRecorder()
    assert held(family.identity(), device) == Identity(how="grammar")
    assert held(family.battery(), device) is None
    assert held(family.clock(), device) is None
    assert held(family.storage(), device) is None
    assert held(family.set_clock(EVENING), device) is False
    assert held(family.switch(), device) is False
    assert held(family.values(), device) == ()
    assert device.heard == []


def test_a_dock_board_tells_its_current():
    told = held(Grammar(BOARD).values(), ChargeBoard())
    assert told == (Value("charge_current", "mA", 512.0),)


def test_a_badge_reader_is_only_listened_to():
    said = b"\x00\x13" + BadgeReader().shown("0004711815")
    assert overheard(Grammar(BADGE).probe(), said)
    assert overheard(Grammar(BADGE).values(), said) == (Value("badge", "", "0004711815"),)


def test_a_value_nobody_tells_is_unknown():
    for said, why in ((b"", "did not answer"), (b"?\r\n", "does not fit: '?'")):
        (value,) = held(Grammar(BOARD).values(), Says(said))
        assert (value.value, why in value.how) == (None, True)


def test_a_battery_of_bars_is_an_estimate():
    family = asked("battery", answer=r"(?P<percent>\d)", example="3", full=4)
    assert held(family.battery(), Says(b"3")) == Told(75, "grammar", "estimated", 25)
    assert held(family.battery(), Says(b"5")) is None


def test_a_clock_may_count_from_1970():
    seconds = asked("clock_read", answer=r"(?P<time>\d+)", example="0", format="unix_s")
    assert held(seconds.clock(), Says(b"1795341600")).value == datetime(
        2026, 11, 22, 10, tzinfo=UTC
    )
    assert held(seconds.clock(), Says(b"9" * 17)) is None
    assert held(seconds.clock(), Says(b"9" * 19)) is None


def test_a_clock_that_counts_is_set_only_to_a_moment_with_a_zone():
    family = asked("clock_set", ask="T={unix_ms}", answer="OK", example="OK")
    assert held(family.set_clock(EVENING), Says(b"OK")) is False
    assert held(family.set_clock(EVENING.replace(tzinfo=UTC)), Says(b"OK")) is True


def test_a_time_that_is_none_is_unknown():
    family = asked("clock_read", answer=r"(?P<time>.+)", example="2026", format="%Y")
    assert held(family.clock(), Says(b"tomorrow")) is None


@pytest.mark.parametrize(
    ("numbers", "said", "value"),
    [
        ("big", "0102", 0x0102), ("little", "0102", 0x0201), ("bcd", "0087", 87),
        ("bcd", "008a", None), ("big", "102", None), ("big", "00" * 7, None),
    ],
)  # fmt: skip
def test_hex_digits_are_numbers_as_declared(numbers, said, value):
    one = {"ask": "01", "answer": "(?P<value>.+)", "example": "0012", "name": "n"}
    options = {"probe": {"ask": "01", "answer": ".*", "example": "01"}, "frame": {"form": "hex"}}
    family = Grammar({**options, "numbers": numbers, "value": [one]})
    assert family._number(said) == value


def test_a_text_in_hex_digits_is_read_in_its_encoding():
    identity = {"ask": "02", "answer": "(?P<number>.+)", "example": "41"}
    options = {"probe": {"ask": "01", "answer": ".*", "example": "01"}, "identity": identity}
    family = Grammar({**options, "frame": {"form": "hex", "encoding": "gbk"}})
    assert held(family.identity(), Says("甲001".encode("gbk"))).device_number == "甲001"
    assert family._name("4") is None
    assert held(family.identity(), Says(b"\xff")).device_number is None


@pytest.mark.parametrize(
    ("wrong", "keys"),
    [
        ({}, ["probe"]),
        ({"probe": {**PROBE, "example": "NO"}}, ["probe.example"]),
        ({"probe": {**PROBE, "answer": "(a+)+"}}, ["probe.answer"]),
        ({"probe": {**PROBE, "ask": "甲"}}, ["probe.ask"]),
        ({"probe": {**PROBE, "example": "甲"}}, ["probe.example"]),
        ({"probe": {**PROBE, "seconds": 0}}, ["probe"]),
        ({"probe": {**PROBE, "tries": 6}}, ["probe"]),
        ({"probe": PROBE, "battery": PROBE}, ["battery.answer", "battery.example"]),
        ({"probe": PROBE, "battery": {**PROBE, "full": 0}}, ["battery"]),
        ({"probe": PROBE, "identity": PROBE}, ["identity.example"]),
        ({"probe": PROBE, "storage": {**PROBE, "unit_bytes": 0}}, ["storage"]),
        ({"probe": PROBE, "value": [PROBE]}, ["value.#1"]),
        (
            {"probe": PROBE, "value": [{**PROBE, "name": "amps"}]},
            ["value.amps.answer", "value.amps.example"],
        ),
        ({"probe": PROBE, "frame": {"checksum": {"kind": "crc8"}}}, ["frame.checksum.kind"]),
        ({"probe": PROBE, "frame": {"form": "hex"}}, ["probe.ask", "probe.example"]),
        ({"probe": PROBE, "speed": 9600}, ["speed"]),
        (
            {"probe": PROBE, "clock_set": {**PROBE, "ask": "%"}, "clock_read": PROBE},
            [*["clock_read.answer"] * 6, "clock_read.example"],
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_by_its_keys(wrong, keys):
    assert problems(wrong) == keys


def test_a_part_of_a_moment_that_loses_its_digits_is_seen_when_it_is_declared():
    probe = {"ask": "01", "answer": "01", "example": "01"}
    clock = {**probe, "ask": "05{day:01x}"}
    assert problems({"probe": probe, "clock_set": clock, "frame": {"form": "hex"}}) == [
        "clock_set.ask"
    ]


@given(st.binary(max_size=200), st.sampled_from(["text", "bytes"]))
def test_no_bytes_do_harm(said, which):
    family, device = Grammar(RECORDERS[which][0]), Says(said)
    for ask in ("probe", "identity", "battery", "clock", "storage", "switch"):
        try:
            held(getattr(family, ask)(), device)
        except NoAnswerError:
            continue


@given(st.text("0123456789=,%:OKBAT?\r\n", max_size=60))
def test_no_text_does_harm(said):
    framed_ = TextRecorder().framed(said.encode())
    told = held(
        Grammar({**TEXT, "battery": {**TEXT["battery"], "tries": 1}}).probe(), Says(framed_)
    )
    assert told is False


def test_the_frame_is_the_declared_one():
    assert Grammar(TEXT).frame.prefix == "$"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"lots", "the answer does not fit: 'lots'"),
        (b"101", "out of range: '101'"),
        (b"\xff", "not in its encoding: ff"),
    ],
)
def test_why_a_value_is_unknown_is_told(said, why):
    family = asked("battery", answer=r"(?P<percent>\d+)", example="5")
    assert held(family.battery(), Says(said)) is None
    assert family.why.endswith(why)
    assert held(family.clock(), Says(said)) is None
    assert family.why.endswith("the profile does not declare it")
