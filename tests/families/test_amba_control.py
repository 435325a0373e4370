"""Ambarella's commands in control transfers, against a recorder emulated on the wire."""

from datetime import datetime

import pytest

from agent.core.dialogue import ControlRead, ControlWrite, converse
from agent.families.amba_control import AmbaControl
from contracts.errors import SettingsError, SwitchRefusedError
from tests.support.emulated import Emulated
from tests.support.emulators.amba_ascii import AmbaAscii
from tests.support.emulators.amba_control import AmbaControl as Recorder

LOCAL = datetime(2026, 8, 4, 9, 5, 59)  # noqa: DTZ001  # a recorder has no zone


def told(fact, recorder, **options):
    return converse(getattr(AmbaControl(options), fact)(), Emulated(recorder))


def test_a_recorder_tells_its_number_and_battery_takes_a_time_and_becomes_a_disk():
    recorder = Recorder(number="CAM0001", battery=64)
    assert told("probe", recorder)
    assert told("identity", recorder).device_number == "CAM0001"
    assert told("battery", recorder).value == 64
    assert converse(AmbaControl({}).set_clock(LOCAL), Emulated(recorder))
    assert recorder.clock == (2026, 8, 4, 9, 5, 59)
    assert told("switch", recorder)
    assert recorder.mode == "disk"


def test_the_transfers_are_those_of_the_makers_tool():
    way = Emulated(Recorder())
    converse(AmbaControl({}).set_clock(LOCAL), way)
    message = bytes.fromhex("a1b2c3d400 e10041 00 07ea0804090 53b".replace(" ", ""))
    assert way.asked == [
        ControlWrite(0x40, 0x55, 0xAA, 0, message),
        ControlRead(0xC0, 0x55, 0, 0, 16),
    ]


def test_time_and_room_are_not_asked():
    recorder = Recorder()
    assert told("clock", recorder) is None
    assert told("storage", recorder) is None
    assert recorder.said == []


def test_who_wears_it_is_not_kept():
    assert "张三" not in repr(told("identity", Recorder()))


def test_the_other_ambarella_is_not_taken_for_one():
    assert not told("probe", AmbaAscii())


@pytest.mark.parametrize(
    ("recorder", "options", "login"),
    [
        (Recorder(), {}, "none"),
        (Recorder(), {"password": "000000"}, "default"),
        (Recorder(fault="wrong_password"), {"password": "830194"}, "accepted"),
        (Recorder(fault="wrong_password"), {"password": "000000"}, "refused"),
        (Recorder(fault="silent"), {"password": "000000"}, "none"),
    ],
)
def test_how_its_password_was_taken_is_told(recorder, options, login):
    assert told("log_in", recorder, **options) == login


@pytest.mark.parametrize("fault", ["silent", "garbage", "half"])
def test_what_is_no_answer_is_unknown(fault):
    recorder = Recorder(fault=fault)
    assert not told("probe", recorder)
    assert told("identity", recorder).device_number is None
    assert told("battery", recorder) is None
    assert not converse(AmbaControl({}).set_clock(LOCAL), Emulated(recorder))


def test_the_answer_to_another_request_is_none_to_this_one():
    recorder = Recorder(fault="late")
    told("probe", recorder)
    assert told("battery", recorder) is None


def test_a_refused_request_tells_nothing():
    assert told("battery", Recorder(), battery="e1 00 99") is None


def test_an_answer_without_a_head_is_taken_by_its_code():
    class Bare(Recorder):
        def _reply(self, message):
            return bytes(5) + super()._reply(message)[5:]

    assert told("battery", Bare(battery=12)).value == 12


@pytest.mark.parametrize("battery", [101, 255])
def test_a_battery_that_is_no_percentage_is_unknown(battery):
    assert told("battery", Recorder(battery=battery)) is None


def test_a_recorder_that_refuses_to_switch_is_not_waited_for():
    with pytest.raises(SwitchRefusedError):
        told("switch", Recorder(fault="recording"))


def test_who_does_not_answer_the_switch_may_have_gone():
    assert told("switch", Recorder(fault="silent"))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"request": 256}, "request"),
        ({"value": -1, "number_bytes": 3}, "number_bytes"),
        ({"battery": "e1 00"}, "battery"),
        ({"switch": "eject"}, "switch"),
        ({"password": "1234567"}, "password"),
    ],
)
def test_options_that_cannot_be_sent_are_refused_by_name(options, key):
    with pytest.raises(SettingsError) as refused:
        AmbaControl(options)
    assert key in str(refused.value.problems)
    assert "1234567" not in str(refused.value.problems)


def test_a_pong_of_the_right_size_with_other_words_is_no_recorder():
    class Other(Recorder):
        def _do(self, command, data):
            return b"EDCBA"

    assert not told("probe", Other())


def test_one_that_takes_no_control_transfers_tells_nothing():
    assert converse(AmbaControl({"password": "000000"}).log_in(), Emulated(AmbaAscii())) == "none"
    assert told("battery", AmbaAscii()) is None
