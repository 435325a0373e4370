"""The share of every test run, and that the explorer finds what it is there to find."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.instruments import counts
from tests.instruments.counts import Share, drawn
from tests.instruments.crash.__main__ import STATES, run
from tests.instruments.crash.checking import Promises, recovery_faults
from tests.instruments.crash.disk import HOLLOW, LOST, TORN, WHOLE, Disk
from tests.instruments.crash.exploring import Explorer, Tally, rebuild, without_shared_memory
from tests.instruments.crash.recording import Run, mark, record
from tests.instruments.crash.scenarios import SCENARIOS, docking, made_card, named
from tests.instruments.crash.trace import Drop, Mark, Node, Put, Resize, Sync, SyncAll, Write

ROOT = Path(__file__).parents[3]
FOLDER, OTHER, FILE, SECOND = 1, 2, 3, 4
NODES = {
    0: Node(is_folder=True, mode=0o755),
    FOLDER: Node(is_folder=True, mode=0o755),
    OTHER: Node(is_folder=True, mode=0o755),
    FILE: Node(is_folder=False, mode=0o644),
    SECOND: Node(is_folder=False, mode=0o644),
}
ON_CARD = {f"20260921_10000{number}.mp4" for number in range(4)}
# Syncs left out of a recorded run, by the name of what they were made on.
LEFT_OUT = {
    "the file being copied": r"\.part$",
    "the folder of an object": r"^[0-9a-f]{2}$",
    "the folder of all objects": r"^sha256$",
    "the folder of a view": r"^21$",
    "the folder of manifests": r"^manifests$",
    "the database's log": r"-wal$",
    "a signed note": r"note\.new$",
    "the ledger's folder": r"^ledger$",
    "the folder of the ledger's folder": r"^state$",
}


@pytest.fixture(scope="module")
def memory():
    with tempfile.TemporaryDirectory(prefix="crash-test-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def recorded(memory):
    card = made_card(memory / "cards" / "R1")
    return record("test", memory, [replace(docking([card]), as_one=False)]), card


def disk_of(*ops, ordered=False):
    disk = Disk(NODES, ordered=ordered)
    disk.apply(Put(0, "archive", FOLDER))
    for op in ops:
        disk.apply(op)
    return disk


def test_no_power_cut_loses_what_was_promised():
    assert run(Share(drawn(), STATES)) == 0
    found = json.loads((counts.FOLDER / "crash.json").read_text(encoding="utf-8"))
    assert found["states"] >= STATES
    assert found["scenarios"] == len(SCENARIOS)
    assert found["kills"] == sum(one.name.startswith("killed") for one in SCENARIOS)


def violations(trace, card, folder):
    tally = Tally()
    explorer = Explorer(trace, [card], folder / "state")
    explorer.explore(Random(1), tally, lambda: bool(tally.violations))
    return tally.violations


@pytest.mark.parametrize("what", LEFT_OUT)
def test_the_explorer_finds_that_a_sync_is_missing(what, recorded, memory):
    trace, card = recorded
    called = {op.node: op.name for op in reversed(trace.ops) if isinstance(op, Put)}
    left_out = [
        op
        for op in trace.ops
        if isinstance(op, Sync) and re.search(LEFT_OUT[what], called[op.node])
    ]
    assert left_out
    ops = [op for op in trace.ops if op not in left_out]
    assert violations(replace(trace, ops=ops), card, memory)


def test_the_explorer_finds_that_a_sync_of_a_whole_file_system_is_missing(memory):
    card = made_card(memory / "as-one" / "cards" / "R1")
    trace = record("test", memory / "as-one", [docking([card])])
    ops = [op for op in trace.ops if not isinstance(op, SyncAll)]
    assert len(ops) < len(trace.ops)
    assert violations(replace(trace, ops=ops), card, memory)


def entering(trace, kind):
    """Return where a run said that it had made an entry."""
    said = (op.said.get("kinds", ()) if isinstance(op, Mark) else () for op in trace.ops)
    return next(at for at, kinds in enumerate(said) if kind in kinds)


def is_of_card(trace, op):
    """Tell whether something was removed from the card, or the card brought to the medium."""
    called = {one.node: one.name for one in reversed(trace.ops) if isinstance(one, Put)}
    synced = isinstance(op, Sync) and called.get(op.node) == "files"
    return synced or op == SyncAll("card") or (isinstance(op, Drop) and op.name in ON_CARD)


def recording(name, memory):
    (scenario,) = named(name)
    return scenario.record(Path(tempfile.mkdtemp(dir=memory)))


@pytest.fixture(scope="module")
def cleared(memory):
    return recording("cleared", memory)[0]


def breaks(invariant, trace, cards, memory, since):
    """Tell whether the explorer finds that states after an op break an invariant."""
    tally = Tally()

    def found():
        return any(fault.startswith(invariant) for v in tally.violations for fault in v.faults)

    passed = len(without_shared_memory(replace(trace, ops=trace.ops[:since])))
    Explorer(trace, cards, memory / "state").explore(Random(1), tally, found, since=passed)
    return found()


def test_the_explorer_finds_that_a_card_is_emptied_before_the_intent_is_entered(cleared, memory):
    removing = [op for op in cleared.ops if isinstance(op, Drop) and op.name in ON_CARD]
    rest = [op for op in cleared.ops if op not in removing]
    at = entering(replace(cleared, ops=rest), "visit.completed")
    early = replace(cleared, ops=[*rest[: at + 1], *removing, *rest[at + 1 :]])
    assert len(removing) == len(ON_CARD)
    assert breaks("I2", early, [], memory, at)


def test_the_explorer_finds_that_the_intent_is_on_no_medium_when_the_card_is_emptied(
    cleared, memory
):
    begin, end = entering(cleared, "visit.completed"), entering(cleared, "recorder.cleared")
    unsynced = [op for op in cleared.ops[begin:end] if not isinstance(op, Sync | SyncAll)]
    ops = [*cleared.ops[:begin], *unsynced, *cleared.ops[end:]]
    assert breaks("I2", replace(cleared, ops=ops), [], memory, begin)


def test_the_explorer_finds_that_a_cleared_card_was_not_brought_to_the_medium(cleared, memory):
    last = max(
        at for at, op in enumerate(cleared.ops) if isinstance(op, Drop) if op.name in ON_CARD
    )
    late = [op for op in cleared.ops[last:] if not isinstance(op, Drop) and is_of_card(cleared, op)]
    assert len(late) == 2  # of the folder, and of the whole card
    ops = [op for at, op in enumerate(cleared.ops) if at < last or op not in late]
    assert breaks("I6", replace(cleared, ops=ops), [], memory, last)


@pytest.mark.parametrize(("invariant", "which"), [("I3", -2), ("I1", -1)], ids=["bytes", "names"])
def test_the_explorer_finds_that_copies_are_not_on_their_medium(invariant, which, memory):
    trace, cards = recording("copied", memory)
    syncs = [at for at, op in enumerate(trace.ops) if op == SyncAll("second")]
    ops = [op for at, op in enumerate(trace.ops) if at != syncs[which]]
    assert breaks(invariant, replace(trace, ops=ops), cards, memory, syncs[which])


@pytest.mark.parametrize("entry", ["visit.completed", "footage.copied"])
def test_the_explorer_finds_that_a_card_is_emptied_before_its_copies_are_entered(entry, memory):
    trace, _ = recording("killed-copied", memory)
    removing = [op for op in trace.ops if isinstance(op, Drop) and op.name in ON_CARD]
    rest = [op for op in trace.ops if op not in removing]
    at = entering(replace(trace, ops=rest), entry)
    early = replace(trace, ops=[*rest[: at + 1], *removing, *rest[at + 1 :]])
    assert breaks("I2" if entry == "footage.copied" else "I1", early, [], memory, at)


def test_the_explorer_finds_that_what_is_left_of_a_file_counts_as_footage(memory):
    trace, cards = recording("partial", memory)
    folders = {op.name: op.node for op in trace.ops if isinstance(op, Put)}
    at, kept = next(
        (at, op)
        for at, op in enumerate(trace.ops)
        if isinstance(op, Put) and op.folder == folders["partial"]
    )
    wrong = Put(folders["sha256"], kept.name, kept.node)
    ops = [*trace.ops[: at + 1], wrong, *trace.ops[at + 1 :]]
    assert breaks("I3", replace(trace, ops=ops), cards, memory, at)


def test_the_explorer_finds_that_damaged_bytes_are_not_kept(memory):
    trace, cards = recording("replaced", memory)
    at, folder = next(
        (at, op.node)
        for at, op in enumerate(trace.ops)
        if isinstance(op, Put) and op.name == "damaged"
    )
    ops = [op for op in trace.ops if op != Sync(folder)]
    assert len(ops) < len(trace.ops)
    assert breaks("I1: the damaged", replace(trace, ops=ops), cards, memory, at)


def test_a_recorded_folder_lists_what_is_in_it(tmp_path):
    def work(mount):
        (mount / "a").write_bytes(b"one")
        if [one.name for one in mount.iterdir()] != ["a"]:
            raise AssertionError

    record("test", tmp_path, [Run(work)])


def test_the_engine_of_another_tree_is_explored_in_its_place(tmp_path):
    for package in ("agent", "config", "contracts", "ledger", "outside"):
        shutil.copytree(ROOT / package, tmp_path / package)
    database = tmp_path / "ledger" / "database.py"
    source = database.read_text(encoding="utf-8")
    database.write_text(source.replace('"synchronous": 2', '"synchronous": 1'), encoding="utf-8")
    command = [sys.executable, "-m", "tests.instruments.crash", "--root", tmp_path]
    few = ["--scenario", "first", "--states", "3000", "--first", "--seed", "1"]
    apart = os.environ | {"INSTRUMENTS_FOLDER": str(tmp_path / "counts")}
    done = subprocess.run(
        [*command, *few], cwd=ROOT, capture_output=True, text=True, check=False, env=apart
    )
    assert "VIOLATION in first" in done.stdout, done.stderr
    assert done.returncode == 1


def test_a_run_is_recorded_call_by_call(tmp_path):
    def work(mount):
        (mount / "a").write_bytes(b"one")
        (mount / "a").rename(mount / "b")
        (mount / "c").hardlink_to(mount / "b")
        mark(mount, {"entered": 3})
        (mount / "b").unlink()

    trace = record("test", tmp_path, [Run(work)])
    put, write, moved, linked, said, dropped = trace.ops[1:]
    node = put.node
    assert (put, write) == (Put(0, "a", node), Write(node, 0, b"one"))
    assert (moved, linked) == (Put(0, "b", node, (0, "a")), Put(0, "c", node))
    assert (said.said, dropped) == ({"entered": 3}, Drop(0, "b", node))


def test_bytes_are_certain_after_their_files_sync_and_names_after_their_folders():
    disk = disk_of(Put(FOLDER, "a", FILE), Write(FILE, 0, b"x" * 600), Sync(FILE))
    assert len(disk.flying) == 1
    assert disk.files((LOST,)) == {}
    disk.apply(Sync(FOLDER))
    (entry,) = disk.files(()).values()
    assert disk.content(entry.node, ()) == b"x" * 600


def test_a_write_in_flight_may_come_in_part_or_as_a_size_alone():
    disk = disk_of(Put(FOLDER, "a", FILE), Sync(FOLDER), Write(FILE, 0, b"x" * 600))
    outcomes = {fate: disk.content(FILE, (fate,)) for fate in (LOST, WHOLE, HOLLOW, TORN + 0b10)}
    assert outcomes == {
        LOST: b"",
        WHOLE: b"x" * 600,
        HOLLOW: bytes(600),
        TORN + 0b10: bytes(512) + b"x" * 88,
    }


def test_what_was_synced_together_with_its_file_system_is_certain():
    disk = disk_of(Put(FOLDER, "a", FILE), Resize(FILE, 9, grows=True), SyncAll("archive"))
    assert disk.flying == []
    assert list(disk.files(())) == ["archive/a"]


def test_in_the_ordered_model_a_later_sync_brings_earlier_names_along():
    ops = (Put(FOLDER, "a", FILE), Put(FOLDER, "b", SECOND), Write(SECOND, 0, b"x"), Sync(SECOND))
    assert list(disk_of(*ops, ordered=True).files(())) == ["archive/a", "archive/b"]
    assert disk_of(*ops).files((LOST, LOST)) == {}


def test_an_archive_that_is_not_made_yet_is_no_loss_and_one_that_is_gone_is(tmp_path):
    assert recovery_faults(tmp_path, [], Promises()) == []
    (fault,) = recovery_faults(tmp_path, [], Promises(entered=1))
    assert "archive_unwritable" in fault


def test_a_violation_can_be_laid_out_again(recorded, memory, tmp_path):
    trace, card = recorded
    explorer, tally = Explorer(trace, [card], memory / "state"), Tally()
    explorer.explore(Random(1), tally, lambda: tally.states >= 200)
    assert tally.violations == []
    laid = rebuild(trace, len(trace.ops), (), tmp_path / "again", ordered=False)
    assert sorted(path.name for path in laid.iterdir()) == ["archive", "state"]


def test_a_scenario_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no scenario"):
        named("nothing")
