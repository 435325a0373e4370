"""A visit is complete only when its card lists the same twice."""

from dataclasses import replace

from agent.core import settling
from agent.core.dock import LISTINGS_MAX, step
from agent.core.effect import CopyFiles, Enter, Release
from agent.core.event import CopyEnded, Docked, FileUnreadable, Identified, Trouble
from agent.core.plan import PlannedCopy, is_same, news, relisted
from agent.core.recorder import Listing, RefusedItem, Salvaged
from contracts.dock import DockState
from contracts.errors import FileShortError, FileUnreadableError
from contracts.facts import FootageUnreadable, draft_of, fact_of
from contracts.finding import Finding
from contracts.reading import Identity
from tests.support.made_up import around, card_file, device, empty_dock, entry, imported, surveyed

A, B = card_file(b"a"), card_file(b"b")
LINK, FIFO = RefusedItem(b"l", "symlink"), RefusedItem(b"f", "fifo")
UNREADABLE = Trouble.of(FileUnreadableError(name="a", offset=5, reason="EIO"))


def after(*events, dock=None, world=None):
    dock, effects = dock or empty_dock(), ()
    for event in events:
        dock, effects = step(dock, event, world or around())
    return dock, effects


def copied(*files, number="R1", surveyed_too=()):
    docked = [Docked(device(), "v1"), Identified("v1", Identity(device_number=number))]
    dock, _ = after(*docked, surveyed("v1", *files, *surveyed_too))
    dock, _ = after(*(imported("v1", file) for file in files), dock=dock)
    return dock


def ended(*files, refused=(), error=None):
    return CopyEnded("v1", "m", Listing(files, refused, error))


def orders(effects):
    return [effect for effect in effects if isinstance(effect, CopyFiles)]


def facts(effects):
    return [effect.fact for effect in effects if isinstance(effect, Enter)]


def test_two_listings_are_the_same_whatever_was_said_of_what_is_refused():
    assert is_same(Listing((A,), (LINK,)), Listing((A,), (replace(LINK, detail="other"),)))


def test_listings_of_other_files_sizes_times_or_refused_items_are_not_the_same():
    others = [(), (A, B), (card_file(b"a", size=1),), (card_file(b"a", modified_ns=1),)]
    assert not any(is_same(Listing((A,)), Listing(other)) for other in others)
    assert not is_same(Listing((A,)), Listing((A,), (LINK,)))


def test_what_is_new_in_a_listing_is_what_the_one_before_had_not():
    grown = card_file(b"a", size=2000)
    after_it = Listing((grown, B), (LINK, FIFO))
    assert news(Listing((A, B), (LINK,)), after_it) == Listing((grown,), (FIFO,))


def test_a_card_that_lists_the_same_twice_completes_its_visit():
    dock, effects = after(ended(A, B), dock=copied(A, B))
    assert (dock.state, dock.listings) == (DockState.READY, 1)
    assert [fact.TYPE for fact in facts(effects)] == ["visit.completed"]


def test_a_file_that_appeared_is_copied_before_the_visit_is_complete():
    dock, effects = after(ended(A, B), dock=copied(A))
    assert [order.plan.copies for order in orders(effects)] == [(PlannedCopy(B),)]
    assert (dock.state, dock.counts.listed, dock.visit_open) == (DockState.COPYING, 2, True)
    dock, effects = after(imported("v1", B), ended(A, B), dock=dock)
    (fact,) = facts(effects)
    assert (fact.TYPE, fact.counts.imported, fact.counts.listed) == ("visit.completed", 2, 2)
    assert fact.findings == (Finding("listing_changed", "warning", 1),)


def test_a_file_of_another_size_is_copied_as_well_as_what_it_was():
    grown = card_file(b"a", size=2000)
    dock, effects = after(ended(grown), dock=copied(A))
    assert [order.plan.copies for order in orders(effects)] == [(PlannedCopy(grown),)]
    assert dock.plan.total_bytes == A.size + grown.size
    dock, _ = after(imported("v1", grown), ended(grown), dock=dock)
    assert (dock.state, dock.counts.imported) == (DockState.READY, 2)


def test_a_file_that_vanished_asks_for_one_more_listing():
    dock, effects = after(ended(A), dock=copied(A, B))
    assert [order.plan.copies for order in orders(effects)] == [()]
    dock, _ = after(ended(A), dock=dock)
    assert dock.state is DockState.READY


def test_a_file_that_a_listing_missed_and_the_next_has_again_is_entered_once():
    dock, _ = after(ended(A, error="EIO"), dock=copied(A, B))
    dock, effects = after(ended(A, B, refused=(LINK,)), dock=dock)
    assert [order.plan.copies for order in orders(effects)] == [()]
    dock, effects = after(ended(A, B, refused=(LINK,)), dock=dock)
    (fact,) = facts(effects)
    assert (fact.TYPE, fact.counts.listed, fact.counts.settled) == ("visit.completed", 3, 3)


def test_what_a_file_had_become_when_it_was_read_is_not_copied_again_after_a_listing_missed_it():
    grown = card_file(b"b", size=2000)
    became = imported("v1", B)
    became = replace(became, planned=became.planned.become(grown))
    dock, _ = after(became, ended(A), dock=copied(A, surveyed_too=(B,)))
    dock, effects = after(ended(A, grown), dock=dock)
    assert [order.plan.copies for order in orders(effects)] == [()]


