from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.entry import Draft, Moment, decode, encode
from contracts.facts import (
    Counts,
    DutyDeclared,
    KeeperNoted,
    RecorderCleared,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
    VisitCompleted,
    draft_of,
)
from contracts.roster import (
    Deadline,
    Department,
    Person,
    Policy,
    RecorderRecord,
    Roster,
)
from index.calendars import official_day
from index.core.calendar import CalendarTable, calendar_of
from index.core.register import Register, policies, topic_safe
from index.core.roll import Declaration, Service, Visit

AT = datetime(2026, 9, 24, 1, tzinfo=UTC)  # a Thursday; the day after is Mid-autumn
CALENDAR = calendar_of(CalendarTable(), ZoneInfo("Asia/Shanghai"), official_day)
DAILY = Policy("daily", Deadline("same_workday"), daily=True)
PLAIN = Policy("plain", Deadline("days", days=2))
ISSUE = RecorderIssued("h/1", "R#1", "p1", "王五", "d1", findings=())


def entry(fact, at=AT, sequence=1):
    draft = fact if isinstance(fact, Draft) else draft_of(fact)
    return decode(encode(draft, sequence, "muster/x/s1/0", Moment(at, "boot", 1, "unknown")))


def register(*facts, at=AT):
    found = Register()
    for fact in facts:
        found.enter("s1", entry(fact, at))
    return found


def roster(keeper="p1", policy="daily"):
    return Roster(
        policy=(PLAIN, DAILY),
        department=(Department("d1", "一中队", policy),),
        person=(
            Person("p1", "王五", "d1", "officer", ""),
            Person("p2", "赵六", "d1", "officer", ""),
        ),
        recorder=(RecorderRecord("R1", "d1", keeper=keeper),),
    )


def duties(found, day=date(2026, 9, 24)):
    return found.duties(roster(), CALENDAR, day)


def test_an_issue_is_a_duty_under_a_name_that_fits_a_topic():
    (duty,) = duties(register(ISSUE))
    assert (duty.id, duty.day, duty.station) == ("R%231@h%2F1", date(2026, 9, 24), "s1")
    assert (duty.person_name, duty.department_name) == ("王五", "一中队")


def test_a_return_is_joined_to_its_issue_whichever_came_first():
    back = RecorderReturned("h/1", "R#1", "p1")
    later = AT + timedelta(hours=1)
    found = register(back, at=later)
    found.enter("s1", entry(ISSUE))
    found.enter("s1", entry(back, later + timedelta(hours=1)))
    assert duties(found)[0].returned_at == later


def test_a_visit_a_declaration_and_a_repair_are_kept_once():
    facts = (
        VisitCompleted("v", "R1", 1, AT - timedelta(hours=1), Counts(), 0, "", ()),
        DutyDeclared("R1", date(2026, 9, 24), "off_site", "why", "p9", AT),
        RecorderService("R1", "in_repair", "broken", "p9"),
    )
    found = register(*facts, *facts)
    assert found.visits == {Visit("R1", "s1", AT - timedelta(hours=1), AT)}
    assert found.declarations == {
        Declaration("R1", date(2026, 9, 24), "off_site", "why", "p9", AT, AT),
        Service("R1", "in_repair", "broken", "p9", AT),
    }


VISIT = VisitCompleted("v", "R1", 1, AT - timedelta(hours=1), Counts(), 0, "", ())
CLEARED = RecorderCleared("v", "R1", 1, 2, 2, 0, 1, "cleared")


@pytest.mark.parametrize("facts", [(VISIT, CLEARED), (CLEARED, VISIT)])
def test_a_cleared_card_is_known_by_its_visit_whichever_came_first(facts):
    assert register(*facts).cards.cleared_at("R1", AT) == AT


@pytest.mark.parametrize(
    "facts", [(VISIT,), (CLEARED,), (VISIT, replace(CLEARED, code="recorder_gone"))]
)
def test_what_was_not_cleared_to_its_end_in_a_known_visit_is_not_cleared(facts):
    assert register(*facts).cards.cleared_at("R1", AT) is None


def test_still_cards_stay_as_they_are():
    cards = register(VISIT, CLEARED).cards
    still = cards.still()
    cards.cleared.clear()
    assert (still.cleared_at("R1", AT), cards.cleared_at("R1", AT)) == (AT, None)
    assert register(VISIT).cards.still().cleared_at("R1", AT) is None


