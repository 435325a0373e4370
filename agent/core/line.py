"""How the lines to recorders are set, as a profile's `language.options` say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from contracts.loading import from_table

T = TypeVar("T")
_STRICT = {"extra": "forbid"}
_LENIENT = {"extra": "ignore"}  # the other tables are the family's
_BAUDS = range(50, 4_000_001)
_PORTS = range(1, 65536)
_ACTION = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
BAUDS_MAX = 8


@dataclass(frozen=True)
class SerialSettings:
    """A serial line. `bauds` are tried in this order while the recorder is probed.

    Linux raises DTR and RTS when a line is opened; one that is false is lowered right after, which
    a device that restarts by DTR sees as a pulse.
    """

    __pydantic_config__ = _STRICT
    bauds: tuple[int, ...] = (115200,)
    bits: Literal[5, 6, 7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop: Literal[1, 2] = 1
    dtr: bool = True
    rts: bool = True

    def __post_init__(self) -> None:
        if not 1 <= len(self.bauds) <= BAUDS_MAX or any(baud not in _BAUDS for baud in self.bauds):
            raise ValueError(f"bauds: 1-{BAUDS_MAX} × {_BAUDS[0]}-{_BAUDS[-1]}")


@dataclass(frozen=True)
class TcpSettings:
    """A TCP line to a recorder that has an address of its own."""

    __pydantic_config__ = _STRICT
    host: str
    port: int

    def __post_init__(self) -> None:
        if not self.host or self.port not in _PORTS:
            raise ValueError("host, port: 1-65535")


@dataclass(frozen=True)
class AdbSettings:
    """A TCP port on an Android recorder, reached through the adb server of this machine.

    `broadcast` is the action of an Android broadcast that has the recorder open the port, which it
    is told as the integer extra "port".
    """

    __pydantic_config__ = _STRICT
    port: int
    broadcast: str = ""
    server_port: int = 5037

    def __post_init__(self) -> None:
        if self.port not in _PORTS or self.server_port not in _PORTS:
            raise ValueError("port, server_port: 1-65535")
        if self.broadcast and not _ACTION.fullmatch(self.broadcast):
            raise ValueError("broadcast: A-Z a-z 0-9 _ .")


@dataclass(frozen=True)
class _Lines:
    __pydantic_config__ = _LENIENT
    serial: SerialSettings = field(default_factory=SerialSettings)
    tcp: TcpSettings | None = None
    adb: AdbSettings | None = None


def serial_settings(options: Mapping[str, object]) -> SerialSettings:
    """Return the table `serial` of a profile's options.

    Raises:
        SettingsError: for a table that does not fit.
    """
    return _lines(options).serial


def tcp_settings(options: Mapping[str, object]) -> TcpSettings | None:
    """Return the table `tcp` of a profile's options.

    Raises:
        SettingsError: for a table that does not fit.
    """
    return _lines(options).tcp


def adb_settings(options: Mapping[str, object]) -> AdbSettings | None:
    """Return the table `adb` of a profile's options.

    Raises:
        SettingsError: for a table that does not fit.
    """
    return _lines(options).adb


def _lines(options: Mapping[str, object]) -> _Lines:
    return from_table(options, _Lines, "language.options")
