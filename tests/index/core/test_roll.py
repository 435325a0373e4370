from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.roster import Deadline, Policy
from index.calendars import official_day
from index.core.calendar import CalendarTable, calendar_of
from index.core.roll import (
    Declaration,
    Duty,
    Service,
    Silence,
    Visit,
    deadline,
    roll_call,
)

ISSUED = datetime(2026, 9, 21, 0, 30, tzinfo=UTC)  # a Monday, 08:30 in Shanghai
HOUR = timedelta(hours=1)
CALENDAR = calendar_of(CalendarTable(), ZoneInfo("Asia/Shanghai"), official_day)
DAY = date(2026, 9, 21)
DUE = ISSUED + 24 * HOUR
DUTY = Duty(
    id="R1@h1",
    kind="issue",
    recorder="R1",
    person="p1",
    person_name="王五",
    department="d1",
    department_name="一中队",
    day=DAY,
    opened_at=ISSUED,
    station="s1",
)
DAILY = replace(DUTY, id="R1@day", kind="daily", station=None)
HEARD = {"s1": DUE + HOUR}


def standing(*facts, duty=DUTY, now=DUE + 2 * HOUR, contacts=HEARD, rule=None):
    visits = [fact for fact in facts if isinstance(fact, Visit)]
    declared = [fact for fact in facts if not isinstance(fact, Visit)]
    policy = {"d1": Policy("p", rule or Deadline("after_issue", hours=24))}
    return roll_call([duty], visits, declared, contacts, CALENDAR, policy, now)[0]


def visit(docked_after, lasted=HOUR, station="s1"):
    docked_at = ISSUED + docked_after
    return Visit("R1", station, docked_at, docked_at + lasted)


def found(docked_after):
    return replace(visit(docked_after), found=True)


def declaration(kind, until=None, day=DAY):
    return Declaration("R1", day, kind, "why", "p9", ISSUED, until)


def service(kind, at):
    return Service("R1", kind, "broken", "p9", at)


def test_a_duty_is_pending_until_its_deadline():
    assert standing(now=DUE).state == "pending"


def test_a_duty_past_its_deadline_is_missing_when_the_station_was_heard_since():
    assert standing().state == "missing"


def test_a_completed_visit_meets_a_duty():
    met = standing(visit(3 * HOUR))
    assert (met.state, met.met_at) == ("met", ISSUED + 4 * HOUR)


def test_a_visit_completed_after_the_deadline_is_late_and_never_refused():
    assert standing(visit(24 * HOUR)).state == "late"


def test_a_visit_that_began_before_the_issue_does_not_meet_it():
    assert standing(visit(-HOUR, lasted=2 * HOUR)).state == "missing"


def test_a_visit_of_another_recorder_does_not_meet_a_duty():
    assert standing(replace(visit(HOUR), recorder="R2")).state == "missing"


def test_a_station_silent_since_before_the_deadline_leaves_a_duty_unconfirmed():
    unconfirmed = standing(contacts={"s1": DUE - HOUR})
    assert unconfirmed.state == "unconfirmed"
    assert unconfirmed.silent == (Silence("s1", DUE - HOUR),)


def test_a_station_never_heard_leaves_a_duty_unconfirmed():
    assert standing(contacts={}).silent == (Silence("s1", None),)


def test_a_silent_station_where_the_recorder_never_was_does_not_matter():
    assert standing(contacts=HEARD | {"s2": None}).state == "missing"


def test_a_silent_station_where_the_recorder_was_of_late_matters():
    seen = visit(-48 * HOUR, station="s2")
    assert standing(seen, contacts=HEARD | {"s2": ISSUED}).state == "unconfirmed"


def test_a_silent_station_where_the_recorder_was_long_ago_does_not_matter():
    seen = visit(-31 * 24 * HOUR, station="s2")
    assert standing(seen, contacts=HEARD | {"s2": ISSUED}).state == "missing"


def test_a_kept_recorder_seen_nowhere_may_dock_at_any_station():
    assert standing(duty=DAILY, contacts=HEARD | {"s2": None}).state == "unconfirmed"


def test_a_declaration_answers_a_duty_with_its_reason():
    declared = standing(declaration("no_footage"))
    assert (declared.state, declared.answer, declared.reason) == ("declared", "no_footage", "why")


def test_a_declaration_of_another_day_answers_nothing():
    assert standing(declaration("no_footage", day=date(2026, 9, 20))).state == "missing"


def test_a_declaration_of_another_recorder_answers_nothing():
    other = replace(declaration("no_footage"), recorder="R2")
    assert standing(other).state == "missing"


def test_footage_in_time_counts_more_than_a_declaration():
    assert standing(visit(HOUR), declaration("no_footage")).state == "met"


