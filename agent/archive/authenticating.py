"""A mark of a block of bytes, by which it is known again in a fraction of a digest's time.

The mark is a GMAC tag (AES-256-GCM over nothing but associated data) under a key that is drawn for
this block alone and never leaves memory: whatever came between, a block of up to a mebibyte that
differs passes with a probability below 2^-111. It proves nothing to anybody else; that is what
the digests are for.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_DRAWN = 64
_KEYS: list[bytes] = []
_NONCE = bytes(12)  # a key is used for one block, hence one nonce does for all


@dataclass(frozen=True, slots=True)
class Mark:
    """What knows one block again."""

    _key: bytes = field(repr=False)
    _tag: bytes = field(repr=False)

    def fits(self, content: memoryview) -> bool:
        """Tell whether this is the block that was marked."""
        return secrets.compare_digest(self._tag, _tag(self._key, content))


def mark(content: memoryview) -> Mark:
    """Mark a block as it is now."""
    key = _fresh_key()
    return Mark(key, _tag(key, content))


def _fresh_key() -> bytes:
    # Asking the kernel for each costs more than the tag of a small file; a list gives each once.
    try:
        return _KEYS.pop()
    except IndexError:
        drawn = secrets.token_bytes(_KEY_BYTES * _DRAWN)
        first, *others = (drawn[at : at + _KEY_BYTES] for at in range(0, len(drawn), _KEY_BYTES))
        _KEYS.extend(others)
        return first


def _tag(key: bytes, content: memoryview) -> bytes:
    return AESGCM(key).encrypt(_NONCE, b"", content)
