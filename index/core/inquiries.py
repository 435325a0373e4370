"""The questions stations asked wearers about recordings, and which of them nobody has answered.

Entries may come twice and in any order; the result is the same.
"""

from dataclasses import dataclass, field
from datetime import datetime

from contracts.entry import Entry
from contracts.facts import fact_of
from contracts.questions import FootageQuestioned, QuestionAnswered

TYPES = (FootageQuestioned.TYPE, QuestionAnswered.TYPE)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question, where and when it was entered."""

    station: str
    asked_at: datetime
    fact: FootageQuestioned


@dataclass
class Inquiries:
    """Questions without an answer, and what is answered, by station and the question's name."""

    asked: dict[tuple[str, str], Inquiry] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)
    _in_order: tuple[Inquiry, ...] | None = field(default=(), compare=False)

    def enter(self, station: str, entry: Entry) -> None:
        """Take in a station's entry of one of `TYPES`.

        Raises:
            ValueError: the entry does not say what its type must.
        """
        self._in_order = None
        if entry.type == QuestionAnswered.TYPE:
            key = station, fact_of(entry, QuestionAnswered).question
            self.answered.add(key)
            self.asked.pop(key, None)
            return
        fact = fact_of(entry, FootageQuestioned)
        key = station, fact.question
        known = self.asked.get(key)
        # One that is entered twice was asked when it was asked first.
        if key not in self.answered and (known is None or entry.moment.at < known.asked_at):
            self.asked[key] = Inquiry(station, entry.moment.at, fact)

    def unanswered(self) -> tuple[Inquiry, ...]:
        """Return the questions without an answer, the oldest recording first."""
        if self._in_order is None:
            waiting = self.asked.values()
            order = sorted(
                waiting, key=lambda one: (one.fact.from_at, one.station, one.fact.question)
            )
            self._in_order = tuple(order)
        return self._in_order
