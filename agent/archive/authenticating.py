"""A mark of a block of bytes, by which it is known again in a fraction of a digest's time.

The mark is a Poly1305 tag under a key that is drawn for this block alone and never leaves memory:
whatever came between, a block of up to a mebibyte that differs passes with a probability below
2^-80. It proves nothing to anybody else; that is what the digests are for.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.poly1305 import Poly1305

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Mark:
    """What knows one block again."""

    _key: bytes = field(repr=False)
    _tag: bytes = field(repr=False)

    def fits(self, content: memoryview) -> bool:
        """Tell whether this is the block that was marked."""
        try:
            Poly1305.verify_tag(self._key, content, self._tag)
        except InvalidSignature:
            return False
        return True


def mark(content: memoryview) -> Mark:
    """Mark a block as it is now."""
    key = secrets.token_bytes(_KEY_BYTES)
    return Mark(key, Poly1305.generate_tag(key, content))
