"""One message of ledger entries: their very bytes, one line feed between two (docs/messages.md).

Canonical JSON holds no line feed, so that cutting there gives back what was signed.
"""

from collections.abc import Iterable, Iterator

from contracts.entry import MAX_ENTRY_BYTES
from contracts.errors import EntryError

MAX_BATCH_ENTRIES = 100
MAX_BATCH_BYTES = 128 * 1024
# What a station has under way beyond what the index has; the index lets that much wait.
MAX_AHEAD_ENTRIES = 2_000
MAX_AHEAD_BYTES = 2 * 1024 * 1024
_BETWEEN = b"\n"


def batches(entries: Iterable[bytes]) -> Iterator[bytes]:
    """Yield consecutive entries as messages, each as full as the limits allow."""
    batch, size = list[bytes](), 0
    for raw in entries:
        if batch and (len(batch) == MAX_BATCH_ENTRIES or size + len(raw) > MAX_BATCH_BYTES):
            yield _BETWEEN.join(batch)
            batch, size = [], 0
        batch.append(raw)
        size += len(raw) + len(_BETWEEN)
    if batch:
        yield _BETWEEN.join(batch)


def split_batch(payload: bytes) -> list[bytes]:
    """Return the bytes of the entries in a message; what they say is not looked at.

    Raises:
        EntryError: the message, an entry or the number of entries is beyond the limits.
    """
    if len(payload) > MAX_BATCH_BYTES:
        raise EntryError(why=f"a message of {len(payload)} bytes, at most {MAX_BATCH_BYTES}")
    if payload.count(_BETWEEN) >= MAX_BATCH_ENTRIES:
        raise EntryError(why=f"more than {MAX_BATCH_ENTRIES} entries in a message")
    entries = payload.split(_BETWEEN)
    if (longest := max(map(len, entries))) > MAX_ENTRY_BYTES:
        raise EntryError(why=f"{longest} bytes, at most {MAX_ENTRY_BYTES}")
    return entries
