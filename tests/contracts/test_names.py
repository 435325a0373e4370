import unicodedata
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.names import display, name_time, safe_name, view_path, visible

NASTY = '\u202e\u2066\u200b\ufeff\u3164\x00\x1b\n\r\\/:*?"<>|. ~-_aA1é执法\U000e0001'
names = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet=NASTY, max_size=40).map(str.encode),
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"DCIM/a.mp4", "DCIM/a.mp4"),
        ("执法 记录.mp4".encode(), "执法 记录.mp4"),
        (b"a\nb", "a\\u{a}b"),
        ("a\u202egnp.mp4".encode(), "a\\u{202e}gnp.mp4"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\\xff", "\\\\xff"),
        ("\u3164".encode(), "\\u{3164}"),
        (b"", ""),
    ],
)
def test_a_name_is_shown_as_it_is_and_what_cannot_be_seen_is_written_out(raw, shown):
    assert display(raw) == shown


def test_text_for_people_keeps_its_lines_and_shows_what_prints_nothing():
    assert visible("执法 a.mp4") == "执法 a.mp4"
    assert visible("两行\nand\ta tab") == "两行\nand\ta tab"
    assert visible("a\u202eb\x1b[2J\\") == "a\\u{202e}b\\u{1b}[2J\\"


@given(one=names, other=names)
@example(one=b"\xff", other=b"\\xff")
@example(one=b"\n", other=b"\\u{a}")
def test_two_names_never_look_the_same(one, other):
    assert (display(one) == display(other)) == (one == other)


@given(names)
def test_what_is_shown_holds_nothing_unseen_and_encodes(raw):
    shown = display(raw)
    assert not [char for char in shown if unicodedata.category(char)[0] == "C"]
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        (b"a.mp4", "a.mp4"),
        (b"a/b\\c:d.mp4", "a_b_c_d.mp4"),
        (b".hidden", "_hidden"),
        (b"..", "_"),
        (b"a. . ", "a_"),
        (b"", "_"),
        (b"CON", "_CON"),
        (b"nul.mp4", "_nul.mp4"),
        (b"com1 .txt", "_com1 .txt"),
        (b"console.mp4", "console.mp4"),
        ("执法\u202e.mp4".encode(), "执法_.mp4"),
        (b"\xff.mp4", "_.mp4"),
    ],
)
def test_a_safe_name_keeps_what_is_safe(raw, safe):
    assert safe_name(raw) == safe


@given(names)
def test_a_safe_name_is_one_short_component_that_every_file_system_takes(raw):
    name = safe_name(raw)
    assert 1 <= len(name.encode()) <= 200
    assert not set(name) & set('/\\:*?"<>|\0\n\r')
    assert name[0] not in ". "
    assert name[-1] not in ". "
    assert safe_name(name.encode()) == name


def test_a_long_name_keeps_its_suffix_and_no_half_character():
    name = safe_name(("执" * 100 + ".mp4").encode())
    assert name == "执" * 65 + ".mp4"
    assert len(safe_name(b"a." + b"b" * 300).encode()) == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"DCAM_CAM001_000001_20260804_100000.mp4",
        b"20260804100000.mp4",
        b"2026_0804_100000_001.MP4",
        b"2026-08-04 10-00-00.mp4",
        b"VID20260804100000123.mp4",
        b"DCIM/20200101_000000/MOV_20260804_100000_20260804_101500.mp4",
        b"\xff20260804_100000",
        b"20261399_20260804_100000.mp4",
    ],
)
def test_the_time_a_recorder_wrote_into_a_name_is_found(raw):
    assert name_time(raw) == datetime(2026, 8, 4, 10, 0, 0)  # noqa: DTZ001 - local by contract


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a.mp4",
        b"20260804.mp4",
        b"20261304_100000.mp4",
        b"20260230_100000.mp4",
        b"20260804_250000.mp4",
        b"19990804_100000.mp4",
        b"21260804_100000.mp4",
        b"1202608041000001.mp4",
        b"202608041000001.mp4",
        "２０２６０８０４１０００００".encode(),
    ],
)
def test_what_is_no_time_is_not_taken_for_one(raw):
    assert name_time(raw) is None


@given(names)
def test_any_name_has_a_time_without_a_zone_or_none(raw):
    moment = name_time(raw)
    assert moment is None or (moment.tzinfo is None and 2010 <= moment.year < 2100)


def test_a_view_is_found_by_day_time_recorder_and_name():
    recorded_at = datetime(2026, 8, 4, 7, 5, 9)  # noqa: DTZ001 - local by contract
    path = view_path(recorded_at, "DSJ-01", b"DCIM/100/a b.mp4")
    assert path == "2026/08/04/070509_DSJ-01_a b.mp4"


@given(recorder=st.text(max_size=100), raw=names)
def test_a_view_has_four_parts_whose_last_leaves_room_for_a_number(recorder, raw):
    path = view_path(datetime(2026, 8, 4), recorder, raw)  # noqa: DTZ001 - local by contract
    *day, name = path.split("/")
    assert day == ["2026", "08", "04"]
    assert len(name.encode()) <= 250
