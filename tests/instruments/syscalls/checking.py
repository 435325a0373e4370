"""What must hold after a fault, and after the next visit that nothing disturbs."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.archive import Archive
from agent.archive.commissioning import COPY_MARK_NAME
from agent.archive.grouping import OBJECTS
from contracts.copy_facts import CopyCommissioned, CopyFaulted, FootageCopied
from contracts.errors import MusterError, UnforeseenError
from contracts.facts import (
    FootageImported,
    RecorderCleared,
    RecorderClearing,
    RecorderDocked,
    VisitCompleted,
    VisitInterrupted,
)
from contracts.loading import from_json
from ledger.verifying import verify
from tests.instruments.syscalls.station import SCRIPT, Clock, Folder, open_ledger, visit

FILES = {b"DCIM/A.MP4": 3_001, b"DCIM/SUB/C.MP4": 12_288}
_SAME = {b"DCIM/SAME.MP4": b"DCIM/A.MP4"}  # the same footage under another name
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


def check_visit(folder: Folder, fault: Fault) -> Iterator[str]:
    yield from common(fault)
    archive = Archive(folder.archive)
    archive.adopt()
    with open_ledger(folder, Clock(120)) as opened:
        yield from kept(opened, fault.said)
        imported = imported_of(opened)
    yield from archived(folder, archive, imported)
    if fault.said.get("succeeded"):
        yield from _complete(imported, fault)
    yield from second_visit(folder, archive, fault)


def second_visit(folder: Folder, archive: Archive, fault: Fault) -> Iterator[str]:
    state = visit(folder, Clock(180))
    if state != "ready":
        yield f"the next visit ends as {state}"
    with open_ledger(folder, Clock(240)) as opened:
        imported = imported_of(opened)
        yield from ended_once(opened)
        last = [e.data for e in opened.select(types=(VisitCompleted.TYPE,))][-1:]
    yield from _complete(imported, fault)
    yield from archived(folder, archive, imported)
    for said in last:
        yield from _manifest(folder, said)
    if parts := list((folder.archive / "incoming").iterdir()):
        yield f"left in incoming: {parts}"
    yield from (f"ledger: {problem}" for problem in verify(folder.ledger))


def common(fault: Fault) -> Iterator[str]:
    # What is in memory only, and what the kernel tells of itself, may end a start by any error.
    is_outside = any(place in fault.where for place in ("/proc/", "/here/run"))
    if fault.status in ("unforeseen", "hung") and not is_outside:
        yield f"the process {fault.status}: {fault.said.get('error', '')}"
    code, sentence = fault.said.get("trouble") or ("", "")
    if code == UnforeseenError.code:
        yield f"the visit ended by an error that nobody foresaw: {sentence}"
    # Python makes an interrupted call again, which has failed at nothing.
    is_sync = fault.call in SYNCS and fault.was_before_success and fault.kind != "EINTR"
    if fault.said.get("succeeded") and is_sync and not _may_ignore(fault):
        yield f"success was reported after {fault.where}"


def _may_ignore(fault: Fault) -> bool:
    # SQLite does not heed what a folder's fsync says; of the notes beside it, the ledger does.
    # A group of files that could not be brought to the medium is copied anew, file by file.
    return "state/ledger>" in fault.where or fault.was_copied_anew


def kept(opened, said: dict) -> Iterator[str]:
    size = said.get("size", 0)
    if size > opened.size:
        yield f"I4: entry {size} was promised, the ledger ends at {opened.size}"
    elif size and opened.checkpoint_at(size) != said["head"]:
        yield f"I4: the entries up to {size} are not those promised"
    if said.get("witnessed", 0) > opened.witnessed_size:
        yield f"I4: witnessed {said['witnessed']} was promised, it is {opened.witnessed_size}"


def imported_of(opened) -> list[FootageImported]:
    raw = opened.select_raw(types=(FootageImported.TYPE,))
    return [from_json(one, _Entry).data for one in raw]


def archived(folder: Folder, archive: Archive, imported: list[FootageImported]) -> Iterator[str]:
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


def ended_once(opened) -> Iterator[str]:
    began = Counter(e.data["visit"] for e in opened.select(types=(RecorderDocked.TYPE,)))
    types = (VisitCompleted.TYPE, VisitInterrupted.TYPE)
    ended = Counter(e.data["visit"] for e in opened.select(types=types))
    if began != ended:
        yield f"I9: visits began {dict(began)} and ended {dict(ended)}"


def _manifest(folder: Folder, said) -> Iterator[str]:
    file = folder.archive / "manifests" / f"{said['visit']}.sha256"
    if hashlib.sha256(file.read_bytes()).hexdigest() != said["manifest_sha256"]:
        yield f"the manifest is not the one entered: {file}"


def check_copied(folder: Folder, fault: Fault) -> Iterator[str]:
    """Check a second copy: what is entered of it is there; after the next visit, all of it."""
    yield from _second(folder)
    if fault.status == "ended" and "/here/second" in fault.where and not _is_told(folder):
        yield f"I9: what is owed is owed in silence after {fault.where}"
    yield from check_visit(folder, fault)
    yield from _second(folder, is_whole=True)


def _is_told(folder: Folder) -> bool:
    """Tell whether everything is entered as copied, or a fault of its disk is."""
    with open_ledger(folder, Clock(300)) as opened:
        is_faulted = bool([*opened.select(types=(CopyFaulted.TYPE,))])
        return is_faulted or {fact.sha256 for fact in imported_of(opened)} == {*_copied(opened)}


def _copied(opened) -> Counter[str]:
    """Return how often each digest is entered as copied."""
    entries = opened.select(types=(FootageCopied.TYPE,))
    return Counter(sha256 for entry in entries for sha256 in entry.data["sha256s"])


def _second(folder: Folder, *, is_whole: bool = False) -> Iterator[str]:
    """Hold the second copy's disk against the ledger, and its objects against their names."""
    with open_ledger(folder, Clock(300)) as opened:
        marks = [e.data["copy"] for e in opened.select(types=(CopyCommissioned.TYPE,))]
        told = _copied(opened)
        imported = {fact.sha256 for fact in imported_of(opened)}
    mark = folder.second / COPY_MARK_NAME
    if marks and mark.read_text("utf-8").splitlines()[0] != marks[-1]:
        yield f"the mark on the second copy's disk is none of {marks}"
    archive = Archive(folder.second, folders=(OBJECTS,))
    archive.adopt()
    there = {one.name for one in (folder.second / OBJECTS).rglob("*") if one.is_file()}
    for sha256 in sorted(told.keys() | there - {"probe"}):
        try:
            archive.verify(sha256)
        except MusterError as error:
            yield f"I1, I3: the second copy's {sha256}, entered {told[sha256]} times: {error}"
    if is_whole:
        if told != Counter(imported) or len(marks) != 1:
            yield f"I1: of {imported} {told} is entered as copied, to the disks {marks}"
        if parts := [*(folder.second / "incoming").iterdir()]:
            yield f"left in the second copy's incoming: {parts}"


