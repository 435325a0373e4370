"""Ambarella's texts over bulk endpoints, against a recorder emulated on the wire."""

from datetime import datetime

import pytest

from agent.core.dialogue import BulkRead, BulkWrite, converse
from agent.families.amba_ascii import AmbaAscii
from contracts.errors import SettingsError
from tests.support.emulated import Emulated
from tests.support.emulators.amba_ascii import AmbaAscii as Recorder
from tests.support.emulators.amba_control import AmbaControl

LOCAL = datetime(2026, 8, 4, 9, 5, 59)  # noqa: DTZ001  # a recorder has no zone


def met(**more):
    """A recorder that was probed, and the way to it."""
    way = Emulated(Recorder(**more))
    return way, converse(AmbaAscii({}).probe(), way)


def sent(way):
    return [request.payload for request in way.asked if isinstance(request, BulkWrite)]


def test_a_recorder_tells_its_number_takes_a_time_and_becomes_a_disk():
    way, is_one = met(number="AMB7788")
    family = AmbaAscii({})
    assert is_one
    assert converse(family.identity(), way).device_number == "AMB7788"
    assert converse(family.set_clock(LOCAL), way)
    assert (way.recorder.date, way.recorder.time) == ("20260804", "09055900")
    assert converse(family.switch(), way)
    assert way.recorder.mode == "disk"
    assert sent(way) == [
        *(b"@Ver;8;00000000;#", b"@Gdv;8;12345678;#", b"@Sdt;8;20260804;#"),
        *(b"@Stm;6;09055900;#", b"@Gdv;8;12345678;#", b"@ATH;8;12345678;#"),
    ]


def test_battery_clock_and_room_are_not_asked():
    way, _ = met()
    asked = len(way.asked)
    for dialogue in (AmbaAscii({}).battery(), AmbaAscii({}).clock(), AmbaAscii({}).storage()):
        assert converse(dialogue, way) is None
    assert len(way.asked) == asked


def test_a_recorder_that_is_a_disk_already_is_never_toggled():
    way, _ = met()
    way.recorder.mode = "disk"
    assert not converse(AmbaAscii({}).switch(), way)
    assert way.recorder.mode == "disk"
    assert not any(text.startswith(b"@ATH") for text in sent(way))


def test_the_switch_is_sent_once_though_nothing_answers_it():
    way, _ = met(fault="recording")
    assert converse(AmbaAscii({}).switch(), way)
    assert sent(way).count(b"@ATH;8;12345678;#") == 1


def test_the_other_ambarella_is_not_taken_for_one():
    assert not converse(AmbaAscii({}).probe(), Emulated(AmbaControl()))


def test_the_answer_to_an_older_request_is_read_past():
    way, _ = met()
    way.recorder.answers = [b"@Sdt;OK;#"]
    assert converse(AmbaAscii({}).identity(), way).device_number == "AMB7788"


def test_only_old_answers_are_no_answer():
    way, _ = met()
    way.recorder.answers = [b"@Sdt;OK;#"] * 5
    assert converse(AmbaAscii({}).identity(), way).device_number is None


@pytest.mark.parametrize("answer", [b"@Gdv;8", b"@Gdv;\xff\xff;AB;#", b"Gdv;8;AMB7788;#", b""])
def test_a_number_is_only_read_from_a_whole_answer(answer):
    way, _ = met()
    way.recorder.hear = lambda _: answer
    assert converse(AmbaAscii({}).identity(), way).device_number is None


@pytest.mark.parametrize("answer", [b"@Sdt;ERROR;#", b""])
def test_a_time_that_is_not_confirmed_is_not_set(answer):
    way, _ = met()
    way.recorder.hear = lambda _: answer
    assert not converse(AmbaAscii({}).set_clock(LOCAL), way)


def test_a_recorder_between_the_two_dialects_needs_no_code():
    options = {"opening": "#", "between": ",", "closing": "!", "endpoint_in": 0x82}
    way = Emulated(Recorder())
    converse(AmbaAscii(options).log_in(), way)
    assert way.asked[0] == BulkWrite(0x01, b"@Ver#8,00000000!")
    assert way.asked[1:] == [BulkRead(0x82, 64)]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"carrier": "pigeon"}, "carrier"),
        ({"endpoint_in": 0x01}, "endpoint_in"),
        ({"number_field": 0, "answer_bytes": 0}, "answer_bytes"),
        ({"login": []}, "login"),
        ({"password": "\N{GRINNING FACE}"}, "login"),
        ({"password": "7" * 80}, "bytes"),
    ],
)
def test_options_that_cannot_be_spoken_are_refused_by_name(options, key):
    with pytest.raises(SettingsError) as refused:
        AmbaAscii(options)
    assert key in str(refused.value.problems)
    assert "\N{GRINNING FACE}" not in str(refused.value.problems)
