"""The language of short texts that begin with `@`: Novatek's and one of Ambarella's are dialects.

A text is a verb and its fields: `@Gdv;8;12345678;#` or `@Ver#800000000`. Which marks stand between
them, which verbs there are, and what carries the text are data. Sources: docs/recorders/novatek.md
and docs/recorders/ambarella.md.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from agent.core.dialogue import BulkRead, BulkWrite, Dialogue, Pause, ScsiRead, ScsiWrite, attempt
from agent.core.family import DEFAULT_PASSWORDS, Login, Told
from agent.families.values import percent
from agent.families.wire import (
    OPTIONS,
    called,
    calls_itself,
    refuse_beyond,
    unasked,
)
from contracts.errors import SettingsError
from contracts.loading import from_table
from contracts.reading import Identity

Words = tuple[str, ...]
_MARKS = re.compile("[;#:]")
_READ_TIMES = 3  # an answer to an older request may come first
_REFUSALS_MAX = 2
_TEXT_BYTES_MAX = 64
_A_MOMENT = datetime(2000, 12, 31, 23, 59, 59)  # noqa: DTZ001  # as a recorder shows it
_BOUNDS = {
    "number_field": range(1, 9),
    "endpoint_out": range(0x01, 0x10),
    "endpoint_in": range(0x81, 0x90),
    "answer_bytes": range(8, 4097),
}

# What is read before the text: 16 bytes each, by the byte that tells them apart, then a first text.
_SCSI_TEXT_BYTES = 30
_SCSI_STATES = (4, 4, 6, 4, 3, 3, 5)
_SCSI_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Dialect:
    """The data of one dialect; what it has no words for is empty.

    Words are a verb and its fields; `{password}` stands for the password, `{length}` for its
    length, and the fields of `clock` hold strftime's marks. `number_field` counts the verb as 0.
    `names` is what SCSI's INQUIRY must begin with before anything else is said. `is_toggle`: the
    switch's words lead out of disk mode as well as into it.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # pydantic's own hook
    carrier: Literal["scsi", "bulk"]
    opening: str
    between: str
    closing: str
    login: Words
    number: Words
    number_verb: str
    number_field: int
    switch: Words
    battery: Words = ()
    clock: tuple[Words, ...] = ()
    password: str = field(default="00000000", repr=False)  # what these leave the factory with
    names: str = ""
    is_toggle: bool = False
    endpoint_out: int = 0x01
    endpoint_in: int = 0x81
    answer_bytes: int = 64


@dataclass(frozen=True)
class Answer:
    """The verb and fields of an answer, and whether its end was seen."""

    fields: list[str]
    is_whole: bool


