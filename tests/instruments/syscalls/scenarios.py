"""The scenarios: what is there before, what is done, how it is taken up again, what must hold.

`prepare` makes a folder once, of which every point gets a copy; `act` runs in a process that is
killed or whose calls fail; `recover` and `check` run afterwards in one that is left in peace.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ledger.database
from agent.archive import Archive
from contracts.errors import MusterError, UnforeseenError
from contracts.facts import FootageImported, RecorderDocked, VisitCompleted, VisitInterrupted
from contracts.loading import from_json
from contracts.note import COSIGNATURE, SigningKey
from ledger.verifying import verify
from tests.instruments.syscalls.station import (
    SCRIPT,
    START,
    Clock,
    Folder,
    Promises,
    open_ledger,
    visit,
)
from tests.support.entering import MOMENT, draft
from tests.support.source import MemoryFile

FILES = {b"DCIM/A.MP4": 3_001, b"DCIM/SUB/C.MP4": 12_288}
_SAME = {b"DCIM/SAME.MP4": b"DCIM/A.MP4"}  # the same footage under another name
_WITNESS = SigningKey(bytes(range(32)))
_WITNESS_NAME = "muster/example/index/11112222"
_WITNESS_KEY = _WITNESS.verifying(_WITNESS_NAME, COSIGNATURE)
SYNCS = frozenset(("fsync", "fdatasync", "syncfs"))


@dataclass(frozen=True)
class Fault:
    """What was done to the process, and what it said before it ended."""

    call: str  # which call
    where: str  # the call as strace shows it
    was_before_success: bool
    was_copied_anew: bool  # as many files were begun after it as before
    kind: str  # KILL, or the error it got
    status: str  # "ended", "error", "unforeseen", "killed", "hung"
    said: dict


@dataclass(frozen=True)
class _Entry:
    data: FootageImported


@dataclass(frozen=True)
class Scenario:
    """One scenario."""

    name: str
    prepare: Callable[[Folder], None]
    act: Callable[[Folder, Promises], None]
    check: Callable[[Folder, Fault], Iterator[str]]


def content(path: bytes) -> bytes:
    """Return what is in a file of the card: the same in every run."""
    size = FILES[_SAME.get(path, path)]
    seed = hashlib.sha256(_SAME.get(path, path)).digest()
    return (seed * (size // len(seed) + 1))[:size]


def make_card(card: Path) -> None:
    """Make the card that every scenario with a visit reads."""
    for path in (*FILES, *_SAME):
        file = card / "files" / path.decode()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(path))
    (card / "files" / "DCIM" / "link").symlink_to("A.MP4")
    (card / "recorder.toml").write_text(SCRIPT, encoding="utf-8")


def card_mark(card: Path) -> str:
    """Return a digest of everything on the card, names, times and bytes."""
    running = hashlib.sha256()
    for path in sorted((card / "files").rglob("*")):
        said = path.lstat()
        running.update(f"{path}{said.st_mode}{said.st_size}{said.st_mtime_ns}".encode())
        if path.is_file() and not path.is_symlink():
            running.update(path.read_bytes())
    return running.hexdigest()


def _blank(folder: Folder) -> None:
    folder.make()


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


def _check_visit(folder: Folder, fault: Fault) -> Iterator[str]:
    yield from _common(fault)
    archive = Archive(folder.archive)
    archive.adopt()
    with open_ledger(folder, Clock(120)) as opened:
        yield from _kept(opened, fault.said)
        imported = _imported(opened)
    yield from _archived(folder, archive, imported)
    if fault.said.get("succeeded"):
        yield from _complete(imported, fault)
    yield from _second_visit(folder, archive, fault)


def _second_visit(folder: Folder, archive: Archive, fault: Fault) -> Iterator[str]:
    state = visit(folder, Clock(180))
    if state != "ready":
        yield f"the next visit ends as {state}"
    with open_ledger(folder, Clock(240)) as opened:
        imported = _imported(opened)
        yield from _ended_once(opened)
        last = [e.data for e in opened.select(types=(VisitCompleted.TYPE,))][-1:]
    yield from _complete(imported, fault)
    yield from _archived(folder, archive, imported)
    for said in last:
        yield from _manifest(folder, said)
    if parts := list((folder.archive / "incoming").iterdir()):
        yield f"left in incoming: {parts}"
    yield from (f"ledger: {problem}" for problem in verify(folder.ledger))


def _common(fault: Fault) -> Iterator[str]:
    # What is in memory only, and what the kernel tells of itself, may end a start by any error.
    is_outside = any(place in fault.where for place in ("/proc/", "/here/run"))
    if fault.status in ("unforeseen", "hung") and not is_outside:
        yield f"the process {fault.status}: {fault.said.get('error', '')}"
    code, sentence = fault.said.get("trouble") or ("", "")
    if code == UnforeseenError.code:
        yield f"the visit ended by an error that nobody foresaw: {sentence}"
    is_sync = fault.call in SYNCS and fault.was_before_success
    if fault.said.get("succeeded") and is_sync and not _may_ignore(fault):
        yield f"success was reported after {fault.where}"


def _may_ignore(fault: Fault) -> bool:
    # SQLite does not heed what a folder's fsync says; of the notes beside it, the ledger does.
    # A group of files that could not be brought to the medium is copied anew, file by file.
    return "state/ledger>" in fault.where or fault.was_copied_anew


def _kept(opened, said: dict) -> Iterator[str]:
    size = said.get("size", 0)
    if size > opened.size:
        yield f"I4: entry {size} was promised, the ledger ends at {opened.size}"
    elif size and opened.checkpoint_at(size) != said["head"]:
        yield f"I4: the entries up to {size} are not those promised"
    if said.get("witnessed", 0) > opened.witnessed_size:
        yield f"I4: witnessed {said['witnessed']} was promised, it is {opened.witnessed_size}"


def _imported(opened) -> list[FootageImported]:
    raw = opened.select_raw(types=(FootageImported.TYPE,))
    return [from_json(one, _Entry).data for one in raw]


def _archived(folder: Folder, archive: Archive, imported: list[FootageImported]) -> Iterator[str]:
    for fact in imported:
        wanted = content(fact.path)
        if (fact.sha256, fact.size) != (hashlib.sha256(wanted).hexdigest(), len(wanted)):
            yield f"I3: entered of {fact.name} is not what the card holds"
        try:
            archive.verify(fact.sha256)
        except MusterError as error:
            yield f"I1: {fact.name} is entered as imported: {error}"
            continue
        view = folder.archive / fact.view
        if not view.exists() or view.read_bytes() != wanted:
            yield f"I1: {fact.name} is not what {fact.view} shows"


def _complete(imported: list[FootageImported], fault: Fault) -> Iterator[str]:
    for path in (*FILES, *_SAME):
        of_path = [(fact.visit, fact.held) for fact in imported if fact.path == path]
        # A card that listed it once and not the next time has it copied, and held, once more.
        again = of_path[1:] if "/card/" not in fault.where else [e for e in of_path[1:] if not e[1]]
        if not of_path or again:
            yield f"I6: {path!r} is entered as imported in {of_path}"


def _ended_once(opened) -> Iterator[str]:
    began = Counter(e.data["visit"] for e in opened.select(types=(RecorderDocked.TYPE,)))
    types = (VisitCompleted.TYPE, VisitInterrupted.TYPE)
    ended = Counter(e.data["visit"] for e in opened.select(types=types))
    if began != ended:
        yield f"I9: visits began {dict(began)} and ended {dict(ended)}"


def _manifest(folder: Folder, said) -> Iterator[str]:
    file = folder.archive / "manifests" / f"{said['visit']}.sha256"
    if hashlib.sha256(file.read_bytes()).hexdigest() != said["manifest_sha256"]:
        yield f"the manifest is not the one entered: {file}"


def _some_entries(folder: Folder) -> None:
    _blank(folder)
    with open_ledger(folder, Clock()) as opened:
        for number in (1, 2):
            opened.append([draft(number)], MOMENT)
        _cosigned(opened, 1_790_000_000)
        opened.append([draft(3)], MOMENT)


def _cosigned(opened, timestamp: int) -> int:
    note = _WITNESS.cosign(opened.checkpoint, _WITNESS_NAME, timestamp)
    return opened.accept_cosignature(note, _WITNESS_KEY)


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
    yield from _common(fault)
    said = fault.said
    with open_ledger(folder, Clock(120)) as opened:
        yield from _kept(opened, said)
        there = {e.data.get("number") for e in opened.select()}
        for batch in ((1,), (2,), (3,), *_BATCHES):
            if 0 < len(there & set(batch)) < len(batch):
                yield f"of the batch {batch} only a part is entered"
        _append_rest(opened)
        numbers = [e.data["number"] for e in opened.select() if "number" in e.data]
        if numbers != list(range(1, 9)):
            yield f"entered are {numbers}"
    yield from (f"ledger: {problem}" for problem in verify(folder.ledger))


@contextmanager
def _one_migration_more() -> Iterator[None]:
    """The next version's schema; the product has had one so far."""
    now = ledger.database._migrations
    scripts = (*now(), "CREATE INDEX entry_at ON entry (at); CREATE TABLE later (x ANY) STRICT;")
    ledger.database._migrations = lambda: scripts
    ledger.database._expected_schema.cache_clear()
    try:
        yield
    finally:
        ledger.database._migrations = now
        ledger.database._expected_schema.cache_clear()


def _migrate(folder: Folder, promises: Promises) -> None:
    with _one_migration_more():
        _sign(folder, promises)


def _check_migrated(folder: Folder, fault: Fault) -> Iterator[str]:
    with _one_migration_more():
        yield from _check_signed(folder, fault)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("first", _blank, _visit, _check_visit),
        Scenario("resume", _interrupted, _visit, _check_visit),
        Scenario("signing", _some_entries, _sign, _check_signed),
        Scenario("migration", _some_entries, _migrate, _check_migrated),
    )
}
__all__ = ["SCENARIOS", "START", "Fault", "Scenario", "card_mark", "make_card"]
