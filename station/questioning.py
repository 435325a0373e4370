"""The questions to wearers, read from the ledger: those that are open, and what answers answer."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from contracts.entry import Entry
from contracts.facts import fact_of
from contracts.questions import FootageQuestioned, QuestionAnswered, question_text
from contracts.text import Text
from ledger.reading import LedgerReader, Search
from station.page import Asked, Desk, Page

_TYPES = (FootageQuestioned.TYPE, QuestionAnswered.TYPE)


@dataclass(frozen=True)
class Row:
    """One open question as the page lists it."""

    fact: FootageQuestioned
    sentence: Text
    department: str


@dataclass(frozen=True)
class Asking:
    """What was asked, and by which entry."""

    sequence: int
    fact: FootageQuestioned


def answered_by(book: LedgerReader, entries: Iterable[Entry]) -> Mapping[str, Asking]:
    """Return by their names the questions that are answered by some of the entries."""
    found: dict[str, Asking] = {}
    for answer in (entry for entry in entries if entry.type == QuestionAnswered.TYPE):
        name = str(answer.data.get("question"))
        search = Search(name, FootageQuestioned.TYPE, answer.subject, before=answer.sequence)
        for entry in book.search(search):
            with suppress(ValueError):  # of a newer version
                fact = fact_of(entry, FootageQuestioned)
                if fact.question == name:
                    found[name] = Asking(entry.sequence, fact)
    return found


def open_questions(desk: Desk) -> tuple[FootageQuestioned, ...]:
    """Return every question without an answer, the oldest first."""
    asked: dict[str, FootageQuestioned] = {}
    with desk.ledger() as book:
        for entry in book.select(types=_TYPES):
            if entry.type == FootageQuestioned.TYPE:
                fact = fact_of(entry, FootageQuestioned)
                asked[fact.question] = fact
            else:
                asked.pop(fact_of(entry, QuestionAnswered).question, None)
    return tuple(sorted(asked.values(), key=lambda fact: (fact.from_at, fact.question)))


def questions(desk: Desk, asked: Asked) -> Page:
    """Show the open questions: all, or those to a person or about a recorder."""
    every = open_questions(desk)
    person, recorder = (asked.query.get(name, "").strip() for name in ("person", "recorder"))
    rows = [
        Row(fact, question_text(fact, desk.zone), desk.names.department(fact.department))
        for fact in every
        if person in ("", fact.person) and recorder in ("", fact.recorder)
    ]
    people = {fact.person: fact.person_name for fact in every if fact.person}
    filters = {"person": person, "recorder": recorder}
    recorders = sorted({fact.recorder for fact in every})
    values = {"rows": rows, "total": len(every), "people": people, "recorders": recorders}
    return Page("questions.html", {**values, "filters": filters})
