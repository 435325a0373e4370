"""A vendor's library as a fixture: its calls without what tells this recorder and its wearer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from agent.core.fixture import Exchange
from agent.core.pseudonyms import Pseudonyms
from agent.families.wearer import BARE, PADDED, in_info, text

_FIELDS = {"padded": PADDED, "bare": BARE}
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


def _hidden(function: str, said: bytes, names: Pseudonyms, fields: Sequence[int]) -> bytes:
    change = partial(names.hide, is_identity=True)
    if function in _CODES:
        return text(said, change)
    return in_info(said, fields, change) if function == "GetZFYInfo" else said
