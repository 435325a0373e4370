"""ZZX: what is asked, what is believed, and that no answer can do harm."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.family import Family, Guarded, Told
from agent.families.zzx import Zzx
from contracts.errors import NoAnswerError, SettingsError, SwitchRefusedError
from contracts.reading import Identity
from tests.support.emulators.zzx import Zzx as Recorder
from tests.support.wire import Says, held

MIB = 1 << 20
ACCEPTED = {"password": "true"}
WITH_PASSWORD = {"password": "314159"}


def line(number, **body):
    return json.dumps({"header": {"id": number}, "body": body}).encode() + b"\r\n"


def test_it_is_a_family_that_asks_for_a_password():
    assert isinstance(Zzx({}), Guarded)
    family: Family = Zzx(WITH_PASSWORD)
    assert held(family.probe(), Recorder())


def test_a_malformed_option_is_refused_by_its_key():
    with pytest.raises(SettingsError) as refused:
        Zzx({"password": "1", "pasword": "1", "adb": {"port": 0}})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["adb", "pasword"]


def test_probing_sends_only_the_greeting():
    recorder = Recorder()
    assert held(Zzx(WITH_PASSWORD).probe(), recorder)
    assert recorder.heard == [1]


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\n" * 9, b"HTTP/1.1 400 Bad Request\r\n" * 9, b"{" * 3000 + b"\n", b"\xff{}\n" * 9,
        b"[" * 4000 + b"\n", b"[1]\n" * 9, b'{"header":1,"body":{}}\n' * 9, line(2, IDCode="x") * 9,
        b'{"header":{"id":1},"body":[]}\n' * 9, line(1, name="else"),
    ],
)  # fmt: skip
def test_what_answers_in_another_way_is_no_zzx(said):
    assert held(Zzx({}).probe(), Says(said)) is False


def test_noise_and_answers_to_other_things_are_passed_over():
    recorder = Recorder()
    recorder.garbage = b"\x00\xfe AT+OK\r\n" + line(2, IDCode="old") + b"noise"
    assert held(Zzx(WITH_PASSWORD).battery(), recorder).value == 87


def test_answers_to_other_things_are_passed_over_only_so_long():
    with pytest.raises(NoAnswerError):
        held(Zzx(WITH_PASSWORD).battery(), Says(line(2) * 100))


def test_half_an_answer_is_no_answer():
    recorder = Recorder()
    recorder.is_halved = True
    with pytest.raises(NoAnswerError):
        held(Zzx(WITH_PASSWORD).battery(), recorder)


def test_it_says_who_it_is():
    told = held(Zzx(WITH_PASSWORD).identity(), Recorder())
    assert told == Identity(device_number="DSJ0001", model="byand", how="ZZX GetZFYInfo")


def test_without_a_password_only_the_model_is_asked_for():
    recorder, family = Recorder(), Zzx({})
    assert held(family.identity(), recorder).model == "byand"
    assert held(family.log_in(), recorder) == "none"
    asked = [family.battery, family.clock, family.storage]
    assert [held(ask(), recorder) for ask in asked] == [None] * 3
    assert held(family.set_clock(datetime.now(UTC)), recorder) is False
    assert held(family.switch(), recorder) is False
    assert recorder.heard == [1]


@pytest.mark.parametrize(
    ("device", "given_", "login"),
    [
        ("314159", "314159", "accepted"),
        ("123456", "123456", "default"),
        ("314159", "000000", "refused"),
    ],
)
def test_the_login_is_the_profiles_password_and_no_other(device, given_, login):
    recorder = Recorder(password=device)
    assert held(Zzx({"password": given_}).log_in(), recorder) == login
    assert recorder.heard == [8]


def test_a_wrong_password_leaves_everything_unknown():
    recorder, family = Recorder(), Zzx({"password": "000000"})
    asked = [family.battery, family.clock, family.storage]
    assert [held(ask(), recorder) for ask in asked] == [None] * 3
    assert held(family.identity(), recorder).device_number is None
    assert held(family.set_clock(datetime.now(UTC)), recorder) is False
    assert held(family.switch(), recorder) is False


def test_the_clock_is_told_in_seconds_since_1970():
    shown = held(Zzx(WITH_PASSWORD).clock(), Recorder(clock_ms=1795341600999))
    assert shown == Told(datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "ZZX GetDevTime")


def test_the_clock_is_set_in_milliseconds_whatever_the_zone():
    recorder = Recorder(clock_ms=0)
    beijing = timezone(timedelta(hours=8))
    moment = datetime(2026, 11, 22, 18, 0, 0, 250000, tzinfo=beijing)
    assert held(Zzx(WITH_PASSWORD).set_clock(moment), recorder)
    assert recorder.clock_ms == 1795341600250


def test_a_moment_without_a_zone_is_not_set():
    recorder = Recorder(clock_ms=0)
    naive = datetime(2026, 11, 22)  # noqa: DTZ001
    assert held(Zzx(WITH_PASSWORD).set_clock(naive), recorder) is False
    assert recorder.clock_ms == 0


def test_storage_is_told_in_mib():
    free, total = held(Zzx(WITH_PASSWORD).storage(), Recorder())
    assert (free.value, total.value, free.uncertainty) == (20480 * MIB, 30436 * MIB, MIB)


@pytest.mark.parametrize(
    "body",
    [{}, {"free": "9", "total": "8"}, {"free": "-1", "total": "8"}, {"free": "1"}, {"total": "1"}],
)
def test_storage_that_makes_no_sense_is_unknown(body):
    assert held(Zzx(WITH_PASSWORD).storage(), Says(line(18, **ACCEPTED, **body))) is None


@pytest.mark.parametrize("battery", ["101", "255", "-1", "", "full", None, 8.5, True, [], "9" * 99])
def test_a_battery_that_makes_no_sense_is_unknown(battery):
    said = line(8, **ACCEPTED, battery=battery)
    assert held(Zzx(WITH_PASSWORD).battery(), Says(said)) is None


@pytest.mark.parametrize("time", ["", "now", "9" * 18, -5])
def test_a_time_that_makes_no_sense_is_unknown(time):
    assert held(Zzx(WITH_PASSWORD).clock(), Says(line(16, **ACCEPTED, Time=time))) is None


def test_it_becomes_a_disk():
    recorder = Recorder()
    assert held(Zzx(WITH_PASSWORD).switch(), recorder)
    assert recorder.is_disk


def test_while_it_records_it_refuses_and_that_is_said():
    recorder = Recorder()
    recorder.is_recording = True
    with pytest.raises(SwitchRefusedError):
        held(Zzx(WITH_PASSWORD).switch(), recorder)


def test_one_that_leaves_before_it_answers_may_have_become_a_disk():
    recorder = Recorder()
    recorder.is_silent = True
    assert held(Zzx(WITH_PASSWORD).switch(), recorder)
    assert recorder.is_disk


@given(
    st.binary(max_size=300), st.sampled_from(["probe", "identity", "battery", "clock", "storage"])
)
def test_no_bytes_do_harm(said, ask):
    try:
        found = held(getattr(Zzx(WITH_PASSWORD), ask)(), Says(said + b"\n" * 20))
    except NoAnswerError:
        return
    assert not found


FIELDS = ["password", "battery", "Time", "free", "total", "serial", "IDCode", "Result"]
VALUES = st.sampled_from([None, True, 1.5, float("inf")]) | st.integers() | st.text("0129-e.甲\0")


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_no_values_do_harm(body):
    family = Zzx(WITH_PASSWORD)
    said = b"".join(line(number, **{**ACCEPTED, **body}) for number in (1, 3, 8, 16, 18))
    for ask in (family.identity, family.battery, family.clock, family.storage):
        held(ask(), Says(said))
