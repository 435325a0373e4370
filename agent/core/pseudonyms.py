"""Others of the same length in the place of what tells one recorder or wearer from another."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from agent.core.family import DEFAULT_PASSWORDS
from agent.core.fixture import Entry, Exchange, Fixture

SHORTEST = 4  # bytes; a shorter one would be found by chance
_TRIES = 1000
_KEPT_PREFIX = re.compile(rb"\D*(?=\d)")
_CHANGED = re.compile(rb"[0-9A-Za-z\x80-\xff]")
_TELLING = rb"[\x80-\xff]+|\d{5,}"
# Han characters in UTF-8, in GB 2312 and as JSON escapes: in an answer they are people and units.
_HAN = rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}|(?:[\xb0-\xf7][\xa1-\xfe]){2,}|(?:\\u[4-9][0-9a-f]{3})+"
_LONG_NUMBER = rb"\d{5,}"
_HEARD = re.compile(r"(?<= B: )[0-9a-f ]+$")  # how a line shows what it heard of no whole answer
_DATE_BEFORE = re.compile(rb"(?:19|20)\d{6}[-_ T]?$")
_MOMENTS = {8: "%Y%m%d", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}
_TIME_DIGITS = 6
_PUNCTUATION = re.compile(rb"[^0-9A-Za-z]+")
_NUMBER = re.compile(rb"(?=[0-9A-Za-z._-]*[0-9])[0-9A-Za-z]+(?:[._-][0-9A-Za-z]+)*")


class Pseudonyms:
    """Pseudonyms of the secrets given, in their order, and of what is met in names later on.

    A pseudonym keeps what stands before the first digit; all other letters and digits become a
    count: DSJ0042 becomes DSJ0001. The same string has the same one in the whole file, also without
    its punctuation, and in names without what stands before its first digit.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._known: dict[bytes, bytes] = {}
        self._forms: dict[bytes, tuple[bytes, int]] = {}
        for secret in secrets:
            if _is_telling(secret.encode()):
                for encoding in ("utf-8", "gb18030"):
                    self._of(secret.encode(encoding))
        self.secrets = tuple(self._known)
        for known in self.secrets:
            self._forms |= _squeezed(known)
        self._listed = _either((*self._known, *self._forms))
        self._named: set[bytes] = set()
        for known in self.secrets:
            self._look_for(known)

    @property
    def count(self) -> int:
        """How many strings were replaced so far or would be."""
        return len(self._known)

    def hide(self, raw: bytes, *, is_identity: bool = False) -> bytes:
        """Replace the secrets and what is written in Han characters, by X.

        In an answer to who it is also every long number: it may be the wearer's.
        """

        def hidden(found: re.Match[bytes]) -> bytes:
            word = found[0]
            if word in self._known or word in self._forms:
                return self._of(word)
            if not word.isdigit():
                return b"X" * len(word)
            return self._of(word) if len(set(word)) > 1 else word

        numbers = b"|" + _LONG_NUMBER if is_identity else b""
        return re.sub(self._listed + b"|" + _HAN + numbers, hidden, raw)

    def hide_text(self, said: str) -> str:
        """Replace the secrets in a text."""
        return self.hide(said.encode()).decode()

    def hide_name(self, path: bytes) -> bytes:
        """Replace in a path the secrets, all that is no ASCII, and numbers that are no moment."""

        def hidden(found: re.Match[bytes]) -> bytes:
            word = found[0]
            is_kept = word.isdigit() and word not in self._named
            return word if is_kept and _is_moment(word, path[: found.start()]) else self._of(word)

        return re.sub(_either(self._named, _alone) + b"|" + _TELLING, hidden, path)

    def look_for_values(self, raw: bytes, kept: str) -> None:
        """Have the numbers in a small file found in names later on, but for the key `kept`."""
        for line in raw.splitlines():
            key, equals, value = line.partition(b"=")
            if not (equals and key.strip().lower() == kept.encode().lower()):
                for number in _NUMBER.findall(value if equals else line):
                    if _is_telling(number) and not _is_moment(_bare(number), b""):
                        self._look_for(number)

    def _look_for(self, word: bytes) -> None:
        forms = {**_squeezed(word), **_unprefixed(word)}
        self._forms = {**forms, **self._forms}
        self._named |= {word, *forms}

    def hide_values(self, raw: bytes, kept: str) -> bytes:
        """Replace every value of a small file by 0 and X, but for secrets and the key `kept`."""
        lines = raw.splitlines(keepends=True)
        return b"".join(self._hidden_line(line, kept.encode().lower()) for line in lines)

    def _hidden_line(self, line: bytes, kept: bytes) -> bytes:
        key, equals, value = line.partition(b"=")
        if line.lstrip().startswith(b"["):
            return line
        if equals and key.strip().lower() == kept:
            return line
        if not equals:
            key, value = b"", line
        return key + equals + re.sub(self._listed + b"|" + _CHANGED.pattern, self._masked, value)

    def _masked(self, found: re.Match[bytes]) -> bytes:
        if found[0] in self._known or found[0] in self._forms:
            return self._of(found[0])
        return b"0" if found[0].isdigit() else b"X"

    def _of(self, secret: bytes) -> bytes:
        if secret not in self._known and secret in self._forms:
            whole, start = self._forms[secret]
            return _bare(self._of(whole)[start:])
        if secret not in self._known:
            taken = {*self._known, *self._known.values()}
            tried = (_numbered(secret, n) for n in range(len(self._known) + 1, _TRIES))
            self._known[secret] = next((one for one in tried if one not in taken | {secret}), b"")
            self._known[secret] = self._known[secret] or _numbered(secret, 0)
        return self._known[secret]


