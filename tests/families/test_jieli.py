"""Jieli's vendor SCSI commands, against a recorder emulated on the wire."""

from datetime import datetime

import pytest

from agent.core.dialogue import ScsiRead, ScsiWrite, converse
from agent.families.jieli import Jieli
from contracts.errors import NoAnswerError
from tests.support.emulated import Emulated
from tests.support.emulators.jieli import Jieli as Recorder
from tests.support.emulators.novatek import Novatek

LOCAL = datetime(2026, 8, 4, 9, 5, 59)  # noqa: DTZ001  # a recorder has no zone


def met(**more):
    """A recorder that was probed, and the way to it."""
    way = Emulated(Recorder(**more))
    return way, converse(Jieli({}).probe(), way)


def test_a_recorder_tells_all_it_can_takes_a_time_and_becomes_a_disk():
    way, is_one = met(number="JL00042", battery=55)
    assert is_one
    identity = converse(Jieli({}).identity(), way)
    assert (identity.device_number, identity.model) == ("JL00042", "JLDV16")
    assert converse(Jieli({}).battery(), way).value == 55
    assert converse(Jieli({}).set_clock(LOCAL), way)
    assert way.recorder.clock == (2026, 8, 4, 9, 5, 59)
    assert converse(Jieli({}).switch(), way)
    assert way.recorder.mode == "disk"


def test_the_commands_are_those_of_the_makers_tool():
    way = Emulated(Recorder())
    converse(Jieli({}).set_clock(LOCAL), way)
    assert way.asked == [
        ScsiWrite(bytes.fromhex("fb82000000050007" + 8 * "00"), bytes.fromhex("ea07080409053b")),
        ScsiRead(bytes.fromhex("fd810000000e0004" + 8 * "00"), 4),
    ]


def test_the_recorders_password_is_never_fetched_nor_anything_written_but_the_clock():
    way, _ = met()
    family = Jieli({})
    for dialogue in (family.identity(), family.battery(), family.set_clock(LOCAL), family.switch()):
        converse(dialogue, way)
    assert set(way.recorder.said) <= {1, 2, 3, 5, 6, 8, 12, 14}


def test_time_and_room_are_not_asked():
    way, _ = met()
    asked = len(way.asked)
    assert converse(Jieli({}).clock(), way) is None
    assert converse(Jieli({}).storage(), way) is None
    assert len(way.asked) == asked


def test_a_disk_of_another_maker_hears_nothing_but_an_inquiry():
    way = Emulated(Novatek())
    assert not converse(Jieli({}).probe(), way)
    assert [request.cdb[0] for request in way.asked] == [0x12]


@pytest.mark.parametrize("fault", ["silent", "garbage", "half"])
def test_what_is_no_answer_is_unknown(fault):
    way, is_one = met(fault=fault)
    assert not is_one
    identity = converse(Jieli({}).identity(), way)
    assert (identity.device_number, identity.model) == (None, None)
    assert converse(Jieli({}).battery(), way) is None


def test_one_that_refuses_the_session_is_not_taken_for_one():
    class Refusing(Emulated):
        def ask(self, request):
            if isinstance(request, ScsiWrite):
                raise NoAnswerError(request="ScsiWrite", reason="05/20/00")
            return super().ask(request)

    way = Refusing(Recorder())
    assert not converse(Jieli({}).probe(), way)
    assert not converse(Jieli({}).set_clock(LOCAL), way)


def test_what_it_calls_failed_is_unknown():
    way = Emulated(Recorder())  # no session
    assert converse(Jieli({}).battery(), way) is None


@pytest.mark.parametrize("battery", [-1, 101, 255, 0x01000000])
def test_a_battery_that_is_no_percentage_is_unknown(battery):
    way, _ = met(battery=battery)
    assert converse(Jieli({}).battery(), way) is None


def test_without_a_card_it_is_not_switched():
    way, _ = met()
    way.recorder.has_card = False
    assert not converse(Jieli({}).switch(), way)
    assert way.recorder.mode == "command"


@pytest.mark.parametrize(
    ("number", "told"), [("\xff", None), ("警用7", "警用7"), ("0000000", None)]
)
def test_a_number_in_chinese_is_read_and_one_in_no_letters_is_unknown(number, told):
    way, _ = met()
    encoded = number.encode("latin-1" if number == "\xff" else "gbk")
    way.recorder._about = lambda: encoded.ljust(89, b"\0")
    assert converse(Jieli({}).identity(), way).device_number == told
