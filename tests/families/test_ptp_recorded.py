"""A PTP recorder as a fixture: what is kept of a session, answered from it, and hidden in it."""

import struct
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.core.dialogue import BulkRead, BulkWrite, ControlRead, ControlWrite, Pause, Say, converse
from agent.core.fixture import Exchange
from agent.core.pseudonyms import Pseudonyms
from agent.families import ptp_packets as packets
from agent.families.ptp import PictureTransfer
from agent.families.ptp_recorded import Overheard, PtpReplay, hidden_operations, own_marks
from agent.families.ptp_tree import list_objects
from contracts.errors import NoAnswerError
from tests.support.emulators.ptp import (
    BUSY,
    GET_DEVICE_INFO,
    GET_OBJECT,
    GET_OBJECT_INFO,
    GET_PARTIAL_64,
    GET_PROP_VALUE,
    OK,
    PLAIN,
    Recorder,
    pattern,
    text,
)
from tests.support.emulators.ptp_usb import INTO, OUT, Fault, Plug
from tests.support.ptp_wire import Wire

UTC_ZONE = ZoneInfo("UTC")
NUMBER, WEARER = "DSJ0042", "031477"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def recorder(**more):
    made = Recorder(serial=NUMBER, now=lambda: NOW, **more)
    folder = made.add("DCIM")
    made.add(f"{NUMBER}_{WEARER}_20261121_081500.mp4", folder, pattern, size=5 << 30)
    made.add("示例甲.mp4", folder, b"x" * 900)
    return made


def overheard(made=None, **faults):
    """Return a way to a recorder that is recorded, its session begun."""
    plug = Plug(made or recorder())
    ticks = iter(range(10_000))
    session, way = PictureTransfer({}), Overheard(Wire(plug), lambda: next(ticks) / 1000)
    converse(session.begin(), way)
    plug.faults = {int(code[1:], 16): fault for code, fault in faults.items()}
    return session, way


def facts(session, way):
    """Return all that a session tells."""
    return (
        converse(session.identity(), way),
        converse(session.battery(), way),
        converse(session.clock(), way),
        converse(session.storage(), way),
        converse(list_objects(session, UTC_ZONE), way).listing,
    )


def recorded():
    session, way = overheard()
    told = facts(session, way)
    converse(session.end(), way)
    way.close()
    return told, way.kept()


def replayed(said, size_max=packets.ALL):
    """Return a session with what answers from a recording."""
    session, way = PictureTransfer({}), PtpReplay(said, size_max)
    converse(session.begin(), way)
    return session, way


def answered(way, code, number, *parameters):
    """Return the response code to a command with this number."""
    way.ask(BulkWrite(OUT, packets.command(code, number, *parameters)))
    return packets.head_of(way.ask(BulkRead(INTO, 512))).code


def codes(said):
    return [one.asked["code"] for one in said if one.asked["do"] == "Operation"]


def test_a_recorded_recorder_tells_what_it_told_and_again():
    told, said = recorded()
    session, way = replayed(said)
    assert facts(session, way) == told
    assert facts(session, way) == told
    converse(session.begin(), way)
    assert facts(session, way) == told
    converse(session.end(), way)
    way.close()
    assert way.unrecorded == []


def test_an_operation_is_kept_with_its_data_its_response_and_its_time():
    session, way = overheard()
    way.fact = "battery"
    converse(session.battery(), way)
    *_, value = way.kept()
    assert value.asked == {"do": "Operation", "code": GET_PROP_VALUE, "parameters": [0x5001]}
    assert (value.fact, value.answer, value.response) == ("battery", "57", (OK,))
    assert value.ms > 0


def test_no_byte_of_an_object_is_kept():
    session, way = overheard()
    assert len(converse(session.part(2, 0, 4096), way).data) == 4096
    converse(session.begin_whole(3, 900), way)
    assert converse(session.more(100), way) == b"x" * 100
    converse(session.battery(), way)
    assert not {GET_OBJECT, GET_PARTIAL_64} & set(codes(way.kept()))


