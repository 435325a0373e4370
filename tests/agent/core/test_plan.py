"""What of a listing is copied, and when a recording was made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.core.plan import Proven, date_recording, modified_at, modified_us, plan_copies
from agent.core.recorder import Listing, MediaFacts
from contracts.entry import Draft, encode
from tests.support.made_up import NOW, ZONE, card_file, moment, proven

UNPARSED = MediaFacts("unparsed")


def test_a_new_file_is_copied():
    plan = plan_copies(Listing((card_file(),)), ())
    assert [copy.file for copy in plan.copies] == [card_file()]
    assert plan.total_bytes == 1000


def test_a_file_proven_under_the_same_path_size_and_time_is_held():
    file = card_file()
    plan = plan_copies(Listing((file,)), [proven(file)])
    assert plan.copies == ()
    assert plan.held == (proven(file),)


def test_the_same_name_with_another_size_is_copied_and_knows_what_was_there_before():
    plan = plan_copies(Listing((card_file(size=5),)), [proven(card_file(size=4), "old")])
    assert plan.copies[0].earlier == ("old",)


def test_the_same_name_with_another_time_is_copied():
    plan = plan_copies(Listing((card_file(modified_ns=10**18 + 1000),)), [proven(card_file())])
    assert len(plan.copies) == 1


files = st.builds(
    card_file, st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 2), st.just(10**18)
)


@given(st.lists(files, unique_by=lambda f: f.path), st.lists(files))
def test_copies_and_held_are_together_exactly_the_listing(listed, known):
    plan = plan_copies(Listing(tuple(listed)), [proven(file) for file in known])
    held = [(p.path, p.size) for p in plan.held]
    copied = [(c.file.path, c.file.size) for c in plan.copies]
    assert sorted(held + copied) == sorted((f.path, f.size) for f in listed)
    assert set(held) <= {(f.path, f.size) for f in known}


def test_the_name_says_when_before_container_and_modification_time():
    media = MediaFacts("readable", started_at=NOW)
    dated = date_recording(card_file(b"x/20260804_100000.mp4"), media, None, ZONE)
    assert dated.recorded_from == "name"
    assert dated.recorded_at == datetime(2026, 8, 4, 2, 0, tzinfo=UTC)


def test_the_container_says_when_if_the_name_does_not():
    dated = date_recording(card_file(), MediaFacts("readable", started_at=NOW), None, ZONE)
    assert (dated.recorded_from, dated.recorded_at) == ("container", NOW)


def test_the_modification_time_is_the_last_resort():
    dated = date_recording(card_file(), UNPARSED, None, ZONE)
    assert (dated.recorded_from, dated.recorded_at) == ("modified", modified_at(card_file()))


def test_a_modification_time_without_a_zone_is_the_recorders_wall_time():
    file = replace(card_file(), is_local_time=True)
    dated = date_recording(file, UNPARSED, None, ZONE)
    assert dated.recorded_at.astimezone(ZONE).replace(tzinfo=UTC) == modified_at(file)


def test_a_fast_clock_is_taken_off():
    seven_minutes = 420_000
    plain = date_recording(card_file(), UNPARSED, None, ZONE)
    mended = date_recording(card_file(), UNPARSED, seven_minutes, ZONE)
    assert plain.recorded_at - mended.recorded_at == timedelta(minutes=7)


@given(st.integers(-(2**80), 2**80))
def test_any_modification_time_a_card_claims_can_be_entered_and_known_again(modified_ns):
    file = card_file(modified_ns=modified_ns)
    known = Proven(file.path, file.size, modified_us(file), "aa", "views/x")
    assert plan_copies(Listing((file,)), (known,)).held == (known,)
    assert encode(Draft("t", "s", {"n": modified_us(file)}), 1, "o", moment(modified_at(file)))
