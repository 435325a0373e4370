"""What wearers are asked when a visit ends, whom, only once, and who may answer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.effect import Enter, Reply
from agent.core.event import (
    Asked,
    CopyEnded,
    DevicesSeen,
    FileImported,
    FromDock,
    Identified,
    Surveyed,
    VisitFailed,
)
from agent.core.inquiries import EARLIER_MAX, Inquiries
from agent.core.plan import PlannedCopy, Proven
from agent.core.recorder import Listing, MediaFacts
from agent.core.station import Station
from contracts.commands import AnswerQuestion, Issue
from contracts.facts import AgentStarted, FootageImported, Media
from contracts.questions import FootageQuestioned
from contracts.reading import Identity
from contracts.roster import Questions
from tests.agent.core.test_dock import FULL
from tests.support.made_up import (
    NOW,
    ROSTER,
    SETTINGS,
    card_file,
    device,
    entry,
    later,
    readings,
)

ASKING = replace(
    ROSTER, policy=tuple(replace(policy, questions=Questions()) for policy in ROSTER.policy)
)
T0 = NOW - timedelta(hours=8)
PROVED = frozenset({"1001", "1002", "3001"})


def asked_station(roster=ASKING):
    return Station(SETTINGS, roster, NOW)


def do(one, effects, at=NOW):
    """Enter what is to be entered; return the facts."""
    entered = [effect.fact for effect in effects if isinstance(effect, Enter)]
    for fact in entered:
        one.fold(entry(fact, at=at))
    return entered


def report(one, event, at=NOW):
    return do(one, one.decide(FromDock(1, event), at), at)


def recording(path, at_s, length_s=60, verdict="readable"):
    """Return the report that a recording came that began so many seconds into the duty."""
    media = MediaFacts(verdict, duration_ms=None if length_s is None else length_s * 1000)
    return FileImported(
        visit="",
        planned=PlannedCopy(card_file(path.encode())),
        sha256=f"of {path}",
        sm3=None,
        object="o",
        view="v",
        held=False,
        media=media,
        name_time=None,
        recorded_at=T0 + timedelta(seconds=at_s),
        recorded_from="name",
    )


def visit(one, *recordings, proven=(), at=NOW, is_cut=False):
    """Carry a visit of R1 in dock 1 to its end; return what was asked."""
    do(one, one.decide(DevicesSeen(()), at), at)
    do(one, one.decide(DevicesSeen((device(),)), at), at)
    name = one.docks[1].visit
    listing = Listing(tuple(r.planned.file for r in recordings))
    facts = report(one, Identified(name, Identity(device_number="R1")), at)
    facts += report(one, Surveyed(name, readings(), listing, tuple(proven)), at)
    for one_file in recordings:
        facts += report(one, replace(one_file, visit=name), at)
    ending = VisitFailed(name, FULL) if is_cut else CopyEnded(name, "m", listing)
    return [*facts, *report(one, ending, at)]


def questions(facts):
    return [fact for fact in facts if isinstance(fact, FootageQuestioned)]


def issue(one, at):
    command = Issue("R1", "1001", "pin")
    do(one, one.decide(Asked(1, command, PROVED), at), at)


def proven_of(facts, at=None):
    """Return what the ledger says of files that came, as the next visit is told."""
    return [
        Proven(
            f.path, f.size, f.modified_us, f.sha256, f.view, f.visit, at or f.recorded_at,
            f.recorded_from, f.clock_offset_ms, f.media,
        )
        for f in facts
        if isinstance(f, FootageImported)
    ]  # fmt: skip


HOLE = (recording("a.mp4", 0), recording("b.mp4", 455))


def test_a_hole_is_entered_after_the_visit_as_a_question_to_who_had_it():
    one = asked_station()
    visit(one, at=T0 - timedelta(hours=1))
    issue(one, T0 - timedelta(minutes=1))
    facts = visit(one, *HOLE)
    kinds = [fact.TYPE for fact in facts]
    assert kinds.index("footage.questioned") > kinds.index("visit.completed")
    (question,) = questions(facts)
    assert (question.kind, question.person, question.department) == ("hole", "1001", "d1")
    assert question.seen_in == ("a.mp4", "b.mp4")
    assert (question.to_at - question.from_at).total_seconds() == 395


def test_of_several_wearers_the_one_of_that_time_is_asked():
    one = asked_station()
    for days in (3, 2):
        visit(one, at=T0 - timedelta(days=days, hours=2))
        issue(one, T0 - timedelta(days=days))
    visit(one, at=T0 - timedelta(days=1))
    early = [replace(r, recorded_at=r.recorded_at - timedelta(days=3)) for r in HOLE]
    (question,) = questions(visit(one, *early))
    assert question.person == "1001"


def test_nobody_is_asked_where_policy_has_no_questions():
    assert questions(visit(asked_station(ROSTER), *HOLE)) == []


def test_nothing_is_asked_twice():
    one = asked_station()
    facts = visit(one, *HOLE)
    assert len(questions(facts)) == 1
    again = visit(one, recording("c.mp4", 520), proven=proven_of(facts), at=later(60))
    assert questions(again) == []
    assert questions(visit(one, *HOLE, at=later(120))) == []


def test_what_an_interrupted_visit_brought_is_asked_about_when_the_next_one_ends():
    one = asked_station()
    cut = visit(one, *HOLE, is_cut=True)
    assert questions(cut) == []
    whole = visit(one, recording("c.mp4", 520), proven=proven_of(cut), at=later(60))
    assert [q.kind for q in questions(whole)] == ["hole"]


def test_footage_older_than_the_last_import_is_asked_about():
    one = asked_station()
    first = visit(one, recording("b.mp4", 9000))
    later_facts = visit(one, recording("a.mp4", 0), proven=proven_of(first), at=later(60))
    assert [q.kind for q in questions(later_facts)] == ["late"]


def test_a_docking_in_between_explains_a_hole():
    one = asked_station()
    visit(one, at=T0 + timedelta(seconds=200))
    assert questions(visit(one, *HOLE)) == []


def test_a_kept_recorder_asks_its_keeper_and_an_unkept_one_nobody():
    one = asked_station()
    (question,) = questions(visit(one, *HOLE))
    assert (question.person, question.person_name) == (None, None)
    kept = tuple(replace(r, keeper="1001") for r in ASKING.recorder)
    (question,) = questions(visit(asked_station(replace(ASKING, recorder=kept)), *HOLE))
    assert question.person_name == "甲"


def test_photographs_and_files_of_unknown_time_are_no_recordings():
    one = asked_station()
    photo = recording("x.jpg", 100, None)
    cut_short = recording("y.mp4", 900, None, verdict="truncated")
    old = Proven(b"z.mp4", 1, 1, "z", "v")
    facts = visit(one, HOLE[0], photo, HOLE[1], cut_short, proven=[old])
    assert [q.kind for q in questions(facts)] == ["hole", "hole"]


def test_a_file_dated_by_its_change_ended_then():
    ended = [replace(r, recorded_from="modified") for r in HOLE]
    (question,) = questions(visit(asked_station(), *ended))
    assert question.from_at == T0


def test_only_the_newest_of_what_came_before_is_looked_at():
    media = Media("readable", duration_ms=1000)
    old = Proven(b"o.mp4", 1, 1, "o", "v", "w", datetime(2030, 1, 1, tzinfo=UTC), media=media)
    many = [replace(old, path=b"%d" % n, recorded_at=T0) for n in range(EARLIER_MAX)]
    assert questions(visit(asked_station(), recording("a.mp4", 9000), proven=[old, *many])) == []


def answer(one, by="1001", question=None, **more):
    name = question or next(iter(one.inquiries.unanswered))
    command = AnswerQuestion(name, more.pop("answer", "battery"), by, "pin", **more)
    effects = one.decide(Asked(7, command, PROVED), NOW)
    do(one, effects)
    return next(effect.answer for effect in effects if isinstance(effect, Reply))


def open_one():
    one = asked_station()
    visit(one, at=T0 - timedelta(hours=1))
    issue(one, T0 - timedelta(minutes=1))
    visit(one, *HOLE)
    return one


@pytest.mark.parametrize("by", ["1001", "3001"])
def test_the_wearer_or_a_manager_answers_and_the_question_is_closed(by):
    one = open_one()
    assert answer(one, by).ok
    assert one.inquiries.unanswered == {}


def test_nobody_else_answers():
    one = open_one()
    assert answer(one, "1002").code == "not_allowed"
    assert len(one.inquiries.unanswered) == 1


def test_a_question_nobody_wore_may_be_answered_by_anyone():
    one = asked_station()
    visit(one, *HOLE)
    assert answer(one, "1002").ok


def test_an_answer_that_needs_words_is_not_taken_without_them():
    one = open_one()
    assert answer(one, answer="secret").code == "command_invalid"
    assert answer(one, words="x" * 301).code == "command_invalid"
    assert answer(one, answer="secret", words="经批准").ok


def test_what_is_not_open_cannot_be_answered():
    one = open_one()
    assert answer(one, question="nothing").code == "question_unknown"


def test_the_fold_is_the_same_after_a_restart():
    one, again = open_one(), Inquiries()
    again.fold(entry(AgentStarted("1", 1, "0")))
    for fact in one.inquiries.unanswered.values():
        again.fold(entry(fact))
    assert (again.unanswered, again.known) == (one.inquiries.unanswered, one.inquiries.known)
    assert one.inquiries.coming == {}
