"""What wearers were asked about their recordings, and what the end of a visit adds to it.

A fold over the ledger's entries, the same after a restart as before, and what came with the visits
that are under way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from agent.core.dock import Dock
from agent.core.effect import Effect, Enter
from agent.core.event import Surveyed, WorkerEvent
from agent.core.gaps import Evidence, Question, Segment, find_questions, moment_at, moment_ms
from agent.core.handover import REASON_MAX, Desk
from agent.core.plan import Proven
from contracts.commands import AnswerQuestion
from contracts.entry import Entry
from contracts.errors import CommandInvalidError, NotAllowedError, QuestionUnknownError
from contracts.facts import (
    FootageImported,
    RecorderDocked,
    RecorderIssued,
    RecorderReturned,
    VisitCompleted,
    VisitInterrupted,
    fact_of,
)
from contracts.names import shown
from contracts.questions import NEEDS_WORDS, FootageQuestioned, QuestionAnswered
from contracts.roster import Roster

EARLIER_MAX = 2_000  # of the recorder's files before this visit, the newest
_FILES_MAX = 4


@dataclass(frozen=True, slots=True)
class Term:
    """A person had a recorder from one moment to another; None while it is out."""

    handover: str
    person: str
    person_name: str
    from_ms: int
    to_ms: int | None = None


@dataclass
class Coming:
    """What came with a visit so far."""

    new: set[Segment] = field(default_factory=set)
    earlier: set[Segment] = field(default_factory=set)
    names: set[bytes] = field(default_factory=set)


@dataclass
class Inquiries:
    """Every question that was asked: the names `known`, and by name those that are `unanswered`.

    By recorder: `terms` are who had it when, `breaks` when it changed hands or was docked,
    `unfinished` the visits that were cut off since the last whole one. `coming` is what came with
    the visits under way.
    """

    known: set[str] = field(default_factory=set)
    unanswered: dict[str, FootageQuestioned] = field(default_factory=dict)
    terms: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    breaks: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    unfinished: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    coming: dict[str, Coming] = field(default_factory=dict)

    def fold(self, entry: Entry) -> None:
        """Take one entry in; entries of other types change nothing."""
        fold = _FOLDS.get(entry.type)
        if fold is not None:
            fold(self, entry)

    def follow(
        self, dock: Dock, event: WorkerEvent, effects: Iterable[Effect], roster: Roster
    ) -> list[Effect]:
        """Take in what a dock reported and what is entered of it; return what is to be asked."""
        record = roster.find_recorder(dock.recorder or "")
        rule = roster.policy_of(record.department).questions if record else None
        if record is None or rule is None or event.visit != dock.visit:
            return []
        if isinstance(event, Surveyed):
            self._begin(record.number, event)
        coming = self.coming.get(dock.visit)
        asked: list[Effect] = []
        for fact in [effect.fact for effect in effects if isinstance(effect, Enter)]:
            if coming is not None and isinstance(fact, FootageImported):
                _take(fact, coming.new, coming.names)
            elif coming is not None and isinstance(fact, VisitCompleted):
                found = find_questions(self._evidence(fact, coming), rule)
                asked += [Enter(one) for q in found if (one := self._word(q, fact, roster))]
        return asked

    def _begin(self, recorder: str, event: Surveyed) -> None:
        coming = self.coming[event.visit] = Coming()
        coming.names.update(file.path for file in event.listing.files)
        unfinished = self.unfinished[recorder]
        for proven in event.proven[-EARLIER_MAX:]:
            came = coming.new if proven.visit in unfinished else coming.earlier
            _take(proven, came, coming.names)

    def _evidence(self, fact: VisitCompleted, coming: Coming) -> Evidence:
        return Evidence(
            frozenset(coming.new),
            frozenset(coming.earlier - coming.new),
            frozenset(coming.names),
            tuple(self.breaks[fact.recorder]),
            moment_ms(fact.docked_at),
        )

    def _word(
        self, question: Question, fact: VisitCompleted, roster: Roster
    ) -> FootageQuestioned | None:
        """Return what is entered of a question; None if it was asked before."""
        name = sha256(f"{fact.recorder} {question.key}".encode()).hexdigest()[:16]
        record = roster.find_recorder(fact.recorder)
        if name in self.known or record is None:
            return None
        person, person_name = self._holder(fact.recorder, question.from_ms, roster)
        seen_in = question.seen_in[:_FILES_MAX]
        return FootageQuestioned(
            question=name,
            visit=fact.visit,
            recorder=fact.recorder,
            kind=question.kind,
            department=record.department,
            from_at=moment_at(question.from_ms),
            to_at=moment_at(question.to_ms),
            person=person,
            person_name=person_name,
            seen_in=tuple(shown(one.path.rpartition(b"/")[2]) for one in seen_in),
            digests=tuple(one.sha256 for one in seen_in),
            first=question.first,
            last=question.last,
            count=question.count,
        )

    def _holder(self, recorder: str, at: int, roster: Roster) -> tuple[str | None, str | None]:
        """Return who had a recorder at a moment, else its keeper, else nobody."""
        for term in reversed(self.terms[recorder]):
            if term.from_ms <= at and (term.to_ms is None or at <= term.to_ms):
                return term.person, term.person_name
        record = roster.find_recorder(recorder)
        keeper = roster.find_person(record.keeper) if record and record.keeper else None
        return (keeper.id, keeper.name) if keeper else (None, None)


def decide_answer(command: AnswerQuestion, desk: Desk, inquiries: Inquiries) -> QuestionAnswered:
    """Return the answer to be entered: the wearer's own, or a device manager's for them.

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.by)
    question = inquiries.unanswered.get(command.question)
    if question is None:
        raise QuestionUnknownError(question=command.question)
    if question.person not in (None, person.id) and person.role != "manager":
        raise NotAllowedError(person=person.name)
    words = command.words.strip()
    if len(words) > REASON_MAX or (not words and command.answer in NEEDS_WORDS):
        raise CommandInvalidError(why=f"words: 1..{REASON_MAX}")
    return QuestionAnswered(
        command.question, question.recorder, command.answer, words, by=person.id
    )


