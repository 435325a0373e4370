"""Makes the constructed fixtures of this folder: each emulated recorder, recorded and scrubbed.

`python -m tests.recorders.construct` writes them anew; needs root, as whoever records does.
"""

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, Volume
from agent.mounting import mount_read_only
from agent.profiles import load
from agent.recorders.massstorage import MassStorage
from agent.recording import Means, record, write
from agent.transports.vendor_library import open_library
from contracts.text import Text
from tests.support.declared import BYTES, TEXT
from tests.support.disks import FAMILY_NAMES, ZONE
from tests.support.emulated import Emulated
from tests.support.emulators.amba_ascii import AmbaAscii
from tests.support.emulators.amba_control import AmbaControl
from tests.support.emulators.e12 import E12
from tests.support.emulators.jieli import Jieli
from tests.support.emulators.novatek import Novatek
from tests.support.emulators.ptp import PLAIN, pattern
from tests.support.emulators.ptp import Recorder as Pictures
from tests.support.emulators.ptp_usb import Plug
from tests.support.emulators.serial_recorder import ByteRecorder, TextRecorder
from tests.support.emulators.zzx import PASSWORD, Zzx
from tests.support.loopdisk import attached, make_image, mounted, run
from tests.support.ptp_wire import Wire as Cable
from tests.support.running_agent import fill
from tests.support.vendor_library import compiled
from tests.support.wire import Wire

HERE = Path(__file__).parent
PLUG = Path("/dev/null")
SHOT_AT = 1785808800  # 2026-08-04 10:00 at the station
SERIAL, LABEL, VOLUME = "BWC20260042", "CAM-0042", "4A2B-31C7"
NO_SERIAL = {"jieli", "mass-storage"}  # as some plugs tell none


def loaded_library(*wrong):
    """Return our own library in its process; its file may go once it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        return open_library(None, compiled(Path(folder), *wrong))


LAN = {"length_order": "little", "tcp": {"host": "192.168.31.42", "port": 10086}}
# Languages of profiles that are not shipped: family and transport.
OWN = {"lan-e12": ("e12", "tcp"), "maker-library": ("vendor_library", "library")}
LIBRARY = {"path": "/opt/maker/libmaker.so", "sha256": "0" * 64}
# Profile, its options beside the shipped, the plug, its inquiry, and the way to the emulator.
SPOKEN = {
    "novatek": ("novatek-text", {}, "0603:8611", "NOVATEK NTK96550", lambda: Emulated(Novatek())),
    "ambarella-control": ("amba-ctrl", {}, "4255:0001", "", lambda: Emulated(AmbaControl())),
    "ambarella-ascii": ("amba-ascii", {}, "4255:0001", "", lambda: Emulated(AmbaAscii())),
    "jieli": ("jieli-dv16", {}, "1234:5678", "DV16 DEVICE", lambda: Emulated(Jieli())),
    "zzx": ("android-zzx", {"password": PASSWORD}, "18d1:4ee7", "", lambda: Wire(Zzx())),
    "e12": ("android-e12", {}, "18d1:4ee7", "", lambda: Wire(E12())),
    "e12-tcp": ("lan-e12", LAN, "2207:0006", "", lambda: Wire(E12())),
    "vendor-library": ("maker-library", LIBRARY, "abcd:0002", "", loaded_library),
    "serial-text": ("serial-text", TEXT, "0403:6001", "", lambda: Wire(TextRecorder())),
    "serial-bytes": ("serial-bytes", BYTES, "0403:6001", "", lambda: Wire(ByteRecorder())),
}
DISK = "mass-storage"
OWN_CLASS = b"\xff\xff\0"
# Profile, plug, its interface class, the recorder's end of the cable.
SHOWN = {
    "ptp": ("ptp", "04b0:0001", "06", lambda: Plug(pictures(3000, operations=PLAIN))),
    "mtp": (
        "mtp",
        "18d1:4ee1",
        "ff",
        lambda: Plug(pictures(5 << 30, clock_offset=None), OWN_CLASS),
    ),
}
NAMES = (*SPOKEN, DISK, *SHOWN)


def files(number):
    """Return a card's files; the names hold the recorder's number and a wearer's."""
    return {
        "PARAM.INI": f"[ZFY]\r\nDevNo={number}\r\nUserName=甲乙\r\nUserNo=031477\r\n".encode("gbk"),
        "LOG/BATTERY.TXT": b"Battery0=85\r\n",
        f"DCIM/Movie/{number}_031477_20260804_100000.mp4": bytes(3000),
        f"DCIM/Movie/{number}_031477_20260804_100000.NMEA": bytes(200),
        f"DCIM/Movie/{number}_031477_20260804_100500_IMP.mp4": bytes(3000),
    }