def test_footage_after_a_declaration_and_the_deadline_leaves_it_declared():
    assert standing(visit(25 * HOUR), declaration("no_footage")).state == "declared"


def test_an_off_site_declaration_moves_the_deadline():
    moved = standing(declaration("off_site", until=DUE + 5 * HOUR))
    assert (moved.state, moved.due_at, moved.extended) == ("pending", DUE + 5 * HOUR, True)


@pytest.mark.parametrize("until", [None, DUE - HOUR])
def test_an_off_site_declaration_never_brings_a_deadline_forward(until):
    moved = standing(declaration("off_site", until=until))
    assert (moved.due_at, moved.extended) == (DUE, False)


@pytest.mark.parametrize("kind", ["in_repair", "lost"])
def test_a_recorder_out_of_service_at_the_deadline_is_answered_for(kind):
    answered = standing(service(kind, ISSUED + HOUR), service("in_service", DUE + HOUR))
    assert (answered.state, answered.answer) == ("declared", kind)


def test_a_recorder_reported_lost_after_the_deadline_is_answered_for():
    assert standing(service("lost", DUE + HOUR)).state == "declared"


def test_a_recorder_back_in_service_before_the_deadline_owes_its_footage():
    back = (service("in_repair", ISSUED + HOUR), service("in_service", ISSUED + 2 * HOUR))
    assert standing(*back).state == "missing"


def test_a_recorder_issued_although_in_repair_owes_its_footage():
    assert standing(service("in_repair", ISSUED - HOUR)).state == "missing"


def test_a_kept_recorder_in_repair_owes_nothing():
    assert standing(service("in_repair", ISSUED - HOUR), duty=DAILY).state == "declared"


def test_the_deadline_after_return_does_not_run_before_the_return():
    rule = Deadline("after_return", hours=24)
    assert standing(rule=rule, now=DUE + 1000 * HOUR).due_at is None
    returned = replace(DUTY, returned_at=ISSUED + 5 * HOUR)
    assert standing(rule=rule, duty=returned).due_at == ISSUED + 29 * HOUR


def test_a_visit_meets_a_duty_whose_deadline_never_ran():
    rule = Deadline("after_return", hours=24)
    assert standing(visit(HOUR), service("lost", DUE), rule=rule).state == "met"


def test_a_lost_recorder_is_answered_for_before_its_deadline_runs():
    rule = Deadline("after_return", hours=24)
    assert standing(service("lost", ISSUED + HOUR), rule=rule).state == "declared"


def test_of_two_duties_of_one_id_the_earlier_counts():
    later = replace(DUTY, opened_at=ISSUED + HOUR)
    policy = {"d1": Policy("p", Deadline("after_issue", hours=24))}
    found = roll_call([later, DUTY], [], [], HEARD, CALENDAR, policy, DUE)
    assert [s.duty for s in found] == [DUTY]


def test_standings_come_in_order_of_deadline_and_those_without_one_last():
    rules = {"d1": Policy("p", Deadline("after_return")), "d2": Policy("q", Deadline("days"))}
    second = replace(DUTY, id="R2@h2", department="d2", recorder="R2")
    found = roll_call([DUTY, second], [], [], HEARD, CALENDAR, rules, DUE)
    assert [s.duty.id for s in found] == ["R2@h2", "R1@h1"]


@pytest.mark.parametrize(
    ("rule", "local_end"),
    [
        (Deadline("same_workday"), date(2026, 9, 21)),
        (Deadline("days", days=2), date(2026, 9, 23)),
        (Deadline("workdays", days=3), date(2026, 9, 24)),
    ],
)
def test_deadlines_by_the_day_end_with_the_local_day(rule, local_end):
    due_at = deadline(DUTY, rule, CALENDAR)
    assert due_at.astimezone(CALENDAR.zone).replace(tzinfo=None) == datetime.combine(
        local_end + timedelta(days=1), datetime.min.time()
    )


def workday_by_hand(day):
    found = official_day(day)
    return found.kind == "workday" if found else day.weekday() < 5


def due_by_hand(issued_at, rule, zone):
    """Count days one by one, then try every quarter of an hour until the date has changed."""
    day, left = issued_at.astimezone(zone).date(), rule.days
    while left:
        day += timedelta(days=1)
        left -= 1 if rule.rule == "days" else workday_by_hand(day)
    at = datetime.combine(day, datetime.min.time(), tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).date() <= day:
        at += timedelta(minutes=15)
    return at


@pytest.mark.parametrize("name", ["Asia/Shanghai", "Europe/Berlin", "America/Santiago"])
def test_deadlines_are_what_counting_by_hand_gives_for_two_years(name):
    zone = ZoneInfo(name)
    calendar = calendar_of(CalendarTable(), zone, official_day)
    for number in range(730):
        issued_at = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(days=number, hours=number % 24)
        day = issued_at.astimezone(zone).date()
        duty = replace(DUTY, opened_at=issued_at, day=day)
        rule = Deadline(("days", "workdays")[number % 2], days=number % 4)
        assert deadline(duty, rule, calendar) == due_by_hand(issued_at, rule, zone), issued_at


