import pytest

from contracts.errors import SettingsError
from contracts.settings import RESERVED_IDS, parse_station

TEXT = """
dock = []
[station]
organisation = "example"
id = "{id}"
name = "x"
[folders]
archive = "/a"
state = "/s"
run = "/r"
roster = "/roster.toml"
"""


def problems(name):
    with pytest.raises(SettingsError) as caught:
        parse_station(TEXT.format(id=name), "station.toml")
    return caught.value.problems


@pytest.mark.parametrize("name", sorted(RESERVED_IDS))
def test_a_station_is_not_called_what_the_brokers_rules_call_others(name):
    assert problems(name) == (
        f"station.id: {name!r} 另有所用, 请换一个 / is taken by something else",
    )


@pytest.mark.parametrize("name", ["#", "+", "s/1", "", "s" * 33, "S1", "-s", "%u", "$SYS"])
def test_a_station_id_can_be_nothing_but_one_topic_level(name):
    (problem,) = problems(name)
    assert problem.startswith(f"station.id: {name!r} ")


def test_any_other_id_is_fine():
    assert parse_station(TEXT.format(id="s1"), "station.toml").station.id == "s1"
