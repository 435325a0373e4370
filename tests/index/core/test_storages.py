"""Storage faults and damaged archives: what the office is told, and when it is over."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.archive_facts import (
    ArchiveSettled,
    ArchiveUnexpected,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    StorageFaulted,
    StorageRecovered,
)
from contracts.copy_facts import (
    CopyCommissioned,
    CopyDamaged,
    CopyFaulted,
    CopyMissing,
    CopyRecovered,
    FootageCopied,
    FootageRestored,
)
from contracts.entry import Draft, decode, encode
from contracts.facts import draft_of
from index.core.alerts import archive_alerts, clearings, copy_alert, openings, storage_alert
from index.core.register import Register
from tests.support.made_up import NOW, entry, moment

ZONE = ZoneInfo("Asia/Shanghai")
LOW = StorageFaulted("archive_low", "存储磁盘剩余 1 MiB", "1 MiB left", stops=True)
SHA, OTHER = "a" * 64, "b" * 64
WHERE = ("R1", SHA, "objects/sha256/aa/aa/a", "执法/a.mp4", 9)
DAMAGED = FootageDamaged(*WHERE, 8)
STRAY = ArchiveUnexpected(b"objects/x", "objects/x", "file", 5)


def told(*facts, at=NOW):
    register = Register()
    for sequence, fact in enumerate(facts, 1):
        register.enter("s1", entry(fact, sequence, at))
    return register.storages.stations["s1"]


def test_a_storage_fault_stands_until_it_is_over():
    assert told(LOW).fault == LOW
    assert told(LOW, StorageRecovered("archive_low")).fault is None


def test_a_fault_is_told_with_its_code_and_sentence_and_ends_as_recovered():
    alert = storage_alert("s1", "东站", LOW, NOW)
    assert alert.key == ("station_storage", "s1@archive_low")
    assert alert.zh == "采集站 东站: 存储磁盘剩余 1 MiB"
    (opened,) = openings([alert], {})
    (cleared,) = clearings([], {opened.key: opened}, {})
    assert cleared.outcome == "recovered"


def test_a_second_copy_that_is_away_is_an_alert_of_its_own_until_it_is_back():
    away = CopyFaulted("second_copy_absent", "不在", "gone")
    storage = told(LOW, away)
    alert = copy_alert("s1", "东站", storage.copy_fault, NOW)
    assert (alert.key, alert.zh) == (
        ("station_copy", "s1@second_copy_absent"), "采集站 东站: 不在",
    )  # fmt: skip
    back = told(LOW, away, CopyRecovered("second_copy_absent"))
    assert (back.copy_fault, back.fault) == (None, LOW)
    (opened,) = openings([alert], {})
    assert clearings([], {opened.key: opened}, {})[0].outcome == "recovered"


def test_a_new_disk_for_the_second_copy_forgets_nothing_of_the_archive():
    assert len(told(DAMAGED, CopyCommissioned("e", "/s", None, True, 9)).found) == 1


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (DAMAGED, FootageIntact("R1", SHA, WHERE[2])),
        (DAMAGED, FootageReplaced("v", "R1", SHA, WHERE[2], "damaged/a.1")),
        (FootageMissing(*WHERE), FootageIntact("R1", SHA, WHERE[2])),
        (DAMAGED, FootageRestored("R1", SHA, WHERE[2], "d", "m1", "r", "damaged/a.1")),
        (CopyDamaged("d", SHA, WHERE[2], 9, 9), FootageCopied("d", (OTHER, SHA), 9)),
        (CopyMissing("d", SHA, WHERE[2], 9), FootageCopied("d", (SHA,), 9)),
        (CopyMissing("d", SHA, WHERE[2], 9), CopyCommissioned("e", "/s", None, True, 9)),
        (STRAY, ArchiveSettled(b"objects/x", "objects/x")),
    ],
)
def test_what_is_wrong_in_an_archive_stands_until_it_is_over(bad, good):
    assert len(told(bad).found) == 1
    assert told(bad, good).found == {}


def test_two_manifests_of_the_same_content_are_two_things_that_are_wrong():
    one, other = (FootageMissing("R1", SHA, path, path, None) for path in ("m/1", "m/2"))
    assert len(told(one, other).found) == 2
    assert list(told(one, other, FootageIntact("R1", SHA, "m/1")).found) == ["m/2"]


def test_a_day_of_damage_is_one_alert_and_the_next_day_another():
    register = Register()
    for sequence, (fact, day) in enumerate([(DAMAGED, 0), (STRAY, 0), (FootageMissing(
        "R1", OTHER, "o", "执法/b.mp4", 9), 1)], 1):  # fmt: skip
        register.enter("s1", entry(fact, sequence, NOW + timedelta(days=day)))
    found = register.storages.stations["s1"].found.values()
    alerts = archive_alerts("s1", "东站", found, ZONE, NOW)
    assert [alert.about for alert in alerts] == ["s1@2026-11-20", "s1@2026-11-21"]
    assert "执法/a.mp4" in alerts[0].zh


def test_an_entry_that_comes_again_reopens_nothing():
    register = Register()
    for sequence in (1, 2, 1):
        fact = LOW if sequence == 1 else StorageRecovered("archive_low")
        register.enter("s1", entry(fact, sequence))
    assert register.storages.stations["s1"].fault is None


def test_a_new_ledger_of_a_station_begins_anew():
    register = Register()
    register.enter("s1", entry(LOW, 9))
    raw = encode(draft_of(StorageRecovered("archive_low")), 3, "muster/x/y/other", moment(NOW))
    register.enter("s1", decode(raw))
    assert register.storages.stations["s1"].fault is None


def test_an_entry_that_does_not_fit_its_type_is_not_believed():
    raw = encode(Draft("storage.faulted", "station", {}), 1, "muster/x/y/z", moment(NOW))
    with pytest.raises(ValueError, match="code"):
        Register().enter("s1", decode(raw))
