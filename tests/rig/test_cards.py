"""Real file systems behind a real USB stack, and what every visit must come to."""

import os
import time

import pytest

from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage
from tests.support.loopdisk import run


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


def test_ntfs_is_imported_and_left_as_it_was(station, tmp_path):
    files = footage(2)
    card = Card.of(tmp_path, "R03", files, kind="ntfs")
    before = card.image.read_bytes()
    station.plug(3, card)
    assert station.settled(3).recorder == "R03"
    assert imported(station, digests(files))
    assert card.image.read_bytes() == before


def test_what_a_recorder_marked_on_fat32_is_told_and_a_battery_is_read(station, tmp_path):
    names = (
        "DCIM/Movie/20260804_100000.mp4",
        "DCIM/Movie/20260804_110000_IMP.mp4",
        "DCIM/Movie/20260804_110000.nmea",
        "DCIM/Movie/20260804_120000.mp4",
    )
    files = {name: os.urandom(50_000) for name in names}
    card = Card.of(tmp_path, "R02", {**files, "LOG/BATTERY.TXT": b"Battery0=87"})
    run("mattrib", "-i", str(card.image), "+r", f"::{names[3]}")
    station.plug(2, card)
    assert station.settled(2).recorder == "R02"
    assert imported(station, digests(files))
    told = {said["name"]: said for said in station.said("footage.imported")}
    assert [told[name]["important"] for name in names] == [None, "name", None, "read_only"]
    assert told[names[2]]["sidecar_of"] == names[1]
    battery = station.said("recorder.checked")[-1]["readings"][0]
    assert (battery["value"], battery["how"]) == (87, "LOG/BATTERY.TXT")