def pictures(largest, **more):
    """Return a recorder that shows itself as a camera; names and serial as in `files`."""
    made = Pictures(serial="DSJ0042", now=lambda: datetime.fromtimestamp(SHOT_AT, UTC), **more)
    folder = made.add("DCIM")
    moment = {"modified": "20260804T100000"}
    for name, size in (("100000.mp4", 3000), ("100000.NMEA", 200), ("100500_IMP.mp4", largest)):
        about = {"parent": made.add("示例甲", folder) if "IMP" in name else folder, **moment}
        made.add(f"DSJ0042_031477_20260804_{name}", content=pattern, size=size, **about)
    return made


def profiles(head_profile, options, family="grammar", transport="serial", known=None):
    """Return the shipped profiles, one with these options; it is made if it is not shipped."""
    known = known or load(None, FAMILY_NAMES).profiles
    if head_profile not in {one.name for one in known}:
        kind = "serial" if transport == "serial" else "usb"
        match = Match(kinds=(kind,), ports=("*",))
        language = Language(family, transport, options)
        return (Profile(head_profile, Text("声明", "declared"), match, language), *known)
    return tuple(
        replace(one, language=replace(one.language, options={**one.language.options, **options}))
        if one.name == head_profile and one.language
        else one
        for one in known
    )


def plug(usb, inquiry, *, has_line):
    """Return a recorder in command mode."""
    vendor, _, model = usb.partition(":")
    return Device(
        "usb-0:5", "drive" if inquiry else "other", PLUG, "Acme BWC", serial=SERIAL,
        vendor_id=vendor, model_id=model, classes=("08",) if inquiry else ("ff",), usb=PLUG,
        generic=PLUG if inquiry else None, inquiry=inquiry, lines=(PLUG,) if has_line else (),
    )  # fmt: skip


@contextmanager
def card(held, shown, modified=SHOT_AT, kind="ext4", label=LABEL):
    """Give the device that shows a card with these files: each its bytes, or how many of zero."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_image(folder / "image", 64 + len(held) // 64, kind)
        with attached(folder / "image") as node:
            run("blockdev", "--setrw", str(node))
            (folder / "in").mkdir()
            with mounted(node, folder / "in"):
                fill(folder / "in", held)
                for path in sorted((folder / "in").rglob("*")):
                    os.utime(path, (modified, modified))
            volume = Volume(node, VOLUME, kind, label)
            yield replace(
                shown, kind="block", node=node, classes=("08",), file_system=kind, label=label,
                volume=VOLUME, volumes=(volume,), lines=(), generic=None, inquiry="",
            )  # fmt: skip


def construct(name, folder):
    """Record one emulated recorder into a folder: its answers, then its card."""
    target = folder / f"{name}.fixture"
    target.unlink(missing_ok=True)
    if name in SHOWN:
        return construct_shown(name, target)
    profile, options, usb, inquiry, way = SPOKEN.get(name, ("", {}, "abcd:0001", "", None))
    known = (
        profiles(profile, options, *OWN.get(profile, ()))
        if way
        else load(None, FAMILY_NAMES).profiles
    )
    shown = plug(usb, inquiry, has_line=name.startswith("serial"))
    shown = replace(shown, serial=None) if name in NO_SERIAL else shown
    said = ()
    if way:
        opens = dict.fromkeys(("scsi", "usb", "serial", "tcp", "adb", "library"), lambda *_: way())
        means = Means(opens, lambda: 0.0, "emulator", "constructed")
        recorded = record(shown, known, means, None)
        said = write(recorded, target, scrub=True)
    number = recorded.secrets[0] if way else "DSJ0042"
    with card(files(number), shown) as disk, tempfile.TemporaryDirectory() as run_folder:
        disks = MassStorage(Path(run_folder), mount_read_only, known, ZONE)
        means = Means({}, lambda: 0.0, "emulator", "constructed")
        return said + write(record(disk, known, means, disks.attach), target, scrub=True)


def construct_shown(name, target):
    """Record one emulated camera or player: its operations, and what it lists."""
    _, usb, interface, made = SHOWN[name]
    device = replace(plug(usb, "", has_line=False), classes=(interface,))
    means = Means({"usb": lambda *_: Cable(made())}, lambda: 0.0, "emulator", "constructed")
    known = load(None, FAMILY_NAMES).profiles
    return write(record(device, known, means, None), target, scrub=True)


if __name__ == "__main__":
    for one in sys.argv[1:] or NAMES:
        sys.stdout.writelines(f"{line}\n" for line in (f"== {one}", *construct(one, HERE)))
