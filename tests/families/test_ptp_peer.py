"""The emulated PTP recorder before an initiator that is not ours: libgphoto2, over TCP."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.emulators.ptp import Recorder, pattern
from tests.support.emulators.ptpip import Server

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 0, 9, 10, tzinfo=UTC)
DELETE_OBJECT = 0x100B


def asked(recorder, tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    with closing(Server(recorder)) as server:
        command = [sys.executable, "-m", "tests.support.gphoto2_peer", str(server.port)]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def test_another_initiator_reads_the_same_recorder(tmp_path):
    recorder = Recorder(now=lambda: NOW, zone=timedelta(0))
    folder = recorder.add("DCIM")
    recorder.add("a.mp4", folder, pattern, size=3_000_001)
    recorder.add("b.mp4", folder, b"b")
    found = asked(recorder, tmp_path)
    assert found["model"] == "DSJ-P1"
    assert found["battery"] == "87%"
    assert found["clock"] == int(NOW.timestamp())
    assert found["free"] == (1 << 34) // 1024
    assert found["files"] == {
        "store_00010001/DCIM/a.mp4": digest(pattern(0, 3_000_001)),
        "store_00010001/DCIM/b.mp4": digest(b"b"),
    }
    assert DELETE_OBJECT not in recorder.codes()


def test_it_still_takes_one_name_for_another_and_is_therefore_not_used(tmp_path):
    # Once this fails, libgphoto2 compares whole names: see docs/adr/0040.
    recorder = Recorder(now=lambda: NOW)
    folder = recorder.add("DCIM")
    recorder.add("a.mp4.nmea", folder, b"where it was")
    recorder.add("a.mp4", folder, b"what was seen")
    ten, one = recorder.add("REC10", folder), recorder.add("REC1", folder)
    recorder.add("ten.mp4", ten, b"ten")
    recorder.add("one.mp4", one, b"one")
    files = asked(recorder, tmp_path)["files"]
    assert files["store_00010001/DCIM/a.mp4"] == digest(b"where it was")
    assert digest(b"one") not in files.values()
