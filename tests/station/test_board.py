"""The board as values."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

import look
from contracts.clearing import ClearingPhase, ClearingView, Reason
from contracts.dock import DockState
from contracts.finding import Finding
from contracts.snapshot import DockView
from station.board import Names, board_of, lamps_of
from tests.support.madeup_station import (
    ERRORS,
    FAST,
    LOW,
    NOW,
    UNKNOWN,
    readings,
    recorders,
    snapshot,
)

NAMES = Names(lambda key: f"name of {key}", lambda key: f"department {key}")


def board(**changes):
    return board_of(snapshot(**changes), NOW, NAMES)


def test_no_snapshot_is_an_agent_that_does_not_answer():
    assert not board_of(None, NOW, NAMES).is_answering


@pytest.mark.parametrize(("seconds", "answering"), [(5, True), (6, False)])
def test_a_snapshot_older_than_five_seconds_is_an_agent_that_does_not_answer(seconds, answering):
    later = NOW + timedelta(seconds=seconds)
    assert board_of(snapshot(), later, NAMES).is_answering is answering


def test_only_a_recorder_that_may_be_issued_has_an_issue_button():
    assert [tile.dock.number for tile in board().tiles if tile.can_issue] == [2]


@pytest.mark.parametrize("state", ["copying", "clearing", "failed"])
def test_a_dock_that_is_busy_or_failed_issues_nothing(state):
    assert not tile_of(state=DockState(state)).can_issue


def test_what_failed_or_wants_attention_can_be_tried_again():
    assert [tile.dock.number for tile in board().tiles if tile.can_retry] == [3, 5]


def test_people_and_departments_are_shown_by_name():
    tile = board().tiles[0]
    assert (tile.person, tile.department) == ("name of p01", "department yi")


def test_an_error_is_an_instruction_with_remedy_and_code():
    (instruction,) = board().tiles[4].instructions
    assert instruction.code == "read_back_differs"
    assert instruction.remedy.zh.startswith("更换数据线")


def test_the_worst_finding_comes_first():
    view = replace(snapshot().docks[2], findings=(ERRORS, LOW))
    codes = [i.code for i in board(docks=(view,)).tiles[0].instructions]
    assert codes == ["battery_low", "card_errors"]


def test_a_tile_counts_the_findings_it_has_no_room_for():
    view = replace(snapshot().docks[2], findings=(ERRORS,) * 40)
    (tile,) = board(docks=(view,)).tiles
    assert len(tile.instructions) + tile.more == 40


def tile_of(**changes):
    return board(docks=(replace(snapshot().docks[1], **changes),)).tiles[0]


def clearing(phase, *, seconds=0, **more):
    since = NOW - timedelta(seconds=seconds)
    return tile_of(clearing=ClearingView(phase, since, **more)).clearing


def test_a_card_that_waits_to_be_cleared_says_what_for_how_long_and_that_it_may_go():
    said = clearing(ClearingPhase.WAITING, seconds=95, reasons=(Reason.NOT_WITNESSED,))
    assert (said.word.zh, said.lasts.zh, said.why.zh) == (
        "等待清空", "已 1 分钟", "等待中心见证",
    )  # fmt: skip
    assert said.todo.zh == "可以领用或取走"


def test_whoever_can_end_the_wait_is_told_how():
    said = clearing(ClearingPhase.WAITING, reasons=(Reason.CLOCK_UNSURE, Reason.NOT_WITNESSED))
    assert said.todo == Reason.CLOCK_UNSURE.remedy


def test_what_a_finding_says_is_not_said_again_by_the_clearing():
    view = ClearingView(ClearingPhase.WAITING, NOW, (Reason.BATTERY_UNKNOWN,))
    assert tile_of(clearing=view, findings=(UNKNOWN,)).clearing.todo is None


def test_a_recorder_that_wants_attention_is_not_offered_while_its_clearing_waits():
    view = ClearingView(ClearingPhase.WAITING, NOW, (Reason.NOT_WITNESSED,))
    assert tile_of(clearing=view, state=DockState.ATTENTION).clearing.todo is None


def test_a_card_that_is_read_again_says_how_far_and_how_long():
    said = clearing(ClearingPhase.READING, seconds=60, bytes_done=30, bytes_total=90)
    assert said.percent == 33
    assert said.detail.zh == "30 B / 90 B · 剩余约 2 分 0 秒"


def test_a_reading_that_has_just_begun_foretells_nothing():
    said = clearing(ClearingPhase.READING, bytes_done=30, bytes_total=90)
    assert said.detail.zh == "30 B / 90 B"
    assert clearing(ClearingPhase.READING).percent is None


@pytest.mark.parametrize("phase", ["intended", "looking", "removing", "cleared"])
def test_from_the_intent_on_a_clearing_says_how_many_files(phase):
    assert "42" in clearing(ClearingPhase(phase), files=42).detail.zh


def test_a_card_that_was_not_cleared_says_why():
    view = ClearingView(ClearingPhase.KEPT, NOW, (Reason.CARD_DIFFERS, Reason.ARCHIVE_LACKS))
    tile = tile_of(clearing=view)
    assert (tile.clearing.look, tile.clearing.lasts) == ("attention", None)
    assert [one.code for one in tile.instructions] == ["clear_card_differs", "clear_archive_lacks"]


def test_a_clearing_that_failed_says_why_in_words():
    tile = tile_of(findings=(Finding("clearing_failed", "warning", "recorder_gone"),))
    assert tile.instructions[0].sentence.zh == "清空未完成: 记录仪被拔出"
    assert "recorder_gone" not in tile.instructions[0].sentence.en


def test_a_cleared_card_is_good():
    assert clearing(ClearingPhase.CLEARED).look == "ready"


def test_a_silent_card_is_a_failure_whatever_its_dock_was_doing():
    silent = Finding("card_silent", "blocking", "17:40:12")
    tile = tile_of(state=DockState.COPYING, findings=(silent,))
    assert (tile.look, tile.word.zh) == ("failed", "无响应")


def test_lamps_take_the_colour_of_their_findings():
    states = [lamp.state for lamp in lamps_of(readings(31, 427_000), (LOW, FAST))]
    assert states == ["failed", "failed", "ready"]


def test_an_unknown_reading_is_no_green_lamp():
    lamp = lamps_of(readings(battery=None), ())[0]
    assert (lamp.state, lamp.value.zh) == ("note", "未知")


def test_what_the_index_has_not_confirmed_is_unreported():
    assert board(ledger_size=10, index_has=7).unreported == 3


def test_an_index_that_is_ahead_leaves_nothing_unreported():
    assert board(ledger_size=10, index_has=12).unreported == 0


@pytest.mark.parametrize(("docks", "columns"), [(1, 1), (4, 2), (6, 3), (12, 4), (13, 5), (16, 6)])
def test_more_docks_stand_in_more_columns(docks, columns):
    views = tuple(DockView(n, "", DockState.EMPTY, NOW) for n in range(docks))
    assert board(docks=views).columns == columns


def test_every_state_and_severity_has_a_sign():
    signs = set(re.findall('symbol id="([a-z]+)"', (look.folder() / "signs.svg").read_text()))
    assert {*map(str, DockState), "note", "sealed", "signed", "offline"} <= signs


def test_an_estimate_is_no_reading_on_the_board():
    told = readings(31, 427_000)
    guessed = tuple(replace(one, confidence="estimated") for one in told)
    assert [lamp.value.zh for lamp in lamps_of(guessed, ())][:2] == ["未知", "未知"]


@pytest.mark.parametrize(("place", "word"), [("in_repair", "送修停用"), ("lost", "登记丢失")])
def test_a_recorder_out_of_service_is_never_said_to_be_ready(place, word):
    why = Finding("in_repair", "blocking", "镜头破裂")
    there = recorders()
    gone = replace(there[1], place=place, issuable=False, findings=(why,))
    tile = board(recorders=(gone,)).tiles[1]
    assert (tile.look, tile.word.zh, tile.can_issue) == ("attention", word, False)
    assert tile.instructions[0].sentence.zh == "记录仪已停用: 镜头破裂"
    assert "管理员" in tile.instructions[0].remedy.zh


def test_a_recorder_out_of_service_that_is_being_imported_shows_how_far():
    gone = replace(recorders()[0], place="lost", issuable=False)
    assert board(recorders=(gone,)).tiles[0].look == "copying"
