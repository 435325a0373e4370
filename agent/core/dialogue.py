"""How a recorder is spoken with: a dialogue yields requests and is sent what came back.

A dialogue knows no port. A transport carries its requests out; a test, an emulator or a captured
conversation may answer in a port's place.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from contracts.errors import NoAnswerError

T = TypeVar("T")
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ScsiRead:
    """A SCSI command that reads; the answer is up to `size` bytes."""

    cdb: bytes
    size: int
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class ScsiWrite:
    """A SCSI command that sends `payload`; the answer is empty."""

    cdb: bytes
    payload: bytes
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class ControlRead:
    """A USB control transfer to the host (USB 2.0, 9.3); the answer is up to `size` bytes."""

    request_type: int
    request: int
    value: int
    index: int
    size: int
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class ControlWrite:
    """A USB control transfer to the recorder; the answer is empty."""

    request_type: int
    request: int
    value: int
    index: int
    payload: bytes
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class BulkRead:
    """A USB bulk transfer to the host; the answer is up to `size` bytes."""

    endpoint: int
    size: int
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class BulkWrite:
    """A USB bulk transfer to the recorder; the answer is empty."""

    endpoint: int
    payload: bytes
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class Say:
    """Bytes to send on a line (serial, TCP); what was heard before is dropped. No answer."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Hear:
    """Bytes to wait for on a line: up to and with `until`, or exactly `size` of them.

    With neither, whatever comes before the line is quiet. Never more than `size_max` bytes.
    """

    until: bytes | None = None
    size: int | None = None
    size_max: int = 4096
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class CallLibrary:
    """One function of a vendor's library, carried out in its helper process.

    The answer is the JSON text {"returned": int, "status": int, "out": base64}: what the function
    returned, its `iRet`, and the bytes of its out parameter.
    """

    function: str
    password: str = ""
    payload: bytes = b""
    seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class Tune:
    """Go on at another speed, on lines that have one; the answer is empty."""

    baud: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Leave the recorder in peace for so long; the answer is empty."""

    seconds: float


Request = (
    ScsiRead
    | ScsiWrite
    | ControlRead
    | ControlWrite
    | BulkRead
    | BulkWrite
    | Say
    | Hear
    | CallLibrary
    | Tune
    | Pause
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request whose silence is an answer too; asked by `attempt`, unwrapped by `converse`."""

    request: Request


Dialogue = Generator[Request | Attempt, bytes, T]


def attempt(request: Request) -> Dialogue[bytes | None]:
    """Ask once; None when there is no answer."""
    return cast("bytes | None", (yield Attempt(request)))


class Transport(Protocol):
    """Something that carries requests to one recorder."""

    def ask(self, request: Request) -> bytes:
        """Carry one request out and return what came back.

        Raises:
            NoAnswerError: nothing, or nothing whole, came back within the request's seconds, or the
                recorder refused the request.
            RecorderGoneError: the recorder was pulled out.
            TransportError: the way to it cannot be used (another program has it, no permission).
        """

    def close(self) -> None:
        """Let go of the port; may be called twice."""


def converse(dialogue: Dialogue[T], transport: Transport) -> T:
    """Hold a dialogue over a transport and return what it found.

    What is not answered is raised inside the dialogue, but for an `Attempt`, which gets None.

    Raises:
        NoAnswerError, RecorderGoneError, TransportError: as `Transport.ask`, where the dialogue
            does not go on.
    """
    try:
        request = next(dialogue)
        while True:
            if isinstance(request, Attempt):
                request = dialogue.send(cast("bytes", _answer_to(request.request, transport)))
                continue
            try:
                answer = transport.ask(request)
            except NoAnswerError as error:
                request = dialogue.throw(error)
            else:
                request = dialogue.send(answer)
    except StopIteration as end:
        return cast("T", end.value)


def _answer_to(request: Request, transport: Transport) -> bytes | None:
    try:
        return transport.ask(request)
    except NoAnswerError:
        return None
