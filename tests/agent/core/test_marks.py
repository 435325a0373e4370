"""What the names and places of a card's files tell of them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.marks import marked, stamp
from agent.core.profile import Card, NumberMark
from agent.core.recorder import CardFile, Listing

CARD = Card(
    important=("_IMP",),
    read_only_is_important=True,
    important_folders=("EVENT",),
    sidecars=(".nmea",),
    chapters=r"(?P<recording>.*\d{8}[-_]?\d{6}.*)[_-](?P<part>\d{1,3})",
)
MIDDAY = datetime(2026, 8, 4, 12, tzinfo=UTC)


def file(path, ended="12:00:00", **more):
    hour, minute, second = map(int, ended.split(":"))
    at = MIDDAY.replace(hour=hour, minute=minute, second=second)
    return CardFile(path.encode(), 1, int(at.timestamp()) * 10**9, **more)


def marks(*files, card=CARD, roots=("",)):
    listing = Listing(tuple(one if isinstance(one, CardFile) else file(one) for one in files))
    return [one.mark for one in marked(listing, card, roots).files]


def parts(*files, card=CARD):
    """Return each file's part, and how many recordings there are of more than one file."""
    told = marks(*files, card=card)
    return [one.part for one in told], len({one.recording for one in told if one.recording})


@pytest.mark.parametrize(
    ("path", "important"),
    [
        ("DCIM/20260804_100000_IMP.mp4", "name"),
        ("DCIM/20260804_100000_imp.MP4", "name"),
        ("DCIM/IMP_20260804_100000.mp4", None),
        ("DCIM/Event/20260804_100000.mp4", "folder"),
        ("EVENTS/20260804_100000.mp4", None),
        ("EVENT", None),
        ("noextension_IMP", "name"),
    ],
)
def test_a_recording_is_marked_by_its_name_or_its_folder(path, important):
    assert marks(path)[0].important == important


def test_the_attribute_marks_it_too_where_the_model_uses_it_so():
    (said,) = marks(file("a.mp4", is_read_only=True))
    (unsaid,) = marks(file("a.mp4", is_read_only=True), card=Card())
    assert (said.important, unsaid.important) == ("read_only", None)


def test_a_gps_log_goes_with_the_recording_of_its_name():
    log, video, other = marks("M/20260804_100000.NMEA", "M/20260804_100000_IMP.MP4", "M/x.nmea")
    assert log.sidecar_of == b"M/20260804_100000_IMP.MP4"
    assert log.recording == video.recording is not None
    assert (log.part, video.part) == (None, None)
    assert (other.sidecar_of, other.recording) == (None, None)


def test_the_recording_in_its_own_folder_goes_before_others():
    there = ["A/1.mp4", "B/1.mp4", "B/1.nmea", "C/1.nmea"]
    assert [one.sidecar_of for one in marks(*there)][2:] == [b"B/1.mp4", None]
    assert marks("A/1.mp4", "C/1.nmea")[1].sidecar_of == b"A/1.mp4"


def test_a_sidecar_of_a_segment_belongs_to_the_whole_recording():
    told = marks(
        file("20260804_100000.mp4", "10:05:00"),
        file("20260804_100500.mp4", "10:10:00"),
        "20260804_100500.nmea",
    )
    assert len({one.recording for one in told}) == 1
    assert [one.part for one in told] == [1, 2, None]


def test_segments_that_follow_one_another_are_one_recording():
    told = parts(
        file("DCAM_CAM001_000001_20260804_100000.mp4", "10:05:00"),
        file("DCAM_CAM001_000001_20260804_100500_IMP.mp4", "10:09:58"),
        file("DCAM_CAM001_000001_20260804_101000.mp4", "10:12:00"),
        file("DCAM_CAM001_000001_20260804_113000.mp4", "11:31:00"),
    )
    assert told == ([1, 2, 3, None], 1)


@pytest.mark.parametrize(
    "other",
    [
        file("A_20260804_100504.mp4", "10:10:00"),  # too late
        file("B_20260804_100500.mp4", "10:10:00"),  # another kind of name
        file("A_20260804_100500.m4a", "10:10:00"),  # another kind of file
        file("sub/A_20260804_100500.mp4", "10:10:00"),  # another folder
        file("A_20260804_100500.jpg", "10:10:00"),  # no recording
        file("A_20260804_100000-x.mp4", "10:00:00"),  # not later
        file("A_99999999_100500.mp4", "10:10:00"),  # no time
    ],
)
def test_what_does_not_follow_is_another_recording(other):
    assert parts(file("A_20260804_100000.mp4", "10:05:00"), other) == ([None, None], 0)


