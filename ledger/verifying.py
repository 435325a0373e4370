"""Checks a whole ledger from its first entry, and names everything that is not as it was signed.

It only reads, and may run while the ledger's writer does.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.entry import Entry, decode, format_time
from contracts.errors import EntryError, LedgerError, LedgerStorageError, NoteError
from contracts.note import VerifyingKey, verify_cosignature
from contracts.problem import Problem
from contracts.tree import Frontier, Node, leaf_hash
from ledger.database import Database, Row
from ledger.folder import KEPT, read_note
from ledger.records import Records

Progress = Callable[[int, int], None]

_STEP = 1_000
# Everything as bytes: whoever wrote to the file did not have to respect the columns' types.
_ENTRIES = """SELECT sequence, CAST(type AS BLOB), CAST(subject AS BLOB), CAST(at AS BLOB),
    coalesce(CAST(body AS BLOB), x''), coalesce(CAST(leaf_hash AS BLOB), x'')
    FROM entry ORDER BY sequence"""
_CHECKPOINTS = (
    "SELECT size, 'checkpoint', CAST(note AS BLOB), NULL, NULL FROM checkpoint ORDER BY size"
)
_COSIGNATURES = """SELECT size, 'cosignature', CAST(note AS BLOB), CAST(witness AS BLOB), timestamp
    FROM cosignature ORDER BY size"""
_NODES = """SELECT position, CAST(hash AS BLOB) FROM node WHERE level = ? AND position >= ?
    ORDER BY position"""


class Claim(NamedTuple):
    """A signed head that must agree with the entries: from a table, or from the file `where`."""

    size: int
    where: str
    note: str
    witness: str | None = None
    timestamp: int | None = None


def verify(
    folder: Path,
    key: str | None = None,
    progress: Progress | None = None,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Problem, ...]:
    """Return everything that is wrong with the ledger in a folder, in order of discovery.

    Without `key` (in the form name+id+base64) the one that entry 1 names is taken on trust.
    `progress` is told how many entries are done, of how many. `kept` are notes of this ledger,
    each under a name, that were kept elsewhere: they too must agree.

    Raises:
        LedgerStorageError: there is no ledger that could be read.
        NoteError: `key` is malformed.
    """
    # Before the snapshot: a running writer commits first and then writes these.
    files = {name: read_note(folder / name) for name in KEPT}
    trusted = VerifyingKey.parse(key) if key else None
    database = Database.reader(folder)
    try:
        with database.snapshot():
            walk = _Walk(database, trusted)
            return tuple(_verified(walk, _Notes(folder, database, files, kept), progress))
    finally:
        database.close()


def _verified(walk: "_Walk", notes: "_Notes", progress: Progress | None) -> Iterator[Problem]:
    database = walk.database
    try:
        changed = database.schema_differences()
        yield from (Problem("schema_differs", detail=what) for what in changed)
        if any(what.startswith("table") for what in changed):
            return  # nobody knows what such tables mean
        for line in database.integrity():
            yield Problem("database_damaged", detail=line)
        yield from walk.find_key()
        yield from notes.malformed()
        yield from walk.run(notes.claims(), progress or _no_progress)
        yield from notes.unrecorded(walk.last, walk.disputed)
    except LedgerStorageError as error:
        yield Problem("database_damaged", detail=str(error.fields["what"]))


def _no_progress(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Notes:
    """The notes outside the database: the ledger's two files, and what somebody kept elsewhere."""

    _folder: Path
    _database: Database
    _files: Mapping[str, str | None]
    _kept: Mapping[str, str]

    def malformed(self) -> Iterator[Problem]:
        """Yield which notes are missing, or are no notes."""
        records = Records(self._database, self._folder)
        for name, note in self._files.items():
            # A crash between the first commit and the first writing of the file is no attack.
            if note is None and len(records.latest_notes(KEPT[name])) > 1:
                yield Problem("head_missing", detail=name)
        for name, note in self._all():
            try:
                Checkpoint.of_note(note)
            except NoteError as error:
                yield Problem("head_malformed", detail=f"{name}: {error.fields['why']}")

    def unrecorded(self, last: int, disputed: Collection[str]) -> Iterator[Problem]:
        """Yield which files, not disputed already, do not repeat the newest row of their table."""
        records = Records(self._database, self._folder)
        for claim in self.claims():
            if claim.where not in KEPT or claim.where in disputed or claim.size > last:
                continue
            table = KEPT[claim.where]
            is_newest = claim.note in records.latest_notes(table)
            # A running writer's commits may have overtaken the file as it was read.
            if not is_newest and claim.note == read_note(self._folder / claim.where):
                sql = f"SELECT count(*) FROM {table} WHERE size = ? AND note = ?"  # noqa: S608  # our own words
                is_older = self._database.value(sql, claim.size, claim.note)
                code = "head_stale" if is_older else "head_unrecorded"
                yield Problem(code, claim.size, claim.where)

    def claims(self) -> list[Claim]:
        """Return the well-formed notes as claims in order of size."""
        claims = []
        for name, note in self._all():
            with suppress(NoteError):
                claims.append(Claim(Checkpoint.of_note(note).size, name, note))
        return sorted(claims)

    def _all(self) -> Iterator[tuple[str, str]]:
        yield from ((name, note) for name, note in self._files.items() if note is not None)
        yield from self._kept.items()


