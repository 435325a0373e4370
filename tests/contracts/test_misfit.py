"""What a settings file lacks or has wrong: each mistake once, all at once, in words of ours."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Literal

import pytest

from contracts.errors import ArchiveFullError, SettingsError
from contracts.loading import from_toml
from contracts.misfit import called, shown
from contracts.roster import parse_roster
from contracts.settings import parse_station

STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Wheel:
    __pydantic_config__ = STRICT
    size: int
    made: date = date(2026, 1, 1)

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("size: != 13")


@dataclass(frozen=True)
class Cart:
    __pydantic_config__ = STRICT
    name: str
    load: float = 0.0
    is_red: bool = False
    place: PurePath | None = None
    colour: Literal["red", "blue"] = "red"
    wheel: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    parts: dict[Literal["axle", "shaft"], Wheel] = field(default_factory=dict)
    tall: int | None = None
    pair: tuple[int, int] = (1, 2)


def said(text, kind=Cart):
    with pytest.raises(SettingsError) as caught:
        from_toml(text, kind, "x.toml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("name = 3", "name: 应为带引号的文字 / must be text in quotes"),
        ("place = 3", "place: 应为带引号的文字 / must be text in quotes"),
        ("load = 'x'", "load: 应为数字, 不是 'x' / must be a number, not 'x'"),
        ("load = []", "load: 应为数字, 不是 [] / must be a number, not []"),
        ("is_red = 'x'", "is_red: 应为 true 或 false, 不是 'x' / must be true or false, not 'x'"),
        ("tall = 1.5", "tall: 应为整数, 不是 1.5 / must be a whole number, not 1.5"),
        ("tall = []", "tall: 应为整数, 不是 [] / must be a whole number, not []"),
        ("wheel = 'x'", "wheel: 应为列表: [ ] 或 [[ ]] / must be a list: [ ] or [[ ]]"),
        ("wheel = [3]", "wheel.#1: 应为一组键和值 / must be a table of keys and values"),
        ("parts = 3", "parts: 应为一组键和值 / must be a table of keys and values"),
        ("spare.size = 13", "spare: 不合要求: size: != 13 / does not fit: size: != 13"),
        ("pair = [1]", "pair.#2: 缺少这一项 / is missing"),
        ("spare.size = 'x'", "spare.size: 应为整数, 不是 'x' / must be a whole number, not 'x'"),
        ("colour = 'green'", "colour: 没有 'green' 这一种; 只有 'red', 'blue'"),
        ("colour = 'bleu'", "colour: 没有 'bleu' 这一种; 是不是 'blue'? / there is no 'bleu'"),
        ("parts.saft.size = 1", "parts.saft: 没有 'saft' 这一种; 是不是 'shaft'? / there is no"),
        ("parts.axle.siz = 1", "parts.axle.siz: 没有这一项; 是不是 'size'? / there is no such key"),
        ("spare = { size = 1, mode = 1 }", "spare.mode: 没有这一项; 是不是 'made'? / there is no"),
        ("zzz = 1", "zzz: 没有这一项 / there is no such key"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_said_in_both_languages(line, problem):
    head = "" if line.startswith("name") else 'name = "x"\n'
    (only,) = said(head + line)
    assert only.startswith(problem)


@pytest.mark.parametrize("given", ["'soon'", "2026-09-21T10:00:00", "[]", "'2026-09-21T10:00'"])
def test_what_is_no_day_is_shown_beside_one(given):
    (only,) = said(f'name = "x"\nspare = {{ size = 1, made = {given} }}')
    assert only.startswith("spare.made: 应为日期, 如 2026-09-21, 不是 ")


def test_a_misspelled_key_is_one_mistake_and_not_two():
    (only,) = said('nam = "x"')
    assert only == ("nam: 没有这一项; 是不是 'name'? / there is no such key; did you mean 'name'?")


def test_a_key_that_is_there_already_is_not_what_was_meant():
    (only,) = said('name = "x"\nnam = "y"')
    assert only == "nam: 没有这一项 / there is no such key"


def test_a_mistake_of_no_known_kind_is_told_in_the_words_of_whoever_found_it():
    (only,) = said(f'name = "x"\ntall = "{"9" * 5000}"')
    assert only.startswith("tall: 不合要求: Unable to parse")


def test_what_might_be_a_password_is_not_repeated():
    assert "1234" not in said("name = 1234")[0]


def test_a_key_that_would_turn_the_terminal_is_written_out():
    assert said('name = "x"\n"\\u001b[2J" = 1')[0].startswith("\\u{1b}[2J: ")


def test_a_document_that_as_a_whole_does_not_fit_has_no_place_to_name():
    assert said("size = 13", Wheel) == ("-: 不合要求: size: != 13 / does not fit: size: != 13",)


@pytest.mark.parametrize(
    ("element", "name"),
    [
        ({"id": "1001", "name": "x"}, "1001"),
        ({"number": 3}, "3"),
        ({"id": "", "name": "x"}, "x"),
        ({"date": date(2026, 10, 1)}, "2026-10-01"),
        ({"id": [1], "number": {}}, "#2"),
        ("x", "#2"),
    ],
)
def test_an_element_is_called_as_people_call_it(element, name):
    assert called(element, 1) == name


def test_a_long_value_is_cut():
    assert shown("x" * 99) == "'" + "x" * 39 + "…"


STATION = """
[station]
organization = "example"
id = "s1"
name = "x"
zone = "Mars/Olympus"
[folders]
archive = "/a"
state = "/s"
run = "/r"
roster = "/roster.toml"
[storage]
warn_percent = 99
stop_percent = "x"
[[dock]]
number = 1
port = "a"
[[dock]]
number = 1
port = "a"
[[dock]]
port = 3
"""


def test_a_misspelled_key_hides_neither_a_wrong_zone_nor_doubled_docks():
    with pytest.raises(SettingsError) as caught:
        parse_station(STATION, "station.toml")
    assert [problem.partition(" / ")[0] for problem in caught.value.problems] == [
        "station.organization: 没有这一项; 是不是 'organisation'?",
        "dock.#3.number: 缺少这一项",
        "dock.#3.port: 应为带引号的文字",
        "storage.stop_percent: 应为整数, 不是 'x'",
        "station.zone: 没有时区 'Mars/Olympus'",
        "storage.warn_percent: 99 应为正数, 百分比不超过 50",
        "dock.number: 1 出现 2 次",
        "dock.port: 'a' 出现 2 次",
    ]


ROSTER = """
[[policy]]
name = "p"
deadline = { rule = "after_isue", hours = 24 }
[[policy.clear]]
model = "M2"
[[policy.clear]]
model = "M2"
[[policy.clear]]
model = 2
[[department]]
id = "d1"
name = "一科"
policy = "q"
[[person]]
id = "1001"
name = "甲"
department = "d1"
role = "oficer"
pin_hash = "x"
[[person]]
id = "1001"
name = "乙"
department = "d9"
role = "king"
pin_hash = 5
[[recorder]]
number = "R1"
department = "d1"
keeper = "9"
volume = []
[[recorder]]
number = "R2"
department = "d1"
keeper = ""
"""


def roster_problems(text):
    with pytest.raises(SettingsError) as caught:
        parse_roster(text, "roster.toml")
    return [problem.partition(" / ")[0] for problem in caught.value.problems]


def test_a_wrong_role_hides_neither_a_doubled_person_nor_an_unknown_policy():
    assert roster_problems(ROSTER) == [
        "policy.p.deadline.rule: 没有 'after_isue' 这一种; 是不是 'after_issue'?",
        "policy.p.clear.#3.model: 应为带引号的文字",
        "person.1001.role: 没有 'oficer' 这一种; 是不是 'officer'?",
        "person.1001.role: 没有 'king' 这一种; 只有 'officer', 'approver', 'manager', 'clerk'",
        "person.1001.pin_hash: 应为带引号的文字",
        "recorder.R1.volume: 应为带引号的文字",
        "person.id: '1001' 出现 2 次",
        "department.d1.policy: 没有 'q'",
        "person.1001.department: 没有 'd9'",
        "recorder.R1.keeper: 没有 '9'",
        "policy.p.clear.model: 没有 'M2' 型记录仪",
        "policy.p.clear.model: 'M2' 出现 2 次",
    ]


@pytest.mark.parametrize("new", ['idd = "d1"', "id = 1"])
def test_what_a_malformed_row_may_be_called_is_not_said_to_be_absent(new):
    found = roster_problems(ROSTER.replace('id = "d1"', new))
    assert not [problem for problem in found if ".department: 没有" in problem]


@pytest.mark.parametrize("new", ["[departments]", "[department]"])
def test_what_a_list_that_is_none_may_hold_is_not_said_to_be_absent(new):
    found = roster_problems(ROSTER.replace("[[department]]", new))
    assert not [problem for problem in found if ".department: 没有" in problem]


def test_models_are_not_called_unknown_while_a_recorder_s_own_is_malformed():
    found = roster_problems(ROSTER.replace('number = "R2"', 'number = "R2"\nmodel = 7'))
    assert "policy.p.clear.model: 没有 'M2' 型记录仪" not in found
    assert "policy.p.clear.model: 'M2' 出现 2 次" in found


def test_on_a_terminal_each_problem_stands_once_and_the_remedy_below_them():
    with pytest.raises(SettingsError) as caught:
        parse_station("dock = []", "station.toml")
    lines = caught.value.account.splitlines()
    assert lines[0].startswith("设置文件 station.toml 有 2 处错误 / 2 problem(s)")
    assert lines[1:] == [
        "  station: 缺少这一项 / is missing",
        "  folders: 缺少这一项 / is missing",
        "→ 逐条改正后重新启动 / Mend each of these and start again",
    ]


def test_any_other_error_is_a_sentence_and_a_remedy():
    sentence, remedy = ArchiveFullError().account.splitlines()
    assert sentence.endswith("[archive_full]")
    assert remedy.startswith("→ ")


def test_a_file_that_cannot_be_read_says_so_and_why():
    problems = SettingsError.unreadable("x", FileNotFoundError(2, "No such file")).problems
    assert problems == ("读不出 / cannot be read: No such file",)
    assert SettingsError.unreadable("x", ValueError("bad byte")).problems[0].endswith(": bad byte")
