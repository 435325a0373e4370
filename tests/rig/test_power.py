"""Power cut in the middle: really, and at many points of one visit by copying the disks."""

import hashlib
from contextlib import ExitStack

import pytest

from contracts.clearing import ClearingPhase
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.rig.expecting import digests, imported
from tests.rig.guest import copy
from tests.rig.recorders import Card, footage
from tests.support.loopdisk import attached, mounted, run

SLOW, SLOWER = 1_000_000, 400_000  # bytes a second
POINTS = 20


@pytest.mark.alone
def test_after_a_power_cut_a_visit_goes_on_where_it_was(station, tmp_path):
    files = footage(8, 500_000)
    card = Card.of(tmp_path, "R01", files)
    station.plug(1, card, bytes_per_second=SLOW)
    station.wait_dock(1, lambda dock: dock.progress and dock.progress.files_done >= 2)
    station.reboot_after_power_cut()
    station.wait_said("agent.started", 2, seconds=300)
    assert station.wait_said("visit.interrupted")["code"] == "agent_restarted"
    station.plug(1, card)
    assert station.settled(1).recorder == "R01"
    assert imported(station, digests(files))
    assert station.wait_said("visit.completed")["counts"]["held"] >= 2


@pytest.mark.alone
def test_at_every_point_of_a_visit_what_is_off_the_card_is_in_the_archive(
    station, tmp_path, figures
):
    files = footage(10, 250_000)
    card = Card.of(tmp_path, "C01", files)
    station.plug(1, card, bytes_per_second=SLOWER)
    points, before = [], None
    while not (shown := station.snapshot()).docks[0].clearing or (
        shown.docks[0].clearing.phase is not ClearingPhase.CLEARED
    ):
        if (now := _how_far(shown)) != before:
            points.append(_copied(station, card, tmp_path / f"point-{len(points):02}"))
            before = now
    points.append(_copied(station, card, tmp_path / "point-end"))
    figures["crash points of one visit"] = [float(len(points))]
    assert len(points) > POINTS
    for point in points:
        _holds(point, files, card)


def _how_far(shown):
    dock = shown.docks[0]
    done = dock.progress.bytes_done if dock.progress else 0
    return shown.ledger_size, dock.state, done, dock.clearing


def _copied(station, card, folder):
    """Stop the machine as a power cut would, as far as its disks go, and copy them."""
    folder.mkdir()
    station.qmp("stop")
    for image in (station.folder / "state.img", station.folder / "archive.img", card.image):
        copy(image, folder)
    station.qmp("cont")
    return folder


def _holds(point, files, card):
    """Open what was copied as a machine would that starts again, and compare."""
    with ExitStack() as stack:
        disks = {}
        for name in ("state", "archive"):
            device = stack.enter_context(attached(point / f"{name}.img"))
            run("blockdev", "--setrw", str(device))
            (point / name).mkdir()
            disks[name] = stack.enter_context(mounted(device, point / name))
        folder = disks["state"] / "ledger"
        assert list(verify(folder)) == []
        with LedgerReader(folder) as reader:
            entered = [entry.data for entry in reader.select(types=("footage.imported",))]
        for said in entered:
            content = (disks["archive"] / "archive" / said["object"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == said["sha256"], (point, said["name"])
        left = Card(point / card.image.name, card.serial).names()
        proven = {said["name"]: said["sha256"] for said in entered}
        gone = {name: digest for name, digest in digests(files).items() if name not in left}
        assert gone.items() <= proven.items()
