import signal
import sqlite3
import subprocess
from datetime import timedelta

import pytest

from contracts.facts import AgentStopped, Counts, RecorderIssued, VisitCompleted
from outside.clock import moment
from tests.support.index_program import IndexProgram, Listener, LiveStation, until
from tests.support.mosquitto import Mosquitto
from tests.support.postgres import Postgres

ISSUE = RecorderIssued("h1", "R1", "p1", "王五", "d1", findings=())
STATE = "muster/v1/example/index/state"
ALERT = "muster/v1/example/alert/missing/R1@h1"


@pytest.fixture
def mosquitto():
    with Mosquitto() as running:
        yield running


@pytest.fixture
def index(tmp_path, mosquitto):
    found = IndexProgram(tmp_path / "index", mosquitto.port)
    found.start()
    yield found
    found.close()


@pytest.fixture
def station(tmp_path, mosquitto):
    found = LiveStation(tmp_path / "station", mosquitto.port)
    yield found
    found.close()


@pytest.fixture
def listener(mosquitto):
    found = Listener(mosquitto.port)
    yield found
    found.close()


def stops(count):
    return [AgentStopped(f"stop {number}") for number in range(count)]


def visit_now():
    now = moment().at
    docked_at = now - timedelta(milliseconds=1)
    return VisitCompleted("v1", "R1", 1, docked_at, Counts(), 0, "", ())


def is_witnessed(station):
    return station.ledger.witnessed_size == station.ledger.size


def test_a_recorder_that_does_not_come_home_is_told_and_cleared_as_late(index, station, listener):
    station.enter(ISSUE)
    until(lambda: listener.alerts("missing"), "no alert")
    assert "一中队 王五" in listener.read(ALERT)["zh"]
    code, said = index.ask("missing")
    assert (code, "R1" in said) == (1, True)
    station.enter(visit_now())
    until(lambda: listener.last[ALERT] == b"", "not cleared")
    assert index.ask("missing")[0] == 0
    assert index.ask("verify") == (0, "0 个问题 / problem(s)\n")
    assert index.stop() == 0


def test_the_days_report_counts_by_department(index, station, listener):
    station.enter(ISSUE)
    day = moment().at.astimezone().date()
    start = "muster/v1/example/report/daily/"

    def due():
        reports = [listener.read(t) for t in list(listener.last) if t.startswith(start)]
        return any(count["due"] == 1 for report in reports for count in report["departments"])

    until(due, f"no report of {day}")


def test_a_silent_station_leaves_its_duties_unconfirmed(index, station, listener):
    until(lambda: is_witnessed(station))
    station.enter(ISSUE)
    until(lambda: is_witnessed(station))
    station.is_speaking = False
    until(lambda: listener.alerts("unconfirmed"), "no alert")
    assert listener.alerts("missing") == {}
    station.is_speaking = True
    until(lambda: listener.alerts("missing"), "not confirmed")
    assert listener.alerts("unconfirmed") == {}


def test_killing_index_and_broker_loses_and_doubles_nothing(index, station, mosquitto):
    for _ in range(3):
        station.enter(*stops(700))
        index.kill()
        station.enter(*stops(300))
        index.start()
        mosquitto.restart()
    until(lambda: is_witnessed(station), index.log())
    until(lambda: index.ask("verify")[0] == 0)
    with sqlite3.connect(index.folder / "index.db") as database:
        rows = database.execute("SELECT body FROM entry ORDER BY sequence").fetchall()
    assert [row[0] for row in rows] == station.ledger.raw(1, station.ledger.size + 1)


def test_a_restart_opens_no_alert_twice(index, station, listener):
    station.enter(ISSUE)
    until(lambda: listener.alerts("missing"))
    opened_at = listener.read(ALERT)["opened_at"]
    index.kill()
    listener.last.pop(ALERT)
    index.start()
    until(lambda: listener.alerts("missing"), "not told again")
    assert listener.read(ALERT)["opened_at"] == opened_at


def test_another_key_is_refused_and_told(index, station, mosquitto, listener, tmp_path):
    until(lambda: is_witnessed(station))
    station.uplink.stop(station.will, 10)
    thief = LiveStation(tmp_path / "thief", mosquitto.port)
    until(lambda: listener.alerts("station_key"), "no alert")
    assert thief.ledger.witnessed_size == 0
    thief.close()


