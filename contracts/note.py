"""Signed notes (C2SP signed-note) with Ed25519 keys, and timestamped cosignatures of checkpoints.

What a note says is left to `contracts.checkpoint`; where keys are kept, to the caller.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contracts.errors import NoteError

MAX_NOTE_BYTES = 128 * 1024
SEED_BYTES = 32
NOTE = 0x01
COSIGNATURE = 0x04

_DASH = "— "
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_CONTROL = frozenset(chr(code) for code in range(0x20)) - {"\n"}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a key under its name, for notes (0x01) or for cosignatures (0x04)."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(mark.isspace() for mark in self.name):
            raise NoteError(why=f"key name {self.name!r}")
        if self.algorithm not in (NOTE, COSIGNATURE) or len(self.public) != _KEY_BYTES:
            raise NoteError(why=f"key of {self.name} is not an Ed25519 key of type 1 or 4")

    @classmethod
    def parse(cls, text: str) -> "VerifyingKey":
        """Return the key in `name+id+base64`.

        Raises:
            NoteError: it is malformed, or the id does not belong to the key.
        """
        name, plus, rest = text.partition("+")
        key_id, second_plus, material = rest.partition("+")
        if not (plus and second_plus):
            raise NoteError(why="a key is written name+id+base64")
        raw = from_base64(material)
        key = cls(name, raw[0] if raw else 0, raw[1:])
        if key.id.hex() != key_id:
            raise NoteError(why=f"key id {key_id} does not belong to the key of {name}")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes that lead a signature by this key."""
        named = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.algorithm]) + self.public)}"


class SigningKey:
    """An Ed25519 key that signs; it never shows its secret half except as `seed`."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise NoteError(why=f"a key's seed is {SEED_BYTES} bytes, not {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes (RFC 8032, 5.1.5)."""
        return self._key.private_bytes_raw()

    @property
    def public(self) -> bytes:
        """The 32 public bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that make an origin unique to its key."""
        return hashlib.sha256(self.public).hexdigest()[:8]

    def verifying(self, name: str, algorithm: int = NOTE) -> VerifyingKey:
        """Return the public half under a name."""
        return VerifyingKey(name, algorithm, self.public)

    def sign(self, text: str, name: str) -> str:
        """Return `text` (whole lines) as a note signed under a name."""
        _check_text(text)
        return f"{text}\n{_line(self.verifying(name), self._key.sign(text.encode()))}"

    def cosign(self, note: str, name: str, timestamp: int) -> str:
        """Return a checkpoint note with a cosignature added; `timestamp` is in POSIX seconds."""
        text, _ = _parts(note)
        signature = self._key.sign(_cosigned(text, timestamp))
        stamped = timestamp.to_bytes(8, "big") + signature
        return note + _line(self.verifying(name, COSIGNATURE), stamped)


def verify_note(note: str, key: VerifyingKey) -> str:
    """Return the text of a note signed by `key`; signatures of other keys are ignored.

    Raises:
        NoteError: malformed, not signed by the key, or a signature of the key is wrong.
    """
    text, signatures = _signatures_of(note, key, NOTE)
    for signature in signatures:
        _verify(key, signature, text.encode())
    return text


def verify_cosignature(note: str, key: VerifyingKey) -> int:
    """Return when `key` cosigned a checkpoint note, in POSIX seconds (the latest if several).

    Raises:
        NoteError: malformed, not cosigned by the key, or a cosignature of the key is wrong.
    """
    text, signatures = _signatures_of(note, key, COSIGNATURE)
    timestamps = []
    for stamped in signatures:
        timestamp = int.from_bytes(stamped[:8], "big")
        _verify(key, stamped[8:], _cosigned(text, timestamp))
        timestamps.append(timestamp)
    return max(timestamps)


def note_text(note: str) -> str:
    """Return what a note says, whoever signed it: only for finding out whose key to ask for.

    Raises:
        NoteError: malformed.
    """
    return _parts(note)[0]


def to_base64(raw: bytes) -> str:
    """Return bytes in standard base64 (RFC 4648, 4)."""
    return base64.b64encode(raw).decode()


def from_base64(text: str) -> bytes:
    """Return the bytes in a base64 text that is exactly how `to_base64` writes them.

    Raises:
        NoteError: it is not.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(why="base64") from error
    if to_base64(raw) != text:
        raise NoteError(why="base64")
    return raw


def _line(key: VerifyingKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {to_base64(key.id + signature)}\n"


def _cosigned(text: str, timestamp: int) -> bytes:
    """Return what a cosignature signs (C2SP tlog-cosignature, Ed25519 signed message)."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n" or _CONTROL & set(text):
        raise NoteError(why="text must be whole lines without control characters")


def _parts(note: str) -> tuple[str, str]:
    """Split a note at its last empty line into text and signature lines."""
    if len(note.encode()) > MAX_NOTE_BYTES:
        raise NoteError(why=f"longer than {MAX_NOTE_BYTES} bytes")
    text, blank, lines = note.rpartition("\n\n")
    text += "\n"
    if not blank or not lines.endswith("\n"):
        raise NoteError(why="no empty line before the signatures, or no newline at the end")
    _check_text(text + lines)
    return text, lines


def _signatures(lines: str) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name, key id and signature of each signature line."""
    for line in lines[:-1].split("\n"):
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        raw = from_base64(encoded)
        if not (line.startswith(_DASH) and name and space) or len(raw) <= len(b"\0\0\0\0"):
            raise NoteError(why="malformed signature line")
        yield name, raw[:4], raw[4:]


def _signatures_of(note: str, key: VerifyingKey, algorithm: int) -> tuple[str, list[bytes]]:
    if key.algorithm != algorithm:
        raise NoteError(why=f"{key.name} is a key of type {key.algorithm}, not {algorithm}")
    text, lines = _parts(note)
    found = [
        raw for name, key_id, raw in _signatures(lines) if (name, key_id) == (key.name, key.id)
    ]
    if not found:
        raise NoteError(why=f"not signed by {key.name}")
    return text, found


def _verify(key: VerifyingKey, signature: bytes, message: bytes) -> None:
    if len(signature) != _SIGNATURE_BYTES:
        raise NoteError(why=f"signature of {key.name} has {len(signature)} bytes")
    try:
        _verify_once(key.public, signature, message)
    except InvalidSignature as error:
        raise NoteError(why=f"wrong signature of {key.name}") from error


@lru_cache(maxsize=512)
def _verify_once(public: bytes, signature: bytes, message: bytes) -> None:
    # The same head is met in a file, in a table and again from the other side; what failed is not
    # remembered.
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
