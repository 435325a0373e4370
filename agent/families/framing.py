"""Frames on a line, as a profile declares them: what stands around a payload, and how it is found.

Check values of the checksums for "123456789" (as in Greg Cook's catalogue of parametrised CRCs):
xor8 31, sum8 dd, crc16-modbus 4b37, crc16-ccitt 29b1, crc16-xmodem 31c3, crc32 cbf43926.
"""

import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

from agent.core.dialogue import Dialogue, Hear

Order = Literal["big", "little"]
Encoding = Literal["ascii", "utf-8", "gbk"]
SIZE_MAX = 1024
_STRICT = {"extra": "forbid"}
_SIZES = {"xor8": 1, "sum8": 1, "crc32": 4}
_TWO = 2


@dataclass(frozen=True)
class Length:
    """A length field. `after`: so many bytes of the payload stand before it.

    It tells the number of payload bytes behind it, and `adds` more.
    """

    __pydantic_config__ = _STRICT
    size: Literal[1, 2, 4] = 1
    order: Order = "big"
    after: int = 0
    adds: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.after <= SIZE_MAX or abs(self.adds) > SIZE_MAX:
            raise ValueError(f"after 0-{SIZE_MAX}, adds ±{SIZE_MAX}")


@dataclass(frozen=True)
class Checksum:
    """A checksum behind the payload, as bytes or as hex digits, behind `mark` where one is given.

    It is of what stands from byte `since` of the frame on, without `since` from behind the prefix,
    up to before the mark.
    """

    __pydantic_config__ = _STRICT
    kind: Literal["xor8", "sum8", "crc16-modbus", "crc16-ccitt", "crc16-xmodem", "crc32"]
    order: Order = "big"
    form: Literal["bytes", "hex"] = "bytes"
    since: int | None = None
    mark: str = ""

    def __post_init__(self) -> None:
        if self.since is not None and not 0 <= self.since <= SIZE_MAX:
            raise ValueError(f"since 0-{SIZE_MAX}")


@dataclass(frozen=True)
class Frame:
    """What stands around a payload.

    In the form "hex" every text of the profile's requests, and prefix, suffix and mark, are hex
    digits, and patterns see an answer's payload as small hex digits without blanks. With neither
    suffix nor length a frame ends where the line falls silent. `size_max` bounds a frame and the
    noise before it, in bytes.
    """

    __pydantic_config__ = _STRICT
    form: Literal["text", "hex"] = "text"
    encoding: Encoding = "ascii"
    prefix: str = ""
    suffix: str = ""
    length: Length | None = None
    checksum: Checksum | None = None
    size_max: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.size_max <= SIZE_MAX:
            raise ValueError(f"size_max 1-{SIZE_MAX}")
        for part in (self.prefix, self.suffix, self.checksum.mark if self.checksum else ""):
            raw(part, self)


def raw(text: str, frame: Frame) -> bytes:
    """Return a profile's text as bytes on the line.

    Raises:
        ValueError: the frame's form or encoding cannot say it.
    """
    return bytes.fromhex(text) if frame.form == "hex" else text.encode(frame.encoding)


def shown(payload: bytes, frame: Frame) -> str | None:
    """Return a payload as patterns see it; None for what its encoding does not know."""
    if frame.form == "hex":
        return payload.hex()
    try:
        return payload.decode(frame.encoding)
    except UnicodeDecodeError:
        return None


def framed(payload: bytes, frame: Frame) -> bytes:
    """Return a payload with all that stands around it.

    Raises:
        ValueError: it does not fit.
    """
    length = frame.length
    if length is not None:
        behind = len(payload) - length.after
        if behind < 0:
            raise ValueError(f"{len(payload)} < length.after {length.after}")
        field = (behind + length.adds).to_bytes(length.size, length.order)
        payload = payload[: length.after] + field + payload[length.after :]
    said = raw(frame.prefix, frame) + payload
    said += _check(said, frame) + raw(frame.suffix, frame)
    if len(said) > frame.size_max:
        raise ValueError(f"{len(said)} > size_max {frame.size_max}")
    return said


