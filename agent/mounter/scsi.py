"""One SCSI command of a maker's own through the kernel's generic driver (SG_IO, <scsi/sg.h>).

Standard library only. The kernel (6.1) lets whoever may open the node for writing send any command:
the node is root's, and the list below is what stands between the agent and a card.
"""

import ctypes
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

_SG_IO = 0x2285
_NO_DATA, _TO_DEVICE, _FROM_DEVICE = -1, -2, -3
_SENSE_BYTES = 64
# The commands that recorders in command mode are spoken with (docs/recorders), and INQUIRY and TEST
# UNIT READY: nothing that writes to a card or to a chip's memory. Of Jieli's, all that tell but
# 13, which gives the password away, and of those that order only session, clock and switch.
_PLAIN, _PLAIN_BYTES, _OWN_BYTES = frozenset({0x00, 0x12}), 6, 16
_JIELI_TELLS, _JIELI_ORDERS = frozenset({2, 3, 7, 8, 12, 14}), frozenset({1, 5, 6})
DATA_MAX_BYTES = 64 * 1024
SECONDS_MAX = 30.0


class ScsiError(Exception):
    """The command is not let through; the text says why."""


class _Header(ctypes.Structure):
    _fields_ = (
        ("interface", ctypes.c_int),
        ("direction", ctypes.c_int),
        ("command_bytes", ctypes.c_ubyte),
        ("sense_max", ctypes.c_ubyte),
        ("pieces", ctypes.c_ushort),
        ("data_bytes", ctypes.c_uint),
        ("data", ctypes.c_void_p),
        ("command", ctypes.c_void_p),
        ("sense", ctypes.c_void_p),
        ("timeout_ms", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked", ctypes.c_ubyte),
        ("message", ctypes.c_ubyte),
        ("sense_bytes", ctypes.c_ubyte),
        ("host", ctypes.c_ushort),
        ("driver", ctypes.c_ushort),
        ("left_over", ctypes.c_int),
        ("took_ms", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `payload` goes to the recorder, or up to `size` bytes come from it."""

    cdb: bytes
    payload: bytes
    size: int
    seconds: float

    def check(self) -> None:
        """Refuse what is not to be sent, or beyond all measure.

        Raises:
            ScsiError: it is.
        """
        if not lets_through(self.cdb):
            raise ScsiError(f"command {self.cdb[:6].hex(' ')} is not let through")
        if max(self.size, len(self.payload)) > DATA_MAX_BYTES:
            raise ScsiError("too long")
        if not 0 < self.seconds <= SECONDS_MAX or (self.size and self.payload) or self.size < 0:
            raise ScsiError("senseless")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: data read, SCSI status, the kernel's host status, sense data."""

    data: bytes
    status: int
    host: int
    sense: bytes


def lets_through(cdb: bytes) -> bool:
    """Tell whether a command may be sent to a recorder at all."""
    if cdb[:1] and cdb[0] in _PLAIN:
        return len(cdb) == _PLAIN_BYTES
    if len(cdb) != _OWN_BYTES:
        return False
    is_told = cdb[:2] == b"\xfd\x81" and cdb[5] in _JIELI_TELLS
    is_order = cdb[:2] == b"\xfb\x82" and cdb[5] in _JIELI_ORDERS
    return is_told or is_order or cdb[:2] == b"\xc5\x07"


def send(node: Path, command: Command) -> Outcome:
    """Send one command; whether it went well is in what comes of it.

    Raises:
        ScsiError: it is not let through.
        OSError: the node cannot be opened, or is gone.
    """
    command.check()
    data = ctypes.create_string_buffer(command.payload or bytes(command.size), size=None)
    length = len(command.payload) or command.size
    cdb = ctypes.create_string_buffer(command.cdb)
    sense = ctypes.create_string_buffer(_SENSE_BYTES)
    way = _TO_DEVICE if command.payload else _FROM_DEVICE if command.size else _NO_DATA
    header = _Header(
        interface=ord("S"), direction=way, command_bytes=len(command.cdb), sense_max=_SENSE_BYTES,
        data_bytes=length, data=ctypes.addressof(data), command=ctypes.addressof(cdb),
        sense=ctypes.addressof(sense), timeout_ms=int(command.seconds * 1000),
    )  # fmt: skip
    fd = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _SG_IO, header)
    finally:
        os.close(fd)
    return Outcome(
        data.raw[: max(0, command.size - max(0, header.left_over))],
        header.status,
        header.host,
        sense.raw[: header.sense_bytes],
    )
