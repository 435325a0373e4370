"""What a recorder said, as a file that can be mailed, read by people, and answered from.

The format is docs/recorders/fixtures.md: JSON lines, each an object with one key that says what it
is. Footage is never in it.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from agent.core.dialogue import CallLibrary, Pause, Request, Transport, Tune
from agent.core.recorder import CardFile
from contracts.errors import NoAnswerError, RecorderGoneError, SettingsError
from contracts.loading import from_object, to_object

VERSION = 1
PROBE = "probe"
_UNSAID = (Pause, Tune)  # they ask the recorder for nothing


@dataclass(frozen=True)
class Head:
    """Where the file comes from. `options` are those its language was spoken with.

    `hidden` counts the strings for which others of their length stand; None: nothing was hidden.
    """

    fixture: int
    origin: Literal["hardware", "constructed"]
    profile: str
    family: str = ""
    transport: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    hidden: int | None = None
    program: str = ""


@dataclass(frozen=True)
class Plug:
    """What the kernel says of it, as `agent.core.recorder.Device` does."""

    kind: Literal["block", "drive", "virtual", "inbox", "other"]
    description: str
    serial: str | None = None
    vendor_id: str | None = None
    model_id: str | None = None
    classes: tuple[str, ...] = ()
    inquiry: str = ""
    label: str | None = None
    file_system: str | None = None
    has_line: bool = False


@dataclass(frozen=True)
class Exchange:
    """One request and what came back, both in hex digits; `answer` None: nothing, and `why`.

    `fact` is what was asked for. `says` shows the answer's text to people and is not read back.
    `response` is PTP's: a code and its parameters; the answer is then the data, None for none.
    A library's is what the function returned and its `iRet`; the answer is then what it wrote.
    """

    fact: str
    asked: dict[str, Any]
    answer: str | None = None
    why: str = ""
    says: str = ""
    ms: int = 0
    response: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One file of its card. `path` and `holds` are hex digits, `name` and `says` for people.

    Only small files by which a recorder tells of itself have `holds`.
    """

    path: str
    size: int
    modified_ns: int
    is_read_only: bool = False
    holds: str | None = None
    name: str = ""
    says: str = ""


@dataclass(frozen=True)
class Fixture:
    """A whole file."""

    head: Head
    plug: Plug
    exchanges: tuple[Exchange, ...] = ()
    entries: tuple[Entry, ...] = ()


_KINDS: dict[str, type[Head | Plug | Exchange | Entry]] = {
    "head": Head,
    "plug": Plug,
    "exchange": Exchange,
    "file": Entry,
}


class Recording:
    """A transport that keeps what passes; `fact` is what is being asked for."""

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self.fact = ""
        self.kept: list[Exchange] = []

    def ask(self, request: Request) -> bytes:
        """Carry a request out and keep it with its answer."""
        began = self._clock()
        exchange = Exchange(self.fact, written(request))
        try:
            answer = self._transport.ask(request)
        except NoAnswerError as error:
            self._keep(replace(exchange, why=str(error.fields["reason"])), request, began)
            raise
        self._keep(_answered(exchange, request, answer), request, began)
        return answer

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _keep(self, exchange: Exchange, request: Request, began: float) -> None:
        if not isinstance(request, _UNSAID):
            ms = round((self._clock() - began) * 1000)
            self.kept.append(replace(exchange, ms=ms))


class Replay:
    """A transport that answers as recorded, fact by fact, in any order of the facts.

    What was never recorded has no answer as long as languages are being tried; later it finds the
    recorder gone, as a switch does that is not waited for. `unrecorded` keeps it.
    """

    def __init__(self, exchanges: tuple[Exchange, ...]) -> None:
        facts = dict.fromkeys(one.fact for one in exchanges)
        self._talks = [tuple(one for one in exchanges if one.fact == fact) for fact in facts]
        self._at: list[tuple[tuple[Exchange, ...], int]] = []
        self._is_known = False
        self.unrecorded: list[dict[str, Any]] = []

    def ask(self, request: Request) -> bytes:
        """Answer as the recorder did.

        Raises:
            NoAnswerError: it did not, or was being probed.
            RecorderGoneError: it was not asked this.
        """
        if isinstance(request, _UNSAID):
            return b""
        asked = written(request)
        begun = [(talk, 0) for talk in self._talks]
        self._at = _next(self._at, asked) or _next(begun, asked)
        if not self._at:
            self.unrecorded.append(asked)
            if self._is_known:
                raise RecorderGoneError
            raise NoAnswerError(request=str(asked["do"]), reason="not recorded")
        self._is_known |= any(talk[0].fact != PROBE for talk, _ in self._at)
        talk, after = self._at[0]
        exchange = talk[after - 1]
        if exchange.answer is None:
            raise NoAnswerError(request=str(asked["do"]), reason=exchange.why)
        return _answer(exchange)

    def close(self) -> None:
        """Do nothing; it can be asked again."""


