"""A TCP port on an Android recorder, reached through the adb server of this machine.

Written after AOSP's `docs/dev/services.md` and `OVERVIEW.TXT` (packages/modules/adb): a request is
four hex digits of length and text; the answer begins with OKAY or FAIL. After `host:transport:…`
the connection belongs to one device, and after `tcp:PORT` to that port of it: nothing has to be
forwarded, and nothing stays behind.
"""

import re
import socket
import time
from collections.abc import Mapping

from agent.core.line import AdbSettings, adb_settings
from agent.transports.tcp import TcpLine, connected
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError

HOST = "127.0.0.1"
ANSWER_SECONDS = 5.0
OPENING_SECONDS = 5.0
OPENING_PAUSE_SECONDS = 0.2
TEXT_MAX = 4096
_SERIAL = re.compile(r"[!-~]{1,128}")
_WORDS = {
    "unauthorized": "在记录仪屏幕上允许调试 / allow debugging on the recorder's screen",
    "offline": "记录仪离线 / offline",
}


def open_adb(serial: str | None, options: Mapping[str, object]) -> TcpLine:
    """Open the port in a profile's options on the device of this USB serial number.

    Raises:
        RecorderGoneError: the adb server does not see it.
        TransportError: no adb server runs, the recorder does not let this machine in, or nothing
            listens on the port.
    """
    settings = adb_settings(options)
    if settings is None:
        raise TransportError(node="adb", reason="language.options.adb: 缺少 / missing")
    if serial is None or not _SERIAL.fullmatch(serial):
        raise TransportError(node="adb", reason="没有 USB 序列号 / no USB serial number")
    if settings.broadcast:
        _broadcast(serial, settings)
    return TcpLine(_opened(serial, settings), f"adb:{serial}:{settings.port}")


def _opened(serial: str, settings: AdbSettings) -> socket.socket:
    """Connect; where the recorder was just told to listen it is given time to."""
    until = time.monotonic() + (OPENING_SECONDS if settings.broadcast else 0)
    while True:
        try:
            return _asked(serial, settings, f"tcp:{settings.port}")
        except TransportError:
            if time.monotonic() >= until:
                raise
            time.sleep(OPENING_PAUSE_SECONDS)


def _broadcast(serial: str, settings: AdbSettings) -> None:
    said = f"shell:am broadcast -a {settings.broadcast} --ei port {settings.port}"
    with _asked(serial, settings, said) as connection:
        heard = 0
        while heard < TEXT_MAX and (came := _some(connection, TEXT_MAX)):
            heard += len(came)


def _asked(serial: str, settings: AdbSettings, service: str) -> socket.socket:
    """Return a connection to a service of the device."""
    connection = _server(settings.server_port)
    try:
        _request(connection, f"host:transport:{serial}")
        _request(connection, service)
    except BaseException:
        connection.close()
        raise
    return connection


def _server(port: int) -> socket.socket:
    try:
        connection = connected(HOST, port)
    except (RecorderGoneError, TransportError) as error:
        reason = "没有 adb 服务: adb start-server / no adb server runs: adb start-server"
        raise TransportError(node=f"adb {HOST}:{port}", reason=reason) from error
    connection.settimeout(ANSWER_SECONDS)
    return connection


def _request(connection: socket.socket, text: str) -> None:
    raw = text.encode()
    _say(connection, f"{len(raw):04x}".encode() + raw)
    status = _exactly(connection, 4)
    if status == b"OKAY":
        return
    if status != b"FAIL":
        raise TransportError(node="adb", reason=f"不是 adb 服务 / no adb server: {status!r}")
    raise _failure(text, _exactly(connection, _length(connection)).decode(errors="replace"))


def _failure(text: str, why: str) -> RecorderGoneError | TransportError:
    if "not found" in why:
        return RecorderGoneError()
    words = next((said for word, said in _WORDS.items() if word in why), why)
    return TransportError(node=f"adb {text}", reason=words)


def _length(connection: socket.socket) -> int:
    digits = _exactly(connection, 4)
    try:
        return min(int(digits, 16), TEXT_MAX)
    except ValueError as error:
        raise NoAnswerError(request="adb", reason=f"{digits!r}") from error


def _exactly(connection: socket.socket, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        came = _some(connection, size - len(heard))
        if not came:
            raise TransportError(node="adb", reason="adb 服务挂断 / the adb server hung up")
        heard += came
    return heard


def _some(connection: socket.socket, size: int) -> bytes:
    try:
        return connection.recv(size)
    except TimeoutError as error:
        raise NoAnswerError(request="adb", reason=f"{ANSWER_SECONDS:g} s") from error
    except OSError as error:
        raise TransportError(node="adb", reason=error.strerror or str(error)) from error


def _say(connection: socket.socket, raw: bytes) -> None:
    try:
        connection.sendall(raw)
    except OSError as error:
        raise TransportError(node="adb", reason=error.strerror or str(error)) from error