def test_a_counter_may_go_on_by_one_and_no_further():
    first = file("REC0001_20260804_100000.mp4", "10:05:00")
    next_one = file("REC0002_20260804_100500.mp4", "10:10:00")
    far_one = file("REC0003_20260804_100500.mp4", "10:10:00")
    assert parts(first, next_one) == ([1, 2], 1)
    assert parts(first, far_one) == ([None, None], 0)


def test_two_cameras_at_once_are_two_recordings():
    told = marks(
        file("CH1_20260804_100000.mp4", "10:05:00"),
        file("CH2_20260804_100000.mp4", "10:05:00"),
        file("CH1_20260804_100500.mp4", "10:10:00"),
        file("CH2_20260804_100500.mp4", "10:10:00"),
    )
    assert [one.part for one in told] == [1, 1, 2, 2]
    assert told[0].recording == told[2].recording != told[1].recording == told[3].recording


def test_a_recording_goes_on_in_the_next_numbered_folder():
    told = parts(
        file("DCIM/100MEDIA/20260804_235500.mp4", "23:58:00"),
        file("DCIM/101MEDIA/20260804_235800.mp4", "23:59:00"),
    )
    assert told == ([1, 2], 1)


def test_a_name_with_more_numbers_than_anyone_counts_only_follows_the_same():
    numbers = "_".join("1" * 9)
    first = file(f"{numbers}_20260804_100000.mp4", "10:05:00")
    same = file(f"{numbers}_20260804_100500.mp4", "10:10:00")
    other = file(f"{numbers[:-1]}2_20260804_100500.mp4", "10:10:00")
    assert parts(first, same)[1] == 1
    assert parts(first, other)[1] == 0


def test_numbered_files_of_one_time_are_one_recording_in_the_order_of_their_numbers():
    told = parts(
        "20260804_100000_10.mp4", "20260804_100000_2.mp4", "20260804_100000_1.mp4", "x_1.mp4"
    )
    assert told == ([3, 2, 1, None], 1)


def test_a_single_chapter_is_nothing_to_put_together():
    assert parts("20260804_100000_001.mp4") == ([None], 0)


@pytest.mark.parametrize(
    "pattern",
    [r"(?P<recording>.*)(?P<part>x)?", r"(?P<recording>.*)(?P<part>[a-z])", ""],
)
def test_what_is_no_number_numbers_nothing(pattern):
    assert parts("1a.mp4", "1b.mp4", card=Card(chapters=pattern)) == ([None, None], 0)


def test_the_files_that_tell_the_number_are_known_on_every_volume():
    card = Card(identity=(NumberMark("ID/No.txt"),))
    told = marks("1:/id/NO.TXT", "2:/id/no.txt", "id/no.txt", card=card, roots=("1:/", "2:/"))
    assert [one.is_identity for one in told] == [True, True, False]
    assert marks("PARAM.INI", card=Card())[0].is_identity


@pytest.mark.parametrize("seconds", [10**14, -(10**14), 10**30])
def test_a_time_that_no_calendar_holds_is_no_reason_to_stop(seconds):
    assert stamp(CardFile(b"a", 0, seconds * 10**9)).year == 1


names = st.one_of(
    st.binary(max_size=60),
    st.from_regex(rb"([A-C]/)?[AB]?20260804_1[0-2]0[0-9]00(_[1-3])?(_IMP)?\.(mp4|nmea|jpg)"),
)
files = st.lists(
    st.builds(CardFile, names, st.just(1), st.integers(-(2**70), 2**70), st.booleans()),
    unique_by=lambda one: one.path,
    max_size=12,
)


@given(files, st.randoms())
def test_no_card_stops_it_and_the_order_of_listing_means_nothing(listed, random):
    told = {one.path: one.mark for one in marked(Listing(tuple(listed)), CARD).files}
    random.shuffle(listed)
    again = {one.path: one.mark for one in marked(Listing(tuple(listed)), CARD).files}
    assert told == again
    assert told.keys() == {one.path for one in listed}
