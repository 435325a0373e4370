from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.entry import Moment, decode, encode
from contracts.facts import KeeperNoted, draft_of
from contracts.messages import DepartmentCount
from contracts.roster import Department
from index.core.alerts import (
    AlertBook,
    calendar_alert,
    clearings,
    duty_alerts,
    fork_alert,
    key_alert,
    local_text,
    openings,
    silence_alert,
)
from index.core.report import count_departments
from index.core.roll import Duty, Silence, Standing

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 9, 22, 2, tzinfo=UTC)
DUE = datetime(2026, 9, 21, 16, tzinfo=UTC)
DUTY = Duty(
    id="R1@h1",
    kind="issue",
    recorder="R1",
    person="p1",
    person_name="王五",
    department="d1",
    department_name="一中队",
    day=date(2026, 9, 21),
    opened_at=datetime(2026, 9, 21, 0, 30, tzinfo=UTC),
    station="s1",
)
MISSING = Standing(DUTY, "missing", DUE)
UNCONFIRMED = Standing(DUTY, "unconfirmed", DUE, silent=(Silence("s1", DUE),))


def alerts(*standings):
    return duty_alerts(standings, {"s1": "东站"}, ZONE, NOW)


def by_id(standing):
    return {standing.duty.id: standing}


def book(*facts, at=NOW):
    found = AlertBook()
    for number, fact in enumerate(facts, 1):
        raw = encode(draft_of(fact), number, "muster/x/index/0", Moment(at, "b", 1, "unknown"))
        found.enter(decode(raw))
    return found


def test_a_missing_duty_is_told_with_who_what_and_since_when():
    (alert,) = alerts(MISSING)
    assert alert.zh == (
        "一中队 王五 2026-09-21 08:30 领用的记录仪 R1 应于 2026-09-21 24:00 前采集, 至今未采集"
    )
    assert alert.en == (
        "一中队: footage of recorder R1, issued on 2026-09-21 08:30 to 王五, "
        "was due by 2026-09-21 24:00 and is not imported"
    )


def test_an_unconfirmed_duty_is_told_with_the_silent_station():
    (alert,) = alerts(UNCONFIRMED)
    assert alert.kind == "unconfirmed"
    assert "采集站 东站 自 2026-09-21 24:00 起失去联系" in alert.zh
    assert "station 东站 has not been heard from since 2026-09-21 24:00" in alert.en


def test_a_station_never_heard_is_told_as_such():
    (alert,) = alerts(replace(UNCONFIRMED, silent=(Silence("s9", None),)))
    assert "采集站 s9 从未联系" in alert.zh


def test_a_kept_recorder_is_told_with_its_keeper():
    (alert,) = alerts(replace(MISSING, duty=replace(DUTY, kind="daily")))
    assert "王五 保管的记录仪 R1" in alert.zh


def test_braces_in_names_are_only_braces():
    (alert,) = alerts(replace(MISSING, duty=replace(DUTY, person_name="{recorder}")))
    assert "{recorder}" in alert.zh


def test_only_missing_and_unconfirmed_duties_are_alerts():
    states = ("pending", "met", "late", "declared")
    assert alerts(*(replace(MISSING, state=state) for state in states)) == ()


def test_an_open_alert_is_not_opened_again():
    (alert,) = alerts(MISSING)
    opened = book(alert.fact).open
    assert openings([alert, alert], {}) == (alert,)
    assert openings([alert], opened) == ()


def test_an_alert_that_is_open_is_not_worded_anew():
    (alert,) = alerts(MISSING)
    opened = book(alert.fact).open
    renamed = replace(MISSING, duty=replace(DUTY, person_name="别人"))
    (again,) = duty_alerts([renamed], {}, ZONE, NOW + timedelta(hours=1), opened)
    assert again == alert


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("late", "met_late"),
        ("met", "met"),
        ("declared", "declared"),
        ("pending", "extended"),
        ("unconfirmed", "withdrawn"),
    ],
)
def test_an_alert_that_is_no_longer_true_is_cleared_with_its_outcome(state, outcome):
    (alert,) = alerts(MISSING)
    (cleared,) = clearings([], book(alert.fact).open, by_id(replace(MISSING, state=state)))
    assert (cleared.alert, cleared.outcome) == (alert, outcome)


def test_an_unconfirmed_duty_found_missing_is_cleared_because_the_station_was_heard():
    opened = book(alerts(UNCONFIRMED)[0].fact).open
    (cleared,) = clearings(alerts(MISSING), opened, by_id(MISSING))
    assert (cleared.alert.kind, cleared.outcome) == ("unconfirmed", "heard_again")


def test_an_alert_whose_duty_is_gone_is_withdrawn():
    (cleared,) = clearings([], book(alerts(MISSING)[0].fact).open, {})
    assert cleared.outcome == "withdrawn"


def test_an_alert_that_still_holds_is_not_cleared():
    assert clearings(alerts(MISSING), book(alerts(MISSING)[0].fact).open, by_id(MISSING)) == ()


def test_a_station_heard_again_clears_its_alert():
    alert = silence_alert(Silence("s1", DUE), "东站", ZONE, NOW)
    (cleared,) = clearings([], book(alert.fact).open, {})
    assert (cleared.fact.kind, cleared.fact.outcome) == ("station_silent", "heard_again")


def test_the_book_is_the_same_after_it_is_read_again():
    (alert,) = alerts(MISSING)
    (cleared,) = clearings([], book(alert.fact).open, {})
    facts = (alert.fact, cleared.fact, alert.fact)
    again = book(*facts)
    assert [(a.outcome, a.cleared_at) for a in again.alerts] == [("withdrawn", NOW), (None, None)]
    assert list(again.open) == [("missing", "R1@h1")]
    assert again == book(*facts)


def test_the_book_leaves_other_entries_alone():
    assert book(KeeperNoted("R1", None, None, "", date(2026, 9, 21))).alerts == []


@pytest.mark.parametrize(
    ("alert", "kind", "about"),
    [
        (fork_alert("s1", "东站", NOW), "station_forked", "s1"),
        (key_alert("s1", "东站", NOW), "station_key", "s1"),
        (calendar_alert(2031, NOW), "calendar", "2031"),
    ],
)
def test_other_alerts_say_what_they_are_about(alert, kind, about):
    assert (alert.key, alert.message.zh, alert.message.opened_at) == ((kind, about), alert.zh, NOW)


def test_a_moment_in_the_day_is_written_as_it_is():
    assert local_text(NOW + timedelta(seconds=1), ZONE) == "2026-09-22 10:00"


def test_departments_are_counted_the_rosters_first_and_even_without_duties():
    departments = (Department("d0", "办公室", "p"), Department("d1", "一中队", "p"))
    gone = replace(MISSING, duty=replace(DUTY, department="d9", department_name="旧中队"))
    counts = count_departments([MISSING, replace(MISSING, state="late"), gone], departments)
    assert counts == (
        DepartmentCount("d0", "办公室", 0, 0, 0, 0, 0, 0, 0),
        DepartmentCount("d1", "一中队", 2, 0, 1, 0, 0, 1, 0),
        DepartmentCount("d9", "旧中队", 1, 0, 0, 0, 0, 1, 0),
    )