@pytest.mark.parametrize("kind", ["silent", "garbage", "number", "stall", "twice", "code"])
def test_what_is_no_answer_is_kept_as_none_and_replayed_as_none(kind):
    session, way = overheard(x1015=Fault(kind))
    with pytest.raises(NoAnswerError):
        converse(session.battery(), way)
    failed = way.kept()[-1]
    assert (failed.answer, failed.response, bool(failed.why)) == (None, (), True)
    session, replay = replayed(way.kept())
    with pytest.raises(NoAnswerError):
        converse(session.battery(), replay)


def test_what_still_comes_after_a_session_was_given_up_is_not_kept():
    session, way = overheard(x1015=Fault("number"))
    with pytest.raises(NoAnswerError):
        converse(session.battery(), way)
    before = way.kept()
    converse(session.begin(), way)
    assert way.kept()[: len(before)] == before
    assert converse(session.battery(), way).value == 87


def test_answers_come_in_their_order_and_the_last_stands_for_more():
    session, way = overheard(recorder(refusals={GET_PROP_VALUE: [BUSY, BUSY]}))
    converse(session.battery(), way)
    session, way = replayed(way.kept())
    assert answered(way, GET_PROP_VALUE, 2, 0x5001) == BUSY
    assert answered(way, GET_PROP_VALUE, 3, 0x5001) == BUSY
    for number in (4, 5):
        assert answered(way, GET_PROP_VALUE, number, 0x5001) == GET_PROP_VALUE
        assert packets.head_of(way.ask(BulkRead(INTO, 512))).code == OK


def test_an_operation_out_of_turn_or_without_a_session_is_refused_as_by_a_recorder():
    _, said = recorded()
    way = PtpReplay(said)
    assert answered(way, 0x1004, 0) == 0x2003
    assert answered(way, GET_DEVICE_INFO, 0) == GET_DEVICE_INFO
    way.ask(ControlWrite(0x21, 0x64, 0, 0, b""))
    assert answered(way, 0x1002, 5, 1) == 0x2004
    assert answered(way, 0x1002, 0, 1) == OK
    assert answered(way, 0x1004, 7) == 0x2004
    assert answered(way, 0x1004, 1) == 0x1004


def test_a_reset_ends_the_session_and_a_cancel_does_not():
    _, said = recorded()
    _, way = replayed(said)
    for request, response in ((0x64, 0x1003), (0x66, 0x2003)):
        way.ask(BulkWrite(OUT, packets.command(0x1004, 2)))
        way.ask(ControlWrite(0x21, request, 0, 0, b""))
        with pytest.raises(NoAnswerError):
            way.ask(BulkRead(INTO, 512))
        answer = answered(way, 0x1004, 3)
        assert answer == (0x1004 if request == 0x64 else response)


def test_a_session_that_was_not_closed_is_closed_first_and_one_that_will_not_close_stays():
    made = recorder(session=9)
    session, way = overheard(made)
    made.refusals = {0x1003: [0x2002]}
    converse(session.end(), way)
    _, replay = replayed(way.kept())
    assert answered(replay, 0x1003, 2) == 0x2002
    assert answered(replay, GET_DEVICE_INFO, 3) == GET_DEVICE_INFO


def test_what_was_not_recorded_is_refused_and_remembered():
    _, said = recorded()
    session, way = replayed(said)
    assert converse(session.set_clock(NOW), way) is False
    assert converse(session.delete(2), way) == 0x2005
    assert [one["code"] for one in way.unrecorded] == [0x1016, 0x100B]
    assert converse(session.battery(), way).value == 87


@pytest.mark.parametrize("request_", [ControlRead(0x80, 6, 0x0301, 0, 9), Say(b"")])
def test_a_request_that_is_none_of_its_own_has_no_answer(request_):
    with pytest.raises(NoAnswerError):
        PtpReplay(()).ask(request_)


