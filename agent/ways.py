"""The ways to a recorder, each by the name that a profile's `language.transport` gives it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agent.core.dialogue import Transport
from agent.core.recorder import Device
from agent.mounter.scsi import send as send_scsi
from agent.mounting import Helper
from agent.transports.adb import open_adb
from agent.transports.line import open_line
from agent.transports.scsi import open_scsi
from agent.transports.tcp import open_tcp
from agent.transports.usb import open_usb
from agent.transports.vendor_library import open_library
from contracts.errors import MountError, TransportError

Open = Callable[[Device, Mapping[str, object]], Transport]


def ways(helper: Helper | None = None) -> dict[str, Open]:
    """Return how each way is opened; what this program may not open itself, the helper lends it.

    Each raises `RecorderGoneError` or `TransportError`.
    """
    send = helper.scsi if helper else send_scsi

    def lent(device: Device, node: Path | None, name: str) -> Path:
        found = _node(device, node, name)
        if helper:
            try:
                helper.lend(found)
            except MountError as error:
                raise TransportError(node=str(found), reason=error.text.en) from error
        return found

    return {
        "scsi": lambda device, _: open_scsi(_node(device, device.generic, "/dev/sg"), send),
        "usb": lambda device, _: open_usb(lent(device, device.usb, "USB")),
        "serial": lambda device, options: open_line(
            lent(device, next(iter(device.lines), None), "tty"), options
        ),
        "tcp": lambda _, options: open_tcp(options),
        "library": lambda device, options: open_library(lent(device, device.usb, "USB"), options),
        "adb": lambda device, options: open_adb(device.serial, options),
    }


def _node(device: Device, node: Path | None, name: str) -> Path:
    if node is None:
        raise TransportError(node=str(device.node), reason=f"无 / no {name}")
    return node