def check_cleared(folder: Folder, fault: Fault) -> Iterator[str]:
    """Check a clearing: what has gone is archived, and the witness knew that it would go."""
    yield from common(fault)
    archive = Archive(folder.archive)
    archive.adopt()
    gone = [path for path in (*FILES, *_SAME) if not _is_on(folder.card, path)]
    with open_ledger(folder, Clock(120)) as opened:
        yield from kept(opened, fault.said)
        imported = imported_of(opened)
        intents = opened.select(types=(RecorderClearing.TYPE,))
        known = [intent for intent in intents if intent.sequence <= opened.witnessed_size]
    yield from archived(folder, archive, imported)
    for path in gone:
        if path not in {fact.path for fact in imported}:
            yield f"I1: {path!r} has gone from the card and is not entered"
    if gone and not known:
        yield f"I2: {gone} went from the card before the witness knew the intent"
    yield from _cleared_at_last(folder, fault)


def _cleared_at_last(folder: Folder, fault: Fault) -> Iterator[str]:
    state = visit(folder, Clock(180))
    if state != "ready":
        yield f"the next visit ends as {state}"
    if left := [path for path in (*FILES, *_SAME) if _is_on(folder.card, path)]:
        yield f"the next visit leaves {left} on the card"
    with open_ledger(folder, Clock(240)) as opened:
        imported = imported_of(opened)
        yield from ended_once(opened)
        began, ended = (
            Counter(entry.data["visit"] for entry in opened.select(types=(kind.TYPE,)))
            for kind in (RecorderClearing, RecorderCleared)
        )
    if began != ended:
        yield f"clearings began {dict(began)} and ended {dict(ended)}"
    yield from _complete(imported, fault)
    archive = Archive(folder.archive)
    archive.adopt()
    yield from archived(folder, archive, imported)
    yield from (f"ledger: {problem}" for problem in verify(folder.ledger))


def _is_on(card: Path, path: bytes) -> bool:
    return (card / "files" / path.decode()).exists()
