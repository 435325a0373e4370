"""Questions and answers of all stations, in whatever order they come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from contracts.entry import Moment, decode, encode
from contracts.facts import draft_of
from contracts.questions import FootageQuestioned, QuestionAnswered
from contracts.roster import Department
from index.core.inquiries import Inquiry
from index.core.register import Register
from index.core.report import count_departments

AT = datetime(2026, 9, 24, 1, tzinfo=UTC)
HOLE = FootageQuestioned("q1", "v", "R1", "hole", "d1", AT, AT + timedelta(minutes=7), "p1", "王五")
ANSWER = QuestionAnswered("q1", "R1", "battery", "", "p1")


def entry(fact, at=AT, sequence=1):
    moment = Moment(at, "boot", 1, "synchronised")
    return decode(encode(draft_of(fact), sequence, "muster/example/s1/0", moment))


def test_a_question_waits_until_it_is_answered():
    register = Register()
    register.enter("s1", entry(HOLE))
    assert register.inquiries.unanswered() == (Inquiry("s1", AT, HOLE),)
    register.enter("s1", entry(ANSWER))
    assert register.inquiries.unanswered() == ()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_in_which_entries_come_changes_nothing(order):
    entries = (entry(HOLE), entry(ANSWER), entry(replace(HOLE, question="q2")))
    register = Register()
    for place in order:
        register.enter("s1", entries[place])
    assert [one.fact.question for one in register.inquiries.unanswered()] == ["q2"]


@pytest.mark.parametrize("hours", [(0, 5), (5, 0)])
def test_a_question_entered_twice_was_asked_the_first_time(hours):
    register = Register()
    for later in hours:
        register.enter("s1", entry(HOLE, at=AT + timedelta(hours=later)))
    (one,) = register.inquiries.unanswered()
    assert one.asked_at == AT


def test_asking_again_what_waits_gives_the_same_until_something_comes():
    register = Register()
    register.enter("s1", entry(HOLE))
    assert register.inquiries.unanswered() is register.inquiries.unanswered()
    register.enter("s1", entry(replace(HOLE, question="q0", from_at=AT - timedelta(hours=1))))
    assert [one.fact.question for one in register.inquiries.unanswered()] == ["q0", "q1"]


def test_the_same_name_at_another_station_is_another_question():
    register = Register()
    register.enter("s1", entry(HOLE))
    register.enter("s2", entry(ANSWER))
    assert [one.station for one in register.inquiries.unanswered()] == ["s1"]


def test_a_question_about_no_plausible_time_is_not_taken():
    with pytest.raises(ValueError, match="plausible"):
        Register().enter("s1", entry(replace(HOLE, to_at=datetime(9000, 1, 1, tzinfo=UTC))))


def test_questions_are_counted_by_department_also_of_one_the_roster_has_not():
    asked = [Inquiry("s1", AT, replace(HOLE, department=key)) for key in ("d1", "d1", "d9")]
    counts = count_departments([], (Department("d1", "一中队", "p"),), asked)
    assert [(c.department, c.name, c.questions, c.due) for c in counts] == [
        ("d1", "一中队", 2, 0),
        ("d9", "d9", 1, 0),
    ]
