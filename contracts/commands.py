"""What people ask of the agent over its Unix socket: one JSON line each way.

A request is `{"command": <name>, "arguments": {…}}`; the answer is an `Answer`.
"""

from dataclasses import dataclass
from datetime import date, datetime

from contracts.facts import DeclarationKind, ServiceState
from contracts.loading import from_json, from_object, to_json, to_object
from contracts.questions import AnswerReason


@dataclass(frozen=True)
class Issue:
    """Hand a recorder to a person (领用). `override_reason` answers failed checks."""

    recorder: str
    person: str
    pin: str
    approver: str | None = None
    approver_pin: str | None = None
    override_reason: str | None = None


@dataclass(frozen=True)
class Return:
    """Take a recorder back by hand (交回); plugging it in does the same without asking."""

    recorder: str
    by: str
    pin: str


@dataclass(frozen=True)
class Declare:
    """Answer a duty without footage."""

    recorder: str
    day: date
    kind: DeclarationKind
    reason: str
    by: str
    pin: str
    until: datetime | None = None


@dataclass(frozen=True)
class Observe:
    """Enter what a recorder's own screen shows; `screen_clock` is local wall time as shown."""

    recorder: str
    by: str
    pin: str
    battery_percent: int | None = None
    screen_clock: datetime | None = None


@dataclass(frozen=True)
class ReportFault:
    """Put a recorder out of service (`in_repair`, `lost`) or back (`in_service`)."""

    recorder: str
    state: ServiceState
    reason: str
    by: str
    pin: str


@dataclass(frozen=True)
class AnswerQuestion:
    """Answer a question about recordings; `words` say more, which some answers need."""

    question: str
    answer: AnswerReason
    by: str
    pin: str
    words: str = ""


@dataclass(frozen=True)
class Retry:
    """Try a dock's visit again without taking the recorder out."""

    dock: int


@dataclass(frozen=True)
class Scrub:
    """Read the whole archive again, beginning now."""


Command = Issue | Return | Declare | Observe | ReportFault | AnswerQuestion | Retry | Scrub
COMMANDS: dict[str, type[Command]] = {
    "issue": Issue,
    "return": Return,
    "declare": Declare,
    "observe": Observe,
    "report-fault": ReportFault,
    "answer-question": AnswerQuestion,
    "retry": Retry,
    "scrub": Scrub,
}


@dataclass(frozen=True)
class Answer:
    """The agent's answer; `sequence` is the entry that now says so."""

    ok: bool
    zh: str
    en: str
    code: str | None = None
    remedy_zh: str | None = None
    remedy_en: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class _Request:
    command: str
    arguments: dict[str, object]


def encode_command(command: Command) -> bytes:
    """Return a request line without its newline."""
    name = next(name for name, kind in COMMANDS.items() if isinstance(command, kind))
    return to_json(_Request(name, to_object(command)))


def decode_command(line: bytes) -> Command:
    """Return the command in a request line.

    Raises:
        ValueError: not a command we know, or its arguments do not fit.
    """
    request = from_json(line, _Request)
    if request.command not in COMMANDS:
        raise ValueError(f"no command {request.command!r}")
    return from_object(request.arguments, COMMANDS[request.command])
