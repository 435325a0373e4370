"""The invariants, held against what the agent's own recovery makes of a state after a power cut."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agent.archive import Archive
from agent.archive.grouping import OBJECTS as OBJECTS_FOLDER
from agent.recorders.virtual import SCRIPT
from contracts.entry import Entry as LedgerEntry
from contracts.errors import LedgerError, MusterError
from ledger.reading import LedgerReader
from ledger.store import Ledger
from ledger.verifying import verify
from tests.instruments.crash.disk import Entry
from tests.instruments.crash.station import SECOND, open_ledger, scrub, visit
from tests.instruments.crash.trace import Mark

LEDGER = "state/ledger/"
OBJECTS = "archive/objects/sha256/"
COPIES = f"{SECOND}/objects/sha256/"
INCOMING = ("archive/incoming/", f"{SECOND}/incoming/")
LOG = f"{LEDGER}ledger.db-wal"
LedgerKey = tuple[tuple[str, str, int], ...]
CARD = "card/"  # where a recorded card is, if one is
_PARTIAL = "archive/partial/"
_DAMAGED = "archive/damaged/"
_NAME_LENGTH = 64
_REBUILT = f"{LEDGER}ledger.db-shm"


@dataclass
class Promises:
    """What the run had told others by then."""

    count: int = 0
    imported: dict[str, int] = field(default_factory=dict)
    entered: int = 0
    published: int = 0
    witnessed: int = 0
    on_card: dict[str, tuple[str, int]] = field(default_factory=dict)  # and what was entered then
    copies: int = 1  # that there must be of what goes from a card
    unfit: set[str] = field(default_factory=set)  # never whole on a card, never footage
    rotten: dict[str, str] = field(default_factory=dict)  # objects that were harmed, and as what
    mended: set[str] = field(default_factory=set)  # reported imported since
    kept: set[str] = field(default_factory=set)  # what they were harmed to, on the medium

    def hear(self, mark: Mark) -> None:
        """Take in what was said next."""
        said = mark.said
        self.count += 1
        if "imported" in said:
            sha256, size = said["imported"]
            self.imported[sha256] = size
            self.mended |= {sha256} & set(self.rotten)
        for path, sha256 in said.get("on_card", {}).items():
            self.on_card[path] = sha256, self.entered
        self.unfit |= set(said.get("unfit", ()))
        self.rotten.update(said.get("rotten", {}))
        self.kept |= set(said.get("kept", ()))
        for name in ("entered", "published", "witnessed", "copies"):
            setattr(self, name, max(getattr(self, name), said.get(name, 0)))


@dataclass(frozen=True)
class History:
    """The ledger of the whole run: its entries, and its root at every size."""

    entries: tuple[LedgerEntry, ...]
    roots: tuple[bytes, ...]

    @classmethod
    def of(cls, folder: Path) -> "History":
        """Read it from the ledger the run ended with."""
        with LedgerReader(folder) as reader:
            roots = tuple(reader.frontier(size).root() for size in range(1, reader.size + 1))
            return cls(tuple(reader.select()), roots)


@dataclass(frozen=True)
class Found:
    """What the ledger's own opening made of a state; `error` if it refused."""

    size: int = 0
    is_ours: bool = False  # its entries are the run's first ones
    witnessed: int = 0
    head_agrees: bool = False
    error: str = ""


def open_found(root: Path, history: History) -> Found:
    """Open the ledger of a laid-out state as the agent does."""
    try:
        with open_ledger(root) as ledger:
            return _found(ledger, root, history)
    except (LedgerError, MusterError) as error:
        return Found(error=f"{error.code}: {error}")


def _found(ledger: Ledger, root: Path, history: History) -> Found:
    head = root / "state" / "ledger" / "head.note"
    return Found(
        ledger.size,
        history.roots[ledger.size - 1 : ledger.size] == (ledger.frontier(ledger.size).root(),),
        ledger.witnessed_size,
        head_agrees=head.read_text(encoding="utf-8") == ledger.checkpoint,
    )


def ledger_key(files: Mapping[str, Entry], log: Callable[[int], str]) -> LedgerKey:
    """Return what opening the ledger depends on: its files' names, bytes and modes.

    `log` names the write-ahead log by what SQLite takes from it. Not -shm: whoever opens the
    database first builds it anew.
    """
    return tuple(
        sorted(
            (path, log(entry.node) if path == LOG else entry.sha256, entry.mode)
            for path, entry in files.items()
            if path.startswith(LEDGER) and path != _REBUILT
        )
    )


