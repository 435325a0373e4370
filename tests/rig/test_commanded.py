"""Recorders that must be asked first: command mode, the switch, and the disk they come back as."""

import json
from pathlib import Path

import pytest

from tests.rig.expecting import digests, imported
from tests.rig.project import HERE
from tests.rig.recorders import Card, footage
from tests.support.keeping import PROJECT

INSIDE = Path("/root/inside")
DUMMY = 13  # the dock of the first controller whose cable is in the machine itself


def carry_in(station):
    """Put the gadgets and the emulators into the guest."""
    for file in (HERE / "inside").glob("*.py"):
        station.put(f"{INSIDE}/{file.name}", file.read_bytes())
    for file in (PROJECT / "tests/support/emulators").glob("*.py"):
        station.put(f"{INSIDE}/emulators/{file.name}", file.read_bytes())


def lun(station, card, **more):
    """Give a card to a gadget as a disk of the guest's own, and say what its function is given."""
    station.add_disk("gadget", card)
    station.qmp("device_add", driver="scsi-hd", bus="scsi.0", drive="gadget", serial="gadget")
    node = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_gadget"
    station.until(lambda: station.sh(f"ls {node}", check=False))
    return {"lun.0/removable": "1", "lun.0/file": station.sh(f"readlink -f {node}").strip(), **more}


@pytest.mark.alone
def test_a_recorder_with_a_line_beside_its_disk_is_imported(station, tmp_path):
    carry_in(station)
    files = footage(2)
    disk = lun(station, Card.of(tmp_path, "R11", files))
    told = {
        "number": 0,
        "vendor": "0x1209",
        "product": "0x0001",
        "serial": "BWCR11",
        "names": ["Sim", "Body Camera"],
        "functions": {"acm.0": {}, "mass_storage.0": disk},
    }
    station.sh(f"python3 {INSIDE}/gadget.py up composite '{json.dumps(told)}'")
    assert station.settled(DUMMY).recorder == "R11"
    assert imported(station, digests(files))
    station.sh(f"python3 {INSIDE}/gadget.py pull composite")
    station.empty(DUMMY)


@pytest.mark.alone
def test_a_recorder_in_command_mode_is_asked_switched_and_emptied_as_one_visit(station, tmp_path):
    carry_in(station)
    files = footage(2)
    disk = lun(station, Card.of(tmp_path, "R12", files))
    told = {
        "number": 0,
        "vendor": "0x4255",
        "product": "0x0001",
        "serial": "BWCR12",
        "names": ["Ambarella", "A12"],
        "emulator": ["amba_control", "AmbaControl", {"number": "R12", "battery": 64}],
        "disk": disk,
    }
    station.begin(f"python3 {INSIDE}/commanded.py '{json.dumps(told)}'", "/root/commanded.log")
    shown = station.settled(DUMMY)
    # The card is a small one, and this language cannot be asked for the time.
    found = {finding.code for finding in shown.findings}
    assert (shown.recorder, found) == ("R12", {"storage_low", "clock_unknown", "media_unreadable"})
    battery = next(one for one in shown.readings if one.kind == "battery_percent")
    assert (battery.value, battery.how, battery.confidence) == (64, "EP0 e1 00 70", "reported")
    assert imported(station, digests(files))
    assert len({said["visit"] for said in station.said("recorder.docked", "visit.completed")}) == 1
