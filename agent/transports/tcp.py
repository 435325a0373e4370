"""A TCP line to a recorder."""

import errno
import socket
import time
from collections.abc import Mapping

from agent.core.dialogue import Hear, Pause, Request, Say, Tune
from agent.core.line import tcp_settings
from agent.transports.hearing import Hearing
from contracts.errors import NoAnswerError, RecorderGoneError, TransportError

CONNECT_SECONDS = 3.0
SAY_SECONDS = 5.0
READ_BYTES = 4096
_AWAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}


class TcpLine:
    """One connection. `node` is how it is named in errors."""

    def __init__(self, connection: socket.socket, node: str) -> None:
        self._connection = connection
        self._node = node
        self._hearing = Hearing(self._read)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: Request) -> bytes:
        """Say or hear; a speed means nothing here.

        Raises:
            NoAnswerError, RecorderGoneError, TransportError: as `Transport.ask`.
        """
        match request:
            case Say(payload):
                self._say(payload)
            case Hear():
                return self._hearing.hear(request)
            case Pause(seconds):
                time.sleep(seconds)
            case Tune():
                pass
            case _:
                raise TransportError(node=self._node, reason=f"{type(request).__name__} / TCP")
        return b""

    def close(self) -> None:
        """Hang up; may be called twice."""
        self._connection.close()

    def _say(self, payload: bytes) -> None:
        self._hearing.forget()
        try:
            self._connection.settimeout(SAY_SECONDS)
            self._connection.sendall(payload)
        except TimeoutError as error:
            raise NoAnswerError(request="Say", reason=f"{SAY_SECONDS:g} s") from error
        except OSError as error:
            raise RecorderGoneError from error

    def _read(self, seconds: float) -> bytes:
        try:
            self._connection.settimeout(seconds)
            came = self._connection.recv(READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise RecorderGoneError from error
        if not came:
            raise RecorderGoneError
        return came


def open_tcp(options: Mapping[str, object]) -> TcpLine:
    """Connect to the address in a profile's options.

    Raises:
        RecorderGoneError: nothing is at that address.
        TransportError: there is, and it does not listen; or the options name no address.
    """
    settings = tcp_settings(options)
    if settings is None:
        raise TransportError(node="tcp", reason="language.options.tcp: 缺少 / missing")
    return TcpLine(connected(settings.host, settings.port), f"{settings.host}:{settings.port}")


def connected(host: str, port: int) -> socket.socket:
    """Return a connection.

    Raises:
        RecorderGoneError: nothing is at that address.
        TransportError: nothing listens there.
    """
    try:
        return socket.create_connection((host, port), timeout=CONNECT_SECONDS)
    except OSError as error:
        if isinstance(error, TimeoutError) or error.errno in _AWAY:
            raise RecorderGoneError from error
        raise TransportError(node=f"{host}:{port}", reason=error.strerror or str(error)) from error