def test_an_item_that_is_no_file_and_comes_back_is_entered_once():
    listed = replace(surveyed("v1", A), listing=Listing((A,), (LINK,)))
    docked = [Docked(device(), "v1"), Identified("v1", Identity(device_number="R1"))]
    dock, _ = after(*docked, listed, imported("v1", A), ended(A))
    dock, effects = after(ended(A, refused=(LINK,)), dock=dock)
    assert facts(effects) == []
    assert (dock.counts.listed, dock.counts.refused) == (2, 1)


def test_an_item_that_appeared_and_is_no_file_is_entered_and_counted():
    dock, effects = after(ended(A, refused=(LINK,)), dock=copied(A))
    assert [fact.TYPE for fact in facts(effects)] == ["footage.refused"]
    assert (dock.counts.listed, dock.counts.refused) == (2, 1)
    assert [remark.code for remark in dock.remarks] == ["files_refused", "listing_changed"]


def test_a_second_listing_that_fails_bars_issue():
    dock, _ = after(ended(A, refused=(LINK,), error="EIO"), dock=copied(A))
    dock, _ = after(ended(A, refused=(LINK,), error="EIO"), dock=dock)
    assert dock.state is DockState.ATTENTION
    assert dock.remarks[0] == Finding("listing_failed", "blocking", "EIO")


def test_the_files_of_a_second_round_are_hashed_as_the_policy_says():
    _, effects = after(ended(A, B), dock=copied(A, number="R2"))
    (order,) = orders(effects)
    assert (order.recorder, order.sm3) == ("R2", around().policy("R2").sm3)


def test_the_inbox_has_a_second_round_too():
    dock = replace(copied(A), recorder="inbox")
    _, effects = after(ended(A, B), dock=dock)
    assert orders(effects)[0].sm3 is False


def test_a_card_that_never_settles_ends_the_visit_with_its_own_code():
    dock, files = copied(A), [A]
    for number in range(1, LISTINGS_MAX - 1):
        files.append(card_file(b"n%d" % number))
        dock, _ = after(ended(*files), imported("v1", files[-1]), dock=dock)
    assert dock.state is DockState.COPYING
    dock, effects = after(ended(A), dock=dock)
    assert (dock.state, dock.trouble.code) == (DockState.FAILED, "listing_unsteady")
    assert [fact.code for fact in facts(effects)] == ["listing_unsteady"]
    assert Release(1) in effects


def test_a_file_imported_as_what_it_had_become_is_what_the_next_listing_must_have():
    grown = card_file(b"a", size=2000)
    docked = [Docked(device(), "v1"), Identified("v1", Identity(device_number="R1"))]
    taken = imported("v1", grown, planned=PlannedCopy(A).become(grown))
    dock, _ = after(*docked, surveyed("v1", A), taken, ended(grown))
    assert (dock.state, dock.listings) == (DockState.READY, 1)


def test_a_file_that_became_another_and_was_missed_is_not_tried_a_third_time():
    grown = card_file(b"a", size=2000)
    docked = [Docked(device(), "v1"), Identified("v1", Identity(device_number="R1"))]
    missed = FileUnreadable("v1", PlannedCopy(A).become(grown), UNREADABLE, None)
    dock, effects = after(*docked, surveyed("v1", A), missed, ended(grown))
    assert [fact.TYPE for fact in facts(effects)] == ["visit.completed"]
    assert dock.counts.unreadable == 1


def test_a_file_that_became_another_twice_is_still_the_one_that_was_listed():
    twice = PlannedCopy(A).become(card_file(b"a", size=2)).become(card_file(b"a", size=3))
    assert relisted(Listing((A, B)), twice) == Listing((card_file(b"a", size=3), B))


def missed(salvaged):
    event = FileUnreadable("v1", PlannedCopy(A), UNREADABLE, 5, salvaged)
    return settling.unreadable(event, "R1")


def test_bad_ranges_and_what_was_kept_are_entered():
    fact = missed(Salvaged(((0, 4096), (9000, 10)), "partial/ab", 500, "ab"))
    assert (fact.bad, fact.bad_ranges, fact.bad_bytes) == (((0, 4096), (9000, 10)), 2, 4106)
    assert (fact.partial, fact.partial_bytes, fact.partial_sha256) == ("partial/ab", 500, "ab")
    assert fact_of(entry(fact), FootageUnreadable) == fact


def test_a_file_of_which_nothing_was_kept_names_no_partial():
    fact = missed(Salvaged(((0, 9),), sha256="e3"))
    assert (fact.bad, fact.partial, fact.partial_bytes, fact.partial_sha256) == (
        ((0, 9),),
        None,
        0,
        None,
    )


def test_more_ranges_than_an_entry_has_room_for_are_counted():
    many = tuple((n << 40, 4096) for n in range(500))
    fact = missed(Salvaged(many, "partial/ab", 500, "ab"))
    assert (len(fact.bad), fact.bad_ranges, fact.bad_bytes) == (64, 500, 500 * 4096)
    longest = replace(fact, path=b"\\" * 4096, name="\\" * 301, reason="\u6587" * 1000)
    assert len(entry(longest).raw) < 16 * 1024
    assert draft_of(longest).subject == "R1"


def test_a_short_file_says_how_far_it_went():
    said = Trouble.of(FileShortError(name="a", size=100, offset=60))
    assert "60" in str(said.sentence)
