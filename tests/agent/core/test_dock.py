"""One dock's life, transition by transition."""

from dataclasses import replace

import pytest

from agent.core import dock as table
from agent.core.dock import TABLE, Around, step
from agent.core.effect import CopyFiles, Enter, Identify, Release, SetClock, Survey, TakeReadings
from agent.core.event import (
    Barred,
    ClockCorrected,
    CopyEnded,
    Docked,
    FileUnreadable,
    Identified,
    Progressed,
    ReadAgain,
    Removed,
    RetryAsked,
    Trouble,
    VisitFailed,
)
from agent.core.plan import PlannedCopy
from agent.core.recorder import Device, Listing, RefusedItem
from contracts.dock import DockState
from contracts.errors import ArchiveFullError, FileUnreadableError
from contracts.facts import Counts
from contracts.finding import Finding
from contracts.reading import Identity, Reading
from tests.support.made_up import (
    LIMITS,
    NOW,
    ROSTER,
    around,
    card_file,
    device,
    empty_dock,
    imported,
    proven,
    readings,
    surveyed,
)

FULL = Trouble.of(ArchiveFullError())
UNREADABLE = Trouble.of(FileUnreadableError(name="a", offset=5, reason="EIO"))


def ENDED(dock):  # noqa: N802 - an event, but for what the dock has listed
    return CopyEnded("v1", "m", dock.listing)


def facts(effects):
    return [effect.fact for effect in effects if isinstance(effect, Enter)]


def after(*events, dock=None, world=None):
    """Return the dock after the events and all effects on the way."""
    dock, effects = dock or empty_dock(), []
    for event in events:
        happened = event(dock) if callable(event) else event
        dock, new = step(dock, happened, world or around())
        effects += new
    return dock, effects


def docked(number="R1"):
    return [Docked(device(), "v1"), Identified("v1", Identity(device_number=number))]


def copying(*files, number="R1", **survey):
    return [*docked(number), surveyed("v1", *files, **survey)]


def test_plugging_in_asks_who_it_is():
    dock, effects = after(Docked(device(), "v1"))
    assert dock.state is DockState.IDENTIFYING
    assert effects == [Identify(1, "v1", device())]


def test_a_registered_recorder_is_entered_and_surveyed():
    dock, effects = after(*docked())
    assert (dock.state, dock.recorder) == (DockState.CHECKING, "R1")
    assert [fact.TYPE for fact in facts(effects)] == ["recorder.docked"]
    assert effects[-1] == Survey(1, "v1", "R1")


def test_the_profile_it_goes_by_is_entered():
    known = Identified("v1", Identity(device_number="R1"), profile="acme")
    _, effects = after(Docked(device(), "v1"), known)
    assert [fact.profile for fact in facts(effects)] == ["acme"]


def test_an_unregistered_recorder_is_refused_and_let_go():
    dock, effects = after(*docked("R9"))
    assert (dock.state, dock.trouble.code) == (DockState.REFUSED, "recorder_unknown")
    assert effects[-1] == Release(1)
    assert not dock.visit_open


def test_an_identity_that_fits_two_recorders_is_refused():
    roster = around().roster
    doubled = replace(roster, recorder=(*roster.recorder, replace(roster.recorder[0], number="R8")))
    dock, _ = after(*docked(), world=replace(around(), roster=doubled))
    assert dock.trouble.code == "identity_conflict"


def test_a_second_recorder_of_the_same_number_is_refused():
    dock, _ = after(*docked(), world=around(R1=2))
    assert dock.trouble.code == "recorder_number_twice"


def test_a_survey_is_checked_entered_and_copied():
    dock, effects = after(*copying(card_file()))
    assert dock.state is DockState.COPYING
    assert [fact.TYPE for fact in facts(effects)] == ["recorder.docked", "recorder.checked"]
    order = effects[-1]
    assert isinstance(order, CopyFiles)
    assert [copy.file for copy in order.plan.copies] == [card_file()]


def test_items_that_are_no_files_are_entered_and_counted():
    listing = Listing((card_file(),), (RefusedItem(b"link", "symlink"),), error="EIO")
    dock, effects = after(*copying(listing=listing))
    assert [fact.TYPE for fact in facts(effects)][-1] == "footage.refused"
    assert dock.counts == Counts(listed=2, refused=1)
    assert [finding.code for finding in dock.remarks] == ["listing_failed", "files_refused"]


def test_a_wrong_clock_is_entered_before_it_is_set():
    _, effects = after(*copying(number="R2", readings=readings(offset_ms=420_000)))
    kinds = [type(effect) for effect in effects]
    checked = next(
        i
        for i, e in enumerate(effects)
        if isinstance(e, Enter) and e.fact.TYPE == "recorder.checked"
    )
    assert checked < kinds.index(SetClock) < kinds.index(CopyFiles)


def test_a_clock_is_not_set_where_policy_does_not_ask_for_it():
    _, effects = after(*copying(readings=readings(offset_ms=420_000)))
    assert SetClock not in [type(effect) for effect in effects]


