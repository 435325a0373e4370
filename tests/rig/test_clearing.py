"""Cards emptied on real file systems, whose own check finds nothing wrong afterwards."""

import os

import pytest

from contracts.clearing import ClearingPhase
from tests.rig.crafted import craft
from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage
from tests.rig.station import SETTLED

OVER = (ClearingPhase.CLEARED, ClearingPhase.KEPT)


def over(dock):
    """Tell whether nothing more is going to happen to a card."""
    return dock.state in SETTLED and (dock.clearing is None or dock.clearing.phase in OVER)


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_cleared_card_is_empty_and_sound(station, tmp_path, kind):
    files = footage()
    card = Card.of(tmp_path, "C01", files, kind=kind)
    plugged = station.plug(1, card)
    shown = station.wait_dock(1, lambda dock: dock.clearing and dock.clearing.phase in OVER)
    assert shown.clearing.phase is ClearingPhase.CLEARED, shown.clearing
    station.unplug(plugged)
    station.empty(1)
    assert card.names() == ["PARAM.INI"]
    card.check()
    assert imported(station, digests(files))


def slash(files):
    files["CCCC.MP4"].name = "C/CC.MP4"


def doubled(files):
    files["BBBB.MP4"].name = "AAAA.MP4"


def crossed(files):
    files["BBBB.MP4"].cluster = files["AAAA.MP4"].cluster


def boundless(files):
    files["BBBB.MP4"].claim(1 << 40)


@pytest.mark.parametrize(
    ("change", "unharmed"),
    [(slash, "AAAA.MP4"), (doubled, "CCCC.MP4"), (crossed, "CCCC.MP4"), (boundless, "CCCC.MP4")],
)
def test_of_a_crafted_card_is_read_what_can_be_and_nothing_is_removed(
    station, tmp_path, change, unharmed
):
    files = {name: os.urandom(300_000) for name in ("AAAA.MP4", "BBBB.MP4", "CCCC.MP4")}
    card = Card.of(tmp_path, "C02", files, kind="exfat")
    craft(card.image, change)
    before = card.image.read_bytes()
    plugged = station.plug(2, card)
    station.wait_dock(2, over)
    station.unplug(plugged)
    station.empty(2)
    assert card.image.read_bytes() == before
    assert imported(station, digests({unharmed: files[unharmed]}))
    assert station.said("recorder.clearing") == []