@dataclass(slots=True)
class _Walk:
    """Goes through entries and signed heads side by side, both in order of size.

    What was found wrong is reported once: the walk then goes on from the stored hash, so that one
    changed entry does not make every later head look wrong.
    """

    database: Database
    trusted: VerifyingKey | None
    _key: VerifyingKey | None = None
    _nodes: "_StoredNodes" = field(init=False)
    _frontier: Frontier = field(default_factory=Frontier)
    _whole: bool = True  # no entry missing so far: heads can be compared
    _agreed: int = 0  # size of the last head that agreed with the entries
    _differs: bool = False
    _signed: int = 0  # size of the last checkpoint seen
    last: int = 0  # the last entry seen
    disputed: set[str] = field(default_factory=set)  # which notes were found wrong

    def __post_init__(self) -> None:
        self._nodes = _StoredNodes(self.database)

    def find_key(self) -> Iterator[Problem]:
        """Take the trusted key, or else the one that entry 1 names; yield what is wrong with it."""
        self._key = self.trusted
        row = self.database.row("SELECT body FROM entry WHERE sequence = 1")
        if row is None:
            return
        try:
            named = VerifyingKey.parse(str(decode(row[0]).data.get("public_key")))
        except LedgerError as error:
            yield Problem("key_missing", 1, str(error.fields["why"]))
            return
        if self.trusted not in (None, named):
            yield Problem("key_differs", 1, str(named))
        self._key = self.trusted or named

    def run(self, files: list[Claim], progress: Progress) -> Iterator[Problem]:
        total = int(self.database.value("SELECT count(*) FROM entry"))
        if not total:
            yield Problem("ledger_empty")
        claims = _Claims(heapq.merge(*map(self._claims, (_CHECKPOINTS, _COSIGNATURES)), files))
        for done, row in enumerate(self.database.stream(_ENTRIES), 1):
            yield from self._follows(row[0])
            self.last = row[0]
            yield from self._entry(row)
            if self._whole:
                yield from self._heads(claims.up_to(self.last))
            if done % _STEP == 0 or done == total:
                progress(done, total)
        yield from self._end(claims)

    def _claims(self, sql: str) -> Iterator[Claim]:
        for size, where, note, witness, timestamp in self.database.stream(sql):
            yield Claim(size, where, _text(note), witness and _text(witness), timestamp)

    def _follows(self, sequence: int) -> Iterator[Problem]:
        last = self.last
        if sequence != last + 1:
            self._whole = False
            span = f"{last + 1}" if sequence == last + 2 else f"{last + 1}-{sequence - 1}"
            yield Problem("entry_missing", last + 1, span)

    def _entry(self, row: Row) -> Iterator[Problem]:
        sequence, kind, subject, at, body, stored = row
        try:
            yield from self._content(sequence, decode(body), (kind, subject, at))
        except EntryError as error:
            yield Problem("entry_malformed", sequence, str(error.fields["why"]))
        if leaf_hash(body) != stored:
            yield Problem("entry_changed", sequence)
        if self._whole:
            self._frontier, nodes = self._frontier.append(stored)
            yield from self._completed(sequence, nodes)

    def _content(
        self, sequence: int, entry: Entry, columns: tuple[bytes, bytes, bytes]
    ) -> Iterator[Problem]:
        if entry.sequence != sequence:
            yield Problem("entry_misplaced", sequence, str(entry.sequence))
        if self._key and entry.source != self._key.name:
            yield Problem("entry_foreign", sequence, entry.source)
        said = (entry.type, entry.subject, format_time(entry.moment.at))
        for name, column, value in zip(("type", "subject", "at"), columns, said, strict=True):
            if column != value.encode():
                yield Problem("column_differs", sequence, name)

    def _completed(self, sequence: int, nodes: tuple[Node, ...]) -> Iterator[Problem]:
        for node in nodes:
            place = f"{node.level}/{node.index}"
            stored = self._nodes.find(node.level, node.index)
            if stored is None:
                yield Problem("node_missing", sequence, place)
            elif stored != node.hash:
                yield Problem("node_differs", sequence, place)
                self._adopt(self._nodes.find(nodes[-1].level, nodes[-1].index))
                return

    def _adopt(self, stored: bytes | None) -> None:
        if stored is not None:
            hashes = (*self._frontier.hashes[:-1], stored)
            self._frontier = Frontier(self._frontier.size, hashes)

    def _heads(self, claims: Iterable[Claim]) -> Iterator[Problem]:
        for claim in claims:
            if claim.where == "checkpoint":
                self._signed = claim.size
            try:
                root = self._signed_root(claim)
            except NoteError as error:
                self.disputed.add(claim.where)
                yield _malformed(claim, str(error.fields["why"]))
            else:
                yield from self._compare(claim, root)

    def _signed_root(self, claim: Claim) -> bytes:
        if self._key is None:
            checkpoint = Checkpoint.of_note(claim.note)
        else:
            checkpoint = verify_checkpoint(claim.note, self._key)
        if checkpoint.size != claim.size:
            raise NoteError(why=f"it is of size {checkpoint.size}")
        if claim.witness is not None:
            timestamp = verify_cosignature(claim.note, VerifyingKey.parse(claim.witness))
            if timestamp != claim.timestamp:
                raise NoteError(why=f"it was given at {timestamp}")
        return checkpoint.root

    def _compare(self, claim: Claim, root: bytes) -> Iterator[Problem]:
        if root == self._frontier.root():
            self._agreed, self._differs = claim.size, False
            return
        span = f"{self._agreed + 1}-{claim.size}"
        if claim.where not in ("checkpoint", "cosignature"):
            self.disputed.add(claim.where)
            yield Problem("head_differs", claim.size, claim.where)
        elif not self._differs:  # once history differs, so does every head after it
            yield Problem("history_differs", claim.size, span)
        self._differs = True

    def _end(self, claims: "_Claims") -> Iterator[Problem]:
        last = self.last
        beyond = {claim.where: claim.size for claim in claims.rest() if claim.size > last}
        for where, size in beyond.items():
            yield Problem("tail_missing", last, f"{where}: {size}")
        if last and self._whole and self._signed != last:
            yield Problem("checkpoint_missing", last)
        surplus = "SELECT count(*) FROM node WHERE (position + 1) << level > ?"
        if count := self.database.value(surplus, last):
            yield Problem("node_surplus", detail=str(count))


