"""SCSI commands to a recorder in command mode, through the kernel's generic SCSI node (SG_IO).

Linux <scsi/sg.h>. What a dialogue may send is a closed list, so that none can write to a card. The
kernel lets only a process with CAP_SYS_RAWIO send a maker's own commands.
"""

import ctypes
import errno
import fcntl
import os
import time
from pathlib import Path

from agent.core.dialogue import Pause, Request, ScsiRead, ScsiWrite
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError

_SG_IO = 0x2285
_INTERFACE = ord("S")
_NONE, _TO_DEVICE, _FROM_DEVICE = -1, -2, -3
_SENSE_BYTES = 32
_BYTES_MAX = 64 * 1024
_GOOD, _CHECK_CONDITION = 0x00, 0x02
_UNIT_ATTENTION = 0x06  # said once after a reset, in place of what was asked
_HOST_GONE = frozenset({0x01, 0x04})  # DID_NO_CONNECT, DID_BAD_TARGET
_HOST_TIME_OUT = 0x03
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOENT})
# Beside INQUIRY and TEST UNIT READY. Of Jieli's commands those that tell (but 13, the password),
# and of those that order only session, clock and switch: docs/recorders/jieli.md, novatek.md.
_PLAIN = frozenset({0x00, 0x12})
_JIELI_TELLS = frozenset({2, 3, 7, 8, 12, 14})
_JIELI_ORDERS = frozenset({1, 5, 6})


class _Header(ctypes.Structure):
    """struct sg_io_hdr."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


class _UnitAttentionError(Exception):
    """The device says first that it was reset."""


class Scsi:
    """Carries `ScsiRead`, `ScsiWrite` and `Pause` to one device node."""

    def __init__(self, descriptor: int, node: Path) -> None:
        self._descriptor: int | None = descriptor
        self._node = node

    def ask(self, request: Request) -> bytes:
        """Carry one command out and return what it read.

        Raises:
            NoAnswerError: it was refused, or took longer than the request's seconds.
            RecorderGoneError: it was pulled out.
            TransportError: it may not be sent.
        """
        if isinstance(request, Pause):
            time.sleep(request.seconds)
            return b""
        if not isinstance(request, ScsiRead | ScsiWrite):
            raise self._unusable(f"no {type(request).__name__}")
        if not lets_through(request.cdb):
            raise self._unusable(f"不允许的命令 / no command let through: {request.cdb[:1].hex()}")
        try:
            return self._carry(request)
        except _UnitAttentionError:
            return self._carry(request)

    def close(self) -> None:
        """Close the node; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _carry(self, request: ScsiRead | ScsiWrite) -> bytes:
        cdb = ctypes.create_string_buffer(request.cdb, len(request.cdb))
        sense = ctypes.create_string_buffer(_SENSE_BYTES)
        payload = request.payload if isinstance(request, ScsiWrite) else bytes(request.size)
        if len(payload) > _BYTES_MAX:
            raise self._unusable(f"{len(payload)} > {_BYTES_MAX} bytes")
        buffer = ctypes.create_string_buffer(payload, max(len(payload), 1))
        towards = _TO_DEVICE if isinstance(request, ScsiWrite) else _FROM_DEVICE
        header = _Header(
            interface_id=_INTERFACE,
            dxfer_direction=towards if payload else _NONE,
            cmd_len=len(request.cdb),
            mx_sb_len=_SENSE_BYTES,
            dxfer_len=len(payload),
            dxferp=ctypes.addressof(buffer),
            cmdp=ctypes.addressof(cdb),
            sbp=ctypes.addressof(sense),
            timeout=max(round(request.seconds * 1000), 1),
        )
        self._command(header)
        self._judge(header, sense.raw, type(request).__name__)
        if isinstance(request, ScsiWrite):
            return b""
        return buffer.raw[: max(len(payload) - max(header.resid, 0), 0)]

    def _command(self, header: _Header) -> None:
        if self._descriptor is None:
            raise ValueError("a closed transport was asked")
        try:
            fcntl.ioctl(self._descriptor, _SG_IO, header)
        except OSError as error:
            if error.errno in _GONE:
                raise RecorderGoneError from error
            raise self._unusable(str(error)) from error

    def _judge(self, header: _Header, sense: bytes, name: str) -> None:
        if header.host_status in _HOST_GONE:
            raise RecorderGoneError
        if header.host_status:
            is_late = header.host_status == _HOST_TIME_OUT
            reason = "超时 / timed out" if is_late else f"host status {header.host_status:#04x}"
            raise NoAnswerError(request=name, reason=reason)
        if header.status == _GOOD:
            return
        key, code, qualifier = _sensed(sense[: header.sb_len_wr])
        if header.status == _CHECK_CONDITION and key == _UNIT_ATTENTION:
            raise _UnitAttentionError
        told = f"status {header.status:#04x}, sense {key:x}/{code:02x}/{qualifier:02x}"
        raise NoAnswerError(request=name, reason=told)

    def _unusable(self, reason: str) -> TransportError:
        return TransportError(node=str(self._node), reason=reason)


def lets_through(cdb: bytes) -> bool:
    """Tell whether a SCSI command may be sent to a recorder at all."""
    if cdb[:1] and cdb[0] in _PLAIN:
        return len(cdb) == 6  # noqa: PLR2004  # SPC-3: both have six bytes
    if len(cdb) != 16:  # noqa: PLR2004  # as every command below
        return False
    is_told = cdb[:2] == b"\xfd\x81" and cdb[5] in _JIELI_TELLS
    is_order = cdb[:2] == b"\xfb\x82" and cdb[5] in _JIELI_ORDERS
    return is_told or is_order or cdb[:2] == b"\xc5\x07"


def open_scsi(node: Path) -> Scsi:
    """Open a generic SCSI node (/dev/sg…).

    Raises:
        RecorderGoneError: it is not there any more.
        TransportError: it cannot be used.
    """
    try:
        # Without O_NONBLOCK the kernel waits for another program that has it alone.
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _GONE:
            raise RecorderGoneError from error
        raise TransportError(node=str(node), reason=error.strerror) from error
    return Scsi(descriptor, node)


def _sensed(sense: bytes) -> tuple[int, int, int]:
    """Return sense key, additional code and qualifier (SPC-3, 4.5.2 and 4.5.3), 0 where missing."""
    full = sense.ljust(_SENSE_BYTES, b"\0")
    is_descriptor = full[0] & 0x7F in (0x72, 0x73)
    at = (1, 2, 3) if is_descriptor else (2, 12, 13)
    return full[at[0]] & 0x0F, full[at[1]], full[at[2]]
