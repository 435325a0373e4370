"""The clearing of a docked card, step by step, and at random: never removed before witnessed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clearing import Case, Clearing, Seat, Surroundings, Witness, advance, begin, end
from agent.core.dock import TABLE, idle_orders, step
from agent.core.effect import ClearCard, Enter, LookAgain, ReadCardAgain, TakeReadings
from agent.core.event import (
    CardReadAgain,
    ClearEnded,
    CopyEnded,
    Docked,
    Identified,
    LookedAgain,
    Noted,
    Progressed,
    ReadAgain,
    Removed,
    RetryAsked,
    Trouble,
    VisitFailed,
    Weighed,
)
from agent.core.recorder import CardFile, Listing, Reread
from contracts.clearing import ClearingPhase, Reason
from contracts.dock import DockState
from contracts.errors import ClearingError, FileUnreadableError, MountError, RecorderGoneError
from contracts.facts import RecorderClearing, VisitCompleted
from contracts.reading import Identity
from contracts.roster import ClearRule
from tests.support.made_up import (
    NOW,
    ROSTER,
    around,
    card_file,
    device,
    empty_dock,
    imported,
    readings,
    surveyed,
)

KEY = "index+1+AA"
WHO = Identity(device_number="R1", serial="S1")
MARK = CardFile(b"PARAM.INI", 20, 10**18)
FILES = (card_file(b"DCIM/a.mp4"), card_file(b"DCIM/b.mp4"), MARK)
LISTING = Listing(FILES)
FOOTAGE = FILES[:2]
POLICY = replace(ROSTER.policy[0], clear=(ClearRule("M", copies=1),))
CLEARING = replace(
    ROSTER,
    policy=(POLICY, ROSTER.policy[1]),
    recorder=(replace(ROSTER.recorder[0], model="M", serial="S1"), *ROSTER.recorder[1:]),
)
GONE = Trouble.of(RecorderGoneError())
STUCK = Trouble.of(MountError(reason="busy"))


def world(witnessed=None, **more):
    witness = None if witnessed is None else Witness(witnessed, KEY, NOW)
    known = Surroundings("synchronised", witness, KEY, is_archive_healthy=True)
    return replace(around(), roster=CLEARING, surroundings=replace(known, **more))


def reread(**changed):
    files = tuple(Reread(file, "aa", "aa", is_archived=True) for file in FILES)
    return replace(CardReadAgain("v1", True, WHO, LISTING, files), **changed)


COMPLETED = Noted("v1", VisitCompleted.TYPE, 5, NOW)
INTENDED = Noted("v1", RecorderClearing.TYPE, 8, NOW)
LOOKED = LookedAgain("v1", WHO, readings())
VISIT = (
    (Docked(device(), "v1"), None),
    (Identified("v1", WHO), None),
    (surveyed("v1", *FILES), None),
    *((imported("v1", file), None) for file in FILES),
    (CopyEnded("v1", "m", LISTING), None),
)
READ = ((COMPLETED, None), (Weighed(), 5), (reread(), 5))
PROMISED = (*READ, (INTENDED, 5))
REMOVING = (*PROMISED, (Weighed(), 8), (LOOKED, 8))
LEFT = ClearEnded("v1", Listing((MARK,)))


def after(*steps, dock=None):
    """Return the dock after a completed visit and these events, each in its world."""
    dock, effects = dock or empty_dock(), []
    for event, witnessed in (*VISIT, *steps):
        known = witnessed if not isinstance(witnessed, int | None) else world(witnessed)
        dock, effects = step(dock, event, known)
    return dock, effects


def facts(effects):
    return [effect.fact for effect in effects if isinstance(effect, Enter)]


def test_a_completed_visit_waits_to_be_cleared_and_may_be_issued_meanwhile():
    dock, effects = after()
    assert (dock.state, dock.clearing.phase) == (DockState.READY, ClearingPhase.WAITING)
    assert [fact.TYPE for fact in facts(effects)] == ["visit.completed"]


@pytest.mark.parametrize("roster", [ROSTER, replace(CLEARING, policy=ROSTER.policy)])
def test_without_a_policy_for_the_model_there_is_no_clearing(roster):
    dock = empty_dock()
    for event, _ in VISIT:
        dock, _ = step(dock, event, replace(world(), roster=roster))
    assert (dock.state, dock.clearing) == (DockState.READY, None)


def test_the_last_look_keeps_what_was_told_before_the_recorder_was_a_disk():
    dock, _ = after(*PROMISED, (Weighed(), 8))
    told = (replace(readings()[0], value=77),)
    looked = LookedAgain("v1", WHO, readings(battery=None))
    dock, _ = step(replace(dock, told=told), looked, world(8))
    assert dock.readings[0] == told[0]


def test_the_inbox_is_never_cleared():
    dock = empty_dock()
    events = [Docked(replace(device(), kind="inbox"), "v1"), *[event for event, _ in VISIT[1:]]]
    for event in events:
        dock, _ = step(dock, event, world(9))
    assert (dock.recorder, dock.clearing) == ("inbox", None)


@pytest.mark.parametrize("files", [(), (MARK,)])
def test_a_card_with_no_footage_on_it_is_not_cleared(files):
    assert begin(files, NOW) is None


def test_until_the_visit_is_witnessed_nothing_is_read_and_the_reasons_are_told():
    dock, effects = after((COMPLETED, None), (Weighed(), 4))
    assert effects == ()
    assert dock.clearing.reasons == (Reason.NOT_READ_AGAIN, Reason.NOT_WITNESSED)


def test_a_witnessed_visit_is_read_again():
    dock, effects = after(*READ[:2])
    assert effects == (ReadCardAgain(1, "v1", "R1"),)
    assert dock.clearing.phase is ClearingPhase.READING
    assert after(*READ[:2], (Weighed(), 9))[1] == ()


def test_while_the_card_is_read_again_progress_is_shown_and_the_battery_left_alone():
    dock, _ = after(*READ[:2], (Progressed("v1", 77), 5))
    assert dock.clearing.bytes_done == 77
    assert idle_orders(dock) == ()
    assert idle_orders(after()[0]) == (TakeReadings(1, "v1"),)


def test_the_intent_names_the_exact_files_without_the_recorders_marks():
    _, effects = after(*READ)
    (intent,) = facts(effects)
    assert effects == (Enter(intent),)
    assert (intent.files, intent.total_bytes) == (2, 2000)
    assert (intent.witnessed, intent.witness) == (5, KEY)


def test_the_intent_itself_must_be_witnessed_before_the_last_look():
    dock, effects = after(*PROMISED, (Weighed(), 7))
    assert (effects, dock.clearing.reasons) == ((), (Reason.NOT_WITNESSED,))
    assert after(*PROMISED, (Weighed(), 8))[1] == (LookAgain(1, "v1"),)


def test_an_intent_that_the_ledger_has_not_answered_yet_goes_no_further():
    assert after(*READ, (Weighed(), 9))[1] == ()


def test_only_after_the_last_look_the_files_are_removed():
    dock, effects = after(*REMOVING)
    assert effects == (ClearCard(1, "v1", FOOTAGE),)
    assert dock.state is DockState.CLEARING
    assert after(*PROMISED, (Weighed(), 8), (Weighed(), 8))[1] == ()


def test_a_battery_that_ran_low_at_the_last_look_is_waited_for():
    low = replace(LOOKED, readings=readings(battery=10))
    dock, effects = after(*PROMISED, (Weighed(), 8), (low, 8))
    assert (dock.clearing.phase, effects) == (ClearingPhase.INTENDED, ())
    assert after(*PROMISED, (Weighed(), 8), (low, 8), (Weighed(), 8))[1] == ()
    charged = ReadAgain("v1", readings())
    again = after(*PROMISED, (Weighed(), 8), (low, 8), (charged, 8), (Weighed(), 8))
    assert again[1] == (LookAgain(1, "v1"),)


def test_another_recorder_at_the_last_look_ends_the_clearing_with_everything_left():
    other = replace(LOOKED, identity=replace(WHO, volume="V9"))
    dock, effects = after(*PROMISED, (Weighed(), 8), (other, 8))
    (cleared,) = facts(effects)
    assert (cleared.code, cleared.removed, cleared.left) == ("clear_identity_changed", 0, 2)
    assert (dock.state, dock.clearing.phase) == (DockState.READY, ClearingPhase.KEPT)
    assert [finding.code for finding in dock.remarks] == ["clearing_failed"]


def test_what_bars_for_good_is_entered_once_with_every_reason():
    bad = reread(can_clear=False, listing=Listing(FILES, error="EIO"))
    dock, effects = after(*READ[:2], (bad, 5))
    assert facts(effects)[0].reasons == ("clear_impossible", "clear_listing_incomplete")
    assert after(*READ[:2], (bad, 5), (Weighed(), 9))[1] == ()
    assert dock.clearing.phase is ClearingPhase.KEPT


def test_a_finished_clearing_says_what_is_gone_and_has_the_space_measured():
    dock, effects = after(*REMOVING, (LEFT, 8))
    (cleared,) = facts(effects)
    assert (cleared.code, cleared.files, cleared.removed) == ("cleared", 2, 2)
    assert (cleared.left, cleared.others) == (0, 1)
    assert effects[-1] == TakeReadings(1, "v1")
    assert (dock.state, dock.clearing.phase) == (DockState.READY, ClearingPhase.CLEARED)


ENDS = {
    "files are left": (ClearEnded("v1", Listing(FILES[1:])), "files_left", 1, 1),
    "the card refused": (
        ClearEnded("v1", LISTING, Trouble.of(ClearingError(reason="EROFS"))),
        "card_not_cleared",
        0,
        1,
    ),
    "it cannot be listed": (ClearEnded("v1", None), "files_left", None, None),
    "it is listed in part": (ClearEnded("v1", Listing((), error="EIO")), "files_left", None, None),
    "it is gone": (ClearEnded("v1", None, GONE), "recorder_gone", None, None),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_clearing_that_went_wrong_says_what_is_known(how):
    event, code, removed, others = ENDS[how]
    dock, effects = after(*REMOVING, (event, 8))
    (cleared,) = facts(effects)
    assert (cleared.code, cleared.removed, cleared.others) == (code, removed, others)
    assert dock.remarks[0].value == code


@pytest.mark.parametrize(
    ("steps", "removed"), [(PROMISED, 0), (REMOVING[:-1], 0), (REMOVING, None)]
)
def test_a_recorder_taken_out_with_an_intent_open_closes_it(steps, removed):
    dock, effects = after(*steps, (Removed(), 8))
    (cleared,) = facts(effects)
    assert (cleared.code, cleared.removed) == ("recorder_gone", removed)
    assert dock.state is DockState.EMPTY


@pytest.mark.parametrize("steps", [(), READ[:2], (*REMOVING, (LEFT, 8))])
def test_a_recorder_taken_out_without_an_open_intent_needs_no_entry(steps):
    assert facts(after(*steps, (Removed(), 8))[1]) == []


def test_a_new_visit_asked_for_closes_the_intent_of_the_old_one():
    dock, effects = after(*PROMISED, (RetryAsked("v2"), 8))
    assert [fact.code for fact in facts(effects)] == ["clearing_stopped"]
    assert (dock.visit, dock.clearing) == ("v2", None)
    assert facts(after((RetryAsked("v2"), 8))[1]) == []


@pytest.mark.parametrize("steps", [(), READ[:2]])
def test_a_worker_that_cannot_go_on_ends_the_clearing_and_not_the_visit(steps):
    dock, effects = after(*steps, (VisitFailed("v1", STUCK), 5))
    assert facts(effects)[0].reasons == ("card_unmountable",)
    assert (dock.state, dock.clearing.code) == (DockState.READY, "card_unmountable")


def test_a_worker_that_fails_in_mid_removal_leaves_a_finished_dock():
    dock, effects = after(*REMOVING, (VisitFailed("v1", STUCK), 8))
    assert (facts(effects)[0].code, facts(effects)[0].removed) == ("card_unmountable", None)
    assert dock.state is DockState.READY


def test_a_failure_after_the_end_or_without_a_clearing_changes_nothing():
    done, effects = after(*REMOVING, (LEFT, 8), (VisitFailed("v1", GONE), 8))
    assert (done.clearing.phase, effects) == (ClearingPhase.CLEARED, ())


def test_the_next_visit_remarks_how_much_a_cut_off_clearing_has_left():
    intent = RecorderClearing("v0", "R1", 1, 40, 1, "0", 1, KEY)
    unfinished = replace(world(), unfinished={"R1": intent})
    survey = surveyed("v1", *FILES)
    dock, _ = after(*((event, unfinished) for event in ()))
    for event in (Docked(device(), "v1"), Identified("v1", WHO), survey):
        dock, _ = step(empty_dock() if isinstance(event, Docked) else dock, event, unfinished)
    assert [(f.code, f.value, f.limit) for f in dock.remarks] == [("clearing_unfinished", 0, 40)]


def test_a_wrong_order_of_calls_is_a_fault_of_ours():
    bare = Clearing(ClearingPhase.REMOVING, NOW)
    with pytest.raises(RuntimeError, match="without an intent"):
        end(bare, LEFT, NOW)
    dock, _ = after()
    with pytest.raises(RuntimeError, match="no clearing"):
        step(replace(dock, clearing=None), Weighed(), world())
    with pytest.raises(RuntimeError, match="without a visit"):
        step(replace(dock, listing=None), Weighed(), world())


EVENTS = (
    COMPLETED,
    INTENDED,
    Weighed(),
    reread(),
    reread(can_clear=False),
    reread(listing=Listing(FILES[:1])),
    LOOKED,
    replace(LOOKED, identity=replace(WHO, serial="S2")),
    replace(LOOKED, readings=readings(battery=None)),
    ReadAgain("v1", readings(battery=10)),
    ReadAgain("v1", readings()),
    Progressed("v1", 5),
    LEFT,
    VisitFailed("v1", STUCK),
    VisitFailed("v1", Trouble.of(FileUnreadableError(name="a", offset=0, reason="EIO"))),
    Removed(),
    RetryAsked("v2"),
)


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(3, 9)), max_size=40))
def test_no_sequence_of_events_removes_before_the_intent_is_entered_and_witnessed(steps):
    dock, _ = after()
    intents, noted = [], []
    for event, witnessed in steps:
        if (dock.state, type(event)) not in TABLE or (dock.clearing is None):
            continue
        if isinstance(event, Noted) and event.type == RecorderClearing.TYPE:
            if not intents:
                continue  # the ledger notes what was entered, and nothing else
            noted.append(event.sequence)
        dock, effects = step(dock, event, world(witnessed))
        intents += [fact for fact in facts(effects) if isinstance(fact, RecorderClearing)]
        for order in effects:
            if isinstance(order, ClearCard):
                assert intents
                assert noted
                assert witnessed >= noted[-1]
                assert order.files == FOOTAGE
                assert dock.state is DockState.CLEARING


@pytest.mark.parametrize("phase", list(ClearingPhase))
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("troubled", [True, False])
def test_no_phase_gives_the_order_to_remove_where_the_gate_is_shut(phase, size, looked, troubled):
    dock, _ = after(*REMOVING[:-1])
    clearing = replace(dock.clearing, phase=phase, looked=WHO if looked else None)
    case = Case(
        NOW, POLICY.clear[0], CLEARING.recorder[0], LISTING, dock.counts, clearing.completed,
        clearing.second, (WHO,), 90, 60, troubled, world(size).surroundings,
    )  # fmt: skip
    _, effects = advance(clearing, case, Seat(1, "v1", "R1"))
    is_open = phase is ClearingPhase.LOOKING and looked and size >= 8 and not troubled
    assert any(isinstance(effect, ClearCard) for effect in effects) == is_open
