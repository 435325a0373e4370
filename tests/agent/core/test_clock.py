"""A recorder's clock: what several askings bound, what may be set, and when nothing is."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import (
    Offset,
    Sample,
    clock_reading,
    doubt_of,
    judge_setting,
    next_second,
    offset_of,
    take_samples,
    told_offset,
)
from contracts.errors import NoAnswerError
from contracts.finding import Finding
from contracts.reading import Reading
from tests.support.made_up import NOW, ROSTER, ZONE

MS = timedelta(milliseconds=1)
STRICT = ROSTER.policy_of("d2")


def sample(offset_ms, at_ms=0, trip_ms=20, resolution=timedelta(seconds=1)):
    """Ask a recorder that is so far off, its answer made half-way."""
    asked = NOW + at_ms * MS
    shown = (asked + (trip_ms / 2 + offset_ms) * MS).astimezone(ZONE).replace(tzinfo=None)
    past = (shown - datetime(2026, 1, 1)) % resolution  # noqa: DTZ001  # local time
    return Sample(asked, shown - past, asked + trip_ms * MS)


def offset(value, confidence="measured", uncertainty=500):
    return (Reading("clock_offset_ms", value, "x", NOW, confidence, uncertainty),)


def test_one_asking_of_a_clock_of_whole_seconds_is_good_to_half_a_second_and_half_the_trip():
    assert offset_of([Sample(NOW, NOW, NOW + 20 * MS)], ZONE) == Offset(490, 510)


def test_a_local_time_is_taken_in_the_stations_zone():
    told = NOW.astimezone(ZONE).replace(tzinfo=None)
    assert offset_of([Sample(NOW, told, NOW)], ZONE, MS) == Offset(0, 1)


def test_a_zone_the_recorder_tells_is_believed():
    told = NOW.astimezone(timezone(timedelta(hours=-3)))
    assert offset_of([Sample(NOW, told, NOW)], ZONE, MS) == Offset(0, 1)


def test_a_second_seen_to_turn_is_good_to_a_few_hundredths():
    before, after = sample(-15, at_ms=0), sample(-15, at_ms=20)
    measured = offset_of([before, after], ZONE)
    assert measured is not None
    assert measured.uncertainty_ms <= 20
    assert abs(measured.ms + 15) <= measured.uncertainty_ms


@given(
    st.integers(-(10**8), 10**8),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3000)), min_size=1, max_size=9),
    st.sampled_from([timedelta(seconds=2), timedelta(seconds=1), MS]),
)
def test_the_true_offset_is_never_outside_what_was_measured(true_ms, askings, resolution):
    samples = [sample(true_ms, at, trip, resolution) for at, trip in askings]
    measured = offset_of(samples, ZONE, resolution)
    assert measured is not None
    assert abs(measured.ms - true_ms) <= measured.uncertainty_ms


@given(st.lists(st.builds(Sample, *[st.datetimes(timezones=st.just(UTC))] * 3)))
def test_no_times_are_too_strange(samples):
    measured = offset_of(samples, ZoneInfo("America/New_York"))
    assert (measured is None) == all(s.answered_at < s.asked_at for s in samples)


def test_askings_that_cannot_all_be_true_are_as_unsure_as_they_differ():
    assert offset_of([sample(0), sample(60_000, at_ms=500)], ZONE).uncertainty_ms > 30_000


def test_an_asking_during_which_the_station_went_back_says_nothing():
    assert offset_of([Sample(NOW, NOW, NOW - MS)], ZONE) is None


def test_a_recorder_that_tells_no_time_has_an_unknown_clock():
    reading = clock_reading((), ZONE, "asked", NOW)
    assert (reading.value, reading.confidence) == (None, "unknown")


def test_a_measured_clock_is_read_with_its_uncertainty():
    reading = clock_reading([sample(7_000)], ZONE, "asked", NOW)
    assert (reading.confidence, reading.how) == ("measured", "asked")
    assert abs((reading.value or 0) - 7_000) <= (reading.uncertainty or 0) <= 510


def ticking(*answers):
    """Return a recorder that answers so, a clock of the station, and the waits asked for."""
    left, waits = list(answers), []

    def tell():
        answer = left.pop(0)
        if answer is NoAnswerError:
            raise NoAnswerError(request="clock", reason="silence")
        return answer

    return tell, lambda: NOW + 10 * MS * len(left), waits


def test_a_clock_is_asked_several_times_and_a_little_apart():
    tell, now, waits = ticking(NOW, NOW, NOW)
    assert len(take_samples(tell, now, waits.append, times=3)) == 3
    assert waits == [0.15, 0.15]


@pytest.mark.parametrize("silence", [None, NoAnswerError])
def test_what_was_told_before_a_silence_counts(silence):
    tell, now, waits = ticking(NOW, silence, NOW)
    assert len(take_samples(tell, now, waits.append)) == 1


def test_the_newest_clock_that_somebody_read_counts_and_an_estimate_does_not():
    readings = (*offset(1), *offset(2, "observed"), *offset(3, "estimated"), *offset(None))
    assert told_offset(readings).value == 2
    assert told_offset(offset(3, "estimated")) is None


@pytest.mark.parametrize("clock", ["unsynchronised", "unknown"])
def test_no_clock_is_set_from_one_that_is_in_doubt(clock):
    assert judge_setting(offset(420_000), STRICT, clock) == "unsure"
    assert doubt_of("unsure") == (Finding("station_clock_unsure", "warning"),)


def test_a_clock_that_is_surely_off_is_set_and_nothing_is_doubted():
    assert judge_setting(offset(420_000), STRICT, "synchronised") == "set"
    assert doubt_of("set") == doubt_of("leave") == ()


@pytest.mark.parametrize(
    "readings",
    [
        offset(30_000),
        offset(-30_000),
        offset(50_000, uncertainty=60_000),
        offset(9_000_000, "estimated"),
        offset(None, "unknown"),
        (),
    ],
)
@pytest.mark.parametrize("clock", ["synchronised", "unsynchronised"])
def test_a_clock_that_is_not_surely_off_is_left_alone(readings, clock):
    assert judge_setting(readings, STRICT, clock) == "leave"


def test_no_clock_is_set_where_policy_does_not_ask():
    assert judge_setting(offset(420_000), ROSTER.policy_of("d1"), "synchronised") == "leave"
    assert judge_setting(offset(420_000), None, "synchronised") == "leave"


def test_a_recorder_is_set_at_the_turn_of_a_second():
    assert next_second(NOW) == (NOW, 0.0)
    assert next_second(NOW + 250 * MS) == (NOW + 1000 * MS, 0.75)