def test_entries_of_other_types_are_left_alone():
    assert register(Draft("footage.imported", "R1", {})) == Register()


@pytest.mark.parametrize(
    "bad",
    [
        Draft("recorder.issued", "R1", {"recorder": 7}),
        Draft("visit.completed", "R1", {}),
        VisitCompleted("v", "R1", 1, datetime(9999, 1, 1, tzinfo=UTC), Counts(), 0, "", ()),
        DutyDeclared("R1", date(2026, 9, 24), "off_site", "", "", datetime(2026, 9, 1)),  # noqa: DTZ001  # the point
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match=r"."):
        register(bad)


@pytest.mark.parametrize("year", [1999, 9999])
def test_an_entry_at_no_plausible_time_is_refused(year):
    with pytest.raises(ValueError, match="plausible"):
        register(ISSUE, at=datetime(year, 1, 1, tzinfo=UTC))


def noted(*notes):
    found = Register()
    for at, fact in notes:
        found.enter_own(entry(fact, at))
    return found


def test_a_keeper_owes_every_workday_from_the_day_it_was_noted():
    found = noted((AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))))
    days = [duty.day.day for duty in duties(found, date(2026, 9, 29))]
    assert days == [24, 28, 29]


def test_a_kept_recorders_day_is_its_shift():
    found = noted((AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))))
    (duty,) = duties(found)
    assert duty.opened_at == datetime(2026, 9, 23, 16, tzinfo=UTC)
    assert (duty.id, duty.returned_at) == ("R1@2026-09-24", duty.opened_at + timedelta(days=1))


def test_a_new_keeper_owes_from_the_new_note_on():
    found = noted(
        (AT + timedelta(days=4), KeeperNoted("R1", "p2", "赵六", "d1", date(2026, 9, 28))),
        (AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))),
        (AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))),
    )
    assert [duty.person for duty in duties(found, date(2026, 9, 29))] == ["p1", "p2", "p2"]


def test_a_recorder_kept_no_more_owes_no_more():
    found = noted(
        (AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))),
        (AT + timedelta(days=4), KeeperNoted("R1", None, None, "", date(2026, 9, 28))),
    )
    assert [duty.day.day for duty in duties(found, date(2026, 9, 29))] == [24]


def test_a_station_cannot_note_keepers():
    fact = KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))
    assert register(fact) == Register()


def test_the_index_notes_no_alerts_as_keepers():
    found = Register()
    found.enter_own(entry(Draft("alert.opened", "x", {})))
    assert found == Register()


def test_a_rosters_keepers_are_noted_once():
    (fact,) = Register().keepers_to_note(roster(), date(2026, 9, 24))
    assert fact == KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))
    assert noted((AT, fact)).keepers_to_note(roster(), date(2026, 9, 25)) == ()


@pytest.mark.parametrize("changed", [roster(keeper=None), roster(policy="plain")])
def test_a_roster_without_the_keeper_or_the_rule_ends_it(changed):
    found = noted((AT, KeeperNoted("R1", "p1", "王五", "d1", date(2026, 9, 24))))
    (fact,) = found.keepers_to_note(changed, date(2026, 9, 25))
    assert (fact.person, fact.from_day) == (None, date(2026, 9, 25))
    found.enter_own(entry(fact, AT + timedelta(days=1)))
    assert found.keepers_to_note(changed, date(2026, 9, 26)) == ()


def test_a_department_the_roster_no_longer_knows_is_under_the_first_policy():
    found = register(RecorderIssued("h", "R1", "p1", "王五", "gone", findings=()))
    assert [policies(roster())[duty.department] for duty in duties(found)] == [PLAIN]
    assert policies(roster())["d1"] == DAILY


@pytest.mark.parametrize("unsafe", ["/", "+", "#", "%", " ", "\0", "\u0085", "\n"])
def test_names_are_made_safe_for_topics_and_stay_different(unsafe):
    safe = topic_safe(f"a{unsafe}b")
    assert unsafe not in safe.replace("%", "", 1)
    assert safe != topic_safe("ab")


def test_readable_names_stay_readable():
    assert topic_safe("执法-003@2026-09-24") == "执法-003@2026-09-24"