def test_it_is_ready_and_never_hurried():
    way = PtpReplay((Exchange("probe", {"do": "ControlRead"}, why="x"),))
    assert way.ask(ControlRead(0xA1, 0x67, 0, 0, 64)) == bytes.fromhex("04000120")
    assert way.ask(Pause(1)) == b""


@pytest.mark.parametrize(
    "operations", [{}, {"operations": PLAIN}, {"operations": (*PLAIN, 0x101B)}]
)
def test_bytes_that_are_made_up_stand_for_an_objects_own(operations):
    session, way = overheard(recorder(**operations))
    converse(list_objects(session, UTC_ZONE), way)
    session, way = replayed(way.kept(), 1000)
    info = converse(session.object_info(2), way)
    assert (info.size, info.name[:7]) == (1000, NUMBER)
    whole = b"00000002".ljust(1000, b"\0")
    if session.reads_parts(1000):
        parts = [converse(session.part(2, at, 600), way) for at in (0, 600, 1200)]
        assert [one.data for one in parts] == [whole[:600], whole[600:], b""]
    assert converse(session.begin_whole(2, 1000), way) == OK
    assert b"".join(iter(lambda: converse(session.more(512), way), b"")) == whole


def test_an_object_that_nobody_described_is_none():
    session, way = overheard()
    converse(session.object_info(9), way)
    session, way = replayed(way.kept())
    assert converse(session.begin_whole(9, 5), way) == packets.BAD_OBJECT


def test_an_object_whose_description_is_cut_short_is_none():
    _, said = recorded()
    cut = tuple(replace(one, answer="00") if is_of(one, 2) else one for one in said)
    session, way = replayed(cut)
    assert converse(session.begin_whole(2, 5), way) == packets.BAD_OBJECT


def is_of(one, handle):
    return (one.asked.get("code"), one.asked.get("parameters")) == (GET_OBJECT_INFO, [handle])


def test_what_tells_it_from_others_is_found_and_hidden_in_every_text():
    _, said = recorded()
    marks = tuple(own_marks(said))
    assert marks == (NUMBER, "BWC")
    hidden = tuple(hidden_operations(said, Pseudonyms(marks)))
    session, way = replayed(hidden)
    number, *_, listing = facts(session, way)
    assert number.device_number == "DSJ0001"
    folder = b"store_00010001/DCIM/"
    names = [file.path.removeprefix(folder).decode() for file in listing.files]
    assert names == ["000000003.mp4", "DSJ0001_000002_20261121_081500.mp4"]
    assert [file.size for file in listing.files] == [900, 5 << 30]
    for secret in (NUMBER, WEARER, "示例甲"):
        assert secret.encode("utf-16-le").hex() not in repr(hidden)


def described(name, shot="20261121T081500", more=""):
    head = struct.pack("<IHHIHIIIIIIIHII", 1, 0x300B, 0, 5, *[0] * 11)
    data = head + b"".join(map(text, (name, shot, "", more)))
    asked = {"do": "Operation", "code": GET_OBJECT_INFO, "parameters": [1]}
    return Exchange("files", asked, data.hex(), response=(OK,))


def test_keywords_and_dates_that_are_none_are_hidden_as_names_are():
    made = bytes.fromhex(
        next(hidden_operations((described("a", WEARER, "示例"),), Pseudonyms(()))).answer
    )
    assert made[52:] == text("a") + text("000001") + text("") + text("000002")


def test_a_name_that_grows_too_long_is_cut():
    made = bytes.fromhex(next(hidden_operations((described("示" * 200),), Pseudonyms(()))).answer)
    assert packets.object_info(made).name == "0" * 254
    assert made[52] == 255


def test_a_broken_dataset_is_left_out():
    broken = replace(described("a"), answer="0100")
    (made,) = hidden_operations((broken,), Pseudonyms(()))
    assert (made.answer, made.response, made.why) == (None, (), "garbled")
    assert list(own_marks((broken, replace(broken, answer=None)))) == []