def written(request: Request) -> dict[str, Any]:
    """Return a request as a file has it: its name and values, bytes in hex digits, no seconds."""
    values = {one.name: getattr(request, one.name) for one in fields(request)}
    values.pop("seconds", None)  # how long was waited is the program's affair
    said = {name: v.hex() if isinstance(v, bytes) else v for name, v in values.items()}
    return {"do": type(request).__name__, **said}


def entry(file: CardFile, holds: bytes | None) -> Entry:
    """Return a listed file as a line."""
    raw = None if holds is None else holds.hex()
    return Entry(file.path.hex(), file.size, file.modified_ns, file.is_read_only, raw)


def readable(raw: bytes) -> str:
    """Return the text in some bytes, a dot for each that is none."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw)  # noqa: PLR2004  # ASCII


def text(fixture: Fixture) -> Iterator[str]:
    """Yield the lines of a file."""
    yield _line("head", fixture.head)
    yield _line("plug", fixture.plug)
    for one in fixture.exchanges:
        yield _line("exchange", replace(one, says=_said(one)))
    for file in fixture.entries:
        name = bytes.fromhex(file.path).decode("utf-8", "backslashreplace")
        says = "" if file.holds is None else readable(bytes.fromhex(file.holds))
        yield _line("file", replace(file, name=name, says=says))


def parse(said: str, name: str) -> Fixture:
    """Return what a file says.

    Raises:
        SettingsError: with every malformed line.
    """
    problems: list[str] = []
    found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for number, line in enumerate(said.splitlines(), 1):
        try:
            ((kind, value),) = json.loads(line).items()
            found[kind].append(from_object(value, _KINDS[kind]))
        except (ValueError, KeyError, AttributeError) as error:
            problems.append(f"{number}: {error}".splitlines()[0])
    if [len(found["head"]), len(found["plug"])] != [1, 1]:
        problems.append("head, plug: 各应有一行 / one line of each")
    elif found["head"][0].fixture != VERSION:
        problems.append(f"head.fixture: {found['head'][0].fixture} != {VERSION}")
    if problems:
        raise SettingsError(file=name, problems=tuple(problems))
    (head,), (plug,), exchanges, entries = found.values()
    return Fixture(head, plug, tuple(exchanges), tuple(entries))


def _next(
    at: list[tuple[tuple[Exchange, ...], int]], asked: dict[str, Any]
) -> list[tuple[tuple[Exchange, ...], int]]:
    """Return where the talks go on that have this request next."""
    return [(talk, n + 1) for talk, n in at if n < len(talk) and talk[n].asked == asked]


def _answered(exchange: Exchange, request: Request, answer: bytes) -> Exchange:
    """Return an exchange with its answer; a library's as it was called, and not as JSON."""
    if isinstance(request, CallLibrary):
        try:
            said = json.loads(answer)
            out = base64.b64decode(said["out"], validate=True)
            response = (int(said["returned"]), int(said["status"]))
        except (ValueError, KeyError, TypeError):
            return replace(exchange, answer=answer.hex())
        return replace(exchange, answer=out.hex(), response=response)
    return replace(exchange, answer=answer.hex())


def _answer(one: Exchange) -> bytes:
    raw = bytes.fromhex(one.answer or "")
    if not one.response:
        return raw
    returned, status = one.response
    out = base64.b64encode(raw).decode()
    return json.dumps({"returned": returned, "status": status, "out": out}).encode()


def _said(one: Exchange) -> str:
    raw = bytes.fromhex(one.answer or "")
    return readable(raw.replace(b"\0", b"") if one.response else raw)  # UTF-16, or C's


def _line(kind: str, value: Head | Plug | Exchange | Entry) -> str:
    said = to_object(value).items()
    kept = {name: v for name, v in said if v not in _UNTOLD or (name in _BYTES and v is not None)}
    return json.dumps({kind: kept}, ensure_ascii=False)


_UNTOLD: tuple[object, ...] = (None, "", [], {})
_BYTES = ("answer", "holds")  # of which none at all is another thing than nothing