def ledger_faults(found: Found, promises: Promises) -> list[str]:
    """Hold the ledger that was found against what had been promised (I4)."""
    if found.error:
        return [f"I4: the ledger of an honest crash is refused: {found.error}"]
    faults = [
        f"I4: {name} {getattr(promises, name)}, the ledger ends at {found.size}"
        for name in ("entered", "published")
        if found.size < getattr(promises, name)
    ]
    if found.witnessed < promises.witnessed:
        faults.append(f"I4: witnessed {promises.witnessed}, found {found.witnessed}")
    if not found.head_agrees:
        faults.append("I4: head.note is not the ledger's newest checkpoint")
    is_new = found.size == 1 and not max(promises.entered, promises.published)
    if not found.is_ours and not is_new:
        faults.append(f"I4: another history than was signed, at {found.size}")
    return faults


def entered(found: Found, history: History) -> tuple[LedgerEntry, ...]:
    """Return the entries of the run that the ledger still has."""
    return history.entries[: found.size] if found.is_ours else ()


def archive_faults(
    files: Mapping[str, Entry], promises: Promises, entries: tuple[LedgerEntry, ...]
) -> list[str]:
    """Hold the archive and its second copy against reports and the ledger (I1, I3)."""

    def is_there(path: str, sha256: str) -> bool:
        return path in files and files[path].sha256 in (sha256, promises.rotten.get(sha256))

    faults = [
        f"I1: {sha256} was reported imported and is not whole"
        for sha256 in promises.imported
        if not is_there(object_path(sha256), sha256)
    ]
    for entry in entries:
        faults += [
            f"I1: entry {entry.sequence}: {path} is not whole"
            for path, sha256 in _promised_by(entry)
            if not is_there(path, sha256)
        ]
    return [
        *faults,
        *_rot_faults(files, promises, entries),
        *(
            f"I3: {path} holds {found.sha256}"
            for path, found in files.items()
            if path.startswith((OBJECTS, COPIES)) and not is_there(path, PurePosixPath(path).name)
            if not _is_probe(path)
        ),
        *(
            f"I3: {path} is what was never whole on a card"
            for path, found in files.items()
            if found.sha256 in promises.unfit and not path.startswith(_PARTIAL)
        ),
    ]


def _rot_faults(
    files: Mapping[str, Entry], promises: Promises, entries: tuple[LedgerEntry, ...]
) -> list[str]:
    """Hold that harmed bytes are kept, and that what took their place is whole (I1)."""
    replaced = {entry.data["sha256"] for entry in entries if entry.type == "footage.replaced"}
    held = {found.sha256 for path, found in files.items() if path.startswith((OBJECTS, _DAMAGED))}
    return [
        f"I1: {sha256} was replaced and is not whole"
        for sha256 in sorted(replaced | promises.mended)
        if not _is_whole(files, object_path(sha256), sha256)
    ] + [f"I1: the damaged bytes {harmed} are lost" for harmed in sorted(promises.kept - held)]


def card_faults(
    files: Mapping[str, Entry],
    promises: Promises,
    entries: tuple[LedgerEntry, ...],
    witnessed: int,
) -> list[str]:
    """Hold what went from a card against the archive and the ledger (I1, I2).

    It is archived, and on the second copy where two are asked for; its import is entered, and that
    copy, after them the intent to remove, and the intent is under a checkpoint with the witness's
    signature, all on the medium.
    """
    proven, intended = _grounds(entries, witnessed, promises.copies)
    folders = (OBJECTS, COPIES)[: promises.copies]
    gone = {
        path: of_card
        for path, of_card in promises.on_card.items()
        if not _is_whole(files, path, of_card[0])
    }
    return [
        *(
            f"I1: {path} is neither on the card nor in {folder}"
            for path, (sha256, _) in gone.items()
            for folder in folders
            if not _is_whole(files, object_path(sha256, folder), sha256)
        ),
        *(
            f"I2: {path} went from the card before the witness knew the intent"
            for path, (sha256, known) in gone.items()
            if not proven.get(sha256, intended) < intended or intended <= known
        ),
        *(
            f"I6: entry {entry.sequence}: {path} is on the card again"
            for entry in entries
            if entry.type == "recorder.cleared" and entry.data["code"] == "cleared"
            for path in promises.on_card.keys() & files.keys()
        ),
    ]