def test_a_fork_is_told_and_its_report_is_kept(index, station, mosquitto, listener, tmp_path):
    until(lambda: is_witnessed(station))
    station.uplink.stop(station.will, 10)
    (tmp_path / "twin").mkdir()
    key = tmp_path / "twin" / "ledger.key"
    key.write_bytes((tmp_path / "station" / "ledger.key").read_bytes())
    key.chmod(0o600)
    twin = LiveStation(tmp_path / "twin", mosquitto.port)
    twin.enter(*stops(3))
    until(lambda: listener.alerts("station_forked"), "no alert")
    assert len(list((index.folder / "state" / "forks").glob("s1-*.json"))) == 1
    assert twin.ledger.witnessed_size == 0
    twin.close()


def test_garbage_on_every_topic_harms_nobody(index, station, listener):
    until(lambda: is_witnessed(station))
    for level in ("s1/state", "s1/meta", "s1/entry", "s1/checkpoint", "x/meta", "index/state"):
        for junk in (b"", b"\xff" * 300, b"[" * 20_000, b"{}", b"x" * 900_000):
            listener.say(f"muster/v1/example/{level}", junk)
    station.enter(*stops(3))
    until(lambda: is_witnessed(station), index.log())
    assert index.process.poll() is None


@pytest.fixture
def postgres():
    with Postgres() as running:
        yield running


@pytest.fixture
def index_on_postgres(tmp_path, mosquitto, postgres):
    found = IndexProgram(tmp_path / "index", mosquitto.port, postgres.url())
    found.start()
    yield found
    found.close()


def test_an_index_survives_the_death_of_its_database(index_on_postgres, postgres, station):
    for _ in range(2):
        station.enter(*stops(300))
        postgres.restart()
    until(lambda: is_witnessed(station), index_on_postgres.log())
    assert index_on_postgres.ask("verify") == (0, "0 个问题 / problem(s)\n")


def test_while_its_database_is_away_an_index_waits_and_says_so_once(
    index_on_postgres, postgres, station, mosquitto, listener
):
    until(lambda: is_witnessed(station))
    postgres.stop()
    station.enter(*stops(300), ISSUE)
    until(lambda: "the database is away" in index_on_postgres.log())
    mosquitto.restart()
    until(lambda: index_on_postgres.log().count("connected to the broker") == 2)
    assert not is_witnessed(station)
    postgres.start()
    until(lambda: is_witnessed(station) and listener.alerts("missing"), index_on_postgres.log())
    until(lambda: "the database is back" in index_on_postgres.log())
    log = index_on_postgres.log()
    assert [log.count(f"the database is {what}") for what in ("away", "back")] == [1, 1]
    assert log.count("not stored") <= 1
    assert b"ready" in listener.last[STATE]
    assert index_on_postgres.ask("verify") == (0, "0 个问题 / problem(s)\n")


def test_ctrl_c_stops_the_index_in_good_order(index, listener):
    until(lambda: b"ready" in listener.last.get(STATE, b""))
    index.process.send_signal(signal.SIGINT)
    assert index.process.wait(60) == 0
    until(lambda: b"disconnected" in listener.last[STATE])


def test_a_second_index_on_the_same_folder_does_not_start(index):
    code, said = index.ask("run")
    assert (code, "ledger_locked" in said) == (70, True)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('databse = "x"', "databse"),
        ("roll_seconds = 'often'", "roll_seconds"),
        ('zone = "Mars/Olympus"', "zone"),
        ("[[[", "Invalid"),
    ],
)
def test_wrong_settings_are_told_whole_and_exit_with_two(tmp_path, line, problem):
    index = IndexProgram(tmp_path / "index", 1)
    text = index.config.read_text().replace("roll_seconds = 1\n", "")
    index.config.write_text(f"{line}\n{text}")
    code, said = index.ask("run")
    assert (code, problem in said) == (2, True), said


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://"])
def test_a_database_that_cannot_be_is_told_and_exits_with_two(tmp_path, url):
    index = IndexProgram(tmp_path / "index", 1, url)
    code, said = index.ask("run")
    assert code == 2, said
    assert isinstance(said, str)
    assert subprocess.SubprocessError.__name__ not in said
