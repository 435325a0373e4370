"""The boards that are only pictured are ones the kiosk can show."""

import pytest

from contracts.clearing import ClearingPhase
from contracts.loading import from_json, to_json
from contracts.snapshot import Snapshot
from demo.staged import STAGED, cards_being_cleared, full_disk
from station.watching import is_stale
from tests.support.madeup_station import NOW, snapshot


@pytest.mark.parametrize("staged", STAGED.values())
def test_a_staged_board_is_a_snapshot_that_is_not_old(staged):
    shown = staged(snapshot(), NOW)
    assert from_json(to_json(shown), Snapshot) == shown
    assert not is_stale(shown, NOW)


def test_the_clearing_board_shows_phase_after_phase():
    phases = [dock.clearing.phase for dock in cards_being_cleared(snapshot(), NOW).docks]
    assert len(set(phases)) == len(ClearingPhase) - 1
    assert ClearingPhase.LOOKING not in phases  # it lasts no longer than a glance


def test_the_full_disk_stops_the_board_and_a_dock():
    shown = full_disk(snapshot(), NOW)
    assert shown.storage.stops
    assert shown.docks[0].error_code == shown.storage.code
