"""Jieli's DV16: vendor SCSI commands of sixteen bytes (docs/recorders/jieli.md).

No password is ever sent to these: the maker's tool fetches the recorder's with command 13, in
clear, and compares. Muster never sends that command.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.core.dialogue import Dialogue, ScsiRead, ScsiWrite, attempt
from agent.core.family import Told
from agent.families.values import percent
from agent.families.wire import (
    OPTIONS,
    called,
    calls_itself,
    refuse_beyond,
    unasked,
)
from contracts.loading import from_table
from contracts.reading import Identity

_INIT, _MODEL, _ABOUT, _CLOCK, _SWITCH, _BATTERY, _CARD, _STATUS = 1, 2, 3, 5, 6, 8, 12, 14
_MODEL_BYTES = 6  # maker and model, the same for every recorder of a model
_NUMBER_BYTES = 7  # the first field of what is known about it: 产品序号


@dataclass(frozen=True)
class Options:
    """`names` is what INQUIRY must begin with; `about_bytes` the size of the ZFY_INFO it sends."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # pydantic's own hook
    names: str = "DV16 DEVICE"
    about_bytes: int = 89


class Jieli:
    """Model, number, battery, setting the clock and switch; the time is not told."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = from_table(options, Options, OPTIONS)
        refuse_beyond(self._options, {"about_bytes": range(_NUMBER_BYTES, 0x100)})

    def probe(self) -> Dialogue[bool]:
        """Open the session, as the maker's tool does, where INQUIRY says that it is one."""
        if not (yield from calls_itself(self._options.names)):
            return False
        if (yield from attempt(_order(_INIT))) is None:
            return False
        return (yield from _read(_MODEL, _MODEL_BYTES)) is not None

    def identity(self) -> Dialogue[Identity]:
        """Ask for the model and the recorder's number; who wears it is not kept."""
        model = yield from _read(_MODEL, _MODEL_BYTES)
        about = yield from _read(_ABOUT, self._options.about_bytes)
        return Identity(
            device_number=called((about or b"")[:_NUMBER_BYTES]),
            model=called(model or b""),
            how="DV16 2, 3",
        )

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery."""
        data = yield from _read(_BATTERY, 4)
        value = None if data is None else percent(int.from_bytes(data, "little"))
        return None if value is None else Told(value, "DV16 8")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Tell nothing: there is no command for it."""
        return unasked(None)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Tell nothing: the card says it once it is a disk."""
        return unasked(None)

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set the clock: year (low byte first), month, day, hour, minute, second."""
        payload = local.year.to_bytes(2, "little") + bytes(local.timetuple()[1:6])
        if (yield from attempt(_order(_CLOCK, payload))) is None:
            return False
        return (yield from _is_done())

    def switch(self) -> Dialogue[bool]:
        """Order disk mode, where there is a card; it may leave before it answers."""
        card = yield from attempt(_request(_CARD, 4))
        if not card or not card[0]:
            return False
        yield from attempt(_order(_SWITCH))
        return True


def _request(command: int, size: int) -> ScsiRead:
    return ScsiRead(bytes((0xFD, 0x81, 0, 0, 0, command, 0, size, *bytes(8))), size)


def _order(command: int, payload: bytes = b"") -> ScsiWrite:
    return ScsiWrite(bytes((0xFB, 0x82, 0, 0, 0, command, 0, len(payload), *bytes(8))), payload)


def _read(command: int, size: int) -> Dialogue[bytes | None]:
    """Return what a command reads, where all of it came and the recorder says that it is good."""
    data = yield from attempt(_request(command, size))
    if data is None or len(data) != size or not (yield from _is_done()):
        return None
    return data


def _is_done() -> Dialogue[bool]:
    """Ask how the last command went; 0 is well."""
    status = yield from attempt(_request(_STATUS, 4))
    return status is not None and status[:1] == b"\0"