def _grounds(
    entries: tuple[LedgerEntry, ...], witnessed: int, copies: int
) -> tuple[dict[str, int], int]:
    """Return by which entry what has so many copies, and the last intent that is witnessed."""
    imported: dict[str, int] = {}
    copied: dict[str, int] = {}
    intended = 0
    for entry in entries:
        if entry.type == "footage.imported":
            imported.setdefault(entry.data["sha256"], entry.sequence)
        elif entry.type == "footage.copied":
            copied.update(dict.fromkeys(entry.data["sha256s"], entry.sequence))
        elif entry.type == "recorder.clearing" and entry.sequence <= witnessed:
            intended = entry.sequence
    return (imported if copies == 1 else copied), intended


def _promised_by(entry: LedgerEntry) -> list[tuple[str, str]]:
    """Return which paths hold which bytes, if this entry is true."""
    data = entry.data
    if entry.type == "footage.imported":
        return [(f"archive/{data[path]}", data["sha256"]) for path in ("object", "view")]
    if entry.type == "footage.copied":
        return [(object_path(sha256, COPIES), sha256) for sha256 in data["sha256s"]]
    if entry.type == "footage.unreadable" and data["partial"]:
        return [(f"archive/{data['partial']}", data["partial_sha256"])]
    if entry.type == "visit.completed":
        return [(f"archive/manifests/{data['visit']}.sha256", data["manifest_sha256"])]
    return []


def _is_probe(path: str) -> bool:
    return len(PurePosixPath(path).name) != _NAME_LENGTH  # of the disk, of no content


def object_path(sha256: str, folder: str = OBJECTS) -> str:
    """Return where the archive or the second copy keeps an object, below the root."""
    return f"{folder}{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _is_whole(files: Mapping[str, Entry], path: str, sha256: str) -> bool:
    return path in files and files[path].sha256 == sha256


def recovery_faults(root: Path, cards: list[Path], promises: Promises) -> list[str]:
    """Let the agent recover a laid-out state and end the visits that were cut (I1, I3, I4)."""
    if not (promises.entered or promises.imported or any(root.iterdir())):
        return []  # the archive's folder is not made yet, and without it no agent starts
    try:
        return [*_start_faults(root, promises), *_resume_faults(root, cards, promises)]
    except MusterError as error:
        return [f"recovery failed: {error.code}: {error}"]


def _start_faults(root: Path, promises: Promises) -> list[str]:
    archive = Archive(root / "archive")
    archive.prepare()
    with open_ledger(root) as ledger:
        known = {
            (entry.data["sha256"], entry.data["size"])
            for entry in ledger.select(types=("footage.imported",))
        }
    wanted = known | set(promises.imported.items())
    missing = {sha256 for sha256, _ in wanted} - archive.holds_all(wanted)
    return [f"I1: the archive does not hold {sha256}" for sha256 in sorted(missing)]


def _resume_faults(root: Path, cards: list[Path], promises: Promises) -> list[str]:
    recorded = [file.parent for file in root.glob(f"{CARD}*/{SCRIPT}")]
    if not cards and not promises.on_card:
        return []  # the recorded card is still being made
    cards = [*cards, *recorded]
    if promises.rotten:
        scrub(root, cards)
    visit(root, cards, lambda _: None, clear=bool(recorded))
    faults = [f"I4: {finding}" for finding in verify(root / "state" / "ledger")]
    with LedgerReader(root / "state" / "ledger") as reader:
        completed = [entry.data["recorder"] for entry in reader.select(types=("visit.completed",))]
        known = {entry.data["sha256"] for entry in reader.select(types=("footage.imported",))}
    for card in cards:
        if card.name not in completed:
            faults.append(f"I6: the visit of {card.name} was not completed")
        known |= {digest_of(file) for file in files_of(card)} - promises.unfit
    known |= {sha256 for sha256, _ in promises.on_card.values()}
    faults += [f"I6: {file} was not cleared" for card in recorded for file in files_of(card)]
    for name in ("archive", *([SECOND] if (root / SECOND).exists() else ())):
        faults += _shelf_faults(root / name, known)
    return faults


def _shelf_faults(folder: Path, known: set[str]) -> Iterator[str]:
    """Have an archive read what it must hold."""
    archive = Archive(folder, folders=(OBJECTS_FOLDER,))
    archive.adopt()
    for sha256 in sorted(known):
        try:
            archive.verify(sha256)
        except MusterError as error:
            yield f"I1: {folder.name}: {error.code}: {sha256}"
    if leftover := list((folder / "incoming").iterdir()):
        yield f"{folder.name}: incoming still holds {json.dumps([one.name for one in leftover])}"


def files_of(card: Path) -> list[Path]:
    """Return what a card holds."""
    return [file for file in (card / "files").rglob("*") if file.is_file()]


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