Change = Callable[[bytes], bytes]
Refit = Callable[[bytes, Change], bytes]


def as_is(said: bytes, change: Change) -> bytes:
    """Change an answer that no checksum covers."""
    return change(said)


def hidden(
    fixture: Fixture, names: Pseudonyms, markers: Mapping[bytes, str], refit: Refit = as_is
) -> Fixture:
    """Return a fixture without what tells one recorder from another.

    `markers` are the small files by which it tells of itself, in small letters, each with the key
    whose value is kept. `refit` makes what was heard on a line right again once it is changed.
    """
    plug = fixture.plug
    plug = replace(
        plug,
        serial=plug.serial and names.hide_text(plug.serial),
        label=plug.label and names.hide_text(plug.label),
        description=names.hide_text(plug.description),
    )
    exchanges = tuple(_exchanges(fixture.exchanges, names, refit))
    for one in fixture.entries:
        kept = markers.get(bytes.fromhex(one.path).lower(), "")
        names.look_for_values(bytes.fromhex(one.holds or ""), kept)
    entries = tuple(_entry(one, names, markers) for one in fixture.entries)
    options = _everywhere(fixture.head.options, names)
    head = replace(fixture.head, options=options, hidden=names.count)
    return Fixture(head, plug, exchanges, entries)


def _exchanges(
    exchanges: Iterable[Exchange], names: Pseudonyms, refit: Refit
) -> Iterator[Exchange]:
    """Yield the exchanges changed; what is heard in pieces is one answer, and cut up again."""
    for (fact, is_heard), run in groupby(exchanges, lambda one: (one.fact, _is_heard(one))):
        change = partial(names.hide, is_identity=fact == "identity")
        told = [
            replace(one, asked=_asked(one.asked, names), why=_HEARD.sub("…", one.why))
            for one in run
        ]
        if not is_heard:
            for one in told:
                yield replace(one, answer=one.answer and change(bytes.fromhex(one.answer)).hex())
            continue
        whole = refit(b"".join(bytes.fromhex(one.answer or "") for one in told), change).hex()
        for one in told:
            size = len(one.answer or "")
            yield replace(one, answer=whole[:size])
            whole = whole[size:]


