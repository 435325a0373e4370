"""Frames: put together and found again, in noise and damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.families.framing import (
    Checksum,
    Frame,
    Length,
    check_value,
    framed,
    heard,
    refitted,
    shown,
)
from contracts.errors import NoAnswerError
from tests.support.wire import overheard

TEXT = Frame(prefix="$", suffix="\r\n", checksum=Checksum("xor8", form="hex", mark="*"))
BYTES = Frame(
    form="hex", prefix="aa55", length=Length(after=1),
    checksum=Checksum("crc16-modbus", order="little"),
)  # fmt: skip
WIDE = Frame(
    form="hex", prefix="02", suffix="03", length=Length(size=2, order="little", adds=7),
    checksum=Checksum("crc32", since=0),
)  # fmt: skip


def found(said, frame):
    return overheard(heard(frame, 1.0), said)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("xor8", 0x31), ("sum8", 0xDD), ("crc16-modbus", 0x4B37), ("crc16-ccitt", 0x29B1),
        ("crc16-xmodem", 0x31C3), ("crc32", 0xCBF43926),
    ],
)  # fmt: skip
def test_a_checksum_has_the_value_the_catalogue_gives(kind, value):
    assert check_value(kind, b"123456789") == value


def test_a_text_frame_is_a_sentence_with_its_checksum():
    assert framed(b"BAT?", TEXT) == b"$BAT?*68\r\n"
    assert found(b"$BAT?*68\r\n", TEXT) == b"BAT?"
    assert framed(b"ID?", TEXT) == b"$ID?*32\r\n"


def test_hex_digits_of_a_checksum_may_be_small():
    assert framed(b"TIME?", TEXT).endswith(b"*2A\r\n")
    assert found(b"$TIME?*2a\r\n", TEXT) == b"TIME?"


def test_a_byte_frame_counts_what_follows_its_length():
    said = framed(bytes.fromhex("83 57 01"), BYTES)
    assert said[:-2].hex() == "aa5583025701"
    assert found(said, BYTES).hex() == "835701"


def test_a_length_may_count_the_frame_itself():
    said = framed(b"abc", WIDE)
    assert said[:3] == b"\x02\x0a\x00"
    assert found(said, WIDE) == b"abc"


@pytest.mark.parametrize("frame", [TEXT, BYTES, WIDE])
@pytest.mark.parametrize("noise", [b"\xff\x00\x13", b"AT+OK? "])
def test_noise_before_a_frame_is_passed_over(frame, noise):
    assert found(noise + framed(b"abc", frame), frame) == b"abc"


def test_noise_that_looks_like_a_beginning_is_passed_over_in_text():
    assert found(b"$x*00$$BAT?*68\r\n", TEXT) == b"BAT?"


@pytest.mark.parametrize("frame", [TEXT, BYTES, WIDE])
def test_a_frame_with_any_byte_spoilt_is_none(frame):
    said = framed(b"abc", frame)
    for at in range(len(said)):
        spoilt = said[:at] + bytes([said[at] ^ 1]) + said[at + 1 :]
        try:
            assert found(spoilt, frame) is None
        except NoAnswerError:
            continue


@pytest.mark.parametrize("frame", [TEXT, BYTES, WIDE])
def test_half_a_frame_is_no_answer(frame):
    said = framed(b"abc", frame)
    with pytest.raises(NoAnswerError):
        found(said[: len(said) - 1], frame)


def test_a_length_beyond_all_bounds_is_none():
    small = Frame(form="hex", prefix="aa", length=Length(size=4), size_max=16)
    assert found(b"\xaa\xff\xff\xff\xff" + bytes(64), small) is None
    assert found(b"\xaa\x00\x00\x00\x00", small) == b""
    less = Frame(form="hex", length=Length(adds=9))
    assert found(b"\x00", less) is None


def test_a_counted_frame_needs_no_prefix_and_ends_as_it_must():
    frame = Frame(form="hex", length=Length(), suffix="0d")
    assert found(b"\x02ab\x0d", frame) == b"ab"
    assert found(b"\x02ab\x0a", frame) is None


def test_a_frame_that_is_too_short_for_its_checksum_is_none():
    assert found(b"$\r\n", TEXT) is None
    assert found(b"\xaa\x55\x01\x00\x00\x00", BYTES) is None


def test_a_frame_without_an_end_ends_where_the_line_falls_silent():
    assert found(b"87", Frame()) == b"87"
    assert framed(b"B", Frame()) == b"B"


def test_what_the_encoding_does_not_know_is_not_shown():
    assert shown(b"\xff", Frame()) is None
    assert shown("甲".encode("gbk"), Frame(encoding="gbk")) == "甲"
    assert shown(b"\xff\x0a", Frame(form="hex")) == "ff0a"


@pytest.mark.parametrize(
    ("payload", "frame"),
    [
        (b"x" * 300, Frame()),
        (b"", Frame(form="hex", length=Length(after=1))),
        (b"x" * 300, Frame(form="hex", length=Length(), size_max=1024)),
    ],
)
def test_what_does_not_fit_into_a_frame_is_refused(payload, frame):
    with pytest.raises((ValueError, OverflowError)):
        framed(payload, frame)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Frame(size_max=0),
        lambda: Frame(size_max=1025),
        lambda: Frame(prefix="甲"),
        lambda: Frame(form="hex", suffix="0x0d"),
        lambda: Frame(form="hex", checksum=Checksum("sum8", mark="*")),
        lambda: Length(after=-1),
        lambda: Length(adds=2000),
        lambda: Checksum("sum8", since=-1),
    ],
)
def test_a_frame_that_cannot_be_is_refused(made):
    with pytest.raises(ValueError, match=r"."):
        made()


@given(st.binary(max_size=60), st.sampled_from([TEXT, BYTES, WIDE]))
def test_what_is_framed_is_found_again(payload, frame):
    payload = payload.replace(b"\r\n", b"") if frame is TEXT else b"\x01" + payload
    assert found(framed(payload, frame), frame) == payload


@given(st.binary(max_size=300), st.sampled_from([TEXT, BYTES, WIDE, Frame()]))
def test_no_bytes_do_harm(said, frame):
    try:
        found(said, frame)
    except NoAnswerError:
        return


@pytest.mark.parametrize("form", ["bytes", "hex"])
def test_a_frame_with_another_payload_has_the_right_checksum_again(form):
    frame = Frame(prefix="$", suffix="\r\n", checksum=Checksum("xor8", form=form, mark="*"))
    said = b"noise$" + framed(b"ID=DSJ0042", frame)
    made = refitted(said, frame, lambda raw: raw.replace(b"42", b"01"))
    assert made == b"noise$" + framed(b"ID=DSJ0001", frame)


def test_what_is_no_whole_frame_is_changed_as_it_is():
    frame = Frame(prefix="$", suffix="\r\n", checksum=Checksum("xor8"))
    assert refitted(b"no frame 42", frame, lambda raw: raw.replace(b"42", b"01")) == b"no frame 01"
    bare = Frame(checksum=Checksum("crc32"))
    assert refitted(b"x", bare, bytes.upper) == b"X"
