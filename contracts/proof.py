"""Proof bundles: one small JSON file that shows an entry was in a signed, witnessed ledger."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from contracts.checkpoint import Checkpoint, verify_checkpoint
from contracts.entry import Entry, decode
from contracts.errors import LedgerError, NoteError, ProofError
from contracts.loading import from_json, to_json
from contracts.note import VerifyingKey, from_base64, to_base64, verify_cosignature
from contracts.problem import Problem
from contracts.tree import Proof, leaf_hash, verify_inclusion

FORMAT: Literal["muster-proof/1"] = "muster-proof/1"
MAX_BUNDLE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """A proof bundle as written; bytes are in standard base64, `witness` is optional."""

    format: Literal["muster-proof/1"]
    entry: str
    inclusion: tuple[str, ...]
    checkpoint: str
    key: str
    witness: str | None = None


@dataclass(frozen=True, slots=True)
class ProofReport:
    """What a bundle shows. `witnessed_at` is None when no witness has seen the entry."""

    problems: tuple[Problem, ...]
    entry: Entry | None = None
    checkpoint: Checkpoint | None = None
    key: str | None = None
    witness: str | None = None
    witnessed_at: datetime | None = None

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Opened:
    bundle: Bundle
    entry: Entry
    inclusion: Proof
    checkpoint: Checkpoint
    key: VerifyingKey
    witness: VerifyingKey | None


def bundle_of(
    entry: bytes, inclusion: Proof, checkpoint: str, key: str, witness: str | None
) -> bytes:
    """Return the proof bundle of an entry's bytes under a checkpoint note."""
    hashes = tuple(map(to_base64, inclusion))
    return to_json(Bundle(FORMAT, to_base64(entry), hashes, checkpoint, key, witness))


def check(
    bundle: bytes, sha256: str | None, trusted_keys: Collection[str] | None = None
) -> ProofReport:
    """Check a bundle, and that its entry is of the file with this digest, if one is given.

    The keys in the bundle are taken on trust unless `trusted_keys` (in the form name+id+base64)
    says which are known.
    """
    try:
        opened = _open(bundle)
    except (ValueError, LedgerError) as error:
        return ProofReport((Problem("bundle_malformed", detail=_first_line(error)),))
    witnessed_at, witness_problems = _check_witness(opened)
    problems = (
        *_check_keys(opened, trusted_keys),
        *_check_file(opened.entry, sha256),
        *_check_signature(opened),
        *_check_inclusion(opened),
        *witness_problems,
    )
    return ProofReport(
        problems=problems,
        entry=opened.entry,
        checkpoint=opened.checkpoint,
        key=opened.bundle.key,
        witness=opened.bundle.witness,
        witnessed_at=witnessed_at,
    )


def _open(raw: bytes) -> _Opened:
    if len(raw) > MAX_BUNDLE_BYTES:
        raise ValueError(f"longer than {MAX_BUNDLE_BYTES} bytes")
    bundle = from_json(raw, Bundle)
    return _Opened(
        bundle=bundle,
        entry=decode(from_base64(bundle.entry)),
        inclusion=tuple(map(from_base64, bundle.inclusion)),
        checkpoint=Checkpoint.of_note(bundle.checkpoint),
        key=VerifyingKey.parse(bundle.key),
        witness=VerifyingKey.parse(bundle.witness) if bundle.witness else None,
    )


def _check_keys(opened: _Opened, trusted: Collection[str] | None) -> Iterator[Problem]:
    if trusted is None:
        return
    for key in (opened.bundle.key, opened.bundle.witness):
        if key is not None and key not in trusted:
            yield Problem("key_untrusted", detail=key)


def _check_file(entry: Entry, sha256: str | None) -> Iterator[Problem]:
    recorded = entry.data.get("sha256")
    if sha256 is not None and recorded != sha256.lower():
        yield Problem("file_differs", entry.sequence, str(recorded))


def _check_signature(opened: _Opened) -> Iterator[Problem]:
    if opened.entry.source != opened.key.name:
        yield Problem("origin_differs", opened.entry.sequence, opened.entry.source)
    try:
        verify_checkpoint(opened.bundle.checkpoint, opened.key)
    except NoteError as error:
        yield Problem("signature_wrong", detail=str(error.fields["why"]))


def _check_inclusion(opened: _Opened) -> Iterator[Problem]:
    entry, head = opened.entry, opened.checkpoint
    place = (entry.sequence - 1, head.size)
    try:
        verify_inclusion(leaf_hash(entry.raw), *place, opened.inclusion, head.root)
    except ProofError as error:
        yield Problem("inclusion_wrong", entry.sequence, str(error.fields["why"]))


def _check_witness(opened: _Opened) -> tuple[datetime | None, tuple[Problem, ...]]:
    if opened.witness is None:
        return None, ()
    try:
        timestamp = verify_cosignature(opened.bundle.checkpoint, opened.witness)
        return datetime.fromtimestamp(timestamp, UTC), ()
    except NoteError as error:
        return None, (Problem("witness_wrong", detail=str(error.fields["why"])),)
    except (ValueError, OverflowError, OSError):  # signed, but no moment that a calendar has
        return None, (Problem("witness_wrong", detail="timestamp"),)


def _first_line(error: Exception) -> str:
    return str(error.fields.get("why")) if isinstance(error, LedgerError) else str(error)
