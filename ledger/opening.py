"""The check a ledger must pass before it is opened for writing: is it the one that was signed?

It is bounded so that a station starts at once; `ledger.verifying` checks everything.
"""

from pathlib import Path

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.errors import EntryError, LedgerBrokenError, NoteError
from contracts.note import VerifyingKey
from contracts.tree import Frontier, leaf_hash
from ledger.folder import KEPT, read_note
from ledger.records import Records

_RECOMPUTED = 4_096  # entries hashed anew; what is before them is vouched for by their root


def check_opening(records: Records, key: VerifyingKey) -> Frontier:
    """Return the frontier of a ledger whose entries are those that `key` signed last.

    Raises:
        LedgerBrokenError: history is shorter or different; says what and where.
    """
    folder = records.folder
    notes = {name: read_note(folder / name) for name in KEPT}
    if changed := records.schema_differences:
        raise LedgerBrokenError(where=folder, what=f"changed by another hand: {', '.join(changed)}")
    if records.size:
        _check_first(records, key)
        frontier = _recompute(records)
        _check_last(records, frontier, key)
    else:
        frontier = Frontier()
    for name, note in notes.items():
        if note is not None:
            _check_kept(records, name, note, key)
        elif len(records.latest_notes(KEPT[name])) > 1:
            # One alone may be missing: a crash between the first commit and the file is no attack.
            raise LedgerBrokenError(where=folder, what=f"{name} is missing")
    return frontier


def _check_first(records: Records, key: VerifyingKey) -> None:
    try:
        origin, named = next(records.select()).source, records.public_key
    except EntryError as error:
        what = f"entry 1: {error.fields['why']}"
        raise LedgerBrokenError(where=records.folder, what=what) from error
    if origin != key.name or named != str(key):
        what = f"entry 1 is of {origin}, the key is of {key.name}"
        raise LedgerBrokenError(where=records.folder, what=what)


def _recompute(records: Records) -> Frontier:
    folder, size = records.folder, records.size
    start = max(0, size - _RECOMPUTED)
    frontier = records.frontier(start)
    bodies = records.raw(start + 1, size + 1)
    if len(bodies) != size - start:
        raise LedgerBrokenError(
            where=folder, what=f"entries missing between {start + 1} and {size}"
        )
    for sequence, body in enumerate(bodies, start + 1):
        leaf = leaf_hash(body)
        if leaf != records.node(0, sequence - 1):
            raise LedgerBrokenError(where=folder, what=f"entry {sequence} was changed")
        frontier, nodes = frontier.append(leaf)
        for node in nodes:
            if node.hash != records.node(node.level, node.index):
                raise LedgerBrokenError(
                    where=folder, what=f"tree node {node.level}/{node.index} was changed"
                )
    return frontier


def _check_last(records: Records, frontier: Frontier, key: VerifyingKey) -> None:
    folder, note = records.folder, records.checkpoint
    if note is None:
        raise LedgerBrokenError(where=folder, what="there is no signed checkpoint")
    checkpoint = _verified(folder, "checkpoint", note, key)
    if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        what = f"entry {frontier.size} and before are not what was signed at {checkpoint.size}"
        raise LedgerBrokenError(where=folder, what=what)


def _check_kept(records: Records, name: str, note: str, key: VerifyingKey) -> None:
    what, size = None, records.size
    checkpoint = _verified(records.folder, name, note, key)
    if checkpoint.size > size:
        what = f"{name} was signed at entry {checkpoint.size}, the ledger ends at {size}"
    elif records.frontier(checkpoint.size).root() != checkpoint.root:
        what = f"{name} holds a signed head of other entries than 1 to {checkpoint.size}"
    elif note not in records.latest_notes(KEPT[name]):
        # Rows are committed before the file is written.
        what = f"{name}, of entry {checkpoint.size}, is not one of the last two {KEPT[name]}s"
    if what:
        both = (note, records.checkpoint or "")
        raise LedgerBrokenError(where=records.folder, what=what, evidence=both)


def _verified(folder: Path, name: str, note: str, key: VerifyingKey) -> Checkpoint:
    try:
        return verify_checkpoint(note, key)
    except NoteError as error:
        raise LedgerBrokenError(where=folder, what=f"{name}: {error.fields['why']}") from error