class AtText:
    """A family that is asked in `@` texts; a subclass gives a dialect's `defaults`."""

    defaults: ClassVar[Mapping[str, object]]

    def __init__(self, options: Mapping[str, object]) -> None:
        self._dialect = from_table({**self.defaults, **options}, Dialect, OPTIONS)
        refuse_beyond(self._dialect, _BOUNDS)
        self._refuse_unspeakable()

    def probe(self) -> Dialogue[bool]:
        """Show the password, as nothing else is known to be answered before it."""
        names = self._dialect.names
        if names and not (yield from calls_itself(names)):
            return False
        return (yield from self._ask(self._dialect.login)) is not None

    def log_in(self) -> Dialogue[Login]:
        """Show the password again and tell how it was taken."""
        answer = yield from self._ask(self._dialect.login)
        if answer is None:
            return "none"
        if not answer.fields[1:] or not answer.fields[1].startswith("OK"):
            return "refused"
        return "default" if self._dialect.password in DEFAULT_PASSWORDS else "accepted"

    def identity(self) -> Dialogue[Identity]:
        """Ask for the recorder's number; who wears it is not asked."""
        told = yield from self._number()
        return Identity(device_number=told, how=f"@{self._dialect.number[0]}")

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery, where the dialect has words for it."""
        words = self._dialect.battery
        told = (yield from self._value(words, words[0], 1)) if words else None
        value = percent(told)
        return None if value is None else Told(value, f"@{words[0]}")

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Tell nothing: no dialect is known to tell the time."""
        return unasked(None)

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Tell nothing: the card says it once it is a disk."""
        return unasked(None)

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set date and time, where the dialect has words for it."""
        for words in self._dialect.clock:
            heard = yield from self._ask(_at(words, local))
            if heard is None or any("ERR" in field.upper() for field in heard.fields):
                return False
        return bool(self._dialect.clock)

    def switch(self) -> Dialogue[bool]:
        """Order disk mode once. A toggle only where the recorder is seen to be in command mode."""
        if self._dialect.is_toggle and (yield from self._number()) is None:
            return False
        # It may leave before it answers: whether it went is seen on the bus.
        yield from attempt(self._carried(self._spell(self._dialect.switch)))
        return True

    def _number(self) -> Dialogue[str | None]:
        dialect = self._dialect
        told = yield from self._value(dialect.number, dialect.number_verb, dialect.number_field)
        return None if told is None else called(told.encode("gbk"))

    def _value(self, words: Words, verb: str, field: int) -> Dialogue[str | None]:
        """Return one field of the answer; None where the answer may have been cut short."""
        answer = yield from self._ask(words, verb)
        if answer is None or len(answer.fields) <= field:
            return None
        return answer.fields[field] if answer.is_whole else None

    def _refuse_unspeakable(self) -> None:
        dialect = self._dialect
        clock = (_at(words, _A_MOMENT) for words in dialect.clock)
        try:
            spelled = [
                self._spell(words)
                for words in (dialect.login, dialect.number, dialect.switch, *clock)
            ]
        except ValueError:  # which would show the password
            problem = "login, number, switch, clock: no verb, or not in GBK"
            raise SettingsError(file=OPTIONS, problems=(problem,)) from None
        if too_long := [text for text in spelled if len(text) > _TEXT_BYTES_MAX]:
            problem = f"{len(too_long[0])} > {_TEXT_BYTES_MAX} bytes"
            raise SettingsError(file=OPTIONS, problems=(problem,))

    def _spell(self, words: Words) -> bytes:
        dialect = self._dialect
        filled = {"{length}": str(len(dialect.password)), "{password}": dialect.password}
        verb, *fields = (filled.get(word, word) for word in words)
        tail = f"{dialect.opening}{dialect.between.join(fields)}{dialect.closing}" if fields else ""
        return f"@{verb}{tail}".encode("gbk")

    def _ask(self, words: Words, verb: str = "") -> Dialogue[Answer | None]:
        """Return the answer to these words; None when there is none."""
        if (yield from attempt(self._carried(self._spell(words)))) is None:
            return None
        hear = self._hear_scsi if self._dialect.carrier == "scsi" else self._hear_bulk
        for _ in range(_READ_TIMES):
            answer = yield from hear()
            if answer is None:
                return None
            if fields := _fields(answer, verb or words[0]):
                return Answer(fields, self._is_whole(answer))
        return None

    def _is_whole(self, answer: bytes) -> bool:
        """Tell whether nothing is missing at the end: a text ends with a NUL or a closing mark."""
        if self._dialect.carrier == "scsi":
            return b"\0" in answer or len(answer) == _SCSI_TEXT_BYTES
        closing = self._dialect.closing[-1:].encode("gbk")
        return answer.rstrip(b"\0\r\n ").endswith(closing)

    def _carried(self, text: bytes) -> ScsiWrite | BulkWrite:
        if self._dialect.carrier == "bulk":
            return BulkWrite(self._dialect.endpoint_out, text)
        return ScsiWrite(_scsi(len(text), 0x02, 0x03, 0x01), text)

    def _hear_bulk(self) -> Dialogue[bytes | None]:
        return attempt(BulkRead(self._dialect.endpoint_in, self._dialect.answer_bytes))

    def _hear_scsi(self) -> Dialogue[bytes | None]:
        """Read in the order of the maker's tool, which does not look at what comes before the text.

        That an order is needed at all is not known; nor is what the states say.
        """
        yield Pause(_SCSI_PAUSE_SECONDS)
        refusals = 0
        for request in _before_text():
            if (yield from attempt(request)) is None:
                refusals += 1
                if refusals > _REFUSALS_MAX:
                    return None
        return (yield from attempt(_text_read(0x02)))


def _at(words: Words, local: datetime) -> Words:
    return tuple(local.strftime(word) for word in words)


def _before_text() -> Iterator[ScsiRead]:
    yield from map(_state_read, _SCSI_STATES)
    yield _text_read(0x01)
    yield from map(_state_read, (4, 4))


def _state_read(which: int) -> ScsiRead:
    return ScsiRead(_scsi(0x10, 0xFF, which, 0), 0x10)


def _text_read(which: int) -> ScsiRead:
    return ScsiRead(_scsi(_SCSI_TEXT_BYTES, 0x02, which, 0x01), _SCSI_TEXT_BYTES)


def _scsi(size: int, *tail: int) -> bytes:
    return bytes((0xC5, 0x07, *bytes(7), size, *tail, 0, 0, 0))


def _fields(answer: bytes, verb: str) -> list[str] | None:
    """Split an answer at its marks; None when it is none, or one to another verb."""
    try:
        text = answer.strip(b"\0").partition(b"\0")[0].decode("gbk")
    except UnicodeDecodeError:
        return None
    fields = _MARKS.split(text.partition("@")[2].strip())
    return fields if fields[0].upper() == verb.upper() else None
