import socket
from pathlib import Path

import pytest

from contracts.roster import parse_roster
from contracts.settings import parse_index, parse_station
from demo.story import DOCK_PORTS, ISSUED, RECORDERS
from demo.world import PEOPLE, World, free_port


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, 11883, 18640, 18641)
    made.write(RECORDERS, DOCK_PORTS)
    return made


def test_the_station_of_the_demo_has_six_docks_and_the_world_s_ports(world):
    settings = parse_station(world.station_toml.read_text(), "station.toml")

    assert [dock.port for dock in settings.dock] == [f"virtual:dock{n}" for n in range(1, 7)]
    assert (settings.broker.port, settings.pages.port) == (11883, 18640)


def test_the_index_of_the_demo_calls_the_roll_often_enough_to_watch(world):
    settings = parse_index(world.index_toml.read_text(), "index.toml")

    assert settings.roll_seconds == 1
    assert settings.roster == world.roster


def test_the_roster_of_the_demo_has_two_departments_and_one_needs_an_approver(world):
    roster = parse_roster(world.roster.read_text(), "roster.toml")

    assert [roster.policy_of(d.id).approval for d in roster.department] == [False, True]
    assert {person.id for person in roster.person} == {someone.id for someone in PEOPLE}
    assert {record.number for record in roster.recorder} > set(ISSUED)


def test_a_folder_with_quotes_and_umlauts_in_its_name_is_written_as_it_is(tmp_path):
    folder = tmp_path / 'a "q" \\ ü 档案'
    folder.mkdir()
    world = World(folder, 1, 2, 3)
    world.write(RECORDERS, DOCK_PORTS)

    settings = parse_station(world.station_toml.read_text(), "station.toml")
    assert Path(settings.folders.archive) == folder / "archive"


def test_a_port_that_is_taken_is_not_chosen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