class _StoredNodes:
    """The stored nodes in the order in which entries complete them: a stream for each level."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: dict[int, Iterator[Row]] = {}
        self._next: dict[int, Row | None] = {}

    def find(self, level: int, index: int) -> bytes | None:
        """Return the node's hash if it is stored; within a level never go back."""
        if level not in self._streams:
            self._streams[level] = self._database.stream(_NODES, level, index)
            self._next[level] = next(self._streams[level], None)
        while (row := self._next[level]) is not None and row[0] < index:
            self._next[level] = next(self._streams[level], None)
        return row[1] if row is not None and row[0] == index else None


class _Claims:
    """Signed heads in order of size, taken up to where the entries have got."""

    def __init__(self, claims: Iterator[Claim]) -> None:
        self._claims = claims
        self._next = next(claims, None)

    def up_to(self, size: int) -> Iterator[Claim]:
        while self._next is not None and self._next.size <= size:
            yield self._next
            self._next = next(self._claims, None)

    def rest(self) -> Iterator[Claim]:
        if self._next is not None:
            yield self._next
        yield from self._claims


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", errors="replace")


def _malformed(claim: Claim, why: str) -> Problem:
    match claim.where:
        case "checkpoint":
            return Problem("checkpoint_malformed", claim.size, why)
        case "cosignature":
            return Problem("cosignature_wrong", claim.size, why)
        case _:
            return Problem("head_malformed", detail=f"{claim.where}: {why}")
