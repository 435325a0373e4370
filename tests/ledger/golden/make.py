"""Makes the golden ledger of a NEW version: `python -m tests.ledger.golden.make VERSION`.

A folder that is there is never written again: what a version has signed stays as it is for ever.
"""

import shutil
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from contracts.entry import Draft
from contracts.facts import FACTS
from contracts.note import SigningKey
from ledger.store import Ledger
from tests.support.entering import MOMENT, PREFIX, cosign

HERE = Path(__file__).parent
KEY = SigningKey(bytes(range(64, 96)))  # published, so worth nothing


def main() -> None:
    """Make one folder."""
    target = HERE / sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "ledger"
        made.mkdir()
        (made / "ledger.key").write_bytes(KEY.seed)
        (made / "ledger.key").chmod(0o600)
        with Ledger.open(made, PREFIX, MOMENT, sys.argv[1]) as ledger:
            fill(ledger)
            ledger.back_up(target)
            (target / "public.key").write_text(f"{ledger.verifying_key}\n", encoding="utf-8")
            (target / "entries.jsonl").write_bytes(exported(ledger))
            for sequence in (1, ledger.witnessed_size, ledger.size):
                (target / f"entry-{sequence}.proof").write_bytes(ledger.prove(sequence))
        shutil.copy(made / "ledger.key", target)
    for leftover in ("ledger.db-wal", "ledger.db-shm"):
        (target / leftover).unlink(missing_ok=True)


def fill(ledger: Ledger) -> None:
    """Enter one entry of every type, some of them together, and let a witness see most."""
    kinds = [kind for kind in sorted(FACTS) if kind != "ledger.opened"]
    for start in range(0, len(kinds), 3):
        ledger.append([_draft(kind) for kind in kinds[start : start + 3]], MOMENT)
        if start == len(kinds) // 6 * 3:
            cosign(ledger)


def exported(ledger: Ledger) -> bytes:
    """Return every entry's bytes, one on a line."""
    return b"".join(raw + b"\n" for raw in ledger.raw(1, ledger.size + 1))


def _draft(kind: str) -> Draft:
    # The ledger does not know what facts mean: the golden entries name every member once.
    members = {field.name: f"甲 {field.name}" for field in fields(FACTS[kind])}
    return Draft(kind, "R0001", members)


if __name__ == "__main__":
    main()
