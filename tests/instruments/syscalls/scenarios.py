"""The scenarios: what is there before, what is done, how it is taken up again, what must hold.

`prepare` makes a folder once, of which every point gets a copy; `act` runs in a process that is
killed or whose calls fail; `check` runs afterwards in one that is left in peace.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.archive import Archive
from ledger.verifying import verify
from tests.instruments.syscalls.checking import (
    Fault,
    check_cleared,
    check_copied,
    check_visit,
    common,
    content,
    kept,
)
from tests.instruments.syscalls.station import (
    SCRIPT,
    WITNESS,
    WITNESS_KEY,
    WITNESS_NAME,
    Clock,
    Folder,
    Promises,
    open_ledger,
    visit,
)
from tests.support.entering import MOMENT, draft
from tests.support.later_schema import later_schema
from tests.support.source import MemoryFile


@dataclass(frozen=True)
class Scenario:
    """One scenario."""

    name: str
    prepare: Callable[[Folder], None]
    act: Callable[[Folder, Promises], None]
    check: Callable[[Folder, Fault], Iterator[str]]
    is_cleared: bool = False  # the card is in the folder too, and cleared
    has_second: bool = False  # a second copy is kept, on a disk that is mounted in the folder
    room: str = ""  # what the archive's disk is mounted with, until there is to be more


def _blank(folder: Folder) -> None:
    folder.make()


def _with_second(folder: Folder) -> None:
    _blank(folder)
    folder.second.mkdir()


def _interrupted(folder: Folder) -> None:
    """An earlier run ended between a seal and its entry, and in the middle of the next file."""
    _blank(folder)
    script = folder.card / "recorder.toml"
    script.write_text(f"{SCRIPT}[faults]\nvanishes_after_bytes = 4000\n", encoding="utf-8")
    port = folder.root / "port"
    port.symlink_to(folder.card)
    visit(Folder(folder.root, port), Clock())
    script.write_text(SCRIPT, encoding="utf-8")
    archive = Archive(folder.archive)
    archive.prepare()
    whole = content(b"DCIM/SUB/C.MP4")
    archive.seal(MemoryFile(whole), len(whole), "C.MP4", sm3=False, progress=lambda _: None)
    (folder.archive / "incoming" / "0123.part").write_bytes(whole[:4096])


def _visit(folder: Folder, promises: Promises) -> None:
    visit(folder, Clock(60), promises)


def _check_room(folder: Folder, fault: Fault) -> Iterator[str]:
    """Make room, then check as after any other visit."""
    subprocess.run(("mount", "-o", "remount,nr_inodes=0", str(folder.archive)), check=True)
    yield from check_visit(folder, fault)


def _some_entries(folder: Folder) -> None:
    _blank(folder)
    with open_ledger(folder, Clock()) as opened:
        for number in (1, 2):
            opened.append([draft(number)], MOMENT)
        _cosigned(opened, 1_790_000_000)
        opened.append([draft(3)], MOMENT)


def _cosigned(opened, timestamp: int) -> int:
    note = WITNESS.cosign(opened.checkpoint, WITNESS_NAME, timestamp)
    return opened.accept_cosignature(note, WITNESS_KEY)


_BATCHES = ((4,), (5, 6, 7), (8,))


def _sign(folder: Folder, promises: Promises) -> None:
    with open_ledger(folder, Clock(60), promises) as opened:
        _append_rest(opened, promises)


def _append_rest(opened, promises: Promises | None = None) -> None:
    there = {e.data.get("number") for e in opened.select()}
    for batch in _BATCHES:
        if batch[0] in there:
            continue
        opened.append([draft(number) for number in batch], MOMENT)
        witnessed = _cosigned(opened, 1_790_000_000 + batch[0])
        if promises:
            promises.write(witnessed=witnessed)
    if promises:
        promises.succeed()


def _check_signed(folder: Folder, fault: Fault) -> Iterator[str]:
    yield from common(fault)
    said = fault.said
    with open_ledger(folder, Clock(120)) as opened:
        yield from kept(opened, said)
        there = {e.data.get("number") for e in opened.select()}
        for batch in ((1,), (2,), (3,), *_BATCHES):
            if 0 < len(there & set(batch)) < len(batch):
                yield f"of the batch {batch} only a part is entered"
        _append_rest(opened)
        numbers = [e.data["number"] for e in opened.select() if "number" in e.data]
        if numbers != list(range(1, 9)):
            yield f"entered are {numbers}"
    yield from (f"ledger: {problem}" for problem in verify(folder.ledger))


def _migrate(folder: Folder, promises: Promises) -> None:
    with later_schema():
        _sign(folder, promises)


def _check_migrated(folder: Folder, fault: Fault) -> Iterator[str]:
    with later_schema():
        yield from _check_signed(folder, fault)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("first", _blank, _visit, check_visit),
        Scenario("resume", _interrupted, _visit, check_visit),
        Scenario("full", _blank, _visit, _check_room, room="nr_inodes=14"),
        Scenario("copying", _with_second, _visit, check_copied, has_second=True),
        Scenario("clearing", _blank, _visit, check_cleared, is_cleared=True),
        Scenario("signing", _some_entries, _sign, _check_signed),
        Scenario("migration", _some_entries, _migrate, _check_migrated),
    )
}
