"""Checks everything the index holds: each station's entries against what it signed, and its own."""

from collections.abc import Iterator
from pathlib import Path

from contracts.checkpoint import MAX_SIZE, verify_checkpoint
from contracts.entry import decode
from contracts.errors import EntryError, NoteError
from contracts.note import VerifyingKey, verify_cosignature
from contracts.problem import Problem
from contracts.tree import Frontier, leaf_hash
from index.store import Store
from index.stored import StoredCheckpoint, StoredStation
from ledger.verifying import verify


def audit_own(folder: Path) -> tuple[Problem, ...]:
    """Return what is wrong with the index's own ledger."""
    return verify(folder)


def audit_station(
    store: Store, station: StoredStation, witness: VerifyingKey
) -> tuple[Problem, ...]:
    """Return what is wrong with one station's ledger as it is stored."""
    checkpoints = {c.size: c for c in store.checkpoints(station.id)}
    problems = list(_unsigned_head(station, checkpoints))
    frontier = Frontier()
    for stored in store.entries_of(station.id, MAX_SIZE):
        expected = frontier.size + 1
        if stored.sequence != expected:
            problems.append(Problem("entry_missing", expected, str(expected)))
            return tuple(problems)
        problems += _entry_problems(station, expected, stored.body, stored.leaf_hash)
        frontier, _ = frontier.append(leaf_hash(stored.body))
        if checkpoint := checkpoints.get(expected):
            problems += _checkpoint_problems(station, checkpoint, frontier, witness)
    if frontier != station.frontier:
        problems.append(Problem("tail_missing", frontier.size, str(station.frontier.size)))
    return tuple(problems)


def _unsigned_head(
    station: StoredStation, checkpoints: dict[int, StoredCheckpoint]
) -> Iterator[Problem]:
    if max(checkpoints, default=0) != station.frontier.size:
        yield Problem("checkpoint_missing", station.frontier.size)


def _entry_problems(
    station: StoredStation, sequence: int, body: bytes, stored: bytes
) -> Iterator[Problem]:
    if leaf_hash(body) != stored:
        yield Problem("entry_changed", sequence)
    try:
        entry = decode(body)
    except EntryError as error:
        yield Problem("entry_malformed", sequence, str(error.fields["why"]))
        return
    if entry.sequence != sequence:
        yield Problem("entry_misplaced", sequence, str(entry.sequence))
    if entry.source != station.enrolment.key.name:
        yield Problem("entry_foreign", sequence, entry.source)


def _checkpoint_problems(
    station: StoredStation, stored: StoredCheckpoint, frontier: Frontier, witness: VerifyingKey
) -> Iterator[Problem]:
    try:
        checkpoint = verify_checkpoint(stored.note, station.enrolment.key)
        verify_checkpoint(stored.cosigned, station.enrolment.key)
    except NoteError as error:
        yield Problem("checkpoint_malformed", stored.size, str(error.fields["why"]))
        return
    try:
        verify_cosignature(stored.cosigned, witness)
    except NoteError as error:
        yield Problem("cosignature_wrong", stored.size, str(error.fields["why"]))
    if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        yield Problem("history_differs", stored.size, f"1-{stored.size}")
