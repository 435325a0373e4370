"""A recording as a file: what passes is kept, written, read back and answered from."""

import pytest

from agent.core.dialogue import CallLibrary, Hear, Pause, Say, ScsiRead, Tune
from agent.core.fixture import (
    Entry,
    Exchange,
    Fixture,
    Head,
    Plug,
    Recording,
    Replay,
    entry,
    parse,
    readable,
    text,
)
from agent.core.recorder import CardFile
from contracts.errors import NoAnswerError, RecorderGoneError, SettingsError
from tests.support.wire import Says, Wire

HEAD = Head(1, "constructed", "acme", "grammar", "serial", {"password": "x"})
PLUG = Plug("other", "Acme", vendor_id="1234", model_id="5678", classes=("ff",))
ANSWERED = Exchange("battery", {"do": "Say", "payload": "41"}, "")
HEARD = Exchange("battery", {"do": "Hear", "until": None, "size": 1, "size_max": 4096}, "42", ms=3)
SILENT = Exchange("clock", {"do": "Hear", "until": "0a", "size": None, "size_max": 4096}, None, "x")
WHOLE = Fixture(
    HEAD, PLUG, (ANSWERED, HEARD, SILENT),
    (Entry(b"PARAM.INI".hex(), 3, 7, is_read_only=True, holds=b"a=1".hex()), Entry("e5", 9, 8)),
)  # fmt: skip


def read(fixture):
    return parse("\n".join(text(fixture)), "a.fixture")


def problems(said):
    with pytest.raises(SettingsError) as refused:
        parse(said, "a.fixture")
    return refused.value.problems


def test_a_file_says_what_was_recorded_and_shows_it_to_people():
    again = read(WHOLE)
    assert (again.head, again.plug) == (HEAD, PLUG)
    assert [(one.fact, one.asked, one.answer, one.why, one.ms) for one in again.exchanges] == [
        (one.fact, one.asked, one.answer, one.why, one.ms) for one in WHOLE.exchanges
    ]
    assert [one.says for one in again.exchanges] == ["", "B", ""]
    assert [(one.name, one.says) for one in again.entries] == [("PARAM.INI", "a=1"), ("\\xe5", "")]
    assert [one.holds for one in again.entries] == ["613d31", None]


def test_bytes_that_are_no_text_are_shown_as_dots():
    assert readable(b"\x00a\x7f~\xff") == ".a.~."


def test_a_ptp_dataset_is_shown_without_the_zeros_of_its_texts_and_keeps_its_response():
    asked = {"do": "Operation", "code": 4097, "parameters": []}
    one = Exchange("probe", asked, "DSJ".encode("utf-16-le").hex(), response=(8193, 7))
    (again,) = read(Fixture(HEAD, PLUG, (one,))).exchanges
    assert (again.says, again.response, again.answer) == ("DSJ", (8193, 7), one.answer)


class Calls:
    """A library's way; what it says is given."""

    def __init__(self, said):
        self.said = said

    def ask(self, request):
        return self.said


CALL = CallLibrary("GetIDCode", "000000")
SAID = b'{"returned": 1, "status": -3, "out": "QkMAAA=="}'


def test_a_librarys_call_is_kept_as_what_it_wrote_and_answered_as_it_was():
    way = Recording(Calls(SAID), lambda: 0.0)
    way.fact = "identity"
    assert way.ask(CALL) == SAID
    (one,) = read(Fixture(HEAD, PLUG, tuple(way.kept))).exchanges
    assert (one.answer, one.response, one.says) == ("42430000", (1, -3), "BC")
    assert Replay((one,)).ask(CALL) == SAID


@pytest.mark.parametrize("said", [b"no", b"[]", b"{}", SAID.replace(b"Qk", b"-"), SAID[:-2]])
def test_what_a_library_says_otherwise_is_kept_as_it_is(said):
    way = Recording(Calls(said), lambda: 0.0)
    way.ask(CALL)
    assert (way.kept[0].response, Replay(tuple(way.kept)).ask(CALL)) == ((), said)


def test_a_malformed_file_is_refused_with_each_line():
    head, plug, *_ = text(WHOLE)
    assert problems("") == ("head, plug: 各应有一行 / one line of each",)
    found = problems(f'{head}\n{plug}\nno\n[]\n{{"other": {{}}}}\n{{"file": {{}}}}')
    assert [one.partition(":")[0] for one in found] == ["3", "4", "5", "6"]


def test_a_file_of_another_version_is_refused():
    head, plug, *_ = text(Fixture(Head(2, "hardware", "x"), PLUG))
    assert problems(f"{head}\n{plug}") == ("head.fixture: 2 != 1",)


def test_what_passes_is_kept_with_its_time_but_not_what_asks_for_nothing():
    ticks = iter(range(100))
    way = Recording(Wire(Says(b"hello")), lambda: next(ticks) / 10)
    way.fact = "battery"
    way.ask(Tune(9600))
    way.ask(Say(b"?"))
    way.ask(Pause(1))
    assert way.ask(Hear(size=5)) == b"hello"
    with pytest.raises(NoAnswerError):
        way.ask(Hear(size=1))
    way.close()
    said, heard, silent = way.kept
    assert (said.fact, said.asked, said.answer) == ("battery", {"do": "Say", "payload": "3f"}, "")
    assert (heard.answer, heard.ms) == (b"hello".hex(), 100)
    assert (silent.answer, silent.why) == (None, "silent")


def test_a_recorded_recorder_answers_as_it_did_in_any_order_of_the_facts():
    replay = Replay(WHOLE.exchanges)
    with pytest.raises(NoAnswerError):
        replay.ask(Hear(until=b"\n"))
    for _ in range(2):
        assert replay.ask(Say(b"A")) == b""
        assert replay.ask(Pause(1)) == b""
        assert replay.ask(Hear(size=1, seconds=9)) == b"B"
    replay.close()


def test_talks_that_begin_alike_are_told_apart_by_how_they_go_on():
    hello = {"do": "Say", "payload": "41"}
    first = (
        Exchange("battery", hello, "01"),
        Exchange("battery", {"do": "Say", "payload": "42"}, ""),
    )
    other = Exchange("clock", hello, "01"), Exchange("clock", {"do": "Say", "payload": "43"}, "99")
    replay = Replay((*first, *other))
    assert replay.ask(Say(b"A")) == b"\1"
    assert replay.ask(Say(b"C")) == b"\x99"


def test_what_was_never_recorded_is_silent_while_probed_and_finds_it_gone_later():
    replay = Replay((Exchange("probe", {"do": "Say", "payload": "41"}, ""), ANSWERED))
    with pytest.raises(NoAnswerError):
        replay.ask(ScsiRead(b"\x12", 36))
    replay.ask(Say(b"A"))
    with pytest.raises(RecorderGoneError):
        replay.ask(Say(b"Z"))
    assert [one["do"] for one in replay.unrecorded] == ["ScsiRead", "Say"]


def test_a_listed_file_is_a_line_without_its_bytes():
    file = CardFile(b"a", 5, 6, is_read_only=True)
    assert entry(file, None) == Entry("61", 5, 6, is_read_only=True)
    assert entry(file, b"").holds == ""
