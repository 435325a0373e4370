"""What is hidden before a recording is mailed, and what must stay readable."""

import pytest

from agent.core.fixture import Entry, Exchange, Fixture, Head, Plug
from agent.core.pseudonyms import Pseudonyms, hidden

NAMES = ("DSJ0042", "4A2B-31C7", "31", "000000", "张三丰")


@pytest.fixture
def names():
    return Pseudonyms(NAMES)


def test_a_pseudonym_keeps_the_beginning_and_the_length_and_is_always_the_same(names):
    assert names.hide(b"@DriveID#DSJ0042;DSJ0042") == b"@DriveID#DSJ0001;DSJ0001"
    assert names.hide_text("4A2B-31C7") == "0000-0002"


def test_what_is_short_or_a_factory_value_stays(names):
    assert names.hide(b"31 000000") == b"31 000000"


def test_a_secret_is_found_in_chinese_encodings(names):
    for encoding in ("utf-8", "gb18030"):
        said = "张三丰".encode(encoding)
        assert said not in names.hide(b"<" + said + b">")
        assert len(names.hide(said)) == len(said)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_people_in_an_answer_are_hidden_though_nobody_named_them(names, encoding):
    said = "李四".encode(encoding)
    assert names.hide(b"\x01" + said + b"\0") == b"\x01" + b"X" * len(said) + b"\0"


def test_people_in_escapes_are_hidden_and_framing_bytes_stay(names):
    assert names.hide(rb'{"name": "\u674e"}') == b'{"name": "XXXXXX"}'
    assert names.hide(bytes.fromhex("a1b2c3d400")) == bytes.fromhex("a1b2c3d400")


def test_a_long_number_beside_the_identity_may_be_the_wearers(names):
    assert names.hide(b"031477 000000", is_identity=True) == b"000005 000000"
    assert names.hide(b"031477") == b"031477"


def test_numbers_and_people_in_names_are_hidden_and_moments_stay(names):
    path = "DCIM/DSJ0042_031477_李_20260804_100000.mp4".encode()
    said = names.hide_name(path)
    assert said.startswith(b"DCIM/DSJ0001_0000")
    assert said.endswith(b"_20260804_100000.mp4")
    assert len(said) == len(path)
    assert b"031477" not in said
    assert "李".encode() not in said
    assert names.hide_name(path) == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (b"KSTR-2207/a.mp4", b"KSTR-0001/a.mp4"),
        (b"KSTR2207_a.mp4", b"KSTR0001_a.mp4"),
        (b"CAM_2207_20260804_100000.mp4", b"CAM_0001_20260804_100000.mp4"),
        (b"20220722.mp4", b"20220722.mp4"),
        (b"DCIM/P0317A/x.mp4", b"DCIM/P0002A/x.mp4"),
        (b"0317.mp4", b"0002.mp4"),
        (b"P-0318.mp4", b"P-0002.mp4"),
        (b"100MEDIA_20260804.mp4", b"100MEDIA_20260804.mp4"),
    ],
)
def test_a_number_is_hidden_in_names_also_without_its_prefix_and_punctuation(path, said):
    names = Pseudonyms(["KSTR-2207"])
    raw = b"[ZFY]\r\nUser=P0317\r\nDate=2026-08-04\r\nSize=99\r\nBattery0=100MEDIA\r\nP-0318;x\r\n"
    names.look_for_values(raw, "Battery0")
    assert names.hide_name(path) == said


def test_a_number_is_hidden_without_its_punctuation_in_answers_and_small_files():
    names = Pseudonyms(["KSTR-2207", "DSJ20260804", "A-111"])
    assert names.hide(b"@KSTR2207;2207") == b"@KSTR0001;2207"
    assert names.hide_values(b"No=KSTR2207;A111", "") == b"No=KSTR0001;A003"
    assert names.hide_name(b"20260804_100000.mp4") == b"20260804_100000.mp4"


@pytest.mark.parametrize("kept", ["20260804100000", "260804100000", "20260804", "x20260804-235959"])
def test_moments_in_names_are_kept(names, kept):
    assert names.hide_name(kept.encode()) == kept.encode()


@pytest.mark.parametrize("number", ["20261399", "123456", "x20260804_235960", "1234567"])
def test_numbers_that_are_no_moment_are_not_kept(names, number):
    assert names.hide_name(number.encode()) != number.encode()


def test_values_of_a_small_file_are_masked_but_for_the_one_that_is_needed(names):
    raw = b"[ZFY]\r\nDevNo=DSJ0042\r\nName=\xc0\xee 7b\r\nBattery0=85\r\nDSJ0042;free text\r\n"
    assert names.hide_values(raw, "battery0") == (
        b"[ZFY]\r\nDevNo=DSJ0001\r\nName=XX 0X\r\nBattery0=85\r\nDSJ0001;XXXX XXXX\r\n"
    )


def test_two_secrets_have_two_pseudonyms_as_long_as_there_are_any():
    names = Pseudonyms(["abcd1", "abcd2", *(f"abcd{n}" for n in range(3, 10)), "abcd0", "wxyz"])
    said = [names.hide_text(f"abcd{n}") for n in range(1, 10)]
    assert len(set(said)) == len(said)
    assert names.hide_text("abcd0") == "abcd0"
    assert names.hide_text("wxyz") == "0011"
    assert Pseudonyms(["-=-+"]).hide_text("-=-+") == "-=-+"


def test_what_has_no_letters_or_digits_cannot_be_replaced():
    assert Pseudonyms([]).hide(b"DSJ0042") == b"DSJ0042"


def test_a_whole_fixture_is_hidden_in_every_place(names):
    plug = Plug("other", "cam DSJ0042", serial="DSJ0042", label="DSJ0042")
    head = Head(1, "hardware", "x", options={"password": "DSJ0042", "n": 1, "l": ["DSJ0042"]})
    number, heard = b"DSJ0042".hex(), b"DSJ0042".hex(" ")
    said = (
        Exchange("identity", {"do": "Say", "payload": number}, ""),
        Exchange("identity", {"do": "Hear", "until": None}, number[:6]),
        Exchange("identity", {"do": "Hear", "until": None}, number[6:]),
        Exchange("battery", {"do": "ScsiRead", "cdb": number, "size": 3}, number),
        Exchange("clock", {"do": "Hear", "until": "0a"}, None, f"2 s; 7 B: {heard}"),
    )
    files = (
        Entry(b"PARAM.INI".hex(), 1, 1, holds=b"K=DSJ0042".hex()),
        Entry(b"LOG.TXT".hex(), 1, 1, holds=b"v=9".hex()),
        Entry(number, 1, 1),
    )
    made = hidden(Fixture(head, plug, said, files), names, {b"param.ini": ""})
    assert number not in repr(made)
    assert "DSJ0042" not in repr(made)
    assert (made.exchanges[4].answer, made.exchanges[4].why) == (None, "2 s; 7 B: …")
    heard = b"".join(bytes.fromhex(one.answer) for one in made.exchanges[1:3])
    assert heard == b"DSJ0001"
    assert [bytes.fromhex(one.holds or "") for one in made.entries] == [b"K=DSJ0001", b"v=0", b""]
    assert (made.head.options["n"], made.head.hidden) == (1, names.count)


def test_what_is_not_known_stays_unknown(names):
    made = hidden(Fixture(Head(1, "hardware", "x"), Plug("block", "Acme")), names, {})
    assert (made.plug.serial, made.plug.label) == (None, None)