def test_a_clock_is_not_set_from_a_station_in_doubt_and_that_is_said():
    events = copying(number="R2", readings=readings(offset_ms=420_000))
    dock, effects = after(*events, world=Around(NOW, ROSTER, {}))
    assert SetClock not in [type(effect) for effect in effects]
    assert [finding.code for finding in dock.remarks] == ["station_clock_unsure"]


def test_an_estimated_clock_dates_nothing():
    newest = Reading("clock_offset_ms", -3_600_000, "newest file", NOW, "estimated", 86_400_000)
    dock, effects = after(*copying(readings=(*readings(offset_ms=None), newest)))
    assert "clock_unknown" in [finding.code for finding in dock.findings]
    assert (dock.clock_offset_ms, effects[-1].clock_offset_ms) == (None, None)


def test_a_corrected_clock_is_entered_with_its_old_offset_and_checked_again():
    corrected = ClockCorrected("v1", NOW, 420_000, readings())
    start, _ = after(*copying(number="R2", readings=readings(offset_ms=420_000)))
    dock, effects = after(corrected, dock=start)
    assert [fact.TYPE for fact in facts(effects)] == ["clock.set", "recorder.checked"]
    assert facts(effects)[0].offset_ms_before == 420_000
    assert dock.findings == ()
    assert dock.clock_offset_ms == 420_000


def test_a_proven_file_is_entered_and_counted():
    file = card_file()
    dock, effects = after(*copying(file), imported("v1", file))
    assert facts(effects)[-1].sha256 == "ab"
    assert (dock.counts.imported, dock.imported_bytes) == (1, file.size)


def test_bytes_the_archive_had_already_count_as_held():
    file = card_file()
    dock, _ = after(*copying(file), imported("v1", file, held=True))
    assert (dock.counts.held, dock.counts.imported, dock.imported_bytes) == (1, 0, 0)


def test_other_bytes_under_an_old_name_are_a_finding_and_are_kept():
    file = card_file()
    clash = imported("v1", file, "new", planned=PlannedCopy(file, ("old",)))
    dock, effects = after(*copying(file), clash)
    assert [finding.code for finding in facts(effects)[-1].findings] == ["name_clash"]
    assert [finding.code for finding in dock.remarks] == ["name_clash"]


def test_the_same_bytes_under_an_old_name_are_no_clash():
    file = card_file()
    again = imported("v1", file, "old", planned=PlannedCopy(file, ("old",)))
    dock, _ = after(*copying(file), again)
    assert dock.remarks == ()


@pytest.mark.parametrize("verdict", ["truncated", "unreadable", "unparsed"])
def test_media_that_cannot_be_played_is_a_finding_and_is_kept(verdict):
    file = card_file()
    dock, _ = after(*copying(file), imported("v1", file, verdict=verdict))
    assert [finding.code for finding in dock.remarks] == [f"media_{verdict}"]
    assert dock.counts.imported == 1


def test_remarks_of_one_kind_are_gathered_into_one():
    files = [card_file(bytes([65 + n])) for n in range(3)]
    events = [imported("v1", f, f"{n}", verdict="truncated") for n, f in enumerate(files)]
    dock, _ = after(*copying(*files), *events)
    assert [finding.value for finding in dock.remarks] == ["A (+2)"]


def test_unreadable_files_are_entered_and_bar_issue():
    files = [card_file(b"a"), card_file(b"b")]
    missed = [FileUnreadable("v1", PlannedCopy(f), UNREADABLE, 5) for f in files]
    dock, effects = after(*copying(*files), *missed, ENDED)
    assert dock.state is DockState.ATTENTION
    assert facts(effects)[-2].offset == 5
    assert [(f.code, f.value) for f in dock.remarks] == [("card_errors", 2)]


def test_fewer_unreadable_files_than_the_policy_allows_are_a_warning():
    lenient = replace(LIMITS, card_errors_max=1)
    policies = tuple(replace(policy, limits=lenient) for policy in around().roster.policy)
    world = replace(around(), roster=replace(around().roster, policy=policies))
    file = card_file()
    missed = FileUnreadable("v1", PlannedCopy(file), UNREADABLE, 5)
    dock, _ = after(*copying(file), missed, ENDED, world=world)
    assert dock.state is DockState.READY
    assert dock.remarks == (Finding("card_errors", "warning", 1, 1),)


def test_a_visit_is_complete_when_every_file_is_accounted_for():
    file, old = card_file(b"new"), card_file(b"old")
    start = copying(file, old, proven=(proven(old),))
    dock, effects = after(*start, imported("v1", file), ENDED)
    completed = facts(effects)[-1]
    assert dock.state is DockState.READY
    assert completed.counts == Counts(listed=2, imported=1, held=1)
    assert completed.manifest_sha256 == "m"


def test_counts_that_do_not_add_up_are_not_a_completed_visit():
    dock, effects = after(*copying(card_file()), ENDED)
    assert dock.state is DockState.FAILED
    assert [fact.TYPE for fact in facts(effects)][-1] == "visit.interrupted"
    assert facts(effects)[-1].code == "counts_differ"


