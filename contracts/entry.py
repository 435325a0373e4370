"""A ledger entry: one canonical JSON document that is also a CloudEvents 1.0 event.

`docs/ledger-format.md` specifies the bytes. This module knows the envelope; what `data` holds is
in `contracts.facts`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

import rfc8785

from contracts.errors import EntryError

MAX_ENTRY_BYTES = 16 * 1024
ClockState = Literal["synchronised", "unsynchronised", "unknown"]

_CLOCK_STATES = frozenset(get_args(ClockState))
_LARGEST = 2**53 - 1
_BEYOND_FFFF = re.compile(rb"[\xf0-\xff]")
_fast_canonical = json.JSONEncoder(
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,  # runs into Python's own limit instead
    separators=(",", ":"),
    sort_keys=True,
).encode
_SCALARS = frozenset({str, bool, type(None)})
_ATTRIBUTES = frozenset(
    {
        "bootid",
        "clock",
        "data",
        "datacontenttype",
        "id",
        "sequence",
        "source",
        "specversion",
        "subject",
        "time",
        "type",
        "uptime",
    }
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is entered: wall time, and what proves order when wall time lies."""

    at: datetime
    boot_id: str
    uptime_ms: int
    clock: ClockState


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be entered, before the ledger gives it a place and a moment."""

    type: str
    subject: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as decoded from its bytes; `raw` is what is hashed, stored and shipped."""

    sequence: int
    source: str
    type: str
    subject: str
    moment: Moment
    data: Mapping[str, Any]
    raw: bytes


def encode(draft: Draft, sequence: int, source: str, moment: Moment) -> bytes:
    """Return the canonical bytes of an entry (RFC 8785).

    Raises:
        EntryError: longer than `MAX_ENTRY_BYTES`, or data that canonical JSON cannot hold.
    """
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(sequence),
        "source": source,
        "type": draft.type,
        "subject": draft.subject,
        "time": format_time(moment.at),
        "datacontenttype": "application/json",
        "sequence": f"{sequence:010d}",
        "bootid": moment.boot_id,
        "uptime": format_uptime(moment.uptime_ms),
        "clock": moment.clock,
        "data": dict(draft.data),
    }
    try:
        raw = _canonical(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise EntryError(why=str(error)) from error
    if len(raw) > MAX_ENTRY_BYTES:
        raise EntryError(why=f"{len(raw)} bytes, at most {MAX_ENTRY_BYTES}")
    return raw


def decode(raw: bytes) -> Entry:
    """Return the entry in canonical bytes.

    Raises:
        EntryError: too long, not JSON, not canonical, or an attribute missing or malformed.
    """
    if len(raw) > MAX_ENTRY_BYTES:
        raise EntryError(why=f"{len(raw)} bytes, at most {MAX_ENTRY_BYTES}")
    try:
        document = _decoder.decode(raw.decode())
        if not isinstance(document, dict) or not _is_canonical(document, raw):
            raise EntryError(why="not canonical JSON (RFC 8785)")
        return _entry(document, raw)
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        rfc8785.CanonicalizationError,
    ) as error:
        raise EntryError(why=f"{type(error).__name__}: {error}") from error


def format_time(at: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def format_uptime(milliseconds: int) -> str:
    """Return time since the machine's start as seconds with three decimals."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _canonical(document: dict[str, Any]) -> bytes:
    # Of integers and text the standard library writes what RFC 8785 asks for, many times as
    # fast, save that it sorts members by code point: another order than that of UTF-16 code units
    # only beyond U+FFFF, where UTF-8 begins with 0xf0 or more.
    if _is_plain(document):
        raw = _fast_canonical(document).encode()
        if not _BEYOND_FFFF.search(raw):
            return raw
    return rfc8785.dumps(document)


def _is_canonical(document: dict[str, Any], raw: bytes) -> bool:
    if _BEYOND_FFFF.search(raw):
        return rfc8785.dumps(document) == raw
    return _fast_canonical(document).encode() == raw


def _is_plain(value: object) -> bool:
    """Tell whether there is nothing but text, exact integers, and lists and objects of them."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is int:
        return abs(cast("int", value)) <= _LARGEST
    if isinstance(value, dict):
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    return isinstance(value, list | tuple) and all(map(_is_plain, value))


def _exact(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError(f"{text} is beyond 2^53 - 1")
    return number


def _refuse_fraction(text: str) -> None:
    # Readers in other languages round fractions differently; integers are exact everywhere.
    raise ValueError(f"{text} is not an integer")


_decoder = json.JSONDecoder(parse_float=_refuse_fraction, parse_int=_exact)


def _entry(document: dict[str, Any], raw: bytes) -> Entry:
    if not document.keys() >= _ATTRIBUTES:
        missing = sorted(_ATTRIBUTES - document.keys())
        raise EntryError(why=f"missing: {', '.join(missing)}")
    sequence = int(document["sequence"])
    if document["specversion"] != "1.0" or document["id"] != str(sequence) or sequence < 1:
        raise EntryError(why="specversion, id or sequence")
    if document["sequence"] != f"{sequence:010d}" or not isinstance(document["data"], dict):
        raise EntryError(why="sequence or data")
    moment = _moment(document)
    return Entry(
        sequence=sequence,
        source=_string(document, "source"),
        type=_string(document, "type"),
        subject=_string(document, "subject"),
        moment=moment,
        data=document["data"],
        raw=raw,
    )


def _moment(document: dict[str, Any]) -> Moment:
    written, uptime, clock = (_string(document, name) for name in ("time", "uptime", "clock"))
    at = datetime.fromisoformat(written)
    seconds, _, milliseconds = uptime.partition(".")
    uptime_ms = int(seconds) * 1000 + int(milliseconds)
    if format_time(at) != written or format_uptime(uptime_ms) != uptime:
        raise EntryError(why="time or uptime")
    if clock not in _CLOCK_STATES:
        raise EntryError(why="clock")
    boot_id = _string(document, "bootid")
    return Moment(at=at, boot_id=boot_id, uptime_ms=uptime_ms, clock=cast("ClockState", clock))


def _string(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise EntryError(why=f"{name} is not a string")
    return value
