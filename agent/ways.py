"""The ways to a recorder, each by the name that a profile's `language.transport` gives it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agent.core.dialogue import Transport
from agent.core.recorder import Device
from agent.transports.adb import open_adb
from agent.transports.line import open_line
from agent.transports.scsi import open_scsi
from agent.transports.tcp import open_tcp
from agent.transports.usb import open_usb
from contracts.errors import TransportError

Open = Callable[[Device, Mapping[str, object]], Transport]


def over_scsi(device: Device, _: Mapping[str, object]) -> Transport:
    """Open the SCSI generic node of a device's first disk."""
    return open_scsi(_there(device, device.generic, "/dev/sg"))


def over_usb(device: Device, _: Mapping[str, object]) -> Transport:
    """Open a device's plug itself."""
    return open_usb(_there(device, device.usb, "USB"))


def over_serial(device: Device, options: Mapping[str, object]) -> Transport:
    """Open a device's first serial line."""
    return open_line(_there(device, next(iter(device.lines), None), "/dev/tty"), options)


def over_adb(device: Device, options: Mapping[str, object]) -> Transport:
    """Open a port on the Android device of this USB serial number."""
    return open_adb(device.serial, options)


def over_tcp(_: Device, options: Mapping[str, object]) -> Transport:
    """Connect to the address in the profile, wherever the device is plugged in."""
    return open_tcp(options)


def _there(device: Device, node: Path | None, kind: str) -> Path:
    if node is None:
        raise TransportError(node=device.node, reason=f"没有 {kind} / has no {kind}")
    return node


WAYS: Mapping[str, Open] = {
    "adb": over_adb,
    "scsi": over_scsi,
    "serial": over_serial,
    "tcp": over_tcp,
    "usb": over_usb,
}
