"""The roster and the settings files: what is wrong is said all at once, in both languages."""

import tomllib
from pathlib import Path

import pytest

from contracts.errors import SettingsError
from contracts.roster import parse_roster
from contracts.settings import parse_index, parse_station

CONFIG = Path(__file__).parents[2] / "config"
GOOD = """
[[policy]]
name = "p"
deadline = { rule = "after_issue", hours = 24 }
[[department]]
id = "d1"
name = "一科"
policy = "p"
[[person]]
id = "1001"
name = "甲"
department = "d1"
role = "officer"
pin_hash = "$argon2id$x"
[[recorder]]
number = "R1"
department = "d1"
keeper = "1001"
"""
STATION = """
[station]
organisation = "example"
id = "s1"
name = "示范站"
[folders]
archive = "/a"
state = "/s"
run = "/r"
roster = "/roster.toml"
[[dock]]
number = 1
port = "pci-0:1"
"""


def problems(parse, text):
    with pytest.raises(SettingsError) as caught:
        parse(text, "x.toml")
    return "\n".join(caught.value.problems)


def test_a_good_roster_is_read_whole():
    roster = parse_roster(GOOD, "x")
    assert roster.find_person("1001").name == "甲"
    assert roster.find_recorder("R1").keeper == "1001"
    assert roster.find_department("d1").name == "一科"
    assert roster.policy_of("d1").deadline.hours == 24


def test_what_is_not_in_the_roster_is_not_found():
    roster = parse_roster(GOOD, "x")
    found = (roster.find_person("9"), roster.find_recorder("9"), roster.find_department("9"))
    assert found == (None, None, None)


def test_two_recorders_of_one_number_are_a_problem_that_names_it():
    again = '[[recorder]]\nnumber = "R1"\ndepartment = "d1"\n'
    assert "recorder.number: 'R1' 出现 2 次" in problems(parse_roster, GOOD + again)


def test_every_problem_of_a_roster_is_listed_at_once():
    text = GOOD.replace('policy = "p"', 'policy = "q"').replace('keeper = "1001"', 'keeper = "9"')
    listed = problems(parse_roster, text + '[[department]]\nid = "d1"\nname = "x"\npolicy = "p"\n')
    for piece in ("department.d1.policy", "recorder.R1.keeper", "department.id: 'd1'"):
        assert piece in listed


def test_unknown_and_missing_keys_are_all_named():
    text = GOOD.replace('name = "甲"\n', "").replace('role = "officer"', 'role = "king"')
    listed = problems(parse_roster, text + 'colour = "red"\n')
    for piece in ("person.1001.name", "person.1001.role", "recorder.R1.colour"):
        assert piece in listed


def test_a_file_that_is_no_toml_is_refused_with_its_line():
    assert "line" in problems(parse_roster, "[[person]\n")


def test_good_station_settings_have_their_defaults():
    settings = parse_station(STATION, "x")
    assert (settings.station.zone, settings.pages.port) == ("Asia/Shanghai", 8640)
    assert settings.broker.host == ""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('id = "s1"', 'id = "S 1/#"', "id: 'S 1/#'"),
        ('organisation = "example"', 'organisation = "+"', "organisation: '+'"),
        ('name = "示范站"', 'name = "示范站"\nzone = "Mars/Olympus"', "Mars/Olympus"),
        ("number = 1", "number = 1\n[[dock]]\nnumber = 1", "dock.1.port"),
        ("[[dock]]", '[[dock]]\nnumber = 1\nport = "b"\n[[dock]]', "dock.number: 1"),
        ("[[dock]]", '[[dock]]\nnumber = 2\nport = "pci-0:1"\n[[dock]]', "dock.port: 'pci-0:1'"),
    ],
)
def test_station_settings_that_cannot_be_are_refused(old, new, named):
    assert named in problems(parse_station, STATION.replace(old, new))


def test_index_settings_are_checked_too():
    text = 'organisation = "A"\nname = "x"\ndatabase = "d"\nstate = "s"\nroster = "r"\n'
    assert "organisation: 'A'" in problems(parse_index, text)
    assert parse_index(text.replace('"A"', '"ab"'), "x").silent_seconds == 600


@pytest.mark.parametrize("name", ["station.toml", "roster.toml", "index.toml", "calendar.toml"])
def test_the_sample_settings_are_toml(name):
    assert tomllib.loads((CONFIG / name).read_text(encoding="utf-8"))


def test_the_sample_settings_are_good():
    for name, parse in (
        ("station.toml", parse_station),
        ("roster.toml", parse_roster),
        ("index.toml", parse_index),
    ):
        parse((CONFIG / name).read_text(encoding="utf-8"), name)


def test_a_settings_error_says_how_many_and_where_in_both_languages():
    with pytest.raises(SettingsError) as caught:
        parse_station("", "station.toml")
    assert "station.toml" in caught.value.text.zh
    assert "station.toml" in caught.value.text.en


CLEARED = GOOD.replace(
    "[[department]]", '[[policy.clear]]\nmodel = "M1"\nunknown_battery = true\n[[department]]', 1
)
MODELLED = CLEARED.replace('keeper = "1001"', 'keeper = "1001"\nmodel = "M1"')


def test_only_a_model_that_a_policy_names_is_cleared():
    policy = parse_roster(MODELLED, "x").policy_of("d1")
    assert policy.clears("M1").unknown_battery
    assert policy.clears("M2") is None
    assert parse_roster(GOOD, "x").policy_of("d1").clears("") is None


def test_two_copies_are_asked_for_unless_a_rule_says_that_one_will_do():
    assert parse_roster(MODELLED, "x").policy_of("d1").clears("M1").copies == 2
    lone = MODELLED.replace("unknown_battery = true\n", "copies = 1\n")
    assert parse_roster(lone, "x").policy_of("d1").clears("M1").copies == 1
    for wrong in (0, 3):
        said = problems(parse_roster, lone.replace("copies = 1", f"copies = {wrong}"))
        assert "copies" in said


@pytest.mark.parametrize("model", ["M2", ""])
def test_a_model_to_clear_that_no_recorder_has_is_a_fault_of_the_roster(model):
    said = problems(parse_roster, MODELLED.replace('model = "M1"\nun', f'model = "{model}"\nun'))
    assert f"policy.p.clear.model: 没有 '{model}' 型记录仪" in said


def test_a_model_to_clear_that_is_named_twice_is_a_fault_of_the_roster():
    twice = MODELLED.replace("[[department]]", '[[policy.clear]]\nmodel = "M1"\n[[department]]')
    assert "'M1' 出现 2 次 / given 2 times" in problems(parse_roster, twice)
