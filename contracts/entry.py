"""A ledger entry: one canonical JSON document that is also a CloudEvents 1.0 event.

`docs/ledger-format.md` specifies the bytes. This module knows the envelope; what `data` holds is
in `contracts.facts`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal, cast, get_args

import rfc8785

from contracts.errors import EntryError

MAX_ENTRY_BYTES = 16 * 1024
ClockState = Literal["synchronised", "unsynchronised", "unknown"]

_CLOCK_STATES = frozenset(get_args(ClockState))
_LARGEST = 2**53 - 1
_BEYOND_FFFF = re.compile(rb"[\xf0-\xff]")
# Where none of these is, text has but one form: no escapes, nothing between two words.
_UNUSUAL = b" \t\n\r\\" + bytes(range(0xF0, 0x100))
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
_UPTIME = re.compile(r"(0|[1-9][0-9]{0,14})\.([0-9]{3})")
_fast_canonical = json.JSONEncoder(
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,  # runs into Python's own limit instead
    separators=(",", ":"),
    sort_keys=True,
).encode
_TEXT = {str}
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
        return _entry(_document(raw), raw)
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


def _is_canonical(document: object, raw: bytes) -> bool:
    if _BEYOND_FFFF.search(raw):
        return rfc8785.dumps(document) == raw  # type: ignore[arg-type]
    return _fast_canonical(document).encode() == raw


def _document(raw: bytes) -> dict[str, Any]:
    """Return what canonical bytes say, or fail with ValueError."""
    text = raw.decode()
    if len(raw.translate(None, _UNUSUAL)) == len(raw):
        # Then members in order are all there is to canonical: nothing need be written again.
        document, end = _ordered.raw_decode(text)
        is_canonical = end == len(text)
    else:
        document = _decoder.decode(text)
        is_canonical = _is_canonical(document, raw)
    if not is_canonical or not isinstance(document, dict):
        raise EntryError(why="not canonical JSON (RFC 8785)")
    return document


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
    if abs(number) > _LARGEST or text == "-0":
        raise ValueError(f"{text} is beyond 2^53 - 1, or no canonical number")
    return number


def _refuse_fraction(text: str) -> None:
    # Readers in other languages round fractions differently; integers are exact everywhere.
    raise ValueError(f"{text} is not an integer")


def _in_order(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members) or list(found) != sorted(found):
        raise ValueError("members out of order")
    return found


_decoder = json.JSONDecoder(parse_float=_refuse_fraction, parse_int=_exact)
_ordered = json.JSONDecoder(
    parse_float=_refuse_fraction,
    parse_int=_exact,
    parse_constant=_refuse_fraction,
    object_pairs_hook=_in_order,
)
_texts = itemgetter(
    "source", "type", "subject", "bootid", "clock", "time", "uptime", "id", "sequence"
)


def _entry(document: dict[str, Any], raw: bytes) -> Entry:
    if not document.keys() >= _ATTRIBUTES:
        missing = sorted(_ATTRIBUTES - document.keys())
        raise EntryError(why=f"missing: {', '.join(missing)}")
    texts = _texts(document)
    if not all(texts) or set(map(type, texts)) != _TEXT:
        raise EntryError(why="an attribute is not a string")
    source, kind, subject, boot_id, clock, written, uptime, number, padded = texts
    sequence = int(number)
    if document["specversion"] != "1.0" or number != str(sequence) or sequence < 1:
        raise EntryError(why="specversion, id or sequence")
    if padded != f"{sequence:010d}" or type(document["data"]) is not dict:
        raise EntryError(why="sequence or data")
    moment = _moment(written, boot_id, uptime, clock)
    return Entry(sequence, source, kind, subject, moment, document["data"], raw)


def _moment(written: str, boot_id: str, uptime: str, clock: str) -> Moment:
    ran = _UPTIME.fullmatch(uptime)
    if ran is None or not _TIME.fullmatch(written):
        raise EntryError(why="time or uptime")
    if clock not in _CLOCK_STATES:
        raise EntryError(why="clock")
    uptime_ms = int(ran[1]) * 1000 + int(ran[2])
    at = datetime.fromisoformat(written)
    return Moment(at, boot_id, uptime_ms, cast("ClockState", clock))
