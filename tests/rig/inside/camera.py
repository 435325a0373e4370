"""A recorder that speaks PTP, behind a USB device in this machine: the emulator over FunctionFS.

camera.py FILE: JSON, what gadget.py takes but for the functions, and {"recorder": arguments of the
emulator, "files": {path: base64}, "faults": {operation: [kind, times, at]}, "log": file}. Into the
log goes what the host did to it, and how often it asked for each operation.
"""

import base64
import json
import os
import struct
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import gadget
from commanded import SETUP
from emulators.ptp import Recorder
from emulators.ptp_usb import Fault, Plug

_BUFFER_BYTES = 1 << 16


def descriptors():
    """Return a still image interface: bulk in, bulk out, interrupt, at both speeds."""
    texts = []
    for size in (64, 512):
        bulk = b"".join(struct.pack("<BBBBHB", 7, 5, end, 2, size, 0) for end in (0x81, 2))
        events = struct.pack("<BBBBHB", 7, 5, 0x83, 3, 28, 6)
        texts.append(struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 3, 6, 1, 1, 0) + bulk + events)
    body = struct.pack("<II", 4, 4) + b"".join(texts)
    return struct.pack("<III", 3, 12 + len(body), 1 | 2) + body


def serve_control(ep0, plug):
    """Answer class requests for ever."""
    while True:
        event = os.read(ep0, 12)
        if event[8] != SETUP:
            continue
        kind, request, value, _, length = struct.unpack("<BBHHH", event[:8])
        if kind & 0x80:
            os.write(ep0, plug.control(kind, request, value, length) or b"")
        else:
            os.read(ep0, length)
            plug.control(kind, request, value, length)


def serve(folder, plug, keep_log):
    """Take what the host sends, and give it what there is to give."""
    out, into = os.open(folder / "ep2", os.O_RDWR), os.open(folder / "ep1", os.O_RDWR)
    while True:
        heard = os.read(out, _BUFFER_BYTES)
        if len(heard) >= 12:
            plug.out(heard)
        while (said := plug.into(_BUFFER_BYTES)) is not None:
            os.write(into, said)
        keep_log()


def filled(told):
    """Return the emulated recorder with its files."""
    offset = timedelta(seconds=told["recorder"].pop("clock_offset_seconds", 0))
    recorder = Recorder(clock_offset=offset, **told["recorder"])
    folders = {(): 0}
    for path, content in told["files"].items():
        *parents, name = path.split("/")
        for depth in range(1, len(parents) + 1):
            here = tuple(parents[:depth])
            if here not in folders:
                folders[here] = recorder.add(here[-1], folders[here[:-1]])
        recorder.add(name, folders[tuple(parents)], base64.b64decode(content))
    return recorder


def main():
    """Be plugged in for ever."""
    told = json.loads(Path(sys.argv[1]).read_text())
    recorder = filled(told)
    folder = Path("/dev/camera")
    gadget.describe("camera", {**told, "functions": {"ffs.camera": {}}})
    folder.mkdir()
    subprocess.run(["mount", "-t", "functionfs", "camera", str(folder)], check=True)
    ep0 = os.open(folder / "ep0", os.O_RDWR)
    os.write(ep0, descriptors())
    os.write(ep0, struct.pack("<IIII", 2, 16, 0, 0))
    gadget.plug("camera", told["number"])
    plug = Plug(recorder)
    for code, fault in told["faults"].items():
        plug.faults[int(code, 16)] = Fault(*fault)
    threading.Thread(target=serve_control, args=(ep0, plug), daemon=True).start()

    def keep_log():
        left = [thing.name for thing in recorder.things.values()]
        offset = recorder.clock_offset.total_seconds()
        asked = Counter(f"{code:#06x}" for code, _ in recorder.log)
        fresh = Path(told["log"] + ".new")
        fresh.write_text(json.dumps({"left": left, "offset": offset, "asked": asked}))
        fresh.replace(told["log"])

    serve(folder, plug, keep_log)


if __name__ == "__main__":
    main()
