"""A recorder in command mode: an emulator behind a USB device (FunctionFS), then behind a disk.

commanded.py JSON: what gadget.py takes but for the functions, and {"emulator": [module, class,
arguments], "disk": {"lun.0/file": image, …}}. The emulators lie beside this file. The gadgets are
named after the serial: SERIAL-command, then SERIAL-disk.
"""

import errno
import importlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import gadget
from emulators.faults import RefusedError, SilentError

_DISKS = (0xA1, 0xFE)  # Bulk-Only Transport, 3.2: how many disks it has, less one
_RESET = (0x21, 0xFF)  # Bulk-Only Transport, 3.1: what the kernel does to a disk that is silent
SETUP = 4  # <linux/usb/functionfs.h>: the event's type
_ALL_REQUESTS = 64 | 128  # FUNCTIONFS_ALL_CTRL_RECIP, CONFIG0_SETUP: also those to the device
_SPEEDS = 1 | 2  # full, high
_NO_MEDIUM = bytes((0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3A, 0, 0, 0, 0, 0))
_STORAGE = (8, 6, 0x50)
_VENDOR = (0xFF, 0, 0)
# dummy_hcd gives out its bulk endpoints in this order: in 0x81, out 0x02, 0x07, 0x0c, 0x01. Storage
# takes two of them; a vendor's device all, as its texts are to go to 0x01.
_ENDS = {_STORAGE: (0x81, 2), _VENDOR: (0x81, 2, 3, 4, 5)}


def descriptors(kind):
    """Return one interface with its bulk endpoints, at both speeds."""
    texts, numbers = [], _ENDS[kind]
    for size in (64, 512):
        ends = b"".join(struct.pack("<BBBBHB", 7, 5, end, 2, size, 0) for end in numbers)
        texts.append(struct.pack("<BBBBBBBBB", 9, 4, 0, 0, len(numbers), *kind, 0) + ends)
    body = struct.pack("<II", *[1 + len(numbers)] * 2) + b"".join(texts)
    return struct.pack("<III", 3, 12 + len(body), _SPEEDS | _ALL_REQUESTS) + body


def open_function(folder, kind):
    """Mount FunctionFS and describe the function; return its first endpoint."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "functionfs", folder.name, str(folder)], check=True)
    ep0 = os.open(folder / "ep0", os.O_RDWR)
    os.write(ep0, descriptors(kind))
    os.write(ep0, struct.pack("<IIII", 2, 16, 0, 0))
    return ep0


def serve_control(ep0, recorder):
    """Answer requests on the first endpoint for ever."""
    while True:
        event = os.read(ep0, 12)
        if event[8] == SETUP:
            answer_control(ep0, recorder, struct.unpack("<BBHHH", event[:8]))


def answer_control(ep0, recorder, setup):
    """Answer one request; what is refused is stalled by going the wrong way."""
    is_in = setup[0] & 0x80
    try:
        said = asked_control(ep0, recorder, setup)
        if is_in:
            os.write(ep0, said[: setup[4]])
    except SilentError:
        return
    except Exception as error:  # noqa: BLE001  # whatever the emulator says no with
        print("refused", setup, repr(error), flush=True)  # noqa: T201
        try:
            (os.read if is_in else os.write)(ep0, 0 if is_in else b"")
        except OSError as stalled:
            if stalled.errno not in (errno.EL2HLT, errno.EAGAIN, errno.EIDRM, errno.ESRCH):
                raise


def asked_control(ep0, recorder, setup):
    """Return what the recorder says to one request."""
    if setup[:2] == _DISKS:
        return b"\0"
    is_reset = setup[:2] == _RESET
    if not is_reset and not hasattr(recorder, "control"):
        raise RefusedError
    payload = b"" if setup[0] & 0x80 else os.read(ep0, setup[4])
    return b"" if is_reset else recorder.control(setup, payload)


def serve_storage(folder, recorder):
    """Carry SCSI commands to the emulator as a disk without a card would: Bulk-Only Transport."""
    out, into = os.open(folder / "ep2", os.O_RDWR), os.open(folder / "ep1", os.O_RDWR)
    while True:
        command = os.read(out, 512)
        if len(command) != 31 or command[:4] != b"USBC":
            continue
        tag, size, flags, _, length = struct.unpack("<IIBBB", command[4:15])
        cdb = command[15 : 15 + length]
        payload = os.read(out, size) if size and not flags & 0x80 else b""
        try:
            said, status = carried_out(recorder, cdb, payload, size)
        except SilentError:
            continue
        if flags & 0x80 and size:
            said = said[:size] or bytes(size)
            os.write(into, said)
        left = size - len(said) if flags & 0x80 else 0
        os.write(into, struct.pack("<4sIIB", b"USBS", tag, left, status))


def serve_bulk(folder, recorder):
    """Carry texts to the emulator and its answers back: out 0x01, in 0x81."""
    out, into = os.open(folder / "ep5", os.O_RDWR), os.open(folder / "ep1", os.O_RDWR)
    while True:
        recorder.bulk(0x01, os.read(out, 512), 0)
        while recorder.answers:
            os.write(into, recorder.bulk(0x81, b"", 64))


def carried_out(recorder, cdb, payload, size):
    """Return what a command reads, and whether it failed."""
    if cdb[0] == 0x03:
        return _NO_MEDIUM, 0
    if cdb[0] in (0x00, 0x1A, 0x1E, 0x25, 0x28, 0x5A):
        return b"", 1
    try:
        return recorder.scsi(cdb, payload, size), 0
    except SilentError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever the emulator says no with
        print("refused", cdb.hex(), repr(error), flush=True)  # noqa: T201
        return b"", 1


def main():
    """Be in command mode until told to be a disk, then be a disk."""
    told = json.loads(sys.argv[1])
    module, kind, arguments = told["emulator"]
    recorder = getattr(importlib.import_module(f"emulators.{module}"), kind)(**arguments)
    folder = Path("/dev") / told["serial"].lower()
    command, disk = f"{told['serial']}-command", f"{told['serial']}-disk"
    gadget.describe(command, {**told, "functions": {f"ffs.{folder.name}": {}}})
    ep0 = open_function(folder, _STORAGE if hasattr(recorder, "scsi") else _VENDOR)
    gadget.plug(command, told["number"])
    threading.Thread(target=serve_control, args=(ep0, recorder), daemon=True).start()
    if hasattr(recorder, "scsi"):
        threading.Thread(target=serve_storage, args=(folder, recorder), daemon=True).start()
    if hasattr(recorder, "answers"):
        threading.Thread(target=serve_bulk, args=(folder, recorder), daemon=True).start()
    while recorder.mode != "disk":
        time.sleep(0.05)
    gadget.pull(command)
    gadget.describe(disk, {**told, "functions": {"mass_storage.0": told["disk"]}})
    gadget.plug(disk, told["number"])
    os._exit(0)  # a thread may be in a read that nothing ends


if __name__ == "__main__":
    main()
