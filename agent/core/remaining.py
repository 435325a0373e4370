"""What a recording still tells once its numbers are hidden, for whoever must decide."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.core.fixture import Entry, Fixture, text

_HEX = frozenset({"answer", "path", "holds", "payload", "cdb", "until"})
_SHOWN = frozenset({"says", "name"})  # of what stands in the same line as bytes
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class Remaining:
    """A string that was to be hidden, and the lines, from 1, in which it stands, with their kind.

    A string that several answers hold only together has no lines.
    """

    said: str
    lines: tuple[tuple[int, str], ...]


def remaining(fixture: Fixture, secrets: Iterable[str]) -> tuple[Remaining, ...]:
    """Return the secrets that are still in a fixture, each once."""
    lines = tuple(_lines(fixture))
    heard = b"".join(bytes.fromhex(one.answer or "") for one in fixture.exchanges)
    found = []
    for secret in dict.fromkeys(filter(None, secrets)):
        raw = secret.encode()
        places = tuple((number, kind) for number, kind, said in lines if raw in said)
        if places or raw in heard:
            found.append(Remaining(secret, places))
    return tuple(found)


def kept_words(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[str, ...]:
    """Return the words of the paths that are as they were, those that stand in most first."""
    known = {word for one in before for word in _words(one)}
    counts = Counter(word for one in after for word in _words(one) if word in known)
    return tuple(word.decode("utf-8", "backslashreplace") for word, _ in counts.most_common())


def _words(one: Entry) -> set[bytes]:
    return set(_WORD.findall(bytes.fromhex(one.path)))


def _lines(fixture: Fixture) -> Iterator[tuple[int, str, bytes]]:
    """Yield number, kind and all that is told in each line, as bytes; PTP's texts are UTF-16."""
    for number, line in enumerate(text(fixture), 1):
        ((kind, value),) = json.loads(line).items()
        options = value.pop("options", {})  # whose keys are their own
        said = b"\n".join((*_told("", value), json.dumps(options, ensure_ascii=False).encode()))
        what = f"{kind} {value['fact']}" if "fact" in value else kind
        yield number, what, said + b"\n" + said.replace(b"\0", b"")


def _told(key: str, value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _told(name, one)
    elif isinstance(value, list):
        for one in value:
            yield from _told(key, one)
    elif isinstance(value, str) and key not in _SHOWN:
        yield bytes.fromhex(value) if key in _HEX else value.encode()
