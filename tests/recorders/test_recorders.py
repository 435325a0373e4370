"""Every recorded recorder of this folder, through the whole path: asked, switched, imported.

Drop a file that `muster-agent record-fixture` wrote into this folder: nothing else is needed
(docs/recorders/fixtures.md).
"""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.auditing import audit
from agent.core.device import languages
from agent.core.fixture import parse
from agent.core.profile import candidates
from agent.recording import PTP
from contracts.dock import DockState
from tests.recorders.construct import HERE, NAMES, card, construct
from tests.recorders.docking import ENDED, Docking, device, made_of, told

FILES = sorted(HERE.glob("*.fixture"))
CARD = {"DCIM/a.mp4": b"a", "DCIM/b.mp4": b"b"}  # for a recorder whose card nobody listed


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def fixture(request):
    return parse(request.param.read_text(encoding="utf-8"), request.param.name)


@pytest.fixture
def docking(tmp_path, fixture):
    made = Docking(tmp_path, fixture)
    yield made
    made.close()


@pytest.fixture
def disk(fixture):
    if fixture.head.family == PTP:
        yield None  # it lists its files itself
        return
    modified = fixture.entries[0].modified_ns / 1e9 if fixture.entries else 0
    held = made_of(fixture.entries) or CARD
    with card(held, device(fixture.plug), modified, label=fixture.plug.label) as shown:
        yield replace(shown, arrival="1.8")


def visited(docking, fixture, disk):
    """Dock the recorder, have it switched where it becomes a disk, and wait for the end."""
    if fixture.exchanges:
        docking.see(device(fixture.plug))
    if fixture.exchanges and disk:
        docking.until(DockState.SWITCHING)
    if disk:
        docking.see(disk)
    docking.until(*ENDED)


def test_a_recorded_recorder_is_told_by_its_profile(docking, fixture):
    shown = device(fixture.plug)
    fitting = languages(shown, docking.profiles) if fixture.exchanges else ()
    names = [one.name for one in fitting or candidates(shown, docking.profiles)]
    assert fixture.head.profile in names


def test_a_recorded_recorder_is_asked_switched_and_imported(tmp_path, docking, fixture, disk):
    visited(docking, fixture, disk)
    (completed,) = docking.data("visit.completed")
    counts = completed["counts"]
    assert counts["listed"] == counts["imported"] == len(fixture.entries or CARD)
    assert len(docking.data("footage.imported")) == counts["imported"]
    assert len(docking.data("recorder.docked")) == 1
    assert audit(tmp_path / "ledger", str(docking.ledger.verifying_key), (), print) == ()


def test_what_a_recorded_recorder_tells_is_entered(docking, fixture, disk):
    visited(docking, fixture, disk)
    readings = docking.data("recorder.checked")[0]["readings"]
    entered = {one["kind"]: one["value"] for one in readings}
    known = told(fixture) if fixture.exchanges else {}
    for fact in ("battery_percent", "free_bytes", "total_bytes"):
        assert known.get(fact) in {None, entered[fact]}
    (docked,) = docking.data("recorder.docked")
    assert docked["recorder"] == "F1"
    if fixture.exchanges:
        assert docked["identity"]["device_number"] == known["number"]


@pytest.mark.parametrize("name", NAMES)
def test_a_constructed_file_is_what_recording_the_emulator_gives_now(tmp_path, name):
    construct(name, tmp_path)
    made = (tmp_path / f"{name}.fixture").read_text(encoding="utf-8")
    assert made == Path(HERE, f"{name}.fixture").read_text(encoding="utf-8")


def test_files_that_were_constructed_say_so_and_hide_nobody_real():
    for name in NAMES:
        said = Path(HERE, f"{name}.fixture").read_text(encoding="utf-8")
        assert parse(said, name).head.origin == "constructed"
