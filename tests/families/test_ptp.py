"""A PTP session with an emulated recorder: what it tells, and every way in which it goes wrong."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.core.dialogue import converse
from agent.families.ptp import PictureTransfer
from contracts.errors import NoAnswerError, SettingsError
from tests.support.emulators import ptp
from tests.support.emulators.ptp import ANDROID, PLAIN, Recorder
from tests.support.emulators.ptp_usb import CANCEL, RESET, STATUS, Fault, Plug
from tests.support.ptp_wire import Wire

NOW = datetime(2026, 11, 22, 0, 9, 10, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
LOCAL = datetime.fromisoformat("2026-11-22T08:09:10")


class Talk:
    """A session with a recorder that tells a fixed time."""

    def __init__(self, begin=True, interface=b"\6\1\1", name="MTP", **recorder):
        self.recorder = Recorder(now=lambda: NOW, **recorder)
        self.plug = Plug(self.recorder, interface, name)
        self.wire = Wire(self.plug)
        self.session = PictureTransfer({})
        if begin:
            self(self.session.begin())

    def __call__(self, dialogue):
        return converse(dialogue, self.wire)


def test_an_unknown_option_is_refused():
    with pytest.raises(SettingsError) as refused:
        PictureTransfer({"loud": 1})
    assert "loud" in refused.value.problems[0]


def test_a_recorder_says_who_it_is():
    talk = Talk()
    identity = talk(talk.session.identity())
    assert (identity.device_number, identity.model) == ("PTP0001", "Maker DSJ-P1")


@pytest.mark.parametrize("serial", ["", "0000000000", "0123456789ABCDEF0123456789ABCDEF", "a\tb"])
def test_a_serial_number_that_tells_nothing_is_none(serial):
    talk = Talk(serial=serial)
    assert talk(talk.session.identity()).device_number is None


def test_nothing_can_be_said_before_a_session():
    talk = Talk(begin=False)
    with pytest.raises(RuntimeError):
        talk(talk.session.battery())
    with pytest.raises(RuntimeError):
        talk(talk.session.more(1)) or talk(talk.session._reset())


@pytest.mark.parametrize(
    ("value", "shape", "percent"),
    [
        (87, (0, 100, 1), 87), (87, None, 87), (3, (0, 4, 1), 75), (0, (0, 100, 1), None),
        (101, (0, 100, 1), None), (None, None, None),
    ],
)  # fmt: skip
def test_a_battery_is_told_in_percent_and_zero_means_on_the_cable(value, shape, percent):
    talk = Talk(battery=value, battery_range=shape)
    told = talk(talk.session.battery())
    assert (told and told.value) == percent


@pytest.mark.parametrize("code", [ptp.GET_PROP_VALUE, ptp.GET_PROP_DESC])
def test_a_battery_that_is_refused_is_unknown_but_not_for_its_description(code):
    talk = Talk(refusals={code: [ptp.GENERAL]})
    told = talk(talk.session.battery())
    assert (told and told.value) == (87 if code == ptp.GET_PROP_DESC else None)


@pytest.mark.parametrize(
    ("style", "told"),
    [
        ("", LOCAL),
        (".0", LOCAL),
        ("+0800", LOCAL.replace(tzinfo=CHINA)),
        ("Z", NOW),
        ("?", None),
    ],
)
def test_the_clock_is_told_as_it_is_shown(style, told):
    talk = Talk(clock_style=style)
    answer = talk(talk.session.clock())
    assert (answer and answer.value) == told


def test_a_clock_that_is_not_there_or_refused_is_unknown_and_not_set():
    for talk in (Talk(clock_offset=None), Talk(refusals={ptp.GET_PROP_VALUE: [ptp.GENERAL] * 2})):
        assert talk(talk.session.clock()) is None
        assert not talk(talk.session.set_clock(LOCAL))
        assert ptp.SET_PROP_VALUE not in talk.recorder.codes()


@pytest.mark.parametrize("style", ["", ".0", "Z"])
def test_the_clock_is_set_and_told_again(style):
    talk = Talk(clock_offset=timedelta(minutes=7), clock_style=style)
    assert talk(talk.session.set_clock(NOW.astimezone(CHINA)))
    assert talk.recorder.clock_offset == timedelta(0)


def test_a_clock_that_cannot_be_set_says_so():
    talk = Talk(clock_settable=False)
    assert not talk(talk.session.set_clock(LOCAL))
    talk = Talk(operations=tuple(set(ANDROID) - {ptp.SET_PROP_VALUE}))
    assert not talk(talk.session.set_clock(LOCAL))
    assert ptp.SET_PROP_VALUE not in talk.recorder.codes()


def test_storage_is_that_of_all_stores_together():
    talk = Talk(storages={0x10001: (1000, 300), 0x20001: (500, 100), 0x30000: (0, 0)})
    assert [told.value for told in talk(talk.session.storage())] == [400, 1500]


@pytest.mark.parametrize(
    "storages", [{}, {0x10001: (10, 20)}, {0x10001: (20, 10), 0x20001: (1, 2)}]
)
def test_storage_is_unknown_when_one_store_does_not_say(storages):
    talk = Talk(storages=storages)
    assert talk(talk.session.storage()) is None
    talk = Talk(refusals={ptp.GET_STORAGE_INFO: [ptp.GENERAL]})
    assert talk(talk.session.storage()) is None


def test_it_never_becomes_a_disk():
    assert not Talk()(PictureTransfer({}).switch())


@pytest.mark.parametrize(
    ("interface", "name", "speaks"),
    [
        (b"\6\1\1", "", True),
        (b"\xff\xff\0", "MTP", True),
        (b"\xff\xff\0", "ADB", False),
        (b"\3\1\1", "MTP", False),
    ],
)
def test_probing_sends_nothing_to_an_interface_that_is_not_ptp(interface, name, speaks):
    talk = Talk(begin=False, interface=interface, name=name)
    assert talk(talk.session.probe()) is speaks
    assert talk.recorder.codes() == ({ptp.GET_DEVICE_INFO} if speaks else set())


@pytest.mark.parametrize("kind", ["silent", "garbage", "number", "code", "stall", "huge"])
def test_what_does_not_answer_as_ptp_says_is_not_spoken_with(kind):
    talk = Talk(begin=False)
    talk.plug.faults[ptp.GET_DEVICE_INFO] = Fault(kind)
    assert not talk(talk.session.probe())
    talk(talk.session.begin())  # which mends it
    assert RESET in talk.plug.controls


def test_a_session_somebody_left_open_is_closed_first():
    talk = Talk(begin=False, session=9)
    talk(talk.session.begin())
    assert talk.recorder.session == 1


def test_a_recorder_that_does_not_open_a_session_is_reset_once():
    talk = Talk(begin=False, refusals={ptp.OPEN_SESSION: [ptp.GENERAL]})
    talk(talk.session.begin())
    assert talk.plug.controls[-3:] == [CANCEL, STATUS, RESET]
    talk = Talk(begin=False, refusals={ptp.OPEN_SESSION: [ptp.GENERAL] * 2})
    with pytest.raises(NoAnswerError, match="general error"):
        talk(talk.session.begin())


def test_a_recorder_that_refuses_class_requests_is_begun_anew_all_the_same():
    talk = Talk()
    control = talk.plug.control
    talk.plug.control = lambda *asked: control(*asked) if asked[0] == 0x80 else None
    talk.recorder.session = None
    talk(talk.session.begin())
    assert talk.recorder.session == 1


def test_a_session_is_closed_once():
    talk = Talk()
    talk(talk.session.end())
    talk(talk.session.end())
    assert talk.recorder.session is None
    assert [code for code, _ in talk.recorder.log].count(ptp.CLOSE_SESSION) == 1


@pytest.mark.parametrize("splits_heads", [False, True])
@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("size", [0, 1, 499, 500, 501, 512, 1012, 5000])
def test_data_of_any_length_comes_whole(size, closes, splits_heads):
    talk = Talk()
    talk.plug.closes, talk.plug.splits_heads = closes, splits_heads
    content = ptp.pattern(0, size)
    handle = talk.recorder.add("a.mp4", content=content)
    assert talk(talk.session.part(handle, 0, 5000)).data == content
    assert talk(talk.session.identity())
    assert talk.session.is_in_step


@pytest.mark.parametrize(
    "kind", ["silent", "garbage", "number", "code", "short", "long", "stall", "twice"]
)
def test_an_answer_that_is_not_one_is_not_believed(kind):
    talk = Talk()
    handle = talk.recorder.add("a.mp4", content=ptp.pattern(0, 5000))
    talk.plug.faults[ptp.GET_PARTIAL_64] = Fault(kind, at=700)
    with pytest.raises(NoAnswerError):
        talk(talk.session.part(handle, 0, 5000))
    assert not talk.session.is_in_step
    talk(talk.session.end())
    talk(talk.session.begin())
    assert talk(talk.session.part(handle, 4000, 5000)).data == ptp.pattern(4000, 1000)


def test_an_answer_that_ends_with_an_empty_packet_is_not_waited_for():
    talk = Talk()
    handle = talk.recorder.add("a.mp4", content=ptp.pattern(0, 1 << 20))
    talk.plug.faults[ptp.GET_PARTIAL_64] = Fault("short")
    talk.plug.splits_heads = True
    with pytest.raises(NoAnswerError) as refused:
        talk(talk.session.part(handle, 0, 2 << 20))
    assert "number of bytes" in refused.value.fields["reason"]


def test_more_data_than_was_asked_for_is_not_taken():
    talk = Talk()
    handle = talk.recorder.add("a.mp4", content=ptp.pattern(0, 5000))
    talk.plug.faults[ptp.GET_PARTIAL_64] = Fault("huge")
    with pytest.raises(NoAnswerError, match="bytes of data"):
        talk(talk.session.part(handle, 0, 5000))


def test_a_busy_recorder_is_asked_again_but_not_for_ever():
    talk = Talk(refusals={ptp.GET_STORAGE_IDS: [ptp.BUSY] * 3})
    assert talk(talk.session.stores()) == (0x10001,)
    talk = Talk(refusals={ptp.GET_STORAGE_IDS: [ptp.BUSY] * 99})
    with pytest.raises(NoAnswerError, match="busy"):
        talk(talk.session.stores())


def test_bytes_beyond_four_gib_are_asked_for_with_all_of_their_offset():
    talk = Talk()
    size = 5 << 30
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=size)
    assert talk(talk.session.object_info(handle)).size == size
    assert talk.session.reads_parts(size)
    assert talk(talk.session.part(handle, size - 10, 100)).data == ptp.pattern(size - 10, 10)
    assert ptp.GET_PARTIAL not in talk.recorder.codes()


def test_a_plain_recorder_gives_parts_of_what_is_smaller_than_four_gib():
    talk = Talk(operations=(*PLAIN, ptp.GET_PARTIAL), extension=0)
    handle = talk.recorder.add("a.mp4", content=ptp.pattern(0, 5000))
    assert talk.session.reads_parts(5000)
    assert not talk.session.reads_parts(5 << 30)
    assert talk(talk.session.part(handle, 4000, 500)).data == ptp.pattern(4000, 500)


def test_a_code_above_0x9000_is_never_sent_to_who_does_not_speak_mtp():
    talk = Talk(extension=11)  # Canon's, where these codes mean something else
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=5 << 30)
    assert talk(talk.session.object_info(handle)).size == -1
    assert not talk.session.reads_parts(5 << 30)
    assert max(talk.recorder.codes()) < 0x9000


@pytest.mark.parametrize("data", [None, b"\0\0\0\0"])
def test_a_large_size_that_is_not_told_is_not_known(data, monkeypatch):
    talk = Talk()
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=5 << 30)
    response = ptp.OK if data else ptp.GENERAL
    answer = {ptp.GET_OBJECT_PROP_VALUE: lambda *_: (data, response, ())}
    monkeypatch.setattr(ptp, "_WORK", ptp._WORK | answer)
    assert talk(talk.session.object_info(handle)).size == -1


def test_an_object_that_went_is_none_and_one_that_is_refused_is_an_error():
    talk = Talk()
    assert talk(talk.session.object_info(77)) is None
    talk.recorder.refusals[ptp.GET_OBJECT_INFO] = [ptp.GENERAL]
    with pytest.raises(NoAnswerError, match="general error"):
        talk(talk.session.object_info(77))
    assert talk.session.is_in_step


def test_one_object_is_removed_and_all_of_them_never():
    talk = Talk()
    handle = talk.recorder.add("a.mp4", content=b"a")
    kept = talk.recorder.add("b.mp4", content=b"b", protected=True)
    assert talk.session.can_delete
    assert talk(talk.session.delete(handle)) == ptp.OK
    assert talk(talk.session.delete(kept)) == ptp.READ_ONLY
    for none in (0, ptp.ALL):
        with pytest.raises(ValueError, match=str(none)):
            talk(talk.session.delete(none))
    assert list(talk.recorder.things) == [kept]


def whole(talk, handle, size, piece):
    assert talk(talk.session.begin_whole(handle, size)) == ptp.OK
    pieces = []
    while given := talk(talk.session.more(piece)):
        pieces.append(given)
    return b"".join(pieces)


@pytest.mark.parametrize("hides_size", [False, True])
@pytest.mark.parametrize("splits_heads", [False, True])
@pytest.mark.parametrize("size", [0, 500, 512, 3_000_000])
def test_a_whole_object_is_read_piece_by_piece(size, splits_heads, hides_size):
    talk = Talk(operations=PLAIN)
    talk.plug.splits_heads, talk.plug.hides_size = splits_heads, hides_size
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=size)
    assert whole(talk, handle, size, 70_000) == ptp.pattern(0, size)
    assert talk(talk.session.stores())
    assert CANCEL not in talk.plug.controls


def test_asking_for_something_else_breaks_a_whole_object_off():
    talk = Talk(operations=PLAIN)
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=5 << 30)
    talk(talk.session.begin_whole(handle, 5 << 30))
    assert talk(talk.session.more(100)) == ptp.pattern(0, 100)
    assert talk(talk.session.stores()) == (0x10001,)
    assert talk(talk.session.more(100)) == b""
    assert talk.plug.controls[-2:] == [CANCEL, STATUS]


def test_a_recorder_that_sends_on_after_a_cancel_is_not_listened_to_for_ever():
    talk = Talk(operations=PLAIN)
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=5 << 30)
    talk(talk.session.begin_whole(handle, 5 << 30))
    talk.plug.control = lambda *_: b""
    with pytest.raises(NoAnswerError):
        talk(talk.session.stores())


@pytest.mark.parametrize(
    ("kind", "size"), [("short", 1000), ("stall", 1000), ("stall", 3000), ("garbage", 1000)]
)
def test_a_whole_object_that_does_not_come_as_said_is_not_believed(kind, size):
    talk = Talk(operations=PLAIN)
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=size)
    talk.plug.faults[ptp.GET_OBJECT] = Fault(kind, at=900)
    with pytest.raises(NoAnswerError):
        whole(talk, handle, size, 100)
    assert not talk.session.is_in_step


def test_a_whole_object_that_ends_in_the_middle_is_not_believed():
    talk = Talk(operations=PLAIN)
    handle = talk.recorder.add("a.mp4", content=ptp.pattern, size=1 << 20)
    talk.plug.hides_size = talk.plug.splits_heads = True
    with pytest.raises(NoAnswerError) as refused:
        whole(talk, handle, 5 << 20, 5 << 20)
    assert "number of bytes" in refused.value.fields["reason"]


def test_a_whole_object_that_is_refused_says_so():
    talk = Talk(operations=PLAIN)
    assert talk(talk.session.begin_whole(77, 10)) == ptp.BAD_HANDLE
    assert talk.session.is_in_step


def test_numbers_begin_anew_before_they_run_out():
    talk = Talk()
    talk.session._number = 0xFFFFFFFE
    for _ in range(3):
        assert talk(talk.session.stores())
    assert talk.session._number == 3


def test_a_recorder_that_forgot_the_session_is_begun_anew():
    talk = Talk()
    talk.recorder.session = None
    with pytest.raises(NoAnswerError):
        talk(talk.session.stores())
    assert not talk.session.is_in_step
    talk(talk.session.begin())
    assert talk(talk.session.stores())