def test_a_station_has_some_time_after_a_deadline_to_be_heard_from():
    policy = {"d1": Policy("p", Deadline("after_issue", hours=24))}
    for after, state in ((HOUR, "pending"), (2 * HOUR, "unconfirmed")):
        [one] = roll_call([DUTY], [], [], {"s1": ISSUED}, CALENDAR, policy, DUE + after, HOUR)
        assert one.state == state


def test_a_recorder_found_in_its_dock_after_a_restart_has_not_come_home():
    assert standing(found(HOUR)).state == "missing"


def test_a_found_recorder_that_was_returned_by_hand_first_has_come_home():
    returned = replace(DUTY, returned_at=ISSUED + HOUR)
    assert standing(found(HOUR), duty=returned).state == "met"


def test_a_visit_that_ended_before_the_return_by_hand_shows_nothing():
    returned = replace(DUTY, returned_at=ISSUED + 3 * HOUR)
    assert standing(found(HOUR), duty=returned).state == "missing"


def test_a_visit_found_before_the_issue_shows_nothing():
    returned = replace(DUTY, returned_at=ISSUED)
    assert standing(found(-HOUR), duty=returned).state == "missing"


def test_a_kept_recorder_found_in_its_dock_meets_its_day():
    assert standing(found(HOUR), duty=DAILY).state == "met"


hours = st.integers(-50, 100).map(lambda number: ISSUED + number * HOUR)
recorders = st.sampled_from(["R1", "R2"])
visits = st.builds(
    lambda recorder, docked_at, lasted, station, found: Visit(
        recorder, station, docked_at, docked_at + lasted * HOUR, found
    ),
    recorders,
    hours,
    st.integers(0, 30),
    st.sampled_from(["s1", "s2"]),
    st.booleans(),
)
declarations = st.builds(
    Declaration,
    recorders,
    st.sampled_from([DAY, DAY + timedelta(days=1)]),
    st.sampled_from(["no_footage", "off_site", "loss"]),
    st.just("why"),
    st.just("p9"),
    hours,
    st.none() | hours,
)
services = st.builds(
    Service,
    recorders,
    st.sampled_from(["in_repair", "lost", "in_service"]),
    st.just("why"),
    st.just("p9"),
    hours,
)
duties = st.builds(
    lambda recorder, number, opened_at, out: replace(
        DUTY,
        id=f"{recorder}@{number}",
        recorder=recorder,
        opened_at=opened_at,
        returned_at=None if out is None else opened_at + out * HOUR,
        day=CALENDAR.local_day(opened_at),
    ),
    recorders,
    st.integers(1, 3),
    hours,
    st.none() | st.integers(0, 30),
)
contacts = st.dictionaries(st.sampled_from(["s1", "s2"]), st.none() | hours)


def called(duty_list, visit_list, said, heard, now):
    policy = {"d1": Policy("p", Deadline("after_issue", hours=24))}
    return roll_call(duty_list, visit_list, said, heard, CALENDAR, policy, now)


papers = st.tuples(st.lists(duties), st.lists(visits), st.lists(declarations | services))


@given(papers, contacts, hours, st.randoms())
def test_neither_order_nor_repetition_changes_the_roll(known, heard, now, chance):
    shuffled = [chance.sample(line + line, 2 * len(line)) for line in known]
    assert called(*shuffled, heard, now) == called(*known, heard, now)


@given(st.lists(visits), st.lists(visits), st.lists(declarations | services), contacts, hours)
def test_more_visits_never_make_a_met_duty_missing(seen, more, said, heard, now):
    before = called([DUTY], seen, said, heard, now)[0]
    after = called([DUTY], seen + more, said, heard, now)[0]
    assert before.state != "met" or after.state == "met"
    assert before.state == "missing" or after.state != "missing"


@given(st.lists(visits), st.lists(declarations), st.lists(declarations), contacts, hours)
def test_more_declarations_never_make_anything_missing(seen, said, more, heard, now):
    before = called([DUTY], seen, said, heard, now)[0]
    after = called([DUTY], seen, said + more, heard, now)[0]
    assert before.state in ("missing", "unconfirmed") or after.state not in (
        "missing",
        "unconfirmed",
    )


@given(st.lists(visits), st.lists(declarations | services), contacts, hours)
def test_nobody_is_missing_while_a_station_of_theirs_is_silent(seen, said, heard, now):
    found = called([DUTY], seen, said, heard, now)[0]
    assert found.state != "missing" or (heard.get("s1") or ISSUED) >= found.due_at
