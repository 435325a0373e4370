"""The words of questions and answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from contracts.questions import (
    NEEDS_WORDS,
    REASONS,
    AnswerReason,
    FootageQuestioned,
    QuestionAnswered,
    QuestionKind,
    answer_text,
    question_text,
)

ZONE = ZoneInfo("Asia/Shanghai")
FROM = datetime(2026, 11, 20, 2, 14, 30, tzinfo=UTC)
HOLE = FootageQuestioned(
    "q", "v", "R1", "hole", "d1", FROM, FROM + timedelta(seconds=395), seen_in=("a.mp4", "b.mp4")
)


def test_a_hole_is_asked_about_in_local_time():
    said = question_text(HOLE, ZONE)
    assert said.en == "2026-11-20 10:14:30–10:21:05 has no recording: why?"
    assert said.zh == "2026-11-20 10:14:30–10:21:05 没有录像, 是什么原因?"


def test_a_time_over_midnight_names_both_days_and_a_moment_one():
    long = question_text(replace(HOLE, to_at=FROM + timedelta(days=1)), ZONE)
    assert "2026-11-20 10:14:30–2026-11-21 10:14:30" in long.en
    assert question_text(replace(HOLE, to_at=FROM), ZONE).zh.startswith("2026-11-20 10:14:30 没有")


@pytest.mark.parametrize("kind", get_args(QuestionKind))
def test_every_kind_asks_in_both_languages_and_accuses_nobody(kind):
    said = question_text(replace(HOLE, kind=kind, first=4, last=6, count=3), ZONE)
    assert said.zh.endswith("?")
    assert said.en.endswith("?")
    assert not any(word in said.zh for word in ("违规", "删除", "隐瞒", "必须"))


def test_missing_numbers_are_named_one_or_many():
    many = replace(HOLE, kind="counter", first=4, last=6, count=3)
    assert "缺少编号 4–6 中的 3 个" in question_text(many, ZONE).zh
    assert "number 4 is" in question_text(replace(many, last=4, count=1), ZONE).en


def test_every_answer_has_words_and_those_that_need_more_are_among_them():
    assert tuple(REASONS) == get_args(AnswerReason)
    assert REASONS.keys() > NEEDS_WORDS


def test_an_answer_says_its_reason_and_what_was_added():
    plain = QuestionAnswered("q", "R1", "battery", "", "p")
    assert answer_text(plain) == REASONS["battery"]
    assert answer_text(replace(plain, words="x")).zh == "电量不足: x"
