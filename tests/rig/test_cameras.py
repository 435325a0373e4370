"""Recorders that show no disk: PTP and MTP, read, set right and cleared over a real plug."""

import base64
import json

import pytest

from contracts.clearing import ClearingPhase
from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import footage
from tests.rig.test_commanded import DUMMY, INSIDE, carry_in

pytestmark = pytest.mark.alone
LOG = "/root/camera.json"
STORE = "store_00010001/"  # of the first card


def listed(files):
    return digests({STORE + name: content for name, content in files.items()})


def plug_in(station, files, *, faults=None, **recorder):
    carry_in(station)
    told = {
        "number": 0,
        "vendor": "0x1209",
        "product": "0x0002",
        "serial": f"USB{recorder['serial']}"
        if recorder["serial"][0] == "R"
        else recorder["serial"],
        "names": ["Sim", "Camera"],
        "recorder": recorder,
        "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
        "faults": faults or {},
        "log": LOG,
    }
    station.put("/root/told.json", json.dumps(told).encode())
    station.begin(f"python3 {INSIDE}/camera.py /root/told.json", "/root/camera.log")


def test_a_ptp_recorder_is_asked_set_right_and_imported(station):
    files = footage(3, 200_000)
    plug_in(station, files, serial="R13", battery=87, clock_offset_seconds=-420)
    shown = station.settled(DUMMY, seconds=400)
    assert (shown.recorder, shown.state) == ("R13", DockState.READY)
    readings = {one.kind: one.value for one in shown.readings}
    assert (readings["battery_percent"], readings["free_bytes"]) == (87, 1 << 34)
    assert imported(station, listed(files))
    (told,) = station.said("clock.set")
    assert abs(told["offset_ms_before"] + 420_000) < 2000
    log = json.loads(station.get(LOG))
    assert abs(log["offset"]) < 2
    assert "0x100b" not in log["asked"]


@pytest.mark.parametrize("fault", [["silent"], ["garbage"], ["stall", 1, 5000]])
def test_an_answer_that_fails_on_the_bus_is_asked_for_in_a_new_session(station, fault):
    files = footage(2, 400_000)
    plug_in(station, files, faults={"0x95c1": fault}, serial="R14", battery=87)
    shown = station.settled(DUMMY, seconds=400)
    assert (shown.recorder, shown.state) == ("R14", DockState.READY)
    assert imported(station, listed(files))
    assert json.loads(station.get(LOG))["asked"]["0x1002"] == 2


def test_a_ptp_recorder_is_cleared_by_its_own_command(station):
    files = footage(2, 100_000)
    plug_in(station, files, serial="BWCC03", battery=87)
    station.wait_dock(
        DUMMY, lambda dock: dock.clearing and dock.clearing.phase is ClearingPhase.CLEARED, 400
    )
    assert imported(station, listed(files))
    log = json.loads(station.get(LOG))
    assert log["left"] == ["DCIM", "100MEDIA"]
    assert log["asked"]["0x100b"] == len(files)


def test_an_mtp_device_of_qemu_is_imported(station, tmp_path):
    folder = tmp_path / "mtp"
    folder.mkdir()
    files = {"01.mp4": footage(1)["DCIM/100MEDIA/01.mp4"]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    station.add_device(
        9, "mtp", driver="usb-mtp", rootdir=str(folder), readonly=True, serial="BWCC04"
    )
    assert station.settled(9).recorder == "C04"
    assert imported(station, listed(files))
