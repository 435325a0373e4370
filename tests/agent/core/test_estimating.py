"""A clock estimated from what a recorder brought."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.checks import check, value_of
from agent.core.clock import told_offset
from agent.core.estimating import AT_LEAST, HOW, estimate, with_estimate
from agent.core.recorder import CardFile
from contracts.reading import Reading
from contracts.roster import Limits

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 8, 4, 10, 0, tzinfo=UTC)  # 18:00 there
SINCE = NOW - timedelta(hours=10)
HOUR = timedelta(hours=1)


def named(local):
    return CardFile(f"DCIM/20260804_{local}.mp4".encode(), 1, 0)


def stamped(shown):
    """Return a file with the time that the recorder's clock showed, in any zone."""
    return CardFile(b"a.mp4", 1, int(shown.replace(tzinfo=UTC).timestamp()) * 10**9)


def test_new_files_bound_the_clock_from_both_sides():
    told = estimate([named("090000"), named("170000")], SINCE, NOW, ZONE)
    assert told == Reading("clock_offset_ms", 0, HOW, NOW, "estimated", 3_600_000)


def test_more_recordings_bound_it_closer():
    told = estimate([named("080500"), named("175500")], SINCE, NOW, ZONE)
    assert told.uncertainty == 300_000


def test_a_fast_clock_is_seen_to_be_fast():
    told = estimate([named("100000"), named("193000")], SINCE, NOW, ZONE)
    assert (told.value, told.uncertainty) == (6_300_000, 900_000)


def test_the_time_of_a_file_counts_where_its_name_tells_none():
    assert estimate([stamped(datetime(2026, 8, 4, 13, tzinfo=UTC))], SINCE, NOW, ZONE).value == 0


@pytest.mark.parametrize(
    "new",
    [[], [stamped(datetime(1980, 1, 1, tzinfo=UTC))], [named("020000"), named("230000")]],
    ids=["nothing new", "no clock at all", "more than happened"],
)
def test_what_tells_nothing_leaves_it_unknown(new):
    assert estimate(new, SINCE, NOW, ZONE) is None


def test_of_a_recorder_never_seen_before_only_a_fast_clock_shows():
    told = estimate([named("190000")], None, NOW, ZONE)
    assert told == Reading("clock_offset_ms", 3_600_000, AT_LEAST, NOW, "estimated")
    assert estimate([named("170000")], None, NOW, ZONE) is None


def clock(value=None):
    return Reading("clock_offset_ms", value, "", NOW, "unknown" if value is None else "measured")


def test_only_a_clock_that_nobody_told_is_estimated():
    others = (Reading("battery_percent", None, "", NOW, "unknown"), clock(5))
    assert with_estimate(others, [named("170000")], SINCE, NOW, ZONE) == others
    (guess,) = with_estimate([clock()], [named("170000")], SINCE, NOW, ZONE)
    assert guess.confidence == "estimated"
    assert with_estimate([clock()], [], SINCE, NOW, ZONE) == (clock(),)


def test_an_estimate_dates_sets_and_bars_nothing():
    readings = with_estimate([clock()], [named("195900")], SINCE, NOW, ZONE)
    assert value_of(readings, "clock_offset_ms") is None
    assert told_offset(readings) is None
    codes = {found.code for found in check(readings, Limits())}
    assert "clock_unknown" in codes
    assert "clock_off" not in codes


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
    st.integers(-(10**9), 10**9),
)
def test_whenever_it_recorded_the_true_offset_is_within_the_estimate(moments, offset_ms):
    off = timedelta(milliseconds=offset_ms)
    written = [SINCE + moment * (NOW - SINCE) + off for moment in moments]
    files = [stamped(at.astimezone(ZONE)) for at in written]
    told = estimate(files, SINCE, NOW, ZONE)
    assert abs(told.value - offset_ms) <= told.uncertainty + 1001  # stamps are whole seconds
