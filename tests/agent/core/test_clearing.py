"""The gate before a card is cleared: each reason alone bars it, and so does every set of them."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clearing import (
    CLOCK_TOLERANCE,
    Case,
    SecondReading,
    Surroundings,
    Witness,
    is_removable,
    list_sha256,
    may_clear,
    uncopied,
)
from agent.core.event import CardReadAgain, Noted
from agent.core.recorder import CardFile, Listing, Mark, RefusedItem, Reread
from contracts.clearing import ClearingPhase, Reason
from contracts.facts import Counts, VisitCompleted
from contracts.reading import Identity
from contracts.roster import ClearRule, RecorderRecord
from tests.support.made_up import NOW, card_file

FILE = card_file()
LISTING = Listing((FILE,), (RefusedItem(b"link", "symlink", "x"),))
WHO = Identity(device_number="R1", serial="S1")
KEY = "index+1+AA"
READ = Reread(FILE, "aa", "aa", is_archived=True)
SECOND = SecondReading.of(CardReadAgain("v1", True, WHO, LISTING, (READ,)))
AROUND = Surroundings(
    clock="synchronised",
    witness=Witness(10, KEY, NOW),
    pinned=KEY,
    is_archive_healthy=True,
    has_second_copy=True,
    is_second_copy_reachable=True,
)
GOOD = Case(
    now=NOW,
    rule=ClearRule("M"),
    record=RecorderRecord("R1", "d1", "M", serial="S1"),
    listing=LISTING,
    counts=Counts(listed=2, imported=1, refused=1),
    completed=Noted("v1", VisitCompleted.TYPE, 9, NOW),
    second=SECOND,
    identities=(WHO, WHO),
    battery_percent=90,
    battery_percent_min=60,
    is_troubled=False,
    around=AROUND,
)


def around(**changed):
    return lambda case: replace(case, around=replace(case.around, **changed))


def second(**changed):
    def spoil(given):
        again = given.second and replace(given.second, **changed)
        return replace(given, second=again)

    return spoil


def case(**changed):
    return lambda given: replace(given, **changed)


def witness(**changed):
    def spoil(given):
        seen = given.around.witness and replace(given.around.witness, **changed)
        return replace(given, around=replace(given.around, witness=seen))

    return spoil


UNREAD = (RefusedItem(b"d", "unlistable_folder", "EIO"),)
# One way, at least, in which each reason alone comes about.
SPOILT = {
    "no rule for the model": (Reason.NOT_ALLOWED, case(rule=None)),
    "a family that cannot": (Reason.IMPOSSIBLE, second(can_clear=False)),
    "a listing that failed": (
        Reason.LISTING_INCOMPLETE,
        case(listing=replace(LISTING, error="EIO")),
    ),
    "a second listing that failed": (
        Reason.LISTING_INCOMPLETE,
        second(listing=replace(LISTING, error="EIO")),
    ),
    "another listing": (
        Reason.LISTINGS_DIFFER,
        second(listing=replace(LISTING, files=(FILE, CardFile(b"new", 1, 1)))),
    ),
    "another refused item": (Reason.LISTINGS_DIFFER, second(listing=Listing((FILE,)))),
    "a file not counted": (Reason.COUNTS_DIFFER, case(counts=Counts(listed=2, imported=1))),
    "an unreadable file": (
        Reason.FILES_UNPROVEN,
        case(counts=Counts(listed=2, unreadable=1, refused=1)),
    ),
    "no second reading": (Reason.NOT_READ_AGAIN, case(second=None)),
    "other bytes at the second reading": (Reason.CARD_DIFFERS, second(differing=1)),
    "an object that is gone": (Reason.ARCHIVE_LACKS, second(lacking=1)),
    "a disk in trouble": (Reason.ARCHIVE_UNHEALTHY, around(is_archive_healthy=False)),
    "no second copy set up": (Reason.NO_SECOND_COPY, around(has_second_copy=False)),
    "a second copy out of reach": (
        Reason.SECOND_COPY_AWAY,
        around(is_second_copy_reachable=False),
    ),
    "a file that is owed to the second copy": (Reason.NOT_COPIED, case(uncopied=1)),
    "a visit not entered yet": (Reason.NOT_WITNESSED, case(completed=None)),
    "a witness that has not seen it": (Reason.NOT_WITNESSED, witness(size=8)),
    "no witness": (Reason.NOT_WITNESSED, around(witness=None)),
    "no pinned key": (Reason.WITNESS_NOT_PINNED, around(pinned=None)),
    "another witness": (Reason.WITNESS_NOT_PINNED, witness(key="index+2+AA")),
    "an unregistered recorder": (Reason.IDENTITY_UNPROVEN, case(record=None)),
    "a number alone": (
        Reason.IDENTITY_UNPROVEN,
        case(record=RecorderRecord("R1", "d1", "M", device_number="R1")),
    ),
    "another recorder now": (
        Reason.IDENTITY_CHANGED,
        case(identities=(WHO, WHO, replace(WHO, serial="S2"))),
    ),
    "a second claimant": (Reason.RECORDER_TWICE, around(claimed=frozenset({"R1"}))),
    "a low battery": (Reason.BATTERY_LOW, case(battery_percent=59)),
    "an unknown battery": (Reason.BATTERY_UNKNOWN, case(battery_percent=None)),
    "an issued recorder": (Reason.HANDED_OUT, around(handed_out=frozenset({"R1"}))),
    "trouble in the dock": (Reason.DOCK_TROUBLE, case(is_troubled=True)),
}
# Those of which each leaves alone what another one spoils.
INDEPENDENT = sorted(
    set(SPOILT)
    - {
        "a second listing that failed",
        "another listing",
        "a file not counted",
        "no second reading",
        "no rule for the model",
        "no second copy set up",
        "a witness that has not seen it",
        "no witness",
        "another witness",
        "an unregistered recorder",
        "an unknown battery",
    }
)
EARLY, LATE = NOW - CLOCK_TOLERANCE * 2, NOW + CLOCK_TOLERANCE * 2


def test_a_card_of_which_all_is_known_and_proven_may_be_cleared():
    assert may_clear(GOOD) == ()


@pytest.mark.parametrize("what", SPOILT)
def test_each_reason_alone_bars_the_card(what):
    reason, spoil = SPOILT[what]
    assert may_clear(spoil(GOOD)) == (reason,)


@pytest.mark.parametrize("unlisted", [*UNREAD, RefusedItem(b"f", "unreadable", "EIO")])
def test_what_could_not_be_listed_bars_the_card(unlisted):
    listing = replace(LISTING, refused=(unlisted,))
    spoilt = replace(GOOD, listing=listing, second=replace(SECOND, listing=listing))
    assert may_clear(spoilt) == (Reason.LISTING_INCOMPLETE,)


@pytest.mark.parametrize("at", [EARLY, LATE])
def test_an_unset_clock_that_the_witness_contradicts_bars_the_card(at):
    spoilt = replace(GOOD, around=replace(AROUND, clock="unknown", witness=Witness(10, KEY, at)))
    assert may_clear(spoilt) == (Reason.CLOCK_UNSURE,)


def test_an_unset_clock_that_the_witness_bears_out_will_do():
    near = Witness(10, KEY, NOW + CLOCK_TOLERANCE - timedelta(seconds=1))
    assert may_clear(replace(GOOD, around=replace(AROUND, clock="unknown", witness=near))) == ()


@pytest.mark.parametrize("gone", [{"witness": None}, {}])
def test_an_unset_clock_without_a_witness_of_the_visit_is_no_clock(gone):
    unset = replace(AROUND, clock="unsynchronised", **gone)
    spoilt = replace(GOOD, around=unset, completed=GOOD.completed if gone else None)
    assert Reason.CLOCK_UNSURE in may_clear(spoilt)


def test_the_policy_may_accept_an_unknown_battery_and_never_a_low_one():
    lenient = replace(GOOD, rule=ClearRule("M", unknown_battery=True))
    assert may_clear(replace(lenient, battery_percent=None)) == ()
    assert may_clear(replace(lenient, battery_percent=59)) == (Reason.BATTERY_LOW,)


def test_where_policy_asks_for_one_copy_the_second_is_not_asked_about():
    nowhere = replace(AROUND, has_second_copy=False, is_second_copy_reachable=False)
    lone = replace(GOOD, rule=ClearRule("M", copies=1), around=nowhere, uncopied=1)
    assert may_clear(lone) == ()


def test_a_file_is_copied_when_its_own_digest_is_confirmed():
    stranger = Reread(FILE, None, None, is_archived=False)
    told = replace(SECOND, files=(READ, stranger))
    assert uncopied(told, lambda _: False) == 2
    assert uncopied(told, {"aa"}.__contains__) == 1
    assert not Surroundings().is_confirmed("aa")


def test_a_volume_proves_an_identity_as_a_serial_does():
    told = Identity(device_number="R1", volume="V1")
    record = RecorderRecord("R1", "d1", "M", device_number="R1", volume="V1")
    assert may_clear(replace(GOOD, record=record, identities=(told,))) == ()


@given(st.sets(st.sampled_from(INDEPENDENT)))
def test_any_set_of_reasons_is_told_whole_and_only_the_empty_one_opens_the_gate(chosen):
    spoilt = GOOD
    for what in chosen:
        spoilt = SPOILT[what][1](spoilt)
    assert set(may_clear(spoilt)) == {SPOILT[what][0] for what in chosen}


@given(st.lists(st.sampled_from(sorted(SPOILT)), min_size=1))
def test_whatever_is_spoilt_in_whatever_order_the_gate_is_shut(chosen):
    spoilt = GOOD
    for what in chosen:
        spoilt = SPOILT[what][1](spoilt)
    assert may_clear(spoilt)


def test_nothing_known_at_all_bars_the_card():
    blank = replace(GOOD, second=None, completed=None, around=Surroundings())
    assert {Reason.NOT_WITNESSED, Reason.NOT_READ_AGAIN} < set(may_clear(blank))


@pytest.mark.parametrize(
    ("read", "differing", "lacking"),
    [
        (READ, 0, 0),
        (replace(READ, sha256="bb"), 1, 0),
        (replace(READ, sha256=None), 1, 0),
        (replace(READ, known=None), 1, 0),
        (replace(READ, sha256=None, known=None), 1, 0),
        (replace(READ, is_archived=False), 0, 1),
    ],
)
def test_the_second_reading_counts_what_is_not_as_the_ledger_says(read, differing, lacking):
    found = SecondReading.of(CardReadAgain("v1", True, WHO, LISTING, (read,)))
    assert (found.differing, found.lacking) == (differing, lacking)


def test_a_listed_file_that_was_not_read_counts_as_different():
    assert SecondReading.of(CardReadAgain("v1", True, WHO, LISTING, ())).differing == 1


@pytest.mark.parametrize("mark", [b"PARAM.INI", b"param.ini", b"DCIM/100MEDIA/INFO.DAT"])
def test_a_recorders_own_marks_are_read_and_never_removed(mark):
    file = CardFile(mark, 3, 3)
    event = CardReadAgain("v1", True, WHO, Listing((file,)), (Reread(file, "a", "b", True),))
    assert not is_removable(file)
    assert (SecondReading.of(event).files, SecondReading.of(event).differing) == ((), 1)


def test_a_file_of_the_same_name_elsewhere_is_footage():
    assert is_removable(CardFile(b"DCIM/PARAM.INI", 3, 3))


def test_a_file_that_tells_the_number_of_this_model_is_never_removed():
    assert not is_removable(CardFile(b"ID.TXT", 3, 3, mark=Mark(is_identity=True)))


def test_the_lists_digest_is_of_digest_size_time_and_name_of_each_file():
    files = (READ, replace(READ, file=CardFile(b"b\n", 0, 1_999)))
    told = b"aa 1000 1000000000000000 DCIM/a.mp4\x00aa 0 1 b\n\x00"
    assert list_sha256(files) == hashlib.sha256(told).hexdigest()


def test_every_reason_and_phase_has_words_of_its_own():
    sentences = {reason.sentence.en for reason in Reason}
    assert len(sentences) == len(Reason)
    assert all(reason.remedy.zh and reason.sentence.zh for reason in Reason)
    assert len({phase.word.zh for phase in ClearingPhase}) == len(ClearingPhase)
    assert not {phase.code for phase in ClearingPhase} & set(Reason)


def test_every_reason_is_brought_about_above():
    assert {reason for reason, _ in SPOILT.values()} == set(Reason) - {Reason.CLOCK_UNSURE}
