"""Which physical port a device is on, as sysfs says, and which ports the settings bind to docks.

Standard library only; nothing of the project is imported here. What is asked of the helper is
checked against this, never against what the one who asks says.
"""

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

_HUB = "09"
# Printers, cameras as PTP, serial lines and disks, and what makers define for themselves: beside
# these nothing on a dock is ever let in, whatever a profile says. Not among them: keyboard and
# mouse (03), wireless (e0), sound, hubs (which carry such things) and smart cards.
_ON_A_DOCK = frozenset({"02", "06", "08", "0a", "ff"})
_USB = re.compile(r"\d+-(\d+(?:\.\d+)*)")
_NODE = re.compile(r"(?:[a-z]+\d*p?\d*|bus/usb/\d{3}/\d{3}|tty[A-Z]+\d+)")
_INTERFACE, _CLASS_AT = 4, 5  # USB 2.0, table 9-12: bDescriptorType, bInterfaceClass
_SYS = Path("/sys")


class PortError(Exception):
    """What was asked is not on a port where it may be."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of station.toml: those bound to docks, and patterns of the kiosk's own."""

    docks: frozenset[str]
    own: tuple[str, ...]

    def is_own(self, port: str) -> bool:
        """Tell whether the port is for the kiosk's keyboard, screen and disks."""
        return any(fnmatchcase(port, pattern) for pattern in self.own)

    def node(self, name: str, kind: str) -> Path:
        """Return a device node below /dev that is on a dock; `kind` is "block" or "char".

        Raises:
            PortError: it is no such node, or on no dock.
        """
        if not _NODE.fullmatch(name):
            raise PortError(f"{name!r}: no name of a device")
        node = Path("/dev", name)
        is_kind = stat.S_ISBLK if kind == "block" else stat.S_ISCHR
        found = node.lstat()
        if not is_kind(found.st_mode):
            raise PortError(f"{node}: no {kind} device")
        number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
        port = port_of((_SYS / "dev" / kind / number).resolve(strict=True))
        if port not in self.docks or self.is_own(port):
            raise PortError(f"{node}: {port or '?'} is no dock")
        return node

    def admit(self, name: str) -> None:
        """Let the kernel configure a USB device and bind drivers to it.

        Raises:
            PortError: its port is neither own nor a dock's, or it is nothing for a dock.
        """
        device = _device(name)
        port, classes = port_of(device), interface_classes((device / "descriptors").read_bytes())
        may = classes <= _ON_A_DOCK if port in self.docks else classes == {_HUB}
        if not may and not self.is_own(port):
            raise PortError(f"{name}: {port}: {', '.join(sorted(classes))}")
        (device / "authorized").write_text("1")

    def shut_out(self, name: str) -> None:
        """Take all drivers away from what is on a dock and is no recorder.

        Raises:
            PortError: it is on no dock.
        """
        device = _device(name)
        port = port_of(device)
        if port not in self.docks or self.is_own(port):
            raise PortError(f"{name}: {port} is no dock")
        (device / "authorized").write_text("0")


def read_ports(settings: Path) -> Ports:
    """Return the ports of a station's settings.

    Raises:
        OSError, ValueError, KeyError: they cannot be read.
    """
    said = tomllib.loads(settings.read_text(encoding="utf-8"))
    docks = frozenset(str(dock["port"]) for dock in said["dock"])
    return Ports(docks, tuple(map(str, said.get("own_ports", ()))))


def port_of(device: Path) -> str:
    """Return the port of a device's folder in sysfs, as udev's ID_PATH writes it; "" for none."""
    parts = device.parts
    if len(parts) > 1 and re.fullmatch(r"loop\d+", device.name):
        return f"loop:{device.name}"
    on_usb = [place for place, part in enumerate(parts) if _USB.fullmatch(part)]
    if not on_usb:
        return ""
    path, before = f"usb-0:{parts[on_usb[-1]].partition('-')[2]}", ""
    for parent in Path(*parts[: on_usb[0]]).parents:
        bus = _subsystem(parent)
        if bus in ("pci", "platform") and bus != before:
            path = f"{bus}-{parent.name}-{path}"
        before = bus
    return path


def interface_classes(descriptors: bytes) -> frozenset[str]:
    """Return the classes of all interfaces that a device's raw descriptors name ("08")."""
    found, place = set(), 0
    while place + _CLASS_AT < len(descriptors) and descriptors[place] > 1:
        if descriptors[place + 1] == _INTERFACE:
            found.add(f"{descriptors[place + _CLASS_AT]:02x}")
        place += descriptors[place]
    return frozenset(found)


def _device(name: str) -> Path:
    if not _USB.fullmatch(name):
        raise PortError(f"{name!r}: no name of a USB device")
    return (_SYS / "bus/usb/devices" / name).resolve(strict=True)


def _subsystem(folder: Path) -> str:
    try:
        return (folder / "subsystem").readlink().name
    except OSError:
        return ""
