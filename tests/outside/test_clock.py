"""The machine's clocks, and whether the kernel vouches for the wall clock."""

import pytest

from outside.clock import boot_id, clock_state, judge_error, moment, uptime_seconds, wall_now


@pytest.mark.parametrize(
    ("error_us", "state"),
    [(0, "synchronised"), (15_999_999, "synchronised"), (16_000_000, "unsynchronised")],
)
def test_a_clock_is_believed_while_an_error_is_vouched_for(error_us, state):
    assert judge_error(error_us) == state


def test_the_kernel_is_asked_and_answers():
    assert clock_state() in ("synchronised", "unsynchronised")


def test_a_moment_is_told_by_all_clocks_at_once():
    told = moment()
    assert told.at <= wall_now()
    assert told.boot_id == boot_id()
    assert told.uptime_ms <= uptime_seconds() * 1000
