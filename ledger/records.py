"""What can be read from a ledger's tables, for its one writer and for readers alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.checkpoint import Checkpoint
from contracts.entry import Entry, decode
from contracts.errors import LedgerBrokenError, LedgerStorageError, ProofError
from contracts.proof import bundle_of
from contracts.tree import (
    Frontier,
    Proof,
    consistency_proof,
    frontier_at,
    inclusion_proof,
)
from ledger.database import Database
from ledger.folder import KEPT, write_durably

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that a witness cosigned: its size, the witness's key, the note, and when.

    `timestamp` is in seconds since 1970, by the witness's clock.
    """

    size: int
    witness: str
    note: str
    timestamp: int


class Records:
    """The reading half of a ledger; every answer is taken from the tables at the time of asking."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the ledger is."""
        return self._folder

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self._database.value("SELECT coalesce(max(sequence), 0) FROM entry"))

    @property
    def checkpoint(self) -> str | None:
        """The newest signed checkpoint."""
        row = self._database.row("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
        return str(row[0]) if row else None

    @property
    def checkpoint_count(self) -> int:
        """How many checkpoints are on record: one for each append."""
        return int(self._database.value("SELECT count(*) FROM checkpoint"))

    def latest_notes(self, kind: Literal["checkpoint", "cosignature"]) -> tuple[str, ...]:
        """Return the notes of the two largest sizes, the larger first.

        A crash may leave the file that keeps the newest one behind by one, never by more.
        """
        newest = f"SELECT DISTINCT size FROM {kind} ORDER BY size DESC LIMIT 2"  # noqa: S608  # our own words
        sql = f"SELECT note FROM {kind} WHERE size IN ({newest}) ORDER BY size DESC"  # noqa: S608  # our own words
        return tuple(str(row[0]) for row in self._database.rows(sql))

    @property
    def schema_differences(self) -> list[str]:
        """The tables, indexes and triggers that are not as this version makes them."""
        return self._database.schema_differences()

    @property
    def witnessed_size(self) -> int:
        """How many entries a witness has seen."""
        return self.cosigned.size if self.cosigned else 0

    @property
    def cosigned(self) -> Cosigned | None:
        """The largest cosigned checkpoint."""
        row = self._database.row(
            "SELECT size, witness, note, timestamp FROM cosignature"
            " ORDER BY size DESC, timestamp DESC LIMIT 1"
        )
        return Cosigned(*row) if row else None

    def raw(self, start: int, stop: int) -> list[bytes]:
        """Return the bytes of entries `start` to `stop` - 1, as many of them as there are."""
        sql = "SELECT body FROM entry WHERE sequence >= ? AND sequence < ? ORDER BY sequence"
        return [row[0] for row in self._database.rows(sql, start, stop)]

    def entries(self, start: int, stop: int) -> tuple[Entry, ...]:
        """Return entries `start` to `stop` - 1, as many of them as there are."""
        return tuple(map(decode, self.raw(start, stop)))

    def get(self, sequence: int) -> Entry | None:
        """Return one entry."""
        found = self.raw(sequence, sequence + 1)
        return decode(found[0]) if found else None

    def select(
        self, subject: str | None = None, types: Sequence[str] = (), after: int = 0
    ) -> Iterator[Entry]:
        """Yield entries above `after` in order, of one subject and some types where given."""
        return map(decode, self.select_raw(subject, types, after))

    def select_raw(
        self, subject: str | None = None, types: Sequence[str] = (), after: int = 0
    ) -> Iterator[bytes]:
        """Yield the bytes of the entries that `select` yields, undecoded."""
        where, bindings = _conditions(subject, types)
        sql = f"SELECT sequence, body FROM entry WHERE {where} ORDER BY sequence LIMIT {_PAGE}"  # noqa: S608  # no outside text
        while page := self._database.rows(sql, after, *bindings):
            for sequence, body in page:
                after = sequence
                yield bytes(body)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree, as the tree's proofs ask for it."""
        if level:
            sql = "SELECT hash FROM node WHERE level = ? AND position = ?"
            row = self._database.row(sql, level, index)
        else:
            sql = "SELECT leaf_hash FROM entry WHERE sequence = ?"
            row = self._database.row(sql, index + 1)
        if row is None:
            raise LedgerBrokenError(where=self._folder, what=f"no node {level}/{index}")
        return bytes(row[0])

    def frontier(self, size: int) -> Frontier:
        """Return the frontier of the first `size` entries."""
        return frontier_at(size, self.node)

    def inclusion(self, sequence: int, size: int) -> Proof:
        """Return the proof that an entry is among the first `size`.

        Raises:
            ProofError: it is not, or there are fewer entries.
        """
        self._check_size(size)
        return inclusion_proof(sequence - 1, size, self.node)

    def consistency(self, old: int, new: int) -> Proof:
        """Return the proof that the first `new` entries begin with the first `old`.

        Raises:
            ProofError: `old` is larger than `new`, or there are fewer entries.
        """
        self._check_size(new)
        return consistency_proof(old, new, self.node)

    def prove(self, sequence: int) -> bytes:
        """Return the proof bundle of an entry, witnessed if a witness has seen it.

        Raises:
            ProofError: there is no such entry.
        """
        cosigned, newest = self.cosigned, self.checkpoint
        if newest is None or not 1 <= sequence <= self.size:
            raise ProofError(why=f"no entry {sequence}")
        witnessed = cosigned if cosigned and cosigned.size >= sequence else None
        note = witnessed.note if witnessed else newest
        return bundle_of(
            entry=self.raw(sequence, sequence + 1)[0],
            inclusion=self.inclusion(sequence, Checkpoint.of_note(note).size),
            checkpoint=note,
            key=self.public_key,
            witness=witnessed.witness if witnessed else None,
        )

    def back_up(self, target: Path) -> None:
        """Copy the ledger, without its key, into a folder that has none; on disk on return.

        Raises:
            LedgerStorageError: the folder has a ledger, or cannot be written.
        """
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerStorageError(where=target, what=str(error)) from error
        self._database.back_up(target)
        # A running writer may be ahead of the copy by now: the copy's own notes go with it.
        copy = Database.reader(target)
        try:
            notes = Records(copy, target)
            kept = ((name, notes.latest_notes(kind)) for name, kind in KEPT.items())
            for name, newest in kept:
                if newest:
                    write_durably(target / name, newest[0].encode())
        except OSError as error:
            raise LedgerStorageError(where=target, what=str(error)) from error
        finally:
            copy.close()

    @property
    def public_key(self) -> str:
        """The key that the first entry names; whether it is the right one, others must know."""
        first = self.get(1)
        if first is None or not isinstance(first.data.get("public_key"), str):
            raise LedgerBrokenError(where=self._folder, what="entry 1 does not name the key")
        return str(first.data["public_key"])

    def _check_size(self, size: int) -> None:
        if size > self.size:
            raise ProofError(why=f"size {size} of {self.size}")


def _conditions(subject: str | None, types: Sequence[str]) -> tuple[str, list[object]]:
    parts, bindings = ["sequence > ?"], list[object]()
    if subject is not None:
        parts.append("subject = ?")
        bindings.append(subject)
    if types:
        parts.append(f"type IN ({', '.join('?' * len(types))})")
        bindings.extend(types)
    return " AND ".join(parts), bindings
