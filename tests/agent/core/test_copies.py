"""What is owed to the second copy, what is ordered, and what is entered about its disk."""

from datetime import timedelta

import pytest

from agent.core.board import show_copies
from agent.core.copies import COPIED_MAX, HELD, ORDER_BYTES, SILENT_TICKS, Copies
from agent.core.effect import BringCopies, Enter, Owed
from agent.core.event import SecondCopied, SecondCopyMoved, SecondCopySeen, Trouble
from contracts.archive_facts import (
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    ScrubCounts,
)
from contracts.copy_facts import (
    CopyCommissioned,
    CopyDamaged,
    CopyMissing,
    CopyScrubbed,
    FootageCopied,
    FootageRestored,
)
from contracts.entry import MAX_ENTRY_BYTES, encode
from contracts.errors import SecondCopyAbsentError, SecondCopyFailingError
from contracts.facts import AgentStopped, FootageImported, Media, draft_of
from contracts.settings import StorageSettings
from tests.support.made_up import MIB, NOW, entry, later, moment

DISK = CopyCommissioned("d" * 32, "/second", "v", True, 10_000 * MIB)
AWAY = Trouble.of(SecondCopyAbsentError(where="/second"))
FAILING = Trouble.of(SecondCopyFailingError(reason="EIO"))


def digest(number):
    return f"{number:064x}"


def path(number):
    return f"objects/sha256/{digest(number)}"


def footage(sha256, size):
    return FootageImported(
        visit="v", recorder="R1", dock=1, path=b"a.mp4", name="a.mp4", size=size, modified_us=1,
        modified_at=NOW, name_time=None, recorded_at=NOW, recorded_from="modified",
        clock_offset_ms=None, sha256=sha256, object=f"objects/{sha256}", view="v/a.mp4",
        held=False, media=Media("readable"),
    )  # fmt: skip


class Run:
    """A second copy whose ledger takes every fact at once."""

    def __init__(self, *, is_set_up=True, sizes=()):
        self.copies = Copies(is_set_up, StorageSettings())
        self.facts = []
        for number, size in enumerate(sizes):
            self.fold(footage(digest(number), size))

    def fold(self, fact, at=NOW):
        self.facts.append(fact)
        self.copies.fold(entry(fact, len(self.facts), at))

    def do(self, effects):
        """Enter what is to be entered; return what is entered now, and what is ordered."""
        facts = [effect.fact for effect in effects if isinstance(effect, Enter)]
        for fact in facts:
            self.fold(fact)
        orders = [list(e.objects) for e in effects if isinstance(e, BringCopies)]
        return facts, orders

    def see(self, trouble=None, *, free_mib=5000, news=None, may_copy=True, at=NOW):
        seen = SecondCopySeen(trouble, free_mib * MIB, 10_000 * MIB, news)
        return self.do(self.copies.decide(seen, at, may_copy=may_copy))

    def copied(self, *numbers, lacking=(), trouble=None, at=NOW):
        ended = SecondCopied(tuple(map(digest, numbers)), tuple(map(digest, lacking)), trouble)
        return self.do(self.copies.decide(ended, at, may_copy=True))

    def commissioned(self):
        self.fold(DISK)
        return self

    def again(self):
        """Return what a restart makes of the same ledger."""
        restarted = Run()
        for fact in self.facts:
            restarted.fold(fact)
        return restarted.copies


def codes(facts):
    return [(fact.TYPE, fact.code) for fact in facts]


def test_a_disk_becomes_the_second_copys_once_and_is_used_from_then_on():
    run = Run(sizes=[1])
    assert run.see() == ([], [])
    assert run.see(news=DISK) == ([DISK], [])
    assert run.see(news=DISK) == ([], [])
    assert run.see() == ([], [[Owed(digest(0), 1)]])


def test_the_newest_are_ordered_first_and_one_order_is_out_at_a_time():
    run = Run(sizes=[1, 2, 3]).commissioned()
    assert run.see()[1] == [[Owed(digest(n), n + 1) for n in (2, 1, 0)]]
    assert run.see()[1] == []
    assert run.copied(2, 1, 0) == ([FootageCopied(DISK.copy, tuple(map(digest, (2, 1, 0))), 6)], [])
    assert run.see() == ([], [])


def test_an_order_is_bounded_in_files_and_in_bytes_and_a_large_file_goes_alone():
    many = Run(sizes=[1] * (COPIED_MAX + 1)).commissioned()
    assert len(many.see()[1][0]) == COPIED_MAX
    large = Run(sizes=[1, ORDER_BYTES, ORDER_BYTES + 1]).commissioned()
    assert large.see()[1] == [[Owed(digest(2), ORDER_BYTES + 1)]]
    large.copied(2)
    assert large.see()[1] == [[Owed(digest(1), ORDER_BYTES)]]


def test_what_a_full_order_confirms_fits_one_entry():
    fact = FootageCopied(DISK.copy, (digest(1),) * COPIED_MAX, 2**53 - 1)
    raw = encode(draft_of(fact), 10**10 - 1, "muster/" + "o" * 32 + "/" + "s" * 32, moment())
    assert len(raw) < MAX_ENTRY_BYTES // 2


