"""What the ledger costs: durable appends, proofs, verification and the start, beside the limits.

`python -m benchmarks.ledger` prints two tables. Peer: the same bytes into a plain SQLite table with
the same durability. Limit: how often the disk confirms a page. `--entries` is the largest ledger.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import apsw

from contracts.entry import Draft, Moment
from ledger.reading import LedgerReader
from ledger.store import Ledger

_MOMENT = Moment(datetime(2026, 9, 21, 8, tzinfo=UTC), "bench-boot", 1_500, "synchronised")
_BATCHES = (1, 100, 256)
_PAGE = bytes(4096)
_PROOFS = 200
_IN_A_PROCESS = """
import resource, sys, time
from pathlib import Path
from benchmarks.ledger import opened
from ledger.verifying import verify
began, folder = time.perf_counter(), Path(sys.argv[2])
if sys.argv[1] == "start":
    opened(folder).close()
else:
    assert verify(folder) == ()
seconds = time.perf_counter() - began
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path.cwd() / "build")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each append measurement")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-ledger-", dir=options.folder) as name:
        folder = Path(name)
        _appends(folder, options.seconds)
        _sizes(folder / "large", [n for n in (10, 100_000, 1_000_000) if n <= options.entries])


def opened(folder: Path) -> Ledger:
    """Open the ledger in a folder."""
    return Ledger.open(folder, "muster/bench/s1", _MOMENT, "bench")


def _appends(folder: Path, seconds: float) -> None:
    limit = _per_second(_synced_page(folder / "page"), 1, seconds)
    print(f"{'disk: pages confirmed, one by one (1/s)':56}{limit:12.0f}")
    print(f"{'entries per second, durable':32}{'ledger':>12}{'SQLite':>12}{'ratio':>8}{'disk':>8}")
    for batch in _BATCHES:
        with opened(folder / f"ledger-{batch}") as ledger:
            ours = _per_second(lambda: ledger.append(_drafts(batch), _MOMENT), batch, seconds)  # noqa: B023
            body = ledger.raw(2, 3)[0]
        with _plain(folder / f"plain-{batch}.db") as insert:
            peer = _per_second(lambda: insert(batch, body), batch, seconds)  # noqa: B023
        share = ours / batch / limit
        print(
            f"{f'  {batch} in a commit':32}{ours:12.0f}{peer:12.0f}{ours / peer:8.2f}{share:8.2f}"
        )


def _sizes(folder: Path, sizes: list[int]) -> None:
    print(f"{'ledger of':>12}{'prove (ms)':>12}{'hashes':>8}{'start (s)':>11}{'MiB':>6}", end="")
    print(f"{'verify (s)':>12}{'1/s':>9}{'MiB':>6}{'SHA-256 alone (s)':>19}")
    for size in sizes:
        with opened(folder) as ledger:
            while ledger.size < size:
                ledger.append(_drafts(min(256, size - ledger.size)), _MOMENT)
            sequence = random.Random(size).randrange(size) + 1  # noqa: S311  # no secret
            hashes = len(ledger.inclusion(sequence, size))
            prove = statistics.median(_prove_seconds(ledger, size)) * 1000
        start, start_mib = _in_a_process("start", folder)
        verify, verify_mib = _in_a_process("verify", folder)
        alone = _hash_alone(folder)
        print(f"{size:12}{prove:12.2f}{hashes:8}{start:11.2f}{start_mib:6.0f}", end="")
        print(f"{verify:12.1f}{size / verify:9.0f}{verify_mib:6.0f}{alone:19.1f}", flush=True)


def _drafts(count: int) -> list[Draft]:
    data = {"name": "VID_0001.MP4", "size": 40_960, "sha256": sha256(os.urandom(8)).hexdigest()}
    return [Draft("footage.imported", "R0001", {**data, "number": n}) for n in range(count)]


def _per_second(work: Callable[[], object], count: int, seconds: float) -> float:
    work()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work()
        done += count
    return done / (time.perf_counter() - began)


def _synced_page(path: Path) -> Callable[[], object]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)

    def write() -> None:
        os.write(descriptor, _PAGE)
        os.fdatasync(descriptor)

    return write


@contextmanager
def _plain(path: Path) -> Iterator[Callable[[int, bytes], None]]:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)
    connection.execute("CREATE TABLE entry (sequence INTEGER PRIMARY KEY, body BLOB)")

    def insert(count: int, body: bytes) -> None:
        connection.execute("BEGIN IMMEDIATE")
        rows = [(body,)] * count
        connection.executemany("INSERT INTO entry (body) VALUES (?)", rows)
        connection.execute("COMMIT")

    yield insert
    connection.close()


def _prove_seconds(ledger: Ledger, size: int) -> Iterator[float]:
    chance = random.Random(size)  # noqa: S311  # no secret
    for _ in range(_PROOFS):
        sequence = chance.randrange(size) + 1
        began = time.perf_counter()
        ledger.prove(sequence)
        yield time.perf_counter() - began


def _in_a_process(what: str, folder: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", _IN_A_PROCESS, what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, mebibytes = map(float, done.stdout.split())
    return seconds, mebibytes


def _hash_alone(folder: Path) -> float:
    began = time.perf_counter()
    with LedgerReader(folder) as reader:
        for body in reader.select_raw():
            sha256(b"\x00" + body).digest()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
