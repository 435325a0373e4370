"""The ledger's one writer: it appends, signs, proves and keeps what its witness has signed."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from typing import Self

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.entry import Draft, Entry, Moment, decode, encode, format_time
from contracts.errors import (
    LedgerBrokenError,
    LedgerCommitError,
    LedgerStorageError,
    ProofError,
)
from contracts.facts import LedgerOpened, draft_of
from contracts.note import SigningKey, VerifyingKey, verify_cosignature
from contracts.tree import Frontier, Head, Node, leaf_hash, verify_consistency
from ledger.database import Database, Row
from ledger.folder import (
    HEAD_NAME,
    KEY_NAME,
    WITNESS_NAME,
    has_key,
    load_or_create_key,
    lock,
    make,
    read_note,
    unlock,
    write_durably,
)
from ledger.opening import check_opening
from ledger.records import Records


class Ledger(Records):
    """An open ledger, locked against every other writer until it is closed.

    Any thread may call it; the order of entries is the order of `append` calls.
    """

    def __init__(self, database: Database, folder: Path, key: SigningKey, origin: str) -> None:
        super().__init__(database, folder)
        self._key = key
        self._origin = origin
        self._resources = ExitStack()
        self._failed = False
        self._turn = RLock()
        self._frontier = check_opening(self, self.verifying_key)

    @classmethod
    def open(cls, folder: Path, prefix: str, moment: Moment, version: str) -> Self:
        """Open the ledger in a folder, made at first start with its key and its first entry.

        `prefix` is `muster/{organisation}/{station}`; the origin adds the key's fingerprint.

        Raises:
            LedgerLockedError: another process has it open.
            LedgerBrokenError: it is not the ledger that was signed.
            LedgerStorageError: its files cannot be read or written.
        """
        try:
            make(folder)
        except OSError as error:
            raise LedgerStorageError(where=folder, what=str(error)) from error
        with ExitStack() as resources:
            resources.callback(unlock, lock(folder))
            database = Database.writer(folder)
            resources.callback(database.close)
            key = _key_of(folder, Records(database, folder))
            ledger = cls(database, folder, key, f"{prefix}/{key.fingerprint}")
            ledger._settle(prefix, moment, version)
            ledger._resources = resources.pop_all()
        return ledger

    @property
    def origin(self) -> str:
        """The ledger's name: its entries' `source`, and the name of its key."""
        return self._origin

    @property
    def verifying_key(self) -> VerifyingKey:
        """The key that verifies its checkpoints; `str()` of it is for publishing."""
        return self._key.verifying(self._origin)

    def append(self, drafts: Sequence[Draft], moment: Moment) -> tuple[Entry, ...]:
        """Enter drafts, all or none, and sign; on disk when it returns.

        Raises:
            EntryError: a draft is too long, or no canonical JSON; nothing was entered.
            LedgerStorageError: nothing was entered.
            LedgerBrokenError: the tables or the memory do not hold what was signed last, or what
                was to be entered; nothing was entered, and the ledger takes no more.
            LedgerCommitError: whether they were entered is unknown. The ledger takes no more:
                never try again, restart the program.
        """
        if not drafts:
            return ()
        with self._turn:
            if self._failed:
                raise LedgerCommitError(where=self.folder, what="an earlier one failed")
            try:
                return self._commit(drafts, moment)
            except (LedgerCommitError, LedgerBrokenError):
                self._failed = True
                raise

    def checkpoint_at(self, size: int) -> str:
        """Return a signed checkpoint of the first `size` entries.

        Raises:
            ProofError: there are fewer entries.
            LedgerBrokenError: the tables no longer hold what was signed last.
        """
        self._check_size(size)
        with self._turn:
            frontier, newest = self.frontier(size), self._frontier
            try:
                # What is read now must be what the newest signature is of: no two may contradict.
                verify_consistency(
                    Head(size, frontier.root()),
                    Head(newest.size, newest.root()),
                    self.consistency(size, newest.size),
                )
            except ProofError as error:
                raise LedgerBrokenError(where=self.folder, what=str(error.fields["why"])) from error
            return self._sign(frontier)

    def accept_cosignature(self, note: str, witness: VerifyingKey) -> int:
        """Keep a checkpoint of ours that the witness cosigned; return the size witnessed so far.

        Raises:
            NoteError: not signed by us, or not cosigned by the witness.
            LedgerBrokenError: the witness saw a longer or a different history under our key.
        """
        checkpoint = verify_checkpoint(note, self.verifying_key)
        timestamp = verify_cosignature(note, witness)
        self._check_ours(checkpoint)
        row = (checkpoint.size, str(witness), timestamp, note)
        with self._turn:
            newest = checkpoint.size > self.witnessed_size
            with self._database.transaction():
                sql = "INSERT OR IGNORE INTO cosignature VALUES (?, ?, ?, ?)"
                self._database.insert(sql, [row])
            if newest:
                self._keep(WITNESS_NAME, note)
            return self.witnessed_size

    def close(self) -> None:
        """Close the ledger and give up its lock; may be called twice."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self, prefix: str, moment: Moment, version: str) -> None:
        """Enter the first entry, or bring files up to date that a crash left behind."""
        if self.size:
            cosigned = self.cosigned
            self._refresh(HEAD_NAME, self.checkpoint)
            self._refresh(WITNESS_NAME, cosigned.note if cosigned else None)
            return
        _, organisation, station = prefix.split("/")
        opened = LedgerOpened(
            origin=self._origin,
            public_key=str(self.verifying_key),
            organisation=organisation,
            station=station,
            version=version,
        )
        self.append([draft_of(opened)], moment)

    def _refresh(self, name: str, note: str | None) -> None:
        if note is not None and read_note(self.folder / name) != note:
            self._keep(name, note)

    def _commit(self, drafts: Sequence[Draft], moment: Moment) -> tuple[Entry, ...]:
        with self._database.transaction():
            frontier, entries, note = self._enter(drafts, moment)
        self._frontier = frontier
        self._keep(HEAD_NAME, note)
        return entries

    def _enter(
        self, drafts: Sequence[Draft], moment: Moment
    ) -> tuple[Frontier, tuple[Entry, ...], str]:
        first = self._frontier.size + 1
        frontier, rows, nodes = self._frontier, list[Row](), list[Node]()
        for number, draft in enumerate(drafts, first):
            row, leaf = self._row(draft, number, moment)
            frontier, completed = frontier.append(leaf)
            rows.append(row)
            nodes.extend(completed)
        self._database.insert("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._database.insert(
            "INSERT INTO node VALUES (?, ?, ?)",
            [(node.level, node.index, node.hash) for node in nodes],
        )
        again, entries = self._read_back(first)
        if not again == self.frontier(again.size) == frontier:
            raise LedgerBrokenError(where=self.folder, what="the tree changed on its way in")
        note = self._sign(again)
        self._database.insert("INSERT INTO checkpoint VALUES (?, ?)", [(again.size, note)])
        return again, entries, note

    def _row(self, draft: Draft, sequence: int, moment: Moment) -> tuple[Row, bytes]:
        raw = encode(draft, sequence, self._origin, moment)
        at, leaf = format_time(moment.at), leaf_hash(raw)
        return (sequence, draft.type, draft.subject, at, raw, leaf), leaf

    def _read_back(self, first: int) -> tuple[Frontier, tuple[Entry, ...]]:
        """Hash what the tables hold, not what was handed to them: that is what gets signed."""
        frontier, leaves, entries = self.frontier(first - 1), list[bytes](), list[Entry]()
        if frontier != self._frontier:
            what = f"entries 1 to {first - 1} are not what was signed last"
            raise LedgerBrokenError(where=self.folder, what=what)
        sql = "SELECT body, leaf_hash FROM entry WHERE sequence >= ? ORDER BY sequence"
        for number, (body, stored) in enumerate(self._database.rows(sql, first), first):
            leaf = leaf_hash(body)
            if leaf != stored:
                what = f"entry {number} changed on its way in"
                raise LedgerBrokenError(where=self.folder, what=what)
            leaves.append(leaf)
            entries.append(decode(body))
        return frontier.grown(leaves), tuple(entries)

    def _sign(self, frontier: Frontier) -> str:
        text = str(Checkpoint(self._origin, frontier.size, frontier.root()))
        return self._key.sign(text, self._origin)

    def _check_ours(self, checkpoint: Checkpoint) -> None:
        if checkpoint.size > self.size:
            what = f"a witness saw entry {checkpoint.size}, the ledger ends at {self.size}"
            raise LedgerBrokenError(where=self.folder, what=what)
        if self.frontier(checkpoint.size).root() != checkpoint.root:
            what = f"a witness saw other entries than 1 to {checkpoint.size}"
            raise LedgerBrokenError(where=self.folder, what=what)

    def _keep(self, name: str, note: str) -> None:
        try:
            write_durably(self.folder / name, note.encode())
        except OSError as error:
            raise LedgerCommitError(where=self.folder, what=f"{name}: {error}") from error


def _key_of(folder: Path, records: Records) -> SigningKey:
    if records.size and not has_key(folder):
        # A new key would make a second ledger out of this one.
        raise LedgerBrokenError(where=folder, what=f"{KEY_NAME} is missing")
    return load_or_create_key(folder / KEY_NAME)
