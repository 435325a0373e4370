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
    """Questions and answers, by station and the question's name."""

    asked: dict[tuple[str, str], Inquiry] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)

    def enter(self, station: str, entry: Entry) -> None:
        """Take in a station's entry of one of `TYPES`.

        Raises:
            ValueError: the entry does not say what its type must.
        """
        if entry.type == QuestionAnswered.TYPE:
            self.answered.add((station, fact_of(entry, QuestionAnswered).question))
            return
        fact = fact_of(entry, FootageQuestioned)
        known = self.asked.get((station, fact.question))
        # One that is entered twice was asked when it was asked first.
        if known is None or entry.moment.at < known.asked_at:
            self.asked[station, fact.question] = Inquiry(station, entry.moment.at, fact)

    def unanswered(self) -> tuple[Inquiry, ...]:
        """Return the questions without an answer, the oldest recording first."""
        waiting = (one for key, one in self.asked.items() if key not in self.answered)
        return tuple(
            sorted(waiting, key=lambda one: (one.fact.from_at, one.station, one.fact.question))
        )
