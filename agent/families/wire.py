"""What several languages share: asking nothing, taking options, and reading what came back."""

from collections.abc import Mapping
from typing import TypeVar

from agent.core.dialogue import Dialogue, ScsiRead, attempt
from agent.families.values import name
from contracts.errors import SettingsError

T = TypeVar("T")
OPTIONS = "language.options"
_INQUIRY = bytes.fromhex("120000002400")  # SPC-3, 6.4: standard data, 36 bytes
_INQUIRY_BYTES = 36


def unasked(value: T) -> Dialogue[T]:
    """Answer without asking: what this language has no words for."""
    yield from ()
    return value


def calls_itself(names: str) -> Dialogue[bool]:
    """Tell whether a SCSI device's vendor and model begin with `names`, blanks aside; harmless."""
    answer = yield from attempt(ScsiRead(_INQUIRY, _INQUIRY_BYTES))
    told = (answer or b"")[8:32].replace(b"\0", b"").replace(b" ", b"")
    return told.startswith(names.replace(" ", "").encode())


def octets(text: str, size: int, key: str) -> bytes:
    """Return the bytes of an option in hex digits ("e1 00 70"), so many of them.

    Raises:
        SettingsError: naming the key.
    """
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size:
        raise SettingsError(file=OPTIONS, problems=(f"{key}: {size} bytes in hex digits",))
    return found


def refuse_beyond(options: object, bounds: Mapping[str, range]) -> None:
    """Refuse options that are outside their bounds.

    Raises:
        SettingsError: naming every such key.
    """
    problems = tuple(
        f"{key}: {bound.start}…{bound.stop - 1}"
        for key, bound in bounds.items()
        if getattr(options, key) not in bound
    )
    if problems:
        raise SettingsError(file=OPTIONS, problems=problems)


def called(field: bytes) -> str | None:
    """Return by what a recorder calls itself: up to the first NUL, ASCII or Chinese in GBK.

    Only zeros are none: so a recorder says that it was never given a number.
    """
    try:
        told = name(field.partition(b"\0")[0].decode("gbk"))
    except UnicodeDecodeError:
        return None
    return told if told and told.strip("0") else None
