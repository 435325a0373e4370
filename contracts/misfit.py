"""What in a document does not fit, in words for whoever wrote it: where, what, and what instead.

A value is repeated only where it cannot be a password: a number, a day, a word of a closed list.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

from contracts.names import visible
from contracts.text import Text

Fault = Mapping[str, Any]
_MISSING, _UNKNOWN, _LITERAL = "missing", "unexpected_keyword_argument", "literal_error"
_OF_A_KEY = "[key]"  # the validator's mark for a key itself
_NAMES = ("id", "number", "name", "date")
_GIVEN_MAX = 40
_WORD = re.compile(r"'([^']*)'")
_TEXT = Text("应为带引号的文字", "must be text in quotes")
_LIST = Text("应为列表: [ ] 或 [[ ]]", "must be a list: [ ] or [[ ]]")
_TABLE = Text("应为一组键和值", "must be a table of keys and values")
_WHOLE = Text("应为整数, 不是 {given}", "must be a whole number, not {given}")
_NUMBER = Text("应为数字, 不是 {given}", "must be a number, not {given}")
_TRUTH = Text("应为 true 或 false, 不是 {given}", "must be true or false, not {given}")
_DAY = Text("应为日期, 如 2026-09-21, 不是 {given}", "must be a day like 2026-09-21, not {given}")
_SENTENCES = {
    _MISSING: Text("缺少这一项", "is missing"),
    _UNKNOWN: Text("没有这一项", "there is no such key"),
    _LITERAL: Text("没有 {given} 这一种", "there is no {given}"),
    "string_type": _TEXT,
    "path_type": _TEXT,
    "tuple_type": _LIST,
    "dict_type": _TABLE,
    "dataclass_type": _TABLE,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
}
_OTHER = Text("不合要求: {why}", "does not fit: {why}")
_ONLY = Text("; 只有 {known}", "; there is only {known}")
_NEAR = Text("; 是不是 {near!r}?", "; did you mean {near!r}?")


def misfits(faults: Sequence[Fault], document: object, kind: object) -> tuple[str, ...]:
    """Return a line for each mistake that a validator found in a document meant as a `kind`.

    A fault has `type`, `loc`, `msg`, `input` and perhaps `ctx`, as pydantic tells them. A key that
    is missing because it stands there misspelled is one mistake, not two.
    """
    nears = [_near(fault, document, kind) for fault in faults]
    misspelled = {
        (*fault["loc"][:-1], near)
        for fault, near in zip(faults, nears, strict=True)
        if fault["type"] == _UNKNOWN
    }
    return tuple(
        f"{_where(fault['loc'], document)}: {_sentence(fault, near)}"
        for fault, near in zip(faults, nears, strict=True)
        if fault["type"] != _MISSING or fault["loc"] not in misspelled
    )


def called(element: object, position: int) -> str:
    """Return what people call an element of a list: its id, number or name, else `#1` and so on."""
    row = element if isinstance(element, Mapping) else {}
    own = (row.get(name, "") for name in _NAMES)
    named = (str(one) for one in own if not isinstance(one, Mapping | list | tuple))
    return visible(next(filter(None, named), f"#{position + 1}"))


def shown(value: object) -> str:
    """Return a value as its writer knows it, cut where it is long."""
    said = repr(value) if isinstance(value, str) else json.dumps(value, default=str).strip('"')
    return said if len(said) <= _GIVEN_MAX else f"{said[:_GIVEN_MAX]}…"


def _where(loc: Iterable[object], document: object) -> str:
    return ".".join(_steps(loc, document)) or "-"


def _steps(loc: Iterable[object], document: object) -> Iterator[str]:
    for part in loc:
        if part == _OF_A_KEY:
            return
        inner = _inside(document, part)
        yield called(inner, part) if isinstance(part, int) else visible(str(part))
        document = inner


def _inside(document: object, part: object) -> object:
    if isinstance(document, list):
        document = dict(enumerate(document))
    return document.get(part) if isinstance(document, Mapping) else None


def _sentence(fault: Fault, near: str | None) -> Text:
    context = fault.get("ctx", {})
    why = context.get("error", fault["msg"])
    said = _SENTENCES.get(fault["type"], _OTHER).fill(given=shown(fault["input"]), why=why)
    hint = _hint(str(context.get("expected", "")), near)
    return Text(said.zh + hint.zh, said.en + hint.en)


def _hint(known: str, near: str | None) -> Text:
    if near is not None:
        return _NEAR.fill(near=near)
    return _ONLY.fill(known=known.replace(" or ", ", ")) if known else Text("", "")


def _near(fault: Fault, document: object, kind: object) -> str | None:
    """Return what was most likely meant by an unknown key or word."""
    if fault["type"] == _UNKNOWN:
        *above, key = fault["loc"]
        return _nearest(key, _free_keys(above, document, kind))
    if fault["type"] == _LITERAL:
        return _nearest(str(fault["input"]), _WORD.findall(fault["ctx"]["expected"]))
    return None


def _nearest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(word, tuple(known), 1)), None)


def _free_keys(above: Iterable[object], document: object, kind: object) -> Iterator[str]:
    """Yield the keys that a table may have and has not."""
    for part in above:
        document, kind = _inside(document, part), _kind_inside(kind, part)
    taken = document if isinstance(document, Mapping) else {}
    for table in _tables(kind):
        yield from (one.name for one in fields(table) if one.name not in taken)


def _kind_inside(kind: object, part: object) -> object:
    if isinstance(part, int):
        return kind
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    return next((get_type_hints(table).get(str(part)) for table in _tables(kind)), None)


def _tables(kind: object) -> Iterator[Any]:
    """Yield the dataclasses that a value of this type, or an element of it, may be."""
    if is_dataclass(kind):
        yield kind
    for one in get_args(kind):
        yield from _tables(one)
