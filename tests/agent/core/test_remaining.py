"""What a recording still tells, and where."""

from agent.core.fixture import Entry, Exchange, Fixture, Head, Plug
from agent.core.remaining import Remaining, kept_words, remaining

PLUG = Plug("other", "cam", serial="A1", classes=("08", "ff"))


def files(*paths):
    return tuple(Entry(path.encode().hex(), 1, 1) for path in paths)


def test_what_is_still_there_is_told_with_its_lines_and_what_they_are():
    said = (
        Exchange("identity", {"do": "Say", "payload": b"id?".hex()}, b"no B7".hex()),
        Exchange("battery", {"do": "Hear", "until": None}, None, "2 s"),
    )
    head = Head(1, "hardware", "x", options={"answer": "no hex digits"})
    fixture = Fixture(head, PLUG, said, files("DCIM/B7.mp4"))
    assert remaining(fixture, ["A1", "B7", "B7", "", "C9"]) == (
        Remaining("A1", ((2, "plug"),)),
        Remaining("B7", ((3, "exchange identity"), (5, "file"))),
    )


def test_hex_digits_are_no_text():
    fixture = Fixture(Head(1, "hardware", "x"), Plug("block", "cam"), (), files("DCIM"))
    assert remaining(fixture, ["44", "4349"]) == ()


def test_texts_of_two_bytes_a_letter_are_read_and_what_two_answers_hold_together_is_found():
    wide = Exchange("identity", {"do": "Operation", "code": 1}, "A1".encode("utf-16-le").hex())
    split = [Exchange("identity", {"do": "Hear"}, part.hex()) for part in (b"xB", b"7x")]
    fixture = Fixture(Head(1, "hardware", "x"), Plug("block", "cam"), (wide, *split))
    assert remaining(fixture, ["A1", "B7"]) == (
        Remaining("A1", ((3, "exchange identity"),)),
        Remaining("B7", ()),
    )


def test_the_words_of_paths_that_were_kept_are_told_the_most_frequent_first():
    before = files("DCIM/KSTR2207_A.mp4", "DCIM/KSTR2207_B.mp4", "DCIM/CHEN.mp4")
    after = files("DCIM/KSTR0001_A.mp4", "DCIM/KSTR0001_B.mp4", "DCIM/CHEN.mp4")
    words = kept_words(before, after)
    assert set(words[:2]) == {"DCIM", "mp4"}
    assert set(words[2:]) == {"A", "B", "CHEN"}
