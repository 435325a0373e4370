"""Who wears a recorder, as recorders answer it: masked by its place, whatever is written there.

A name in Latin letters looks like any word, and a short number like any other.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from agent.core.pseudonyms import Change

# Bytes of the fields of ZFY_INFO: the recorder's number, then wearer and unit, number and name.
PADDED, BARE = (8, 7, 33, 13, 33), (7, 6, 32, 12, 32)
_BY_SIZE = {sum(fields): fields for fields in (PADDED, BARE)}
_LENGTH_BYTES = 4
_IN_JSON = re.compile(rb'("(?:police|group)(?:No|Name)"\s*:\s*")((?:[^"\\]|\\.)*)')


def in_info(said: bytes, fields: Sequence[int], change: Change) -> bytes:
    """Return a ZFY_INFO with its number changed, and of all else 0 for digits and X for the rest.

    A text ends at its first NUL: what was left behind it becomes zeros, as does what is behind all.
    """
    number, *others = _cut(said, fields)
    return b"".join((text(number, change), *map(_masked, others))).ljust(len(said), b"\0")


def in_frames(said: bytes, order: Literal["little", "big"], change: Change) -> bytes:
    """Return E12's frames changed: those as long as a ZFY_INFO are one."""
    whole = b""
    while frame := said[_LENGTH_BYTES:][: int.from_bytes(said[:_LENGTH_BYTES], order)]:
        fields = _BY_SIZE.get(len(frame))
        whole += said[:_LENGTH_BYTES]
        whole += in_info(frame, fields, change) if fields else change(frame)
        said = said[_LENGTH_BYTES + len(frame) :]
    return whole + change(said)


def in_json(said: bytes, change: Change) -> bytes:
    """Return ZZX's lines changed, without the values of what names wearer and group."""
    return change(_IN_JSON.sub(lambda found: found[1] + _veiled(found[2]), said))


def text(field: bytes, change: Change) -> bytes:
    """Return a field's text changed, zeros behind it."""
    return change(_told(field)).ljust(len(field), b"\0")


def _cut(said: bytes, fields: Sequence[int]) -> Iterator[bytes]:
    at = 0
    for size in fields:
        yield said[at : at + size]
        at += size


def _masked(field: bytes) -> bytes:
    return _veiled(_told(field)).ljust(len(field), b"\0")


def _veiled(said: bytes) -> bytes:
    return re.sub(rb"[0-9]", b"0", re.sub(rb"[^0-9]", b"X", said))


def _told(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
