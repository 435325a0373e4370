"""Recorders that show no disk: PTP and MTP, read, set right and cleared over a real plug."""

import base64
import json

from contracts.clearing import ClearingPhase
from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import footage
from tests.rig.test_commanded import DUMMY, INSIDE, carry_in

LOG = "/root/camera.json"


def plug_in(station, files, **recorder):
    carry_in(station)
    told = {
        "number": 0,
        "vendor": "0x1209",
        "product": "0x0002",
        "serial": recorder["serial"],
        "names": ["Sim", "Camera"],
        "recorder": recorder,
        "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
        "log": LOG,
    }
    station.put("/root/told.json", json.dumps(told).encode())
    station.begin(f"python3 {INSIDE}/camera.py /root/told.json", "/root/camera.log")


def test_a_ptp_recorder_is_asked_set_right_and_imported(station):
    files = footage(2, 100_000)
    plug_in(station, files, serial="R13", battery=87, clock_offset_seconds=-420)
    shown = station.settled(DUMMY, seconds=400)
    assert (shown.recorder, shown.state) != ("R13", DockState.FAILED)
    readings = {one.kind: one.value for one in shown.readings}
    assert readings["battery_percent"] == 87
    assert imported(station, digests(files))
    assert station.said("clock.set")


def test_a_ptp_recorder_is_cleared_by_its_own_command(station):
    files = footage(2, 100_000)
    plug_in(station, files, serial="BWCC03", battery=87)
    station.wait_dock(
        DUMMY, lambda dock: dock.clearing and dock.clearing.phase is ClearingPhase.CLEARED, 400
    )
    assert imported(station, digests(files))
    left = json.loads(station.get(LOG))["left"]
    assert not {name.rpartition("/")[2] for name in files} & set(left)


def test_an_mtp_device_of_qemu_is_imported(station, tmp_path):
    folder = tmp_path / "mtp"
    folder.mkdir()
    files = {"01.mp4": footage(1)["DCIM/100MEDIA/01.mp4"]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    station.add_device(
        9, "mtp", driver="usb-mtp", rootdir=str(folder), readonly=True, serial="BWCC04"
    )
    station.settled(9)
    assert imported(station, digests(files))