def test_nothing_is_ordered_while_a_dock_copies():
    run = Run(sizes=[1]).commissioned()
    assert run.see(may_copy=False)[1] == []
    assert run.see()[1] != []


def test_nothing_is_ordered_on_word_of_anything_but_a_look():
    run = Run(sizes=[1]).commissioned()
    assert run.copied() == ([], [])
    assert run.do(run.copies.decide(SecondCopyMoved(), NOW, may_copy=True)) == ([], [])


def test_what_is_confirmed_is_owed_no_more_and_a_restart_knows_it():
    run = Run(sizes=[4, 5]).commissioned()
    run.see()
    run.copied(1)
    for copies in (run.copies, run.again()):
        assert (copies.is_confirmed(digest(1)), copies.is_confirmed(digest(0))) == (True, False)
        assert (copies.owed_bytes, copies.confirmed_bytes) == (4, 5)
        shown = show_copies(copies)
        assert (shown.confirmed, shown.owed, shown.owed_bytes) == (1, 1, 4)
    assert run.copied(1)[0] == [FootageCopied(DISK.copy, (digest(1),), 0)]
    assert run.copies.confirmed_bytes == 5


def test_the_same_footage_again_is_owed_once_and_not_at_all_once_it_is_confirmed():
    run = Run(sizes=[4, 5]).commissioned()
    run.fold(footage(digest(0), 4))
    assert (run.copies.owed_bytes, run.see()[1]) == (9, [[Owed(digest(0), 4), Owed(digest(1), 5)]])
    run.copied(0, 1)
    run.fold(footage(digest(0), 4))
    assert run.copies.owed == {}


def test_a_restart_may_take_in_all_imports_before_all_else():
    run = Run(sizes=[4, 5]).commissioned()
    run.see()
    run.copied(1)
    run.fold(footage(digest(1), 5))  # again, of another recorder
    run.fold(CopyMissing(DISK.copy, digest(1), path(1), 5))
    copies = Copies(True, StorageSettings())
    facts = [fact for fact in run.facts if isinstance(fact, FootageImported)]
    for fact in facts:
        copies.prove(fact.sha256, fact.size)
    for sequence, fact in enumerate(run.facts, 1):
        if fact not in facts:
            copies.fold(entry(fact, sequence))
    assert (copies.owed, copies.confirmed) == (run.copies.owed, run.copies.confirmed)


def test_on_another_disk_everything_is_owed_again():
    run = Run(sizes=[4, 5]).commissioned()
    run.see()
    run.copied(1)
    run.fold(CopyDamaged(DISK.copy, digest(1), path(1), 5, 5))
    run.copied(1)
    other = CopyCommissioned("e" * 32, "/second", "w", True, 1, replaces=DISK.copy)
    run.fold(other)
    run.fold(FootageCopied(DISK.copy, (digest(0),), 4))  # of the disk before
    copies = run.copies
    assert (len(copies.owed), copies.owed_bytes, copies.confirmed, copies.confirmed_bytes) == (
        2, 9, {}, 0,
    )  # fmt: skip


def test_what_is_wrong_with_the_disk_is_entered_once_and_when_it_is_over():
    run = Run(sizes=[1]).commissioned()
    assert codes(run.see(AWAY)[0]) == [("copy.faulted", "second_copy_absent")]
    assert run.see(AWAY) == ([], [])
    assert run.again().faulted == "second_copy_absent"
    assert (show_copies(run.copies).code, run.copies.is_reachable) == ("second_copy_absent", False)
    facts, orders = run.see()
    assert (codes(facts), len(orders)) == ([("copy.recovered", "second_copy_absent")], 1)
    assert (run.again().faulted, run.copies.is_reachable) == (None, True)


def test_nothing_is_known_of_a_disk_that_was_not_looked_at():
    copies = Run(sizes=[1]).commissioned().copies
    assert (copies.is_reachable, copies.trouble, show_copies(copies).is_known) == (
        False, None, False,
    )  # fmt: skip


def test_what_ended_an_order_stands_for_a_while_and_then_it_is_tried_again():
    run = Run(sizes=[1, 2]).commissioned()
    run.see()
    facts, _ = run.copied(1, trouble=FAILING)
    assert [fact.TYPE for fact in facts] == ["footage.copied", "copy.faulted"]
    assert run.see(at=NOW + HELD - timedelta(seconds=1)) == ([], [])
    facts, orders = run.see(at=NOW + HELD)
    assert codes(facts) == [("copy.recovered", "second_copy_failing")]
    assert orders == [[Owed(digest(0), 1)]]


def test_a_disk_that_went_and_came_back_is_tried_at_once():
    run = Run(sizes=[1]).commissioned()
    run.see()
    run.copied(trouble=FAILING)
    assert codes(run.see(AWAY)[0]) == [
        ("copy.recovered", "second_copy_failing"), ("copy.faulted", "second_copy_absent"),
    ]  # fmt: skip
    assert run.see()[1] != []


