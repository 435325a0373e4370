"""USB control and bulk transfers to a recorder in command mode, through libusb.

A recorder is opened by its bus and device number, as its node (/dev/bus/usb/BBB/DDD) says them.
"""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import usb.backend.libusb1
import usb.core
import usb.util

from agent.core.dialogue import BulkRead, BulkWrite, ControlRead, ControlWrite, Pause, Request
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError

_VENDOR_TO_DEVICE = frozenset({0x40, 0xC0})  # USB 2.0, 9.3.1
# And no others but these: reading a descriptor (9.4.3), and what the still image class 1.0 has
# (5.2): cancel, reset, status.
_OTHERS = frozenset({(0x80, 0x06), (0x21, 0x64), (0x21, 0x66), (0xA1, 0x67)})
_GONE = frozenset({errno.ENODEV, errno.ENXIO})
_UNUSABLE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.ENOMEM, errno.ENOSYS})


class Usb:
    """Carries control, bulk and `Pause` to one device.

    An interface is claimed when its endpoint is first used, and never taken from a kernel driver.
    """

    def __init__(self, device: Any, node: Path) -> None:  # noqa: ANN401  # untyped
        self._device = device
        self._node = node

    def ask(self, request: Request) -> bytes:
        """Carry one transfer out and return what came back.

        Raises:
            NoAnswerError: it was refused, cut short, or took longer than the request's seconds.
            RecorderGoneError: it was pulled out.
            TransportError: another program has it, or it may not be opened.
        """
        if isinstance(request, Pause):
            time.sleep(request.seconds)
            return b""
        if isinstance(request, ControlRead | ControlWrite):
            return self._told(request, lambda: self._control(request))
        if isinstance(request, BulkRead | BulkWrite):
            return self._told(request, lambda: self._bulk(request))
        raise self._unusable(f"no {type(request).__name__}")

    def close(self) -> None:
        """Give its interfaces back and close the device; may be called twice."""
        usb.util.dispose_resources(self._device)

    def _control(self, request: ControlRead | ControlWrite) -> bytes:
        kind = request.request_type
        if kind not in _VENDOR_TO_DEVICE and (kind, request.request) not in _OTHERS:
            raise self._unusable(f"request type {request.request_type:#04x}")
        answer = self._device.ctrl_transfer(
            request.request_type,
            request.request,
            request.value,
            request.index,
            request.size if isinstance(request, ControlRead) else request.payload,
            timeout=_milliseconds(request),
        )
        return bytes(answer) if isinstance(request, ControlRead) else _sent(request, answer)

    def _bulk(self, request: BulkRead | BulkWrite) -> bytes:
        usb.util.claim_interface(self._device, self._interface_with(request.endpoint))
        patience = _milliseconds(request)
        try:
            if isinstance(request, BulkRead):
                return bytes(self._device.read(request.endpoint, request.size, patience))
            return _sent(request, self._device.write(request.endpoint, request.payload, patience))
        except usb.core.USBError as error:
            if error.errno == errno.EPIPE:  # it refused; nothing more passes until that is taken
                self._device.clear_halt(request.endpoint)
            raise

    def _interface_with(self, endpoint: int) -> int:
        for interface in self._device.get_active_configuration():
            if any(one.bEndpointAddress == endpoint for one in interface):
                return int(interface.bInterfaceNumber)
        raise NoAnswerError(request="bulk", reason=f"无此端点 / no endpoint {endpoint:#04x}")

    def _told(self, request: Request, transfer: Callable[[], bytes]) -> bytes:
        try:
            return transfer()
        except usb.core.USBError as error:
            if error.errno in _GONE or not self._node.exists():
                raise RecorderGoneError from error
            if error.errno in _UNUSABLE:
                raise self._unusable(str(error)) from error
            raise _silent(request, str(error)) from error

    def _unusable(self, reason: str) -> TransportError:
        return TransportError(node=str(self._node), reason=reason)


def open_usb(node: Path) -> Usb:
    """Find the device of a node (/dev/bus/usb/BBB/DDD); it is opened with the first request.

    Raises:
        RecorderGoneError: it is not there any more.
        TransportError: libusb cannot be used.
    """
    backend = usb.backend.libusb1.get_backend()
    if backend is None:
        raise TransportError(node=str(node), reason="libusb-1.0")
    if not node.exists():
        raise RecorderGoneError
    bus, address = int(node.parent.name), int(node.name)
    device = usb.core.find(backend=backend, bus=bus, address=address)
    if device is None:
        raise RecorderGoneError
    return Usb(device, node)


def _milliseconds(request: ControlRead | ControlWrite | BulkRead | BulkWrite) -> int:
    return max(round(request.seconds * 1000), 1)  # to libusb, 0 is for ever


def _sent(request: ControlWrite | BulkWrite, count: int) -> bytes:
    if count != len(request.payload):
        raise _silent(request, f"{count} < {len(request.payload)} bytes")
    return b""


def _silent(request: Request, reason: str) -> NoAnswerError:
    return NoAnswerError(request=type(request).__name__, reason=reason)
