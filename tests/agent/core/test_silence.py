"""Docks that do not come on are seen."""

from agent.core.board import show_dock
from agent.core.dock import step
from agent.core.event import Docked
from agent.core.silence import SILENT_SECONDS, is_silent, silence
from tests.support.made_up import NOW, ZONE, around, device, later, station


def shown_after(seconds):
    one = station()
    one.docks[1] = step(one.docks[1], Docked(device(), "v1"), around())[0]
    one.moved_at = {1: NOW, 2: NOW}
    return [show_dock(one, one.docks[n], later(seconds)).findings for n in (1, 2)]


def test_a_dock_that_came_on_lately_or_does_nothing_is_not_silent():
    assert not is_silent(None, NOW)
    assert not is_silent(NOW, later(SILENT_SECONDS - 1))
    assert silence(NOW, later(1), ZONE) == silence(None, NOW, ZONE) == ()


def test_a_dock_that_has_not_come_on_for_long_says_since_when():
    (finding,), empty = shown_after(SILENT_SECONDS)
    assert (finding.code, finding.severity, finding.value) == (
        "card_silent",
        "blocking",
        "17:42:00",
    )
    assert "17:42:00" in str(finding.sentence)
    assert empty == ()
