"""Ledgers for tests: a fixed moment, a plain draft, and how to open and fill one."""

from datetime import UTC, datetime

from contracts.entry import Draft, Moment
from contracts.note import COSIGNATURE, SigningKey
from ledger.store import Ledger

PREFIX = "muster/example/s1"
MOMENT = Moment(datetime(2026, 9, 21, 8, tzinfo=UTC), "example-boot", 1_500, "synchronised")
WITNESS_NAME = "muster/example/index/11112222"
WITNESS_KEY = SigningKey(bytes(range(32)))
WITNESS = WITNESS_KEY.verifying(WITNESS_NAME, COSIGNATURE)


def draft(number=0, subject="R0001", kind="footage.imported"):
    """Return a draft that can be told from the others by its number."""
    return Draft(kind, subject, {"number": number, "sha256": f"{number:064x}"})


def opened(folder):
    """Open the ledger in a folder, or make one there: its first entry is entered by itself."""
    return Ledger.open(folder, PREFIX, MOMENT, "0.1.0")


def filled(folder, count):
    """Return an open ledger of `count` entries, each signed by itself."""
    ledger = opened(folder)
    for number in range(2, count + 1):
        ledger.append([draft(number)], MOMENT)
    return ledger


def cosign(ledger, timestamp=1_790_000_000):
    """Let the witness cosign the ledger's newest checkpoint, and return that note."""
    note = WITNESS_KEY.cosign(ledger.checkpoint, WITNESS_NAME, timestamp)
    ledger.accept_cosignature(note, WITNESS)
    return note
