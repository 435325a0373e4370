"""The checks: one function for each rule, `(readings, limits) -> Finding | None`."""

from collections.abc import Sequence

from agent.core.clock import told_offset
from contracts.finding import Finding, Severity
from contracts.reading import Reading, ReadingKind
from contracts.roster import Limits

_MIB = 1024 * 1024


def check(readings: Sequence[Reading], limits: Limits) -> tuple[Finding, ...]:
    """Return every finding about a recorder's readings (S0 Art 8; S2 A6 Art 8)."""
    rules = (check_battery, check_clock, check_storage)
    return tuple(found for rule in rules if (found := rule(readings, limits)))


def told(readings: Sequence[Reading], limits: Limits) -> tuple[Finding, ...]:
    """Return the findings about what is known already; the rest may still be told by the disk."""
    return tuple(one for one in check(readings, limits) if not one.code.endswith("_unknown"))


def check_battery(readings: Sequence[Reading], limits: Limits) -> Finding | None:
    """Find a battery that does not last a working day."""
    percent = value_of(readings, "battery_percent")
    if percent is None:
        return Finding("battery_unknown", limits.unknown)
    if percent < limits.battery_percent_min:
        return Finding("battery_low", "blocking", percent, limits.battery_percent_min)
    return None


def check_clock(readings: Sequence[Reading], limits: Limits) -> Finding | None:
    """Find a clock that is farther off than policy allows.

    An estimate is no more than a hint, and leaves the clock unknown.
    """
    reading = told_offset(readings)
    if reading is None:
        return Finding("clock_unknown", limits.unknown)
    offset_ms = reading.value or 0
    if abs(offset_ms) > limits.clock_offset_seconds_max * 1000:
        seconds = round(offset_ms / 1000)
        return Finding("clock_off", "blocking", seconds, limits.clock_offset_seconds_max)
    return None


def check_storage(readings: Sequence[Reading], limits: Limits) -> Finding | None:
    """Find a card with too little room left."""
    free_bytes = value_of(readings, "free_bytes")
    if free_bytes is None:
        return Finding("storage_unknown", limits.unknown)
    if free_bytes < limits.free_mib_min * _MIB:
        return Finding("storage_low", "blocking", free_bytes // _MIB, limits.free_mib_min)
    return None


def check_card(unreadable: int, limits: Limits) -> Finding:
    """Return the finding about a card with unreadable files: it bars issue above the limit."""
    is_over = unreadable > limits.card_errors_max
    severity: Severity = "blocking" if is_over else "warning"
    return Finding("card_errors", severity, unreadable, limits.card_errors_max)


def completed(read: Sequence[Reading], told: Sequence[Reading]) -> tuple[Reading, ...]:
    """Return readings with what is unknown in them as it was told before, each as it was told."""
    before = {reading.kind: reading for reading in told}
    return tuple(one if one.value is not None else before.get(one.kind, one) for one in read)


def value_of(readings: Sequence[Reading], kind: ReadingKind) -> int | None:
    """Return the newest known value of one kind of reading; None when unknown or an estimate."""
    told = (r.value for r in reversed(readings) if r.kind == kind and r.confidence != "estimated")
    return next((value for value in told if value is not None), None)
