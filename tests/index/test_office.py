"""What the office's pages show, worked out of a real roll."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.archive_facts import (
    FootageIntact,
    FootageMissing,
    StorageFaulted,
    StorageRecovered,
)
from contracts.facts import FACTS
from contracts.messages import AlertKind
from contracts.text import Text
from index import showing
from index.core.alerts import Alert, calendar_alert
from index.core.calendar import CalendarDay
from index.office import MARKS, Tally, alert_sheet, day_sheet, mark_of, today_of
from index.showing import show_day, show_kind, show_length, station_mark
from tests.support.made_up_office import NOON, MadeUpOffice, busy_office

TODAY = date(2026, 11, 18)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    office = busy_office(tmp_path_factory.mktemp("office"))
    yield office.board
    office.close()


def test_today_counts_what_earlier_days_still_owe(board):
    today = today_of(board)
    assert today.tally == Tally(5, met=1, late=0, missing=1, unconfirmed=1, pending=1, declared=1)
    assert today.carried == 2


def test_the_missing_and_the_unconfirmed_are_told_apart(board):
    today = today_of(board)
    assert [s.duty.recorder for s in today.missing] == ["R-MISSING"]
    assert [s.duty.recorder for s in today.unconfirmed] == ["R-UNCONFIRMED"]
    assert [status.station for status in today.offline] == ["s2"]
    assert today.offline_docks == 2


def test_the_grid_shows_of_each_cell_what_must_be_acted_on_first(board):
    lines = today_of(board).lines
    yesterday, today = ([line.cells[day].mark.word.zh for line in lines] for day in (-2, -1))
    assert yesterday == ["未采集", "未确认", "未领用"]
    assert today == ["未领用", "待采集", "已说明"]


def test_a_cell_says_in_words_what_its_figures_are(board):
    cell = today_of(board).lines[0].cells[-2]
    assert cell.text.zh == "应采集 2, 已采集 1, 其中逾期 1, 未采集 1"
    assert cell.text.en == "due 2, imported 1, of them late 1, missing 1"


def test_the_grid_ends_today_and_holds_the_weekend(board):
    today = today_of(board)
    assert [today.days[0].day, today.days[-1].day] == [TODAY - timedelta(days=13), TODAY]
    assert today.lines[0].cells[-4].mark is MARKS["rest"]


def test_a_day_lists_only_departments_that_owe_something(board):
    sheet = day_sheet(board, TODAY)
    assert [d.name for d in sheet.departments] == ["执法二中队", "市容管理科"]
    assert [s.duty.recorder for s in sheet.departments[0].standings] == ["R-MET", "R-PENDING"]


def test_alerts_are_open_or_cleared_with_an_outcome(board):
    sheet = alert_sheet(board)
    assert {alert.kind for alert in sheet.open} == {"missing", "unconfirmed", "station_silent"}
    assert [(a.recorder, a.outcome) for a in sheet.cleared] == [("R-LATE", "met_late")]
    assert not sheet.is_cut


def test_what_concerns_one_duty_is_no_warning_to_all(board):
    assert [alert.kind for alert in today_of(board).warnings] == ["station_silent"]


def test_a_guessed_year_is_warned_of_even_before_it_is_an_alert(tmp_path):
    office = MadeUpOffice(tmp_path, official=lambda day: None)
    (warning,) = today_of(office.board).warnings
    assert (warning.kind, warning.about) == ("calendar", "2026")
    office.close()


def test_repair_and_extension_have_signs_of_their_own(board):
    standing = board.standings(TODAY)[0]
    repaired = replace(standing, state="declared", answer="in_repair")
    extended = replace(standing, state="pending", extended=True)
    signs = [mark_of(repaired).sign, mark_of(extended).sign]
    assert signs == [Text("修", "R"), Text("延", "E")]


def test_no_chinese_sign_stands_in_an_english_grid():
    signs = [mark.sign for mark in MARKS.values()]
    assert all(s.en < "\u2e80" for s in signs if isinstance(s, Text))
    assert all(s < "\u2e80" for s in signs if isinstance(s, str))


@pytest.mark.parametrize(
    ("day", "zh", "en"),
    [
        (CalendarDay(TODAY, "workday", "official"), "工作日", "workday"),
        (CalendarDay(TODAY, "rest", "guess"), "休息日 (推算)", "day off (a guess)"),
        (
            CalendarDay(date(2026, 10, 10), "workday", "official", "国庆节", "National Day"),
            "调休上班 · 国庆节",
            "working weekend · National Day",
        ),
    ],
)
def test_a_day_says_what_kind_it_is_and_when_it_is_guessed(day, zh, en):
    assert (show_kind(day).zh, show_kind(day).en) == (zh, en)


def test_a_day_is_written_as_forms_write_it():
    assert show_day(TODAY).zh == "2026年11月18日 星期三"
    assert show_day(TODAY).en == "Wednesday, 18 November 2026"


@pytest.mark.parametrize(
    ("length", "zh"),
    [
        (timedelta(seconds=59, milliseconds=999), "59 秒"),
        (timedelta(minutes=59, seconds=59), "59 分钟"),
        (timedelta(hours=2), "2 小时"),
        (timedelta(hours=23, minutes=59), "23 小时 59 分"),
        (timedelta(days=2, hours=3, minutes=59), "2 天 3 小时"),
    ],
)
def test_nothing_is_overdue_longer_than_it_is(length, zh):
    assert show_length(length).zh == zh


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "在线"),
        ({"state": "lost"}, "连接中断"),
        ({"state": "disconnected"}, "已停机"),
        ({"state": None, "heard_at": None}, "从未联系"),
        ({"state": "lost", "is_silent": True}, "失去联系"),
        ({"is_silent": True, "is_key_refused": True}, "密钥不符"),
        ({"is_key_refused": True, "is_forked": True}, "台账分叉"),
    ],
)
def test_of_a_station_the_worst_is_shown(board, changes, word):
    status = replace(board.stations()[0], **changes)
    assert station_mark(status).word.zh == word


def test_every_kind_of_alert_and_entry_has_a_word():
    own = {"keeper.noted", "station.enrolled", "station.forked", "alert.opened", "alert.cleared"}
    assert set(showing.ENTRIES) == set(FACTS) - own
    assert set(showing.ALERTS) == set(AlertKind.__args__)


@pytest.mark.parametrize(
    ("about", "word"), [("s1@archive_filling", "存储将满"), ("s1@archive_low", "存储故障")]
)
def test_a_disk_that_only_fills_up_is_no_fault_yet(about, word):
    alert = Alert("station_storage", about, "满", "full", NOON)
    assert showing.alert_mark(alert).word.zh == word
    (mark,) = showing.storage_marks([alert, replace(alert), calendar_alert(2030, NOON)])["s1"]
    assert mark.word.zh == word


def test_nothing_was_ever_in_the_future():
    assert showing.since(NOON + timedelta(hours=1), NOON).zh == "0 秒"


def test_a_stations_storage_fault_and_damaged_footage_are_told_until_they_are_over(tmp_path):
    office = MadeUpOffice(tmp_path)
    bad = FootageMissing("R1", "a" * 64, "objects/a", "执法/a.mp4", 9)
    for fact in (StorageFaulted("archive_low", "磁盘将满", "nearly full", stops=True), bad):
        office.station().enter(fact, at=NOON)
    office.ship()
    office.roll()
    told = {alert.kind: alert.zh for alert in alert_sheet(office.board).open}
    assert told["station_storage"] == "采集站 政务大厅采集站: 磁盘将满"
    assert "执法/a.mp4" in told["station_archive"]
    for fact in (StorageRecovered("archive_low"), FootageIntact("R1", "a" * 64, "objects/a")):
        office.station().enter(fact, at=NOON)
    office.ship()
    office.roll()
    kinds = {alert.kind for alert in alert_sheet(office.board).open}
    office.close()
    assert not kinds & {"station_storage", "station_archive"}
