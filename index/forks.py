"""The report of a fork: evidence that needs neither the station nor the index to be judged."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.checkpoint import Checkpoint
from contracts.entry import format_time
from contracts.note import VerifyingKey, to_base64
from contracts.tree import Frontier, consistency_proof, node_hash
from index.core.receiving import Fork


@dataclass(frozen=True, slots=True)
class ForkReport:
    """A report as the JSON text that is kept."""

    station: str
    why: str
    body: bytes
    sha256: str

    @property
    def file_name(self) -> str:
        """Under which name it is kept."""
        return f"{self.station}-{self.sha256[:16]}.json"


def fork_report(
    station: str, key: VerifyingKey, fork: Fork, leaves: Sequence[bytes], now: datetime
) -> ForkReport:
    """Return the report of a fork; `leaves` are the leaf hashes of all stored entries.

    Both notes are signed by `key`. Where the presented head is not newer, `accepted.root_then` is
    the root that the accepted history has at the presented size, and `accepted.proof` proves it.
    """
    presented = Checkpoint.of_note(fork.request.note)
    is_newer = presented.size > len(leaves)
    document = {
        "station": station,
        "key": str(key),
        "why": fork.why,
        "found_at": format_time(now),
        "accepted": {
            "size": fork.accepted.size,
            "root": to_base64(fork.accepted.root),
            "note": fork.accepted_note,
            "root_then": None if is_newer else to_base64(_root_of(leaves[: presented.size])),
            "proof": [] if is_newer else _proof(leaves, presented.size),
        },
        "presented": {
            "old": fork.request.old_size,
            "proof": [to_base64(item) for item in fork.request.proof],
            "note": fork.request.note,
        },
        "entries": [base64.b64encode(raw).decode() for raw in fork.entries],
    }
    body = json.dumps(document, ensure_ascii=False, indent=1).encode()
    return ForkReport(station, fork.why, body, hashlib.sha256(body).hexdigest())


def _root_of(leaves: Sequence[bytes]) -> bytes:
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.append(leaf)
    return frontier.root()


def _proof(leaves: Sequence[bytes], old: int) -> list[str]:
    def read(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

    return [to_base64(item) for item in consistency_proof(old, len(leaves), read)]
