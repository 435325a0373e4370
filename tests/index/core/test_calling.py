"""The roll called again and again is, after every step, the roll of all papers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.entry import Moment, decode, encode
from contracts.facts import (
    Counts,
    DutyDeclared,
    KeeperNoted,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
    draft_of,
)
from contracts.roster import Deadline, Department, Policy, Roster
from index.calendars import official_day
from index.core.calendar import CalendarTable, calendar_of
from index.core.calling import Calling
from index.core.register import Register, policies
from index.core.roll import Roll, roll_call

START = datetime(2026, 9, 22, 0, 30, tzinfo=UTC)  # a Tuesday; Friday is a holiday
HOUR = timedelta(hours=1)
PATIENCE = 2 * HOUR
CALENDAR = calendar_of(CalendarTable(), ZoneInfo("Asia/Shanghai"), official_day)
ROSTER = Roster(
    policy=(
        Policy("issue", Deadline("after_issue", hours=10)),
        Policy("return", Deadline("after_return", hours=4)),
        Policy("day", Deadline("same_workday"), daily=True),
        Policy("workday", Deadline("workdays", days=1)),
    ),
    department=tuple(
        Department(name, name, name) for name in ("issue", "return", "day", "workday")
    ),
    person=(),
    recorder=(),
)
# Of the first two, duties can come to the same id.
recorders = st.sampled_from(["R", "R@1", "Q"])
handovers = st.sampled_from(["1@h", "h", "1@2026-09-23", "2026-09-23"])
departments = st.sampled_from(["issue", "return", "day", "workday", "unknown"])
stations = st.sampled_from(["s1", "s2", "s3"])
hours = st.integers(-30, 90).map(lambda number: START + number * HOUR)
days = st.integers(-1, 4).map(lambda number: date(2026, 9, 22) + timedelta(days=number))
issues = st.builds(
    lambda recorder, handover, department: RecorderIssued(
        handover, recorder, "p1", "王五", department, ()
    ),
    recorders,
    handovers,
    departments,
)
returns = st.builds(
    lambda recorder, handover: RecorderReturned(handover, recorder, "p1"), recorders, handovers
)
visits = st.builds(
    lambda recorder, docked_at, found: VisitCompleted(
        "v", recorder, 1, docked_at, Counts(), 0, "", (), found=found
    ),
    recorders,
    hours,
    st.booleans(),
)
declared = st.builds(
    DutyDeclared,
    recorders,
    days,
    st.sampled_from(["no_footage", "off_site"]),
    st.just("why"),
    st.just("p9"),
    st.none() | hours,
)
services = st.builds(
    RecorderService,
    recorders,
    st.sampled_from(["in_repair", "lost", "in_service"]),
    st.just("why"),
    st.just("p9"),
)
keepers = st.builds(
    lambda recorder, person, department, day: KeeperNoted(
        recorder, person, person and "王五", department, day
    ),
    recorders,
    st.sampled_from(["p1", "p2", None]),
    departments,
    days,
)
entries = st.tuples(stations, issues | returns | visits | declared | services | keepers, hours)
contacts = st.dictionaries(stations, st.none() | hours)
heard = st.tuples(stations, st.sampled_from([HOUR, 6 * HOUR, -6 * HOUR]))
pauses = st.sampled_from([timedelta(0), HOUR, HOUR, 5 * HOUR, 12 * HOUR, 24 * HOUR, -4 * HOUR])
steps = st.tuples(st.lists(entries, max_size=2), st.lists(heard, max_size=2), pauses)


def enter(register, station, fact, at):
    moment = Moment(at, "boot", 1, "synchronised")
    entry = decode(encode(draft_of(fact), 1, f"muster/x/{station}/0", moment))
    if isinstance(fact, KeeperNoted):
        register.enter_own(entry)
    else:
        register.enter(station, entry)


def defined(register, known, now):
    """Return the roll as it is defined: everything judged."""
    standings = roll_call(
        register.duties(ROSTER, CALENDAR, CALENDAR.local_day(now)),
        register.visits,
        register.declarations,
        known,
        CALENDAR,
        policies(ROSTER),
        now,
        PATIENCE,
    )
    return Roll.of(standings)


@given(st.lists(entries, max_size=6), contacts, st.lists(steps, min_size=1, max_size=15))
@settings(max_examples=300, deadline=None)
def test_after_every_step_the_roll_is_that_of_all_papers(before, known, then):
    register, calling, now = Register(), Calling(ROSTER, CALENDAR, PATIENCE), START
    for paper in before:
        enter(register, *paper)
    assert calling.call(register, known, now) == defined(register, known, now)
    for papers, heard_of, pause in then:
        for paper in papers:
            enter(register, *paper)
        for station, by in heard_of:
            known |= {station: (known.get(station) or START) + by}
        now += pause
        roll = calling.call(register, known, now)
        assert roll == defined(register, known, now)
        assert calling.standings == {s.duty.id: s for own in roll.days.values() for s in own}


def called_again(*papers, first=(), later=HOUR):
    """Return the one state after papers came and time passed, held against the definition."""
    register, calling, known = Register(), Calling(ROSTER, CALENDAR, PATIENCE), {"s1": START}
    for paper in first:
        enter(register, "s1", *paper)
    calling.call(register, known, START)
    for paper in papers:
        enter(register, "s1", *paper)
    calling.call(register, known, START)
    roll = calling.call(register, known, START + later)
    assert roll == defined(register, known, START + later)
    ((standing,),) = roll.days.values()
    return standing


OUT = (RecorderIssued("h", "Q", "p1", "王五", "issue", ()), START - 20 * HOUR)


def visit_of(docked_at):
    return VisitCompleted("v", "Q", 1, docked_at, Counts(), 0, "", ())


def test_a_visit_heard_of_later_that_ended_earlier_makes_a_late_duty_a_met_one():
    late = (visit_of(START - 3 * HOUR), START - 2 * HOUR)
    early = (visit_of(START - 15 * HOUR), START - 14 * HOUR)
    assert called_again(first=(OUT, late)).state == "late"
    assert called_again(early, first=(OUT, late)).state == "met"


def test_what_is_said_by_a_clock_that_is_ahead_counts_when_its_time_has_come():
    lost = (RecorderService("Q", "lost", "why", "p9"), START + 2 * HOUR)
    back = (RecorderService("Q", "in_service", "", "p9"), START - HOUR)
    assert called_again(lost, back, first=(OUT,), later=HOUR).state == "missing"
    assert called_again(lost, back, first=(OUT,), later=2 * HOUR).state == "declared"


def test_of_what_did_not_change_nothing_is_made_anew():
    register, calling = Register(), Calling(ROSTER, CALENDAR, PATIENCE)
    enter(register, "s1", *OUT)
    before = calling.call(register, {"s1": START}, START)
    assert calling.call(register, {"s1": START + HOUR}, START + HOUR) is before


def test_a_keeper_owes_each_day_that_begins_until_the_recorder_is_kept_no_more():
    register, calling = Register(), Calling(ROSTER, CALENDAR, PATIENCE)
    today, tomorrow = date(2026, 9, 22), date(2026, 9, 23)
    enter(register, "s1", KeeperNoted("Q", "p1", "王五", "day", today), START)
    assert calling.call(register, {}, START).days.keys() == {today}
    assert calling.call(register, {}, START + 24 * HOUR).days.keys() == {today, tomorrow}
    enter(register, "s1", KeeperNoted("Q", None, None, "day", tomorrow), START + 25 * HOUR)
    assert calling.call(register, {}, START + 25 * HOUR).days.keys() == {today}
    enter(register, "s1", visit_of(START), START + 26 * HOUR)
    assert calling.call(register, {}, START + 26 * HOUR).days.keys() == {today}


def test_a_return_heard_of_after_its_visit_begins_the_time_of_what_is_met():
    out = (RecorderIssued("h", "Q", "p1", "王五", "return", ()), START - 20 * HOUR)
    met = (visit_of(START - 3 * HOUR), START - 2 * HOUR)
    back = (RecorderReturned("h", "Q", "p1"), START - 4 * HOUR)
    assert called_again(first=(out, met)).due_at is None
    assert called_again(back, first=(out, met)).due_at == START


def test_a_station_that_was_heard_is_not_waited_for_after_a_deadline():
    register, calling = Register(), Calling(ROSTER, CALENDAR, PATIENCE)
    enter(register, "s1", OUT[0], START - 9 * HOUR)
    for at, state in ((START, "pending"), (START + 2 * HOUR, "missing")):
        (standing,) = calling.call(register, {"s1": at}, at).owed
        assert standing.state == state


def test_a_station_heard_again_tells_what_is_missing():
    register, calling = Register(), Calling(ROSTER, CALENDAR, PATIENCE)
    enter(register, "s1", *OUT)
    for known_at, state in ((START - 12 * HOUR, "unconfirmed"), (START, "missing")):
        (standing,) = calling.call(register, {"s1": known_at}, START).owed
        assert standing.state == state
