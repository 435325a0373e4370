"""What a recorder's files leave open, whatever they are called and whenever they claim to be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.gaps import (
    QUESTIONS_MAX,
    Evidence,
    Segment,
    find_questions,
    join,
    moment_at,
    moment_ms,
)
from contracts.roster import Questions

T0 = moment_ms(datetime(2026, 11, 20, 2, 0, tzinfo=UTC))
RULE = Questions()
HUGE = 10**18


def segment(name, at_s, length_s=60, stray_s=None):
    """Return a recording that began so many seconds after the first."""
    end = None if length_s is None else T0 + (at_s + length_s) * 1000
    stray = None if stray_s is None else stray_s * 1000
    return Segment(T0 + at_s * 1000, name.encode(), f"digest of {name}", end, stray)


def found(*new, earlier=(), rule=RULE, **more):
    known = Evidence(frozenset(new), frozenset(earlier), **more)
    return find_questions(known, rule)


def kinds(*new, **more):
    return [question.kind for question in found(*new, **more)]


def row(*at_s, length_s=60):
    """Return recordings whose names tell nothing but their letters."""
    return [segment(f"v{'abcdefgh'[n]}.mp4", at, length_s) for n, at in enumerate(at_s)]


def test_recordings_that_follow_one_another_leave_nothing_open():
    assert found(*row(0, 60, 122)) == ()


def test_a_hole_is_asked_about_from_end_to_beginning():
    (question,) = found(*row(0, 455))
    assert question.kind == "hole"
    assert (question.from_ms, question.to_ms) == (T0 + 60_000, T0 + 455_000)
    assert [one.path for one in question.seen_in] == [b"va.mp4", b"vb.mp4"]


@pytest.mark.parametrize("second_at", [120, 60 + 1800, 86_400])
def test_neither_a_short_hole_nor_a_pause_between_two_tasks_is_asked_about(second_at):
    assert found(*row(0, second_at)) == ()


def test_the_recorder_was_handed_over_or_docked_in_between():
    assert found(*row(0, 455), breaks_ms=(T0 + 200_000,)) == ()
    assert kinds(*row(0, 455), breaks_ms=(T0 + 30_000,)) == ["hole"]


def test_a_hole_between_this_visit_and_the_one_before_is_asked_about_once():
    first, second = row(0, 455)
    assert kinds(second, earlier=[first]) == ["hole"]
    assert found(earlier=[first, second]) == ()


def test_after_a_recording_of_unknown_length_nothing_is_known():
    assert found(*row(0, length_s=None), segment("w.mp4", 455)) == ()


def test_a_longer_recording_covers_what_shorter_ones_leave():
    assert found(segment("long.mp4", 0, 900), *row(10, 500)) == ()


def test_two_recordings_of_one_series_cannot_overlap():
    (question,) = found(segment("a1.mp4", 0, 60), segment("a2.mp4", 30, 60))
    assert (question.kind, question.from_ms, question.to_ms) == (
        "overlap",
        T0 + 30_000,
        T0 + 60_000,
    )


def test_a_second_lens_another_series_and_a_copy_may_overlap():
    assert found(segment("a1.mp4", 0), segment("a2.mp4", 1)) == ()
    assert found(segment("a1.mp4", 0), segment("a2.m4a", 30)) == ()
    one, again = segment("a1.mp4", 0), segment("a2.mp4", 30)
    copy = Segment(again.began_ms, again.path, one.sha256, again.ended_ms)
    assert found(one, copy) == ()


def test_a_long_recording_overlaps_all_within_it_and_one_without_an_end_none():
    within = [segment("a2.mp4", 10, 20), segment("a3.mp4", 50, 20)]
    assert kinds(segment("a1.mp4", 0, 600), *within) == ["overlap", "overlap"]
    assert found(segment("a1.mp4", 0, None), segment("a2.mp4", 10)) == ()


def numbered(*numbers, pattern="DCIM/MOVI{:04}.avi"):
    return [segment(pattern.format(n), 60 * place) for place, n in enumerate(numbers)]


def test_a_number_that_no_file_has_is_asked_about():
    (question,) = found(*numbered(1, 2, 3, 7, 8))
    assert question.kind == "counter"
    assert (question.first, question.last, question.count) == (4, 6, 3)


def test_photographs_of_the_same_counter_are_no_missing_numbers():
    names = frozenset({b"DCIM/PHOTO0004.jpg", b"DCIM/PHOTO0005.jpg"})
    (question,) = found(*numbered(1, 2, 3, 7), names=names)
    assert question.count == 1
    assert found(*numbered(1, 2, 3, 7), names=names | {b"x/0006.txt"}) == ()


@pytest.mark.parametrize(
    "files",
    [
        numbered(1, 2),
        numbered(1, 10, 30, 31, 50),
        numbered(998, 999, 1, 2),
        numbered(7, 7, 7, pattern="20261120_{:06}_a.mp4"),
        [segment(f"DCAM_CAM001_000007_20261120_10{n:02}00.mp4", 60 * n) for n in range(5)],
    ],
)
def test_numbers_that_do_not_count_one_by_one_tell_nothing(files):
    assert found(*files) == ()


def test_numbers_that_go_on_where_the_time_went_back_are_asked_about():
    files = [segment(f"M{n:03}.mp4", 60 * n) for n in (1, 2, 3)]
    files += [segment(f"M{n:03}.mp4", 60 * n - 86_400) for n in (4, 5)]
    (question,) = found(*files, rule=Questions(late=False))
    assert question.kind == "clock_jumped"
    assert [one.path for one in question.seen_in] == [b"M003.mp4", b"M004.mp4"]


def test_a_file_closed_at_another_time_than_all_others_is_asked_about():
    files = [segment(f"{'abcd'[n]}.mp4", 60 * n, stray_s=1) for n in range(4)]
    odd = segment("e.mp4", 240, stray_s=7200)
    assert [q.seen_in for q in found(*files, odd)] == [(odd,)]


def test_files_whose_times_all_differ_were_copied_and_tell_nothing():
    files = [segment(f"{'abcd'[n]}.mp4", 60 * n, stray_s=7200 * n) for n in range(4)]
    assert found(*files) == ()


def test_footage_older_than_the_last_import_is_asked_about_by_recording():
    earlier = [segment("x.mp4", 90_000)]
    (question,) = found(*row(0), earlier=earlier)
    assert (question.kind, question.count) == ("late", 1)
    chained = [segment("r1.mp4", 0), segment("r2.mp4", 61)]
    (question,) = found(*chained, earlier=earlier)
    assert (question.count, question.to_ms) == (2, T0 + 121_000)


def test_footage_dated_after_its_import_is_asked_about():
    assert kinds(*row(600), seen_ms=T0) == ["future"]
    assert found(*row(30), seen_ms=T0) == ()


def test_what_policy_does_not_ask_is_not_asked():
    nothing = Questions(hole_seconds=0, overlap_seconds=0, counter=False, clock=False, late=False)
    files = [*numbered(1, 2, 3, 7), segment("MOVI0009.avi", 30, 600)]
    assert found(*files, earlier=row(90_000), seen_ms=T0, rule=nothing) == ()


def test_what_is_too_much_to_ask_one_by_one_is_counted():
    every = found(*(segment(f"{n}.mp4", 300 * n) for n in range(50)))
    assert len(every) == QUESTIONS_MAX
    assert (every[-1].kind, every[-1].count) == ("more", 49 - QUESTIONS_MAX + 1)


def test_segments_that_follow_one_another_are_one_recording():
    parts = [segment("a1.mp4", 0), segment("a2.mp4", 62), segment("a3.mp4", 300)]
    other, endless = segment("b.mp4", 62), segment("c1.mp4", 0, None)
    assert join([*parts, other, endless, segment("c2.mp4", 0)]) == (
        (parts[0], parts[1]),
        (endless,),
        (segment("c2.mp4", 0),),
        (other,),
        (parts[2],),
    )


def test_a_question_is_known_again_though_the_clock_was_measured_otherwise():
    one, two = row(0, 455)
    moved = [Segment(s.began_ms + 7, s.path, s.sha256, (s.ended_ms or 0) + 7) for s in (one, two)]
    assert [q.key for q in found(one, two)] == [q.key for q in found(*moved)]


names = st.one_of(
    st.binary(max_size=12),
    st.builds(lambda n: f"M{n:03}.mp4".encode(), st.integers(0, 40)),
    st.builds(lambda n: f"V_20261120_10{n:02}00.avi".encode(), st.integers(0, 59)),
)
moments = st.one_of(st.integers(-HUGE, HUGE), st.integers(0, 10**6).map(lambda n: T0 + n))
maybe = st.one_of(st.none(), moments)
segments = st.builds(Segment, moments, names, st.text("ab", max_size=2), maybe, maybe)
many = st.frozensets(segments, max_size=12)


@given(many, many, st.frozensets(names, max_size=5), st.lists(moments, max_size=3), moments)
def test_no_files_are_too_strange(new, earlier, listed, breaks, seen):
    for question in find_questions(Evidence(new, earlier, listed, tuple(breaks), seen), RULE):
        assert moment_at(question.from_ms).tzinfo is UTC
        assert not new.isdisjoint(question.seen_in)


@given(st.lists(segments, max_size=12), st.randoms())
def test_the_order_of_the_files_changes_nothing(files, random):
    shuffled = list(files)
    random.shuffle(shuffled)
    assert found(*files) == found(*shuffled)


@given(st.lists(st.integers(0, 600), min_size=1, max_size=8), st.data())
def test_the_missing_segment_takes_the_question_away(lengths, data):
    files, at = [], 0
    for number, length in enumerate(lengths):
        files.append(segment(f"M{number:04}.mp4", at, length))
        at += length
    gone = data.draw(st.sampled_from(files))
    left = [one for one in files if one is not gone]
    assert found(*left, gone) == ()
    for question in found(*left):
        assert question.kind in ("hole", "counter")


def test_moments_are_clamped_to_what_there_is():
    assert moment_at(HUGE).year == 9998
    assert moment_at(-HUGE).year == 2
    at = datetime(2026, 11, 20, 1, 2, 3, 4000, tzinfo=UTC)
    assert moment_at(moment_ms(at)) == at
    assert moment_at(moment_ms(at) + 1) == at + timedelta(milliseconds=1)
