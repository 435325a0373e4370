"""A serial line to a recorder, or to what stands in a dock; the only importer of pyserial.

A line is taken for this program alone: by `flock`, which pyserial and most terminals look at, and
by TIOCEXCL, which the kernel enforces but not upon root; so whether another program has asked for
that is looked up as well. Programs that do neither cannot be seen.
"""

import errno
import fcntl
import os
import struct
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import serial

from agent.core.dialogue import Hear, Pause, Request, Say, Tune
from agent.core.line import SerialSettings, serial_settings
from agent.transports.hearing import Hearing
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError

SAY_SECONDS = 5.0
READ_BYTES = 4096
TIOCGEXCL = 0x80045440  # <asm-generic/ioctls.h>: is the line taken for one program?
_GONE = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO}
_TAKEN = {errno.EAGAIN, errno.EBUSY}
_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
# What pyserial lets through from below itself when a line goes away.
_BROKEN = (serial.SerialException, OSError, termios.error)


class SerialLine:
    """One open line, at the first of the settings' speeds until it is tuned to another."""

    def __init__(self, node: Path, settings: SerialSettings) -> None:
        self._node = node
        self._port = _opened(node, settings)
        self._hearing = Hearing(self._read)

    def ask(self, request: Request) -> bytes:
        """Say, hear, or go on at another speed.

        Raises:
            NoAnswerError, RecorderGoneError, TransportError: as `Transport.ask`.
        """
        match request:
            case Say(payload):
                self._say(payload)
            case Hear():
                return self._hearing.hear(request)
            case Tune(baud):
                self._tune(baud)
            case Pause(seconds):
                time.sleep(seconds)
            case _:
                raise TransportError(node=self._node, reason=f"{type(request).__name__} / serial")
        return b""

    def close(self) -> None:
        """Let go of the line; may be called twice."""
        with suppress(*_BROKEN):  # a line that is gone is let go of already
            if self._port.is_open:
                self._port.reset_output_buffer()  # the kernel would wait for it to be taken
                fcntl.ioctl(self._port.fileno(), termios.TIOCNXCL)
        with suppress(*_BROKEN):
            self._port.close()

    def _say(self, payload: bytes) -> None:
        self._hearing.forget()
        try:
            self._port.write(payload)
        except serial.SerialTimeoutException as error:
            raise NoAnswerError(request="Say", reason=f"{SAY_SECONDS:g} s") from error
        except _BROKEN as error:
            raise RecorderGoneError from error

    def _read(self, seconds: float) -> bytes:
        """Return what is there, once anything is."""
        try:
            self._port.timeout = seconds
            came: bytes = self._port.read(1)
            self._port.timeout = 0
            return came + self._port.read(READ_BYTES) if came else came
        except _BROKEN as error:
            raise RecorderGoneError from error

    def _tune(self, baud: int) -> None:
        try:
            self._port.baudrate = baud
        except ValueError as error:
            raise NoAnswerError(request=f"Tune {baud}", reason=str(error)) from error
        except _BROKEN as error:
            raise RecorderGoneError from error


def open_line(node: Path, options: Mapping[str, object]) -> SerialLine:
    """Open a serial line as a profile's options say.

    Raises:
        RecorderGoneError: it is not there any more.
        TransportError: another program has it, it may not be opened, or it is no serial line.
    """
    return SerialLine(node, serial_settings(options))


def _opened(node: Path, settings: SerialSettings) -> serial.Serial:
    try:
        with _unclaimed(node):
            port = _port(settings)
            port.port = str(node)
            port.open()
    except _BROKEN as error:
        raise _refused(node, error) from error
    with suppress(OSError):
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
    return port


def _port(settings: SerialSettings) -> serial.Serial:
    port = serial.Serial(
        baudrate=settings.bauds[0],
        bytesize=settings.bits,
        parity=_PARITY[settings.parity],
        stopbits=settings.stop,
        timeout=0,
        write_timeout=SAY_SECONDS,
        exclusive=True,
    )
    port.dtr = settings.dtr
    port.rts = settings.rts
    return port


@contextmanager
def _unclaimed(node: Path) -> Iterator[None]:
    """Hold a line open while it is opened for use, so that its signals do not fall in between."""
    fd = os.open(node, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if struct.unpack("i", fcntl.ioctl(fd, TIOCGEXCL, bytes(4)))[0]:
            raise OSError(errno.EBUSY, "TIOCEXCL")
        yield
    finally:
        os.close(fd)


def _refused(node: Path, error: Exception) -> RecorderGoneError | TransportError:
    number = getattr(error, "errno", None)
    if number in _GONE:
        return RecorderGoneError()
    if number in _TAKEN:
        return TransportError(node=node, reason="被另一程序占用 / taken by another program")
    return TransportError(node=node, reason=os.strerror(number) if number else str(error))
