"""When the deciding loop shows what it knows."""

import queue
from datetime import timedelta

import pytest

from agent.core.event import DevicesSeen, Ticked
from agent.loop import SHOW_SECONDS, TICK_SECONDS, Hands, Loop
from tests.support.entering import opened
from tests.support.made_up import NOW, moment, station


class Kept:
    """A loop, what it has shown, and a clock that only the test moves."""

    def __init__(self, folder):
        self.shown, self._now, self.ledger = [], NOW, opened(folder)
        hands = Hands(
            ledger=self.ledger,
            workers={},
            shipper=None,
            answer=lambda *_: None,
            write_snapshot=self.shown.append,
            moment=lambda: moment(self._now),
            tick=lambda: Ticked(10**12, 10**12, "synchronised"),
            scrub=lambda: None,
            alive=lambda: None,
            version="test",
        )
        self._loop = Loop(station(), queue.SimpleQueue(), hands)

    def after(self, seconds, *events):
        """Let time pass, take events; return how many snapshots that made."""
        before = len(self.shown)
        self._now += timedelta(seconds=seconds)
        self._loop.turn(events)
        return len(self.shown) - before


@pytest.fixture
def loop(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    kept.ledger.close()


def test_where_nothing_happens_each_tick_is_shown_and_nothing_between(loop):
    assert loop.after(0) == 1
    assert [loop.after(SHOW_SECONDS) for _ in range(4)] == [0, 0, 0, 1]
    assert loop.after(TICK_SECONDS) == 1


def test_what_happens_is_shown_at_once_or_when_a_quarter_of_a_second_has_passed(loop):
    loop.after(0)
    assert loop.after(SHOW_SECONDS, DevicesSeen(())) == 1
    assert loop.after(SHOW_SECONDS / 5, DevicesSeen(())) == 0
    assert loop.after(SHOW_SECONDS) == 1
    assert loop.after(SHOW_SECONDS) == 0
