"""Numbers as people read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from look.rendering import visible
from station import showing

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (27_400_000_000, "27.4 GB"),
        (999_999, "1.0 MB"),
    ],
)
def test_sizes_have_three_digits_at_most(count, shown):
    assert showing.show_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(59, "59 秒"), (431, "7 分 11 秒"), (3_660, "1 小时 1 分"), (90_000, "1 天 1 小时")],
)
def test_a_length_of_time_has_two_units(seconds, shown):
    assert showing.show_duration(seconds).zh == shown


@pytest.mark.parametrize(
    ("offset_ms", "shown"), [(0, "准确"), (-1_200, "慢 1.2 秒"), (427_000, "快 7 分 7 秒")]
)
def test_a_clock_is_fast_or_slow(offset_ms, shown):
    assert showing.show_offset(offset_ms).zh == shown


def test_a_copy_is_complete_only_with_its_last_byte():
    assert showing.show_percent(999_999, 1_000_000) == 99


def test_nothing_to_copy_is_no_percent():
    assert showing.show_percent(0, 0) == 0


def test_moments_are_shown_in_the_stations_zone():
    at = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    assert showing.show_moment(at, SHANGHAI) == "2026-11-21 02:30"
    assert showing.show_day(at, SHANGHAI).zh == "2026年11月21日"


def test_what_turns_the_writing_direction_is_made_visible():
    assert visible("a\u202eb\x1b") == "a\\u{202e}b\\u{1b}"
