"""A vendor's library as a fixture: its calls without what tells this recorder and its wearer."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agent.core.fixture import Exchange
from agent.core.pseudonyms import Pseudonyms

# Bytes of the fields of ZFY_INFO: the recorder's number, then wearer and unit.
_FIELDS = {"padded": (8, 7, 33, 13, 33), "bare": (7, 6, 32, 12, 32)}
_CODES = frozenset({"Init_Device", "GetIDCode"})


def hidden_calls(
    exchanges: Iterable[Exchange], names: Pseudonyms, options: Mapping[str, Any]
) -> Iterator[Exchange]:
    """Yield the calls with numbers replaced and wearers masked; `options` are the language's.

    A text ends at its first NUL: what a library left behind it becomes zeros. What was no answer as
    the helper process writes it is left out.
    """
    fields = _FIELDS[options.get("info", "padded")]
    for one in exchanges:
        asked = {**one.asked, "password": names.hide_text(one.asked["password"])}
        if one.answer is None:
            yield replace(one, asked=asked)
        elif not one.response:
            yield replace(one, asked=asked, answer=None, why="garbled")
        else:
            said = _hidden(one.asked["function"], bytes.fromhex(one.answer), names, fields)
            yield replace(one, asked=asked, answer=said.hex())


def hidden_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the language's options with the library's name alone, not where it was."""
    return {**options, "path": "/" + str(options["path"]).rpartition("/")[2]}


def _hidden(function: str, said: bytes, names: Pseudonyms, fields: tuple[int, ...]) -> bytes:
    if function in _CODES:
        return _text(said, names)
    if function != "GetZFYInfo":
        return said
    number, *others = _cut(said, fields)
    return b"".join((_text(number, names), *map(_masked, others))).ljust(len(said), b"\0")


def _cut(said: bytes, fields: tuple[int, ...]) -> Iterator[bytes]:
    at = 0
    for size in fields:
        yield said[at : at + size]
        at += size


def _text(field: bytes, names: Pseudonyms) -> bytes:
    return names.hide(_told(field), is_identity=True).ljust(len(field), b"\0")


def _masked(field: bytes) -> bytes:
    masked = re.sub(rb"[0-9]", b"0", re.sub(rb"[^0-9]", b"X", _told(field)))
    return masked.ljust(len(field), b"\0")


def _told(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
