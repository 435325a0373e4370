"""Novatek's texts over vendor SCSI commands, against a recorder emulated on the wire."""

from datetime import datetime

import pytest

from agent.core.dialogue import ScsiRead, ScsiWrite, converse
from agent.families.novatek import Novatek
from contracts.errors import NoAnswerError
from tests.support.emulated import Emulated
from tests.support.emulators.novatek import Novatek as Recorder

LOCAL = datetime(2026, 8, 4, 9, 5, 59)  # noqa: DTZ001  # a recorder has no zone


def met(**more):
    """A recorder that was probed, and the way to it."""
    way = Emulated(Recorder(**more))
    return way, converse(Novatek({}).probe(), way)


def test_a_recorder_tells_its_number_and_battery_and_becomes_a_disk():
    way, is_one = met(number="DSJ0042", battery=87)
    assert is_one
    assert converse(Novatek({}).identity(), way).device_number == "DSJ0042"
    assert converse(Novatek({}).battery(), way).value == 87
    assert converse(Novatek({}).switch(), way)
    assert way.recorder.mode == "disk"


def test_the_commands_are_those_of_the_makers_tool():
    way, _ = met()
    _, first, _, *rest = way.asked
    cdb = bytes.fromhex("c5 07 00000000000000 0e 02 03 01 000000")
    assert first == ScsiWrite(cdb, b"@Ver#800000000")
    assert [request.cdb[9:13].hex() for request in rest] == [
        *("10ff0400", "10ff0400", "10ff0600", "10ff0400", "10ff0300", "10ff0300", "10ff0500"),
        *("1e020101", "10ff0400", "10ff0400", "1e020201"),
    ]
    assert {request.size for request in rest} == {16, 30}


def test_what_its_maker_gave_no_words_for_is_not_asked():
    way, _ = met()
    asked = len(way.asked)
    family = Novatek({})
    assert converse(family.clock(), way) is None
    assert converse(family.storage(), way) is None
    assert not converse(family.set_clock(LOCAL), way)
    assert len(way.asked) == asked


def test_a_disk_of_another_maker_hears_nothing_but_an_inquiry():
    class Stick:
        def scsi(self, cdb, payload, size):
            return b"\0\x80\x02\x02\x1f\0\0\0SanDisk Ultra           1.00"[:size]

    way = Emulated(Stick())
    assert not converse(Novatek({}).probe(), way)
    assert way.asked == [ScsiRead(bytes.fromhex("120000002400"), 36)]


@pytest.mark.parametrize(
    ("more", "options", "login"),
    [
        ({}, {}, "default"),
        ({"password": "20260804"}, {"password": "20260804"}, "accepted"),
        ({"fault": "wrong_password"}, {}, "refused"),
        ({"fault": "silent"}, {}, "none"),
    ],
)
def test_how_its_password_was_taken_is_told(more, options, login):
    way = Emulated(Recorder(**more))
    assert converse(Novatek(options).log_in(), way) == login


def test_with_a_password_that_is_not_its_own_it_is_known_but_tells_nothing():
    way, is_one = met(fault="wrong_password")
    assert is_one
    assert converse(Novatek({}).identity(), way).device_number is None
    assert converse(Novatek({}).battery(), way) is None


@pytest.mark.parametrize("fault", ["silent", "garbage", "late"])
def test_what_is_no_answer_is_unknown(fault):
    way, _ = met()
    way.recorder.fault = fault
    assert not converse(Novatek({}).probe(), way)
    assert converse(Novatek({}).identity(), way).device_number is None
    assert converse(Novatek({}).battery(), way) is None


def test_a_number_that_was_cut_short_is_unknown():
    way, _ = met(number="DSJ0042")
    way.recorder.fault = "half"  # "@DriveID#DSJ004"
    assert converse(Novatek({}).identity(), way).device_number is None


@pytest.mark.parametrize("battery", [101, 255, 999])
def test_a_battery_that_is_no_percentage_is_unknown(battery):
    way, _ = met(battery=battery)
    assert converse(Novatek({}).battery(), way) is None


@pytest.mark.parametrize(
    ("number", "told"),
    [("0000000", None), ("", None), ("警用42", "警用42"), ("A\x01B", None), ("  J7 ", "J7")],
)
def test_a_number_is_told_as_it_stands_or_not_at_all(number, told):
    way, _ = met(number=number)
    assert converse(Novatek({}).identity(), way).device_number == told


def test_a_state_that_is_refused_does_not_end_the_reading_but_three_do():
    class Refusing(Emulated):
        refusals = 1

        def ask(self, request):
            if self.refusals and isinstance(request, ScsiRead) and request.size == 16:
                self.refusals -= 1
                self.recorder.scsi(request.cdb, b"", request.size)
                raise NoAnswerError(request="ScsiRead", reason="05/24/00")
            return super().ask(request)

    way = Refusing(Recorder())
    assert converse(Novatek({}).probe(), way)
    way.refusals = 3
    assert converse(Novatek({}).identity(), way).device_number is None


def test_who_went_before_it_answered_may_have_become_a_disk():
    way, _ = met()
    way.recorder.scsi = lambda *_: (_ for _ in ()).throw(NoAnswerError(request="", reason=""))
    assert converse(Novatek({}).switch(), way)
