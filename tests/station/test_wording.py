"""Every type of entry has a sentence in both languages."""

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from contracts import facts
from contracts.entry import Draft, decode, encode
from contracts.facts import FACTS, ClockSet, RecorderChecked, RecorderDocked, draft_of
from contracts.reading import Identity, Reading
from contracts.text import Text
from station.detail import Details
from station.terms import told_apart
from station.wording import WORDS, Speaker
from tests.support.madeup_station import LOW, NOW, PEOPLE, every_fact, moment, readings

NAMES = {person[0]: person[1] for person in PEOPLE}
ZONE = ZoneInfo("Asia/Shanghai")
SPEAKER = Speaker(lambda key: NAMES.get(key, key), ZONE)


def entered(draft):
    return decode(encode(draft, 1, "muster/example/s1/0", moment(NOW)))


def test_there_are_words_for_exactly_the_types_there_are():
    assert WORDS.keys() == FACTS.keys()


def test_the_made_up_facts_are_of_every_type():
    assert {fact.TYPE for fact in every_fact()} == FACTS.keys()


def test_a_clock_that_was_set_unseen_was_nobody_knows_how_wrong():
    said = SPEAKER.sentence(entered(draft_of(ClockSet("v1", "LS-0101", None, NOW))))
    assert ("未知" in said.zh, "unknown" in said.en) == (True, True)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("", Text("电量 未知", "battery unknown")),
        ("甲 / a", Text("电量 未知 (甲)", "battery unknown (a)")),
        (
            "no answer: acme",
            Text("电量 未知 (no answer: acme)", "battery unknown (no answer: acme)"),
        ),
    ],
)
def test_why_a_reading_is_unknown_is_listed_where_it_is_known(how, said):
    reading = Reading("battery_percent", None, how, NOW, "unknown")
    draft = draft_of(RecorderChecked("v1", "LS-0101", (reading,), ()))
    rows = {label.en: lines for label, lines in Details(ZONE).rows(entered(draft))}
    assert rows["Readings"] == (said,)


@pytest.mark.parametrize("profile", ["acme-cam", None])
def test_the_profile_a_recorder_goes_by_is_said_where_it_is_known(profile):
    fact = RecorderDocked("v1", 1, "usb-0:5", "LS-0101", Identity("0101"), "Acme", profile)
    said = SPEAKER.sentence(entered(draft_of(fact)))
    assert ("acme-cam" in said.zh, "profile" in said.en) == (profile is not None,) * 2
    rows = {label.en: lines for label, lines in Details(ZONE).rows(entered(draft_of(fact)))}
    assert rows.get("Recorder profile") == (profile and (Text("acme-cam", "acme-cam"),))


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: fact.TYPE)
def test_every_type_is_said_in_both_languages(fact):
    said = SPEAKER.sentence(entered(draft_of(fact)))
    assert said.zh
    assert said.en
    assert not any(mark in said.zh + said.en for mark in ("{", "None", "Counts("))


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: fact.TYPE)
def test_no_sentence_holds_a_code(fact):
    said = SPEAKER.sentence(entered(draft_of(fact)))
    assert not re.search(r"\b[a-z]+_[a-z_]+\b|[0-9a-f]{64}", f"{said.zh} {said.en}")


@pytest.mark.parametrize("fact", every_fact(), ids=lambda fact: fact.TYPE)
def test_what_an_entry_holds_is_listed_in_words(fact):
    for label, lines in Details(ZONE).rows(entered(draft_of(fact))):
        shown = f"{label.zh} {label.en} {lines}"
        assert not any(mark in shown for mark in ("None", "Counts(", "Finding(", "Reading("))


def test_unreadable_places_are_listed_by_their_offsets():
    fact = next(fact for fact in every_fact() if fact.TYPE == "footage.unreadable")
    rows = {row[0].zh: row[1] for row in Details(ZONE).rows(entered(draft_of(fact)))}
    assert rows["读不出的位置"][1].zh == "第 8192000 字节起, 4.1 kB (4096 字节)"
    assert rows["原因"][0].en.startswith("File DCIM/B.MP4 cannot be read")


def test_a_file_is_said_to_be_marked_and_what_it_belongs_to():
    fact = next(fact for fact in every_fact() if fact.TYPE == "footage.imported")
    said = SPEAKER.sentence(entered(draft_of(fact))).zh
    assert ", 重点, 同一录像第 2 段, 随 DCIM/Z.MP4" in said
    rows = {row[0].zh: row[1][0].zh for row in Details(ZONE).rows(entered(draft_of(fact)))}
    assert rows["重点"] == "文件名标记"
    assert rows["所属文件"] == "DCIM/Z.MP4"