def _is_heard(one: Exchange) -> bool:
    return one.asked["do"] == "Hear" and one.answer is not None


def _asked(asked: dict[str, Any], names: Pseudonyms) -> dict[str, Any]:
    return {
        name: names.hide(bytes.fromhex(v)).hex() if _is_bytes(name, v) else v
        for name, v in asked.items()
    }


def _entry(one: Entry, names: Pseudonyms, markers: Mapping[bytes, str]) -> Entry:
    path = bytes.fromhex(one.path)
    is_marker = path.lower() in markers
    holds = None
    if one.holds is not None:
        kept = markers.get(path.lower(), "")
        holds = names.hide_values(bytes.fromhex(one.holds), kept).hex()
    return replace(one, path=(path if is_marker else names.hide_name(path)).hex(), holds=holds)


def _everywhere(value: Any, names: Pseudonyms) -> Any:  # noqa: ANN401  # whatever TOML holds
    if isinstance(value, str):
        return names.hide_text(value)
    if isinstance(value, Mapping):
        return {key: _everywhere(one, names) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_everywhere(one, names) for one in value]
    return value


def _is_bytes(name: str, value: object) -> bool:
    return name in {"cdb", "payload", "until"} and isinstance(value, str)


def _is_telling(secret: bytes) -> bool:
    return (
        len(secret) >= SHORTEST
        and len(set(secret)) > 1
        and secret.decode("utf-8", "replace") not in DEFAULT_PASSWORDS
    )


def _squeezed(word: bytes) -> dict[bytes, tuple[bytes, int]]:
    """Return a word without its punctuation, with the word and where in it that begins."""
    made = _bare(word)
    return {made: (word, 0)} if made != word and word.isascii() and _is_telling(made) else {}


def _unprefixed(word: bytes) -> dict[bytes, tuple[bytes, int]]:
    """Return what stands from a word's first digit on; what looks like a moment stays one."""
    prefix = _KEPT_PREFIX.match(word)
    if not prefix or not prefix.end() or not word.isascii():
        return {}
    made = _bare(word[prefix.end() :])
    is_sure = _is_telling(made) and not _is_moment(made, b"")
    return {made: (word, prefix.end())} if is_sure else {}


def _bare(word: bytes) -> bytes:
    return _PUNCTUATION.sub(b"", word)


def _either(words: Iterable[bytes], pattern: Callable[[bytes], bytes] = re.escape) -> bytes:
    """Return a pattern for any of these, the longest first; for nothing where there are none."""
    return b"|".join(map(pattern, sorted(words, key=len, reverse=True))) or rb"(?!)"


def _alone(word: bytes) -> bytes:
    """Return a pattern for a word in a name; a number is not looked for inside a longer one."""
    return rb"(?<!\d)" + word + rb"(?!\d)" if word.isdigit() else re.escape(word)


def _is_moment(digits: bytes, before: bytes) -> bool:
    if len(digits) == _TIME_DIGITS:
        return bool(_DATE_BEFORE.search(before)) and _parses(digits, "%H%M%S")
    return len(digits) in _MOMENTS and _parses(digits, _MOMENTS[len(digits)])


def _parses(digits: bytes, form: str) -> bool:
    try:
        datetime.strptime(digits.decode(), form)  # noqa: DTZ007  # only whether it is one
    except ValueError:
        return False
    return True


def _numbered(secret: bytes, number: int) -> bytes:
    prefix = _KEPT_PREFIX.match(secret)
    start = prefix.end() if prefix and prefix[0].isascii() else 0
    places = [n for n in range(start, len(secret)) if _CHANGED.match(secret[n : n + 1])]
    digits = str(number).zfill(len(places))[-len(places) :] if places else ""
    made = bytearray(secret)
    for place, digit in zip(places, digits.encode(), strict=True):
        made[place] = digit
    return bytes(made)