def heard(frame: Frame, seconds: float) -> Dialogue[bytes | None]:
    """Hear one frame and return its payload; None for one that is not what it should be."""
    if frame.length is not None:
        return (yield from _counted(frame, frame.length, seconds))
    suffix = raw(frame.suffix, frame)
    said = yield Hear(until=suffix or None, size_max=frame.size_max, seconds=seconds)
    said = said.removesuffix(suffix)
    return next((found for found in _found(said, frame) if found is not None), None)


def refitted(said: bytes, frame: Frame, change: Callable[[bytes], bytes]) -> bytes:
    """Return one frame, and the noise before it, with its payload changed and its checksum right.

    `change` keeps the length. What is no whole frame is changed as it is.
    """
    prefix, suffix = raw(frame.prefix, frame), raw(frame.suffix, frame)
    body = said.removesuffix(suffix)
    at = body.find(prefix)
    while at >= 0 and _payload(body[at:], frame) is None:
        at = body.find(prefix, at + 1) if prefix else -1
    if at < 0:
        return change(said)
    end = len(body) - len(_check(b"", frame))
    begun = prefix + change(body[at + len(prefix) : end])
    return change(body[:at]) + begun + _check(begun, frame) + said[len(body) :]


def _found(said: bytes, frame: Frame) -> Iterator[bytes | None]:
    """Yield what a frame holds if it begins at this prefix, for each."""
    prefix = raw(frame.prefix, frame)
    at = said.find(prefix)
    while at >= 0:
        yield _payload(said[at:], frame)
        at = said.find(prefix, at + 1) if prefix else -1


def _counted(frame: Frame, length: Length, seconds: float) -> Dialogue[bytes | None]:
    """Hear a frame with a length field; the noise before its prefix is passed over."""
    prefix = raw(frame.prefix, frame)
    if prefix:
        yield Hear(until=prefix, size_max=frame.size_max, seconds=seconds)
    head = yield Hear(size=length.after + length.size, seconds=seconds)
    behind = int.from_bytes(head[length.after :], length.order) - length.adds
    if not 0 <= behind <= frame.size_max:
        return None
    suffix = raw(frame.suffix, frame)
    size = behind + len(_check(b"", frame)) + len(suffix)
    rest = (yield Hear(size=size, seconds=seconds)) if size else b""
    if not rest.endswith(suffix):
        return None
    found = _payload(prefix + head + rest.removesuffix(suffix), frame)
    if found is None:
        return None
    return found[: length.after] + found[length.after + length.size :]


def _payload(said: bytes, frame: Frame) -> bytes | None:
    """Return what stands between prefix and checksum, if that is right."""
    size = len(_check(b"", frame))
    end = len(said) - size
    prefix = len(raw(frame.prefix, frame))
    if end < prefix:
        return None
    told = said[end:]
    if frame.checksum is not None and frame.checksum.form == "hex":
        told = told.upper()
    return said[prefix:end] if told == _check(said[:end], frame) else None


def _check(said: bytes, frame: Frame) -> bytes:
    """Return mark and checksum of a frame so far."""
    checksum = frame.checksum
    if checksum is None:
        return b""
    since = len(raw(frame.prefix, frame)) if checksum.since is None else checksum.since
    value = check_value(checksum.kind, said[since:])
    sum_ = value.to_bytes(_SIZES.get(checksum.kind, _TWO), checksum.order)
    mark = raw(checksum.mark, frame)
    return mark + (sum_.hex().upper().encode() if checksum.form == "hex" else sum_)


def check_value(kind: str, said: bytes) -> int:
    """Return a checksum."""
    match kind:
        case "xor8":
            return reduce(xor, said, 0)
        case "sum8":
            return sum(said) % 256
        case "crc16-ccitt":
            return binascii.crc_hqx(said, 0xFFFF)
        case "crc16-xmodem":
            return binascii.crc_hqx(said, 0)
        case "crc32":
            return binascii.crc32(said)
        case _:
            return _modbus(said)


def _modbus(said: bytes) -> int:
    value = 0xFFFF
    for byte in said:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value
