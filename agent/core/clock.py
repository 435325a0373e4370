"""A recorder's clock: how far it is off, how sure that is, and whether it may be set; pure.

A recorder tells its own local time, mostly in whole seconds, some while after it was asked. Each
asking therefore bounds the offset from both sides, and several bound it together: whoever asks
often enough to see the second turn knows it to a few hundredths.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.errors import NoAnswerError
from contracts.finding import Finding
from contracts.reading import Reading
from contracts.roster import Policy

WHOLE_SECONDS = timedelta(seconds=1)
SAMPLES = 8
APART_SECONDS = 0.15  # eight askings see a second turn
_MS = timedelta(milliseconds=1)
_TELLING = ("measured", "reported", "observed")

Verdict = Literal["set", "leave", "unsure"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A recorder's clock asked once: what it told, and the station's clock before and after."""

    asked_at: datetime
    told: datetime
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Offset:
    """Recorder clock minus station clock: between `ms - uncertainty_ms` and `ms + uncertainty_ms`.

    Positive when the recorder is fast.
    """

    ms: int
    uncertainty_ms: int


def take_samples(
    tell: Callable[[], datetime | None],
    now: Callable[[], datetime],
    wait: Callable[[float], object],
    times: int = SAMPLES,
) -> tuple[Sample, ...]:
    """Ask a recorder's clock several times, a little apart, until it does not answer.

    `tell` is the recorder's answer, `now` the station's clock, `wait` waits so many seconds. Any
    error of `tell` but that nothing was answered is passed on.
    """
    samples: list[Sample] = []
    for turn in range(times):
        if turn:
            wait(APART_SECONDS)
        asked_at = now()
        try:
            told = tell()
        except NoAnswerError:
            break
        if told is None:
            break
        samples.append(Sample(asked_at, told, now()))
    return tuple(samples)


def offset_of(
    samples: Sequence[Sample], zone: ZoneInfo, resolution: timedelta = WHOLE_SECONDS
) -> Offset | None:
    """Return the offset that all samples bear out; None when none says anything.

    A clock of some `resolution` shows what it last passed: told 08:00:00, it is anywhere up to
    08:00:01, at some moment between asking and answer. Samples that cannot all be true (a clock
    was moved between them) leave the whole span they name. A sample during which the station's
    clock went back says nothing. A time told without a zone is in `zone`.
    """
    spans = [
        _span(sample, zone, resolution)
        for sample in samples
        if sample.answered_at >= sample.asked_at
    ]
    if not spans:
        return None
    least, most = max(low for low, _ in spans), min(high for _, high in spans)
    if least > most:
        least, most = min(low for low, _ in spans), max(high for _, high in spans)
    middle = (least + most) // 2
    return Offset(middle, max(most - middle, middle - least))


def clock_reading(
    samples: Sequence[Sample],
    zone: ZoneInfo,
    how: str,
    at: datetime,
    resolution: timedelta = WHOLE_SECONDS,
) -> Reading:
    """Return the reading that a recorder's samples come to, with its uncertainty in ms."""
    offset = offset_of(samples, zone, resolution)
    if offset is None:
        return Reading("clock_offset_ms", None, how, at, "unknown")
    return Reading("clock_offset_ms", offset.ms, how, at, "measured", offset.uncertainty_ms)


def told_offset(readings: Sequence[Reading]) -> Reading | None:
    """Return the newest offset that somebody read off the recorder's clock.

    An estimate (the newest file's time) is none: it says when the recorder was last used, and a
    recording must not be dated by it.
    """
    return next(
        (
            reading
            for reading in reversed(readings)
            if reading.kind == "clock_offset_ms"
            and reading.value is not None
            and reading.confidence in _TELLING
        ),
        None,
    )


def judge_setting(
    readings: Sequence[Reading], policy: Policy | None, station_clock: str
) -> Verdict:
    """Tell whether a recorder's clock is to be set.

    It is where policy asks and it is surely off by more than the limit, as far as it can be told;
    `unsure` where it would be, were the station's own clock not in doubt.
    """
    reading = told_offset(readings)
    if policy is None or not policy.set_clock or reading is None:
        return "leave"
    off_ms = abs(reading.value or 0)
    limit_ms = policy.limits.clock_offset_seconds_max * 1000
    if off_ms <= max(limit_ms, reading.uncertainty or 0):
        return "leave"
    return "set" if station_clock == "synchronised" else "unsure"


def doubt_of(verdict: Verdict) -> tuple[Finding, ...]:
    """Return what is to be said when a clock was not set for the station's own."""
    return (Finding("station_clock_unsure", "warning"),) if verdict == "unsure" else ()


def next_second(now: datetime) -> tuple[datetime, float]:
    """Return the next whole second and how many seconds it is away.

    A recorder is set in whole seconds: what is sent at the turn of the second is not late by its
    fraction.
    """
    whole = now.replace(microsecond=0)
    if whole == now:
        return now, 0.0
    return whole + WHOLE_SECONDS, (WHOLE_SECONDS - (now - whole)).total_seconds()


def _span(sample: Sample, zone: ZoneInfo, resolution: timedelta) -> tuple[int, int]:
    told = sample.told if sample.told.tzinfo else sample.told.replace(tzinfo=zone)
    least = told - sample.answered_at
    most = told - sample.asked_at + resolution
    return least // _MS, -(-most // _MS)
