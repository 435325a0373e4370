"""The board as values."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

import look
from contracts.clearing import ClearingPhase, ClearingView, Reason
from contracts.dock import DockState
from contracts.snapshot import DockView
from station.board import Names, board_of, lamps_of
from tests.support.madeup_station import ERRORS, FAST, LOW, NOW, readings, snapshot

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


def clearing(phase, **more):
    view = replace(snapshot().docks[1], clearing=ClearingView(phase, NOW, **more))
    return board(docks=(view,)).tiles[0].instructions


def test_a_card_that_waits_to_be_cleared_says_what_for():
    said = clearing(ClearingPhase.WAITING, reasons=(Reason.NOT_WITNESSED,))
    assert [one.code for one in said] == ["clear_waiting", "clear_not_witnessed"]
    assert said[1].sentence.zh == "等待中心见证"


def test_a_card_that_is_read_again_says_how_far():
    said = clearing(ClearingPhase.READING, bytes_done=30, bytes_total=60)
    assert [one.sentence.zh for one in said] == ["清空前再次读卡核对, 50%"]


def test_a_card_that_was_not_cleared_says_why():
    said = clearing(ClearingPhase.KEPT, reasons=(Reason.CARD_DIFFERS,))
    assert [(one.state, one.code) for one in said] == [
        ("attention", "clear_kept"),
        ("attention", "clear_card_differs"),
    ]
    failed = clearing(ClearingPhase.KEPT, code="files_left")
    assert [one.code for one in failed] == ["files_left"]


def test_a_cleared_card_is_a_note():
    assert [one.state for one in clearing(ClearingPhase.CLEARED)] == ["note"]


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