@pytest.mark.parametrize(
    ("reading", "zh", "en"),
    [
        (
            Reading("clock_offset_ms", 427_000, "newest file", NOW, "estimated", 610_000),
            "时钟 快 7 分 7 秒 ± 10 分 10 秒 (估计: 新文件的时间)",
            "clock 7 min 7 s fast ± 10 min 10 s (estimated: times of new files)",
        ),
        (
            Reading("clock_offset_ms", -2000, "0x5011", NOW, "measured", 480),
            "时钟 慢 2.0 秒 ± 0.5 秒 (测得: 0x5011)",
            "clock 2.0 s slow ± 0.5 s (measured: 0x5011)",
        ),
        (
            Reading("battery_percent", 87, "LOG/BATTERY.TXT", NOW, "reported"),
            "电量 87% (设备自报: LOG/BATTERY.TXT)",
            "battery 87% (reported: LOG/BATTERY.TXT)",
        ),
        (Reading("battery_percent", None, "", NOW, "unknown"), "电量 未知", "battery unknown"),
    ],
)
def test_a_reading_says_how_it_was_obtained_and_how_sure_it_is(reading, zh, en):
    fact = facts.RecorderChecked("v1", "LS-0101", (reading,), ())
    rows = {row[0].zh: row[1][0] for row in Details(ZONE).rows(entered(draft_of(fact)))}
    assert rows["读数"] == Text(zh, en)


def test_what_a_cut_clearing_left_is_unknown_and_not_nothing():
    fact = next(fact for fact in every_fact() if fact.TYPE == "recorder.cleared")
    rows = {row[0].zh: row[1] for row in Details(ZONE).rows(entered(draft_of(fact)))}
    assert rows["留存"][0].zh == "未知"


@pytest.mark.parametrize(
    "draft", [Draft("recorder.painted", "x", {}), Draft("footage.damaged", "x", {})]
)
def test_what_is_not_understood_has_no_list(draft):
    assert Details(ZONE).rows(entered(draft)) == ()


@pytest.mark.parametrize(
    ("reason", "zh", "en"),
    [
        ("记录仪被拔出 / taken out", "记录仪被拔出", "taken out"),
        ("镜头 / 机身 / broken", "镜头 / 机身 / broken", "镜头 / 机身 / broken"),
        ("Input/output error", "读取错误", "read error"),
        ("外出办案", "外出办案", "外出办案"),
    ],
)
def test_a_reason_in_both_languages_is_told_in_one(reason, zh, en):
    assert told_apart(reason) == Text(zh, en)


def test_an_issue_names_person_approver_and_override():
    issued = next(fact for fact in every_fact() if fact.TYPE == "recorder.issued")
    said = SPEAKER.sentence(entered(draft_of(issued)))
    assert said.zh == "王建国 领用记录仪 LS-0104, 欧阳志强 批准; 检查未通过, 理由: 现场急需"


@pytest.mark.parametrize("fact", [f for f in every_fact() if hasattr(f, "recorder")], ids=type)
def test_the_inbox_is_called_no_recorder(fact):
    said = SPEAKER.sentence(entered(draft_of(replace(fact, recorder="inbox"))))
    assert "inbox" not in said.zh
    assert "记录仪 " not in said.zh
    assert "recorder inbox" not in said.en.lower()


def test_a_check_says_what_it_found():
    said = SPEAKER.sentence(entered(draft_of(facts.RecorderChecked("v", "R1", readings(), (LOW,)))))
    assert said.zh == (
        "检查记录仪 R1: 电量 86%, 时钟慢 1.2 秒, 剩余空间 48.3 GB; "
        "需注意: 电量 31%, 低于 60%, 不足一个工作日"
    )
    unseen = facts.RecorderChecked("v", "R1", (), ())
    said = SPEAKER.sentence(entered(draft_of(unseen)))
    assert said.zh == "检查记录仪 R1: 电量未知, 时钟未知, 剩余空间未知"
    assert said.en == "Recorder R1 was checked: battery unknown, clock unknown, free unknown"


def test_what_a_file_holds_is_one_line():
    fact = next(fact for fact in every_fact() if fact.TYPE == "footage.imported")
    rows = {row[0].zh: row[1] for row in Details(ZONE).rows(entered(draft_of(fact)))}
    assert [line.zh for line in rows["媒体"]] == ["mp4 · h264 · aac · 1920 × 1080 · 时长 1 分 1 秒"]


def test_a_type_of_a_newer_version_names_itself():
    assert "recorder.painted" in SPEAKER.sentence(entered(Draft("recorder.painted", "x", {}))).zh


def test_data_that_does_not_fit_its_type_is_said_so():
    said = SPEAKER.sentence(entered(Draft("recorder.issued", "x", {})))
    assert said.zh == "记录内容与其类型不符"


def test_words_in_an_entry_are_never_a_format():
    service = next(fact for fact in every_fact() if fact.TYPE == "recorder.service")
    object.__setattr__(service, "reason", "{fact.__class__}")
    assert "{fact.__class__}" in SPEAKER.sentence(entered(draft_of(service))).zh
