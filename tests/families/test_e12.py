"""E12: what is asked, what is believed, and that no answer can do harm."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.family import Family, Guarded, Told
from agent.families.e12 import E12
from contracts.errors import NoAnswerError, SettingsError, SwitchRefusedError
from contracts.reading import Identity
from tests.support.emulators.e12 import E12 as Recorder  # noqa: N811
from tests.support.wire import Says, held

WORKING = b"\x0a\0\0\0E12DATR880"
ASKS = ["identity", "battery", "clock", "storage"]


def frame(payload):
    return len(payload).to_bytes(4, "little") + payload


def test_it_is_a_family_that_asks_for_no_password():
    family: Family = E12({})
    assert not isinstance(family, Guarded)
    assert held(family.probe(), Recorder())


def test_a_malformed_option_is_refused_by_its_key():
    with pytest.raises(SettingsError) as refused:
        E12({"length_order": "middle", "speed": 1})
    keys = [problem.partition(":")[0] for problem in refused.value.problems]
    assert keys == ["length_order", "speed"]


def test_lengths_may_stand_the_other_way_round():
    assert held(E12({"length_order": "big"}).battery(), Recorder(order="big")).value == 87
    assert held(E12({"length_order": "big"}).probe(), Recorder(order="little")) is False


def test_probing_sends_only_a_request_to_read():
    recorder = Recorder()
    assert held(E12({}).probe(), recorder)
    assert recorder.heard == ["E12CMDS009"]


@pytest.mark.parametrize(
    "said", [b"", b"\0", b"\0\0\0\0", b"\xff" * 99, frame(b"ABCDE"), b"HTTP/1.1 400\r\n\r\n"]
)
def test_what_answers_in_another_way_is_no_e12(said):
    assert held(E12({}).probe(), Says(said)) is False


def test_it_says_who_it_is_and_not_whose():
    told = held(E12({}).identity(), Recorder())
    assert told == Identity(device_number="DSJ0001", model="ABCDE", how="E12 GetZFYInfo")


def test_the_longer_layout_ends_its_number_with_a_zero():
    info = b"DSJ0001\0" + bytes(86)
    said = WORKING + frame(info)
    assert held(E12({}).identity(), Says(said)).device_number == "DSJ0001"


def test_a_number_in_gbk_is_read():
    recorder = Recorder()
    recorder.number = "甲001"
    assert held(E12({}).identity(), recorder).device_number == "甲001"


def test_what_it_says_between_is_passed_over_only_so_long():
    recorder = Recorder()
    recorder.workings = 7
    assert held(E12({}).battery(), recorder).value == 87
    recorder.workings = 8
    with pytest.raises(NoAnswerError):
        held(E12({}).battery(), recorder)


@pytest.mark.parametrize(("said", "value"), [("87%", 87), ("100", 100), ("255", None), ("", None)])
def test_a_battery_is_a_percentage_or_unknown(said, value):
    told = held(E12({}).battery(), Says(WORKING + frame(said.encode() or b" ")))
    assert (told and told.value) == value


def test_the_clock_is_told_in_its_own_zone():
    shown = datetime(2026, 11, 22, 18, 0, 5)  # noqa: DTZ001
    assert held(E12({}).clock(), Recorder()) == Told(shown, "E12 GetDeviceTime")
    assert held(E12({}).clock(), Recorder(clock="2026-02-30 18:00:05")) is None


def test_what_it_says_to_have_failed_is_unknown():
    recorder = Recorder()
    recorder.refuses = {"E12CMDS004", "E12CMDS007", "E12CMDS009", "E12CMDN030"}
    family = E12({})
    assert held(family.battery(), recorder) is None
    assert held(family.clock(), recorder) is None
    assert held(family.identity(), recorder) == Identity(how="E12 GetZFYInfo")


def test_its_storage_cannot_be_asked_for():
    recorder = Recorder()
    assert held(E12({}).storage(), recorder) is None
    assert recorder.heard == []


def test_the_clock_is_set_once_it_listens():
    recorder = Recorder()
    moment = datetime(2026, 11, 22, 18, 30)  # noqa: DTZ001
    assert held(E12({}).set_clock(moment), recorder)
    assert recorder.clock == "2026-11-22 18:30:00"
    assert recorder.heard == ["E12CMDS003", "2026-11-22 18:30:00"]


def test_a_clock_it_does_not_set_is_not_set():
    recorder = Recorder()
    recorder.refuses = {"E12CMDS003"}
    moment = datetime(2026, 11, 22, 18, 30)  # noqa: DTZ001
    assert held(E12({}).set_clock(moment), recorder) is False
    assert held(E12({}).set_clock(moment), Says(frame(b"E12DATR000"))) is False


def test_it_becomes_a_disk_or_says_that_it_does_not():
    recorder = Recorder()
    assert held(E12({}).switch(), recorder)
    assert recorder.is_disk
    recorder.refuses = {"E12CMDS008"}
    with pytest.raises(SwitchRefusedError):
        held(E12({}).switch(), recorder)
    assert held(E12({}).switch(), Says(frame(b"ABCDE"))) is False


def test_one_that_leaves_before_it_answers_may_have_become_a_disk():
    recorder = Recorder()
    recorder.is_silent = True
    assert held(E12({}).switch(), recorder)
    assert recorder.is_disk


def test_a_frame_that_is_shorter_than_it_says_is_no_answer():
    recorder = Recorder()
    recorder.lies_of_length = 50
    with pytest.raises(NoAnswerError):
        held(E12({}).battery(), recorder)


def test_the_requests_that_hand_passwords_out_are_never_sent():
    recorder, family = Recorder(), E12({})
    for ask in ("probe", *ASKS, "switch"):
        held(getattr(family, ask)(), recorder)
    assert not {"E12CMDS010", "E12CMDS011", "E12CMDS012", "E12CMDS013"} & set(recorder.heard)


@given(st.binary(max_size=200), st.sampled_from([*ASKS, "probe"]))
def test_no_bytes_do_harm(said, ask):
    try:
        held(getattr(E12({}), ask)(), Says(said))
    except NoAnswerError:
        return


@given(st.binary(min_size=1, max_size=100).filter(lambda said: not said.startswith(b"E12")))
def test_no_frame_does_harm(payload):
    said = Says(WORKING + frame(payload))
    told = held(E12({}).battery(), said)
    assert told is None or 0 <= told.value <= 100
    for ask in ("identity", "clock"):
        held(getattr(E12({}), ask)(), said)
