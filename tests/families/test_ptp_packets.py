"""PTP's bytes: what is made, what is understood, and what is not believed."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.families import ptp_packets as packets
from agent.families.ptp_packets import Cursor, GarbledError, Pipes
from tests.support.emulators.ptp_usb import INTO, OUT, PACKET, Plug

CHINA = timezone(timedelta(hours=8))
NEWFOUNDLAND = timezone(-timedelta(hours=3, minutes=30))


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("20261122T080910", datetime.fromisoformat("2026-11-22T08:09:10")),
        ("20261122T080910.5", datetime.fromisoformat("2026-11-22T08:09:10.500000")),
        ("20261122T080910.512", datetime.fromisoformat("2026-11-22T08:09:10.500000")),
        ("20261122T080910Z", datetime(2026, 11, 22, 8, 9, 10, tzinfo=UTC)),
        ("20261122T080910+0800", datetime(2026, 11, 22, 8, 9, 10, tzinfo=CHINA)),
        ("20261122T080910.0-0330", datetime(2026, 11, 22, 8, 9, 10, tzinfo=NEWFOUNDLAND)),
        ("20261322T080910", None),
        ("20261122T080910+9959", None),
        ("00000000T000000", None),
        ("20261122 080910", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_time_is_understood_with_its_zone_if_it_names_one(shown, told):
    assert packets.moment(shown) == told


@pytest.mark.parametrize(
    ("like", "text"),
    [
        ("20200101T000000", "20261122T080910"),
        ("20200101T000000.3", "20261122T080910.0"),
        ("20200101T000000Z", "20261122T000910Z"),
        ("20200101T000000+0900", "20261122T090910+0900"),
        ("no time at all", "20261122T080910"),
    ],
)
def test_a_time_is_written_as_the_recorder_writes_its_own(like, text):
    assert packets.written(datetime(2026, 11, 22, 8, 9, 10, tzinfo=CHINA), like) == text


def test_a_time_without_a_zone_is_written_without_one():
    local = datetime.fromisoformat("2026-11-22T08:09:10")
    assert packets.written(local, "20200101T000000Z") == "20261122T080910"


def test_text_ends_at_its_zero_and_keeps_what_is_no_character():
    raw = b"\x04" + struct.pack("<4H", 0x41, 0xD800, 0, 0x42)
    assert Cursor(raw).text() == "A\ud800"
    assert packets.encoded("AB") == b"\x03A\0B\0\0\0"


@pytest.mark.parametrize("raw", [b"", b"\xff\xff\xff\xff", b"\2\0\0\0\1\0"])
def test_an_array_that_ends_early_is_not_believed(raw):
    with pytest.raises(GarbledError):
        Cursor(raw).array("I")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x0c\0\0\0\3\0\1\x20",
        b"\x0c\0\0\0\1\0\1\x20\0\0\0\0",
        b"\x0b\0\0\0\3\0\1\x20\0\0\0\0",
    ],
)
def test_what_is_no_answer_is_no_container(raw):
    with pytest.raises(GarbledError):
        packets.head_of(raw)


def test_a_response_is_shown_with_its_meaning_where_it_has_one():
    assert packets.said(0x2019) == "0x2019 device busy"
    assert packets.said(0xA001) == "0xa001"


@pytest.mark.parametrize(
    ("total", "free", "told"),
    [(100, 40, (40, 100)), (100, 200, None), (1 << 64 - 1, 0, None)],
)
def test_a_store_that_tells_the_impossible_tells_nothing(total, free, told):
    assert packets.space(struct.pack("<HHHQQI", 4, 2, 0, total, free, 0)) == told


def battery(kind=2, form=b"\1\0\x64\1"):
    return struct.pack("<HHBBB", 0x5001, kind, 0, 100, 50) + form


@pytest.mark.parametrize(
    ("form", "low_and_high"),
    [(b"\1\0\x64\1", (0, 100)), (b"\1\5\x0a\1", (5, 10)), (b"\1\x64\0\1", None), (b"\0", None)],
)
def test_a_battery_has_the_range_it_describes(form, low_and_high):
    assert packets.battery_range(battery(form=form)) == low_and_high


def test_a_battery_that_is_no_small_number_is_not_believed():
    with pytest.raises(GarbledError, match="type 4"):
        packets.battery_range(battery(kind=4))


@pytest.mark.parametrize(("interface", "is_still"), [(b"\6\1\1", True), (b"\xff\xff\0", False)])
def test_an_interface_of_pictures_or_the_makers_own_is_found(interface, is_still):
    raw = Plug(None, interface).control(0x80, 6, 0x0200, 4096)
    assert list(packets.pipes_of(raw)) == [Pipes(0, INTO, OUT, PACKET, is_still, 4)]


@pytest.mark.parametrize("interface", [b"\x08\6\x50", b"\3\1\1", b"\x0a\0\0"])
def test_a_disk_a_keyboard_and_a_line_are_not_spoken_with(interface):
    raw = Plug(None, interface).control(0x80, 6, 0x0200, 4096)
    assert list(packets.pipes_of(raw)) == []


def described(*ends):
    own = bytes((9, 4, 1, 0, len(ends), 6, 1, 1, 0))
    return own + b"".join(struct.pack("<BBBBHB", 7, 5, *end, 0) for end in ends)


@pytest.mark.parametrize(
    "ends", [[(INTO, 2, 512)], [(INTO, 2, 0), (OUT, 2, 512)], [(INTO, 3, 8), (OUT, 2, 512)], []]
)
def test_an_interface_without_both_ways_is_not_spoken_with(ends):
    assert list(packets.pipes_of(described(*ends))) == []


@pytest.mark.parametrize("raw", [b"\0", b"\1\2", b"\x09\4\0", b"\5\5\x81\2\0", b"\4\4\0\0"])
def test_broken_descriptors_are_not_believed(raw):
    with pytest.raises(GarbledError, match="descriptor"):
        list(packets.pipes_of(raw))
