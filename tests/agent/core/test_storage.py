"""The disks' health, what is damaged, the scrub's pace."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest

from agent.core.board import show_storage
from agent.core.event import StorageSeen, Trouble
from agent.core.storage import FIRST_SCRUB_AFTER, MIB, Storage, StorageHealth, judge, pace
from contracts.archive_facts import (
    ArchiveCommissioned,
    ArchiveScrubbed,
    ArchiveSettled,
    ArchiveUnexpected,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    ScrubCounts,
    StorageFaulted,
    StorageRecovered,
    ViewRemade,
)
from contracts.errors import ArchiveReadOnlyError
from contracts.facts import AgentStopped
from contracts.settings import StorageSettings
from tests.support.made_up import NOW, entry

SETTINGS = StorageSettings()
SIZE = 10_000 * MIB  # so the reserve is 200 MiB, and the office is told below 1000 MiB
SHA = "a" * 64
WHERE = ("R1", SHA, "objects/a", "view/a", 9)
DAMAGED, MISSING = FootageDamaged(*WHERE, 8), FootageMissing(*WHERE)
INTACT = FootageIntact("R1", SHA, "objects/a")
STRAY = ArchiveUnexpected(b"x", "x", "file", 5)
SCRUBBED = ArchiveScrubbed(NOW, asked=True, counts=ScrubCounts(3, 3))
DAYS = 24 * 3600


def seen(free_mib=5000, ledger_mib=5000, trouble=None):
    return StorageSeen(trouble, free_mib * MIB, SIZE, ledger_mib * MIB, SIZE)


def code(health):
    return health.trouble.code if health.trouble else None


@pytest.mark.parametrize(
    ("looked", "wanted", "stops"),
    [
        (seen(), None, False),
        (seen(free_mib=1000), None, False),
        (seen(free_mib=999), "archive_filling", False),
        (seen(free_mib=200), "archive_filling", False),
        (seen(free_mib=199), "archive_low", True),
        (seen(ledger_mib=199), "ledger_disk_low", True),
        (seen(trouble=Trouble.of(ArchiveReadOnlyError())), "archive_read_only", True),
    ],
)
def test_disks_are_judged_by_what_was_seen(looked, wanted, stops):
    health = judge(looked, SETTINGS)
    assert (code(health), health.stops, health.is_good) == (wanted, stops, wanted is None)


def test_a_small_disk_keeps_a_percentage_and_a_large_one_a_fixed_room():
    assert judge(seen(), SETTINGS).reserve_bytes == 200 * MIB
    large = replace(seen(), total_bytes=10**14, free_bytes=10**13)
    assert judge(large, SETTINGS).reserve_bytes == 4096 * MIB


def test_a_copy_that_would_reach_into_the_reserve_does_not_begin():
    health = judge(seen(free_mib=1000), SETTINGS)
    assert health.barring(800 * MIB) is None
    barred = health.barring(800 * MIB + 1)
    assert (barred.code, "0.8 GB" in barred.sentence.en) == ("archive_low", True)


def test_what_needs_no_room_is_never_barred():
    assert judge(seen(free_mib=0), SETTINGS).barring(0) is None
    assert judge(seen(free_mib=0), SETTINGS).barring(1).code == "archive_low"
    assert StorageHealth().barring(1) is None


def test_a_fault_is_entered_once_and_its_end_too():
    storage = Storage(SETTINGS)
    (fault,) = storage.see(seen(free_mib=10))
    assert (fault.code, fault.stops) == ("archive_low", True)
    assert storage.see(seen(free_mib=9)) == []
    assert storage.see(seen()) == [StorageRecovered("archive_low")]
    assert storage.see(seen()) == []


def test_another_fault_ends_the_one_before():
    storage = Storage(SETTINGS)
    storage.see(seen(free_mib=10))
    assert [fact.TYPE for fact in storage.see(seen(free_mib=900))] == [
        "storage.recovered", "storage.faulted",
    ]  # fmt: skip


def test_a_restart_knows_the_fault_that_was_entered():
    storage = Storage(SETTINGS)
    storage.fold(entry(StorageFaulted("archive_low", "zh", "en", stops=True)))
    assert storage.see(seen(free_mib=10)) == []
    storage.fold(entry(StorageRecovered("archive_low")))
    assert len(storage.see(seen(free_mib=10))) == 1


@pytest.mark.parametrize("fact", [DAMAGED, MISSING, STRAY])
def test_what_is_found_again_is_entered_once(fact):
    storage = Storage(SETTINGS)
    assert storage.find(fact) == [fact]
    assert storage.find(fact) == []
    again = Storage(SETTINGS)
    again.fold(entry(fact))
    assert again.find(fact) == []


def test_what_is_whole_again_is_entered_only_if_it_was_reported():
    storage = Storage(SETTINGS)
    assert storage.find(INTACT) == []
    storage.find(DAMAGED)
    assert storage.is_reported("objects/a")
    assert storage.find(INTACT) == [INTACT]
    assert not storage.is_reported("objects/a")


def test_what_is_gone_after_it_was_damaged_is_missing_and_no_longer_damaged():
    storage = Storage(SETTINGS)
    storage.find(DAMAGED)
    storage.find(MISSING)
    assert (storage.damaged, len(storage.missing)) == (set(), 1)
    storage.find(DAMAGED)
    assert (len(storage.damaged), storage.missing) == (1, set())


def test_two_manifests_of_the_same_content_are_two_files_and_not_footage_of_that_content():
    storage = Storage(SETTINGS)
    one, other = (FootageMissing("R1", SHA, path, path, None) for path in ("m/1", "m/2"))
    assert [storage.find(one), storage.find(other)] == [[one], [other]]
    assert storage.find(FootageIntact("R1", SHA, "m/1"))
    assert storage.missing == {"m/2"}
    assert not storage.is_reported("objects/a")


def test_an_unexpected_file_that_is_gone_may_be_found_again():
    storage = Storage(SETTINGS)
    settled = ArchiveSettled(b"x", "x")
    assert storage.find(settled) == []
    storage.find(STRAY)
    assert storage.find(settled) == [settled]
    assert storage.find(STRAY) == [STRAY]


def test_a_view_that_got_another_name_is_told_once_and_one_that_is_as_it_was_every_time():
    storage = Storage(SETTINGS)
    gone = ViewRemade("R1", SHA, "v", "v", "gone")
    led = ViewRemade("R1", SHA, "v", "v", "elsewhere")
    assert [len(storage.find(one)) for one in (gone, gone, led, led)] == [1, 1, 1, 1]
    another = ViewRemade("R1", SHA, "v", "v (2)", "elsewhere")
    assert [len(storage.find(another)) for _ in range(2)] == [1, 0]


def test_footage_proven_anew_is_told_if_it_was_reported_or_replaced():
    storage = Storage(SETTINGS)
    assert storage.imported(INTACT) == []
    storage.find(MISSING)
    assert storage.imported(INTACT) == [INTACT]
    replaced = FootageReplaced("v", "R1", SHA, "objects/a", "damaged/a.1")
    assert storage.imported(replaced) == [replaced]


def test_entries_about_other_things_change_nothing():
    storage = Storage(SETTINGS)
    storage.fold(entry(AgentStopped("SIGTERM")))
    assert storage == Storage(SETTINGS)


def test_the_next_pass_begins_a_period_after_the_last_one_began():
    storage = Storage(SETTINGS)
    assert storage.scrub_due_at is None
    storage.fold(entry(ArchiveCommissioned("a", "/a", None, is_mount=True, total_bytes=1)))
    assert storage.scrub_due_at == NOW + FIRST_SCRUB_AFTER
    storage.fold(entry(SCRUBBED, at=NOW + timedelta(days=2)))
    assert storage.scrub_due_at == NOW + timedelta(days=30)
    assert storage.scrubbed_at == NOW + timedelta(days=2)


@pytest.mark.parametrize(
    ("spent_days", "busy", "asked", "wanted"),
    [
        (0, False, False, 10 * MIB),
        (0, True, False, 0),
        (20, True, False, 0),
        (20, False, False, 30 * MIB),
        (25, True, False, 60 * MIB),
        (0, False, True, inf),
        (0, True, True, MIB),
    ],
)
def test_scrubbing_is_as_fast_as_it_must_be_and_lets_copies_go_first(
    spent_days, busy, asked, wanted
):
    left = 10 * MIB * 30 * DAYS
    rate = pace(left, spent_days * DAYS, SETTINGS, is_busy=busy, is_asked=asked)
    assert rate == pytest.approx(wanted)


def test_a_small_archive_is_read_at_the_least_rate_and_a_late_pass_ends_within_an_hour():
    assert pace(1, 0, SETTINGS, is_busy=False, is_asked=False) == MIB
    late = pace(36_000 * MIB, 40 * DAYS, SETTINGS, is_busy=False, is_asked=False)
    assert late == 10 * MIB


def test_the_screen_shows_the_fault_and_the_last_pass():
    storage = Storage(SETTINGS)
    assert show_storage(storage).code is None
    storage.see(seen(free_mib=10))
    storage.fold(entry(SCRUBBED))
    storage.find(DAMAGED)
    shown = show_storage(storage)
    assert (shown.code, shown.stops, shown.damaged) == ("archive_low", True, 1)
    assert (shown.scrubbed_at, shown.scrubbed_files) == (NOW, 3)
