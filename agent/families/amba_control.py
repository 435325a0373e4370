"""Ambarella's commands in USB control transfers (4255:0001, docs/recorders/ambarella.md).

A message is a head, three bytes of command, a zero and the data; the answer has the same length,
0x80 where the command's second byte was, and its data in the same place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.core.dialogue import ControlRead, ControlWrite, Dialogue, attempt
from agent.core.family import DEFAULT_PASSWORDS, Login, Told
from agent.families.values import percent
from agent.families.wire import OPTIONS, called, octets, refuse_beyond, unasked
from contracts.errors import SettingsError, SwitchRefusedError
from contracts.loading import from_table
from contracts.reading import Identity

_VENDOR_OUT = 0x40  # USB 2.0, 9.3.1: vendor request to the device
_VENDOR_IN = 0xC0
_HEAD = bytes.fromhex("a1b2c3d400")
_DATA_AT = 9
_DONE = 0x80
_PONG = b"ABCDE"
_NUMBER_BYTES = 9  # the first of the five fields that are kept in the camera's id
_PASSWORD_BYTES = 6
_BOUNDS = {
    "request": range(0x100),
    "value": range(0x10000),
    "number_bytes": range(_NUMBER_BYTES, 0x1000),
}


@dataclass(frozen=True)
class Options:
    """The commands as hex digits, the sizes of their data, and a password only where one is set."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # pydantic's own hook
    password: str = field(default="", repr=False)
    request: int = 0x55
    value: int = 0xAA
    ping: str = "e1 00 20"
    login: str = "e1 00 11"
    number: str = "e1 00 30"
    number_bytes: int = 100
    battery: str = "e1 00 70"
    clock: str = "e1 00 41"
    switch: str = "e1 00 51"


@dataclass(frozen=True)
class _Reply:
    """An answer; `data` is empty where the recorder refused."""

    is_done: bool
    data: bytes


class AmbaControl:
    """Number, battery, setting the clock and switch; the time is not told."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = given = from_table(options, Options, OPTIONS)
        refuse_beyond(given, _BOUNDS)
        if not given.password.isascii() or len(given.password) > _PASSWORD_BYTES:
            raise SettingsError(file=OPTIONS, problems=(f"password: > {_PASSWORD_BYTES} ASCII",))
        names = ("ping", "login", "number", "battery", "clock", "switch")
        self._commands = {name: octets(getattr(given, name), 3, name) for name in names}

    def probe(self) -> Dialogue[bool]:
        """Ask for the word that only these answer."""
        reply = yield from self._ask("ping", len(_PONG))
        return reply is not None and reply.data == _PONG

    def log_in(self) -> Dialogue[Login]:
        """Show the user's password, where the profile has one."""
        password = self._options.password
        if not password:
            return "none"
        reply = yield from self._ask("login", _PASSWORD_BYTES, password.encode())
        if reply is None:
            return "none"
        if not reply.is_done:
            return "refused"
        return "default" if password in DEFAULT_PASSWORDS else "accepted"

    def identity(self) -> Dialogue[Identity]:
        """Ask for the camera's id and keep its first field; who wears it is not kept."""
        reply = yield from self._ask("number", self._options.number_bytes)
        number = called(reply.data[:_NUMBER_BYTES]) if reply else None
        return Identity(device_number=number, how=f"EP0 {self._options.number}")

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery."""
        reply = yield from self._ask("battery", 1)
        value = percent(reply.data[0]) if reply and reply.data else None
        return None if value is None else Told(value, f"EP0 {self._options.battery}")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Tell nothing: no command is known that only reads the time."""
        return unasked(None)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Tell nothing: the card says it once it is a disk."""
        return unasked(None)

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set the clock: year (high byte first), month, day, hour, minute, second."""
        payload = local.year.to_bytes(2, "big") + bytes(local.timetuple()[1:6])
        reply = yield from self._ask("clock", len(payload), payload)
        return reply is not None and reply.is_done

    def switch(self) -> Dialogue[bool]:
        """Order disk mode; it may leave before it answers.

        Raises:
            SwitchRefusedError: it says that it does not.
        """
        reply = yield from self._ask("switch", 0)
        if reply is not None and not reply.is_done:
            raise SwitchRefusedError
        return True

    def _ask(self, name: str, size: int, payload: bytes = b"") -> Dialogue[_Reply | None]:
        """Return the answer, None when nothing whole came."""
        command = self._commands[name]
        message = _HEAD + command + b"\0" + payload.ljust(size, b"\0")
        given = self._options
        order = ControlWrite(_VENDOR_OUT, given.request, given.value, 0, message)
        if (yield from attempt(order)) is None:
            return None
        reply = yield from attempt(ControlRead(_VENDOR_IN, given.request, 0, 0, len(message)))
        return None if reply is None else _read(reply, command, len(message))


def _read(reply: bytes, command: bytes, size: int) -> _Reply | None:
    if len(reply) != size:
        return None
    # Whether every model repeats the head is not known; where one does, it must be this command's.
    if reply.startswith(_HEAD[:4]) and (reply[5], reply[7]) != (command[0], command[2]):
        return None
    is_done = reply[6] == _DONE
    return _Reply(is_done, reply[_DATA_AT:] if is_done else b"")