def test_a_recorder_pulled_out_in_mid_copy_is_entered_as_interrupted():
    dock, effects = after(*copying(card_file()), Removed())
    assert dock == replace(empty_dock(), since=NOW)
    assert facts(effects)[-1].code == "recorder_gone"
    assert effects[-1] == Release(1)


def test_a_failed_visit_is_entered_once_though_the_recorder_leaves_afterwards():
    _, effects = after(*copying(card_file()), VisitFailed("v1", FULL), Removed())
    assert [fact.TYPE for fact in facts(effects)].count("visit.interrupted") == 1


def test_a_failure_before_the_recorder_is_known_is_shown_only():
    dock, effects = after(Docked(device(), "v1"), VisitFailed("v1", FULL))
    assert (dock.state, dock.trouble) == (DockState.FAILED, FULL)
    assert facts(effects) == []


def test_trying_again_begins_a_new_visit_of_the_same_device():
    dock, effects = after(*copying(card_file()), VisitFailed("v1", FULL), RetryAsked("v2"))
    assert (dock.state, dock.visit, dock.found) == (DockState.IDENTIFYING, "v2", True)
    assert effects[-2:] == [Release(1), Identify(1, "v2", device())]


def test_trying_again_what_failed_before_it_was_known_is_still_its_plugging_in():
    dock, _ = after(Docked(device(), "v1"), VisitFailed("v1", FULL), RetryAsked("v2"))
    assert not dock.found


def test_a_barred_device_is_shown_and_never_opened():
    dock, effects = after(Barred(device(), FULL))
    assert (dock.state, effects) == (DockState.REFUSED, [])
    assert after(Removed(), dock=dock)[0].state is DockState.EMPTY


def test_what_a_worker_reports_for_an_ended_visit_is_dropped():
    dock, _ = after(*copying(card_file()))
    assert step(dock, imported("v0", card_file()), around()) == (dock, ())


def test_progress_is_remembered():
    dock, effects = after(*copying(card_file()), Progressed("v1", 400))
    assert (dock.bytes_done, facts(effects)[-1].TYPE) == (400, "recorder.checked")


def test_a_battery_charged_meanwhile_makes_the_recorder_ready():
    low = copying(readings=readings(battery=20))
    waiting, _ = after(*low, ENDED)
    dock, effects = after(ReadAgain("v1", readings()), dock=waiting)
    assert (waiting.state, dock.state) == (DockState.ATTENTION, DockState.READY)
    assert [fact.TYPE for fact in facts(effects)] == ["recorder.checked"]


def test_new_readings_that_change_no_check_are_not_entered():
    waiting, _ = after(*copying(), ENDED)
    dock, effects = after(ReadAgain("v1", readings(battery=91)), dock=waiting)
    assert effects == []
    assert dock.readings == readings(battery=91)


def test_the_inbox_is_imported_without_checks():
    inbox = Device("inbox", "inbox", device().node, "inbox")
    events = [Docked(inbox, "v1"), Identified("v1", Identity()), surveyed("v1", readings=())]
    dock, effects = after(*events, ENDED)
    assert (dock.state, dock.recorder) == (DockState.READY, "inbox")
    assert [f.TYPE for f in facts(effects)] == ["recorder.docked", "visit.completed"]
    assert table.idle_orders(dock) == ()


def test_a_finished_dock_has_its_battery_read_now_and_then():
    dock, _ = after(*copying(), ENDED)
    assert table.idle_orders(dock) == (TakeReadings(1, "v1"),)
    assert table.idle_orders(empty_dock()) == ()


def test_a_worker_that_notices_the_empty_port_first_changes_nothing():
    dock, _ = after(*copying(), ENDED)
    assert step(dock, VisitFailed("v1", FULL), around()) == (dock, ())


def test_a_pair_that_is_not_in_the_table_is_our_bug_and_crashes():
    with pytest.raises(RuntimeError, match="Removed in empty"):
        step(empty_dock(), Removed(), around())


def test_impossible_docks_crash_rather_than_guess():
    with pytest.raises(RuntimeError, match="no recorder"):
        step(
            replace(empty_dock(), state=DockState.COPYING, visit="v"),
            CopyEnded("v", "m", Listing(())),
            around(),
        )
    with pytest.raises(RuntimeError, match="no recorder"):
        step(replace(empty_dock(), state=DockState.CHECKING, visit_open=True), Removed(), around())
    with pytest.raises(RuntimeError, match="no device"):
        step(
            replace(empty_dock(), state=DockState.IDENTIFYING, visit="v"),
            Identified("v", Identity()),
            around(),
        )
    with pytest.raises(RuntimeError, match="nothing to retry"):
        step(replace(empty_dock(), state=DockState.FAILED), RetryAsked("v"), around())


def test_from_every_state_taking_out_leads_to_an_empty_dock():
    states = {state for state, _ in TABLE} - {DockState.EMPTY}
    assert states == set(DockState) - {DockState.EMPTY}
    assert all((state, Removed) in TABLE for state in states)