def _take(file: FootageImported | Proven, came: set[Segment], names: set[bytes]) -> None:
    """Add a file, if it is a recording whose time is known."""
    names.add(file.path)
    media = file.media
    if media is None or file.recorded_at is None:
        return
    length = media.duration_ms
    if length is None and media.verdict not in _CUT_SHORT:
        return  # a photograph, a log
    began = moment_ms(file.recorded_at)
    if file.recorded_from == "modified":  # when it ended
        began -= length or 0
    ended = None if length is None else began + length
    stray = None
    if ended is not None and file.recorded_from == "name":
        stray = file.modified_us // 1000 - (ended + (file.clock_offset_ms or 0))
    came.add(Segment(began, file.path, file.sha256, ended, stray))


def _issued(inquiries: Inquiries, entry: Entry) -> None:
    fact, at = fact_of(entry, RecorderIssued), moment_ms(entry.moment.at)
    term = Term(fact.handover, fact.person, fact.person_name, at)
    inquiries.terms[fact.recorder].append(term)
    _break(inquiries, entry)


def _returned(inquiries: Inquiries, entry: Entry) -> None:
    fact, at = fact_of(entry, RecorderReturned), moment_ms(entry.moment.at)
    terms = inquiries.terms[fact.recorder]
    for place, term in enumerate(terms):
        if term.handover == fact.handover:
            terms[place] = replace(term, to_ms=at)
    _break(inquiries, entry)


def _break(inquiries: Inquiries, entry: Entry) -> None:
    inquiries.breaks[entry.subject].append(moment_ms(entry.moment.at))


def _completed(inquiries: Inquiries, entry: Entry) -> None:
    inquiries.unfinished.pop(entry.subject, None)
    inquiries.coming.pop(str(entry.data["visit"]), None)


def _interrupted(inquiries: Inquiries, entry: Entry) -> None:
    visit = str(entry.data["visit"])
    inquiries.unfinished[entry.subject].add(visit)
    inquiries.coming.pop(visit, None)


def _questioned(inquiries: Inquiries, entry: Entry) -> None:
    fact = fact_of(entry, FootageQuestioned)
    inquiries.known.add(fact.question)
    inquiries.unanswered[fact.question] = fact


def _answered(inquiries: Inquiries, entry: Entry) -> None:
    inquiries.unanswered.pop(fact_of(entry, QuestionAnswered).question, None)


_CUT_SHORT = ("truncated", "unreadable")
_FOLDS: dict[str, Callable[[Inquiries, Entry], None]] = {
    FootageQuestioned.TYPE: _questioned,
    QuestionAnswered.TYPE: _answered,
    RecorderDocked.TYPE: _break,
    RecorderIssued.TYPE: _issued,
    RecorderReturned.TYPE: _returned,
    VisitCompleted.TYPE: _completed,
    VisitInterrupted.TYPE: _interrupted,
}
FOLDED = tuple(_FOLDS)