def test_what_finds_no_room_beside_the_reserve_is_left_out_and_if_all_is_that_is_a_fault():
    run = Run(sizes=[10 * MIB, 50 * MIB]).commissioned()
    assert run.see(free_mib=220)[1] == [[Owed(digest(0), 10 * MIB)]]
    facts, _ = run.copied(0)
    assert [fact.TYPE for fact in facts] == ["footage.copied", "copy.faulted"]
    assert run.see(free_mib=220) == ([], [])
    assert (run.copies.trouble.code, run.copies.is_reachable) == ("second_copy_full", True)
    assert run.see(free_mib=251)[1] == [[Owed(digest(1), 50 * MIB)]]
    run.copied(1)
    assert codes(run.see(free_mib=0)[0]) == []


def test_a_copyist_that_says_nothing_for_long_is_a_fault_and_no_clock_decides_it():
    run = Run(sizes=[1]).commissioned()
    run.see()
    for _ in range(SILENT_TICKS):
        assert run.do(run.copies.watch(later(10**6))) == ([], [])
    facts, _ = run.do(run.copies.watch(NOW))
    assert codes(facts) == [("copy.faulted", "second_copy_failing")]
    facts, _ = run.do(run.copies.decide(SecondCopyMoved(), NOW, may_copy=True))
    assert codes(facts) == [("copy.recovered", "second_copy_failing")]


def test_what_the_archive_lacks_is_not_ordered_until_it_is_whole_again():
    run = Run(sizes=[1, 2, 3]).commissioned()
    run.see()
    run.copied(2, lacking=[1])
    where = ("R1", digest(0), path(0), "v", 1)
    run.fold(FootageDamaged(*where, 1))
    assert run.see() == ([], [])
    assert len(run.copies.owed) == 2
    run.fold(FootageIntact("R1", digest(0), path(0)))
    assert run.see()[1] == [[Owed(digest(0), 1)]]
    run.copied()
    run.fold(FootageMissing(*where))
    assert run.see()[1] == []
    run.fold(FootageReplaced("v", "R1", digest(0), path(0), "damaged/x"))
    run.fold(FootageRestored("R1", digest(1), path(1), DISK.copy, "m1", "r"))
    assert run.see()[1] == [[Owed(digest(1), 2), Owed(digest(0), 1)]]


def test_a_damaged_manifest_keeps_no_object_back():
    run = Run(sizes=[1]).commissioned()
    run.fold(FootageDamaged("R1", digest(0), "manifests/v.sha256", "v", None, 1))
    assert run.see()[1] != []


@pytest.mark.parametrize(
    ("fact", "counted"),
    [
        (CopyDamaged(DISK.copy, digest(0), path(0), 4, 4), (1, 0)),
        (CopyMissing(DISK.copy, digest(0), path(0), 4), (0, 1)),
    ],
)
def test_what_the_second_copy_lost_is_entered_once_owed_again_and_over_when_it_is_confirmed(
    fact, counted
):
    run = Run(sizes=[4]).commissioned()
    run.see()
    run.copied(0)
    assert run.copies.find(fact) == [fact]
    run.fold(fact)
    assert run.copies.find(fact) == []
    assert not run.copies.is_confirmed(digest(0))
    for copies in (run.copies, run.again()):
        shown = show_copies(copies)
        assert (shown.damaged, shown.missing) == counted
        assert (copies.owed_bytes, copies.confirmed_bytes) == (4, 0)
    assert run.see()[1] == [[Owed(digest(0), 4)]]
    run.copied(0)
    assert (run.copies.damaged, run.copies.missing) == (set(), set())


def test_a_finding_about_the_archive_says_whether_the_second_copy_has_the_file():
    run = Run(sizes=[4, 4]).commissioned()
    run.see()
    run.copied(0)
    found = [FootageMissing("R1", digest(n), path(n), "v", 4) for n in (0, 1)]
    assert [run.copies.noted(fact).second_copy for fact in found] == [True, False]
    assert Run(is_set_up=False).copies.noted(found[0]).second_copy is None


def test_a_pass_is_due_an_hour_after_the_disk_came_and_then_by_the_period():
    run = Run()
    assert run.copies.scrub_due_at is None
    run.fold(DISK)
    assert run.copies.scrub_due_at == later(3600)
    ended = CopyScrubbed(later(10), True, ScrubCounts())
    assert run.copies.find(ended) == [ended]
    run.fold(ended, later(20))
    assert run.copies.scrub_due_at == later(10) + timedelta(days=30)
    assert show_copies(run.copies).scrubbed_at == later(20)


def test_where_none_is_set_up_nothing_is_owed_or_told():
    run = Run(is_set_up=False, sizes=[1]).commissioned()
    assert (run.copies.owed, run.copies.commissioned, run.copies.watch(NOW)) == ({}, None, [])


def test_other_entries_mean_nothing_to_it():
    run = Run()
    run.fold(AgentStopped("SIGTERM"))
    assert run.copies.owed == {}
