"""Real file systems behind a real USB stack, and what every visit must come to."""

import time

import pytest

from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_card_is_imported_bit_for_bit(station, tmp_path, figures, kind):
    files = footage()
    card = Card.of(tmp_path, "R01", files, kind=kind)
    before = card.image.read_bytes()
    began = time.monotonic()
    station.plug(1, card)
    station.wait_dock(1, lambda dock: dock.state is not DockState.EMPTY)
    figures.setdefault("plug-in to tile", []).append(time.monotonic() - began)
    station.wait_dock(1, lambda dock: dock.progress and dock.progress.bytes_done)
    figures.setdefault("plug-in to first byte", []).append(time.monotonic() - began)
    assert station.settled(1).recorder == "R01"
    assert imported(station, digests(files))
    assert card.image.read_bytes() == before
