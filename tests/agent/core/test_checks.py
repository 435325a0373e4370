"""The checks of battery, clock and storage."""

from dataclasses import replace

import pytest

from agent.core.checks import check, value_of
from contracts.finding import Finding, blocks_issue
from contracts.roster import Limits
from tests.support.made_up import LIMITS, MIB, readings


def codes(*args, **kwargs):
    return [finding.code for finding in check(readings(*args, **kwargs), LIMITS)]


def test_a_healthy_recorder_has_no_findings():
    assert codes() == []


@pytest.mark.parametrize(
    ("battery", "found"), [(60, []), (59, ["battery_low"]), (0, ["battery_low"])]
)
def test_a_battery_below_the_limit_is_found(battery, found):
    assert codes(battery=battery) == found


@pytest.mark.parametrize("offset_ms", [30_001, -30_001, 420_000])
def test_a_clock_that_is_fast_or_slow_is_found(offset_ms):
    assert codes(offset_ms=offset_ms) == ["clock_off"]


def test_a_clock_within_the_limit_is_good():
    assert codes(offset_ms=-30_000) == []


def test_a_full_card_is_found_in_mebibytes():
    found = check(readings(free_bytes=999 * MIB), LIMITS)
    assert found == (Finding("storage_low", "blocking", 999, 1000),)


def test_what_is_unknown_is_said_as_the_policy_weighs_it():
    limits = Limits(unknown="blocking")
    found = check(readings(None, None, None), limits)
    assert [f.code for f in found] == ["battery_unknown", "clock_unknown", "storage_unknown"]
    assert blocks_issue(found)


def test_the_newest_known_value_counts():
    older, newer = readings(battery=10)[0], readings(battery=80)[0]
    unknown = readings(battery=None)[0]
    assert value_of((older, newer, unknown), "battery_percent") == 80


def test_every_finding_speaks_both_languages():
    for finding in check(readings(5, 90_000, 0), LIMITS):
        assert str(finding.value) in finding.sentence.zh
        assert str(finding.value) in finding.sentence.en
        assert finding.remedy.zh != finding.remedy.en


def test_an_estimate_answers_no_question():
    (battery, *others) = readings(battery=90)
    assert value_of((battery,), "battery_percent") == 90
    guessed = replace(battery, confidence="estimated")
    assert value_of((guessed,), "battery_percent") is None
    assert "battery_unknown" in [found.code for found in check((guessed, *others), LIMITS)]
