"""The invariants, held against what the agent's own recovery makes of a state after a power cut."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agent.archive import Archive
from contracts.entry import Entry as LedgerEntry
from contracts.errors import LedgerError, MusterError
from ledger.reading import LedgerReader
from ledger.store import Ledger
from ledger.verifying import verify
from tests.instruments.crash.disk import Entry
from tests.instruments.crash.station import open_ledger, visit
from tests.instruments.crash.trace import Mark

LEDGER = "state/ledger/"
OBJECTS = "archive/objects/sha256/"
INCOMING = "archive/incoming/"
LOG = f"{LEDGER}ledger.db-wal"
LedgerKey = tuple[tuple[str, str, int], ...]
_REBUILT = f"{LEDGER}ledger.db-shm"


@dataclass
class Promises:
    """What the run had told others by then."""

    count: int = 0
    imported: dict[str, int] = field(default_factory=dict)
    entered: int = 0
    published: int = 0
    witnessed: int = 0

    def hear(self, mark: Mark) -> None:
        """Take in what was said next."""
        said = mark.said
        self.count += 1
        if "imported" in said:
            sha256, size = said["imported"]
            self.imported[sha256] = size
        for name in ("entered", "published", "witnessed"):
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
    """Hold the archive against what was reported and what the ledger says (I1, I3)."""
    faults = [
        f"I1: {sha256} was reported imported and is not whole"
        for sha256 in promises.imported
        if not _is_whole(files, object_path(sha256), sha256)
    ]
    for entry in entries:
        faults += [
            f"I1: entry {entry.sequence}: {path} is not whole"
            for path, sha256 in _promised_by(entry)
            if not _is_whole(files, f"archive/{path}", sha256)
        ]
    return faults + [
        f"I3: {path} holds {found.sha256}"
        for path, found in files.items()
        if path.startswith(OBJECTS) and not _is_named_so(path, found.sha256)
    ]


def _promised_by(entry: LedgerEntry) -> list[tuple[str, str]]:
    """Return which paths in the archive hold which bytes, if this entry is true."""
    data = entry.data
    if entry.type == "footage.imported":
        return [(data["object"], data["sha256"]), (data["view"], data["sha256"])]
    if entry.type == "visit.completed":
        return [(f"manifests/{data['visit']}.sha256", data["manifest_sha256"])]
    return []


def _is_named_so(path: str, sha256: str) -> bool:
    name = PurePosixPath(path).name
    return name == sha256 or len(name) != len(sha256)  # a probe of the disk, of no content


def object_path(sha256: str) -> str:
    """Return where the archive keeps an object, below the root."""
    return f"{OBJECTS}{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _is_whole(files: Mapping[str, Entry], path: str, sha256: str) -> bool:
    return path in files and files[path].sha256 == sha256


def recovery_faults(root: Path, cards: list[Path], promises: Promises) -> list[str]:
    """Let the agent recover a laid-out state and end the visits that were cut (I1, I3, I4)."""
    try:
        return [*_start_faults(root, promises), *_resume_faults(root, cards)]
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


def _resume_faults(root: Path, cards: list[Path]) -> list[str]:
    visit(root, cards, lambda _: None)
    faults = [f"I4: {finding}" for finding in verify(root / "state" / "ledger")]
    archive = Archive(root / "archive")
    archive.adopt()
    with LedgerReader(root / "state" / "ledger") as reader:
        completed = [entry.data["recorder"] for entry in reader.select(types=("visit.completed",))]
        known = {entry.data["sha256"] for entry in reader.select(types=("footage.imported",))}
    for card in cards:
        if card.name not in completed:
            faults.append(f"I6: the visit of {card.name} was not completed")
        known |= {digest_of(file) for file in (card / "files").rglob("*") if file.is_file()}
    for sha256 in sorted(known):
        try:
            archive.verify(sha256)
        except MusterError as error:
            faults.append(f"I1: {error.code}: {sha256}")
    if leftover := list((root / "archive" / "incoming").iterdir()):
        faults.append(f"incoming still holds {json.dumps([path.name for path in leftover])}")
    return faults


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
