"""Checkpoints (C2SP tlog-checkpoint), and the request by which a witness is asked to cosign one."""

from dataclasses import dataclass

from contracts.errors import NoteError
from contracts.note import (
    MAX_NOTE_BYTES,
    VerifyingKey,
    from_base64,
    note_text,
    to_base64,
    verify_note,
)
from contracts.tree import HASH_BYTES, MAX_PROOF_HASHES, Head, Proof

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4 * 1024
MAX_SIZE = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of the ledger called `origin`; `str()` is the text that is signed."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint in a note's text; extension lines are refused.

        Raises:
            NoteError: malformed.
        """
        origin, size, root, *rest = (*text.split("\n"), "", "")[:5]
        raw = from_base64(root)
        if not origin or any(rest) or len(raw) != HASH_BYTES:
            raise NoteError(why="a checkpoint is three lines: origin, size, root")
        checkpoint = cls(origin, _number(size), raw)
        if str(checkpoint) != text:
            raise NoteError(why="a checkpoint is three lines: origin, size, root")
        return checkpoint

    @classmethod
    def of_note(cls, note: str) -> "Checkpoint":
        """Return what a note claims, unverified: for finding out whose key to ask for.

        Raises:
            NoteError: malformed.
        """
        return cls.parse(note_text(note))

    @property
    def head(self) -> Head:
        """Size and root alone."""
        return Head(self.size, self.root)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def verify_checkpoint(note: str, key: VerifyingKey) -> Checkpoint:
    """Return the checkpoint that the ledger with this key signed.

    Raises:
        NoteError: malformed, not signed by the key, or of another origin than the key's name.
    """
    checkpoint = Checkpoint.parse(verify_note(note, key))
    if checkpoint.origin != key.name:
        raise NoteError(why=f"{key.name} signed a checkpoint of {checkpoint.origin}")
    return checkpoint


@dataclass(frozen=True, slots=True)
class WitnessRequest:
    """A signed checkpoint and the proof that it extends the one of `old_size` (tlog-witness)."""

    old_size: int
    proof: Proof
    note: str

    def format(self) -> bytes:
        """Return the body of an add-checkpoint request."""
        lines = [f"old {self.old_size}", *map(to_base64, self.proof)]
        return ("\n".join(lines) + "\n\n" + self.note).encode()

    @classmethod
    def parse(cls, body: bytes) -> "WitnessRequest":
        """Return the request in a body; its note is not verified.

        Raises:
            NoteError: too long or malformed.
        """
        if len(body) > MAX_REQUEST_BYTES:
            raise NoteError(why=f"request longer than {MAX_REQUEST_BYTES} bytes")
        try:
            head, blank, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise NoteError(why="request is not UTF-8") from error
        old, *hashes = head.split("\n")
        proof = tuple(map(from_base64, hashes))
        if not old.startswith("old ") or not blank or len(proof) > MAX_PROOF_HASHES:
            raise NoteError(why="malformed request")
        if any(len(item) != HASH_BYTES for item in proof):
            raise NoteError(why="malformed request")
        Checkpoint.of_note(note)
        return cls(_number(old.removeprefix("old ")), proof, note)


def _number(text: str) -> int:
    # Canonical decimal only: no sign, no leading zero, no other script's digits.
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_SIZE)):
        raise NoteError(why=f"size {text[:32]!r}")
    number = int(text)
    if str(number) != text or number > MAX_SIZE:
        raise NoteError(why=f"size {text[:32]!r}")
    return number
