"""How many entries the index takes in: 200 stations, a real Mosquitto, SQLite and PostgreSQL.

Beside it, in the same run, `mosquitto_sub` that writes the same messages to a file; once more with
one entry in each message, as whoever logs fact by fact would send them. No TLS for anybody.
`python -m benchmarks.ingest --stored 5000000` fills each database first, through the store's own
bulk path, with valid signed ledgers over 100 days.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.made_up_ledgers import ORGANISATION, MadeUpLedger, Spread
from benchmarks.made_up_stations import MadeUpStation, carry
from benchmarks.rolls import print_rolls
from benchmarks.tidy import as_a_child, cpu_seconds, folder_of_all
from contracts.checkpoint import Checkpoint
from contracts.entry import Entry, decode
from contracts.tree import Frontier, leaf_hash
from index.core.receiving import Commit
from index.known import Witness
from index.store import Store
from index.stored import Enrolment, Proven
from ledger.folder import load_or_create_key
from tests.support.index_program import IndexProgram
from tests.support.mosquitto import Mosquitto
from tests.support.postgres import Postgres

CHUNK = 2_000
# Nobody may lose messages: what a listener is slower than the stations is queued.
_ROSTER = """
[[policy]]
name = "p"
deadline = { rule = "days", days = 60 }
[[department]]
id = "d1"
name = "一中队"
policy = "p"
[[person]]
id = "p1"
name = "王五"
department = "d1"
role = "officer"
pin_hash = ""
[[recorder]]
number = "R1"
department = "d1"
"""
_BROKER = ("max_queued_messages 0", "max_inflight_messages 200")
_QUIET_SECONDS = 3
_LIVE_PAUSE_SECONDS = 2.0
_PATIENCE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    stations: int
    entries: int
    backlog: int
    live_seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one run."""

    per_second: float
    cpu_us_per_entry: str = ""
    before_mib: float = 0.0
    most_mib: float = 0.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """How a station caught up, and how long the others waited for their answers meanwhile."""

    seconds: float
    waits_ms: tuple[float, float]
    waits_alone_ms: tuple[float, float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--entries", type=int, default=500, help="of each station")
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--live-seconds", type=int, default=10, help="without a backlog beside")
    parser.add_argument(
        "--stored",
        type=int,
        nargs="*",
        default=[100_000],
        help="entries stored before, one or more",
    )
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    asked = parser.parse_args()
    wanted = Wanted(asked.stations, asked.entries, asked.backlog, asked.live_seconds)
    with folder_of_all() as folder:
        _compare(wanted, asked.databases, asked.stored, folder)


def _compare(wanted: Wanted, databases: list[str], sizes: list[int], folder: Path) -> None:
    peers = {
        "mosquitto_sub, the same messages": _peer(wanted, 100),
        "mosquitto_sub, one entry each": _peer(wanted, 1),
    }
    for name, peer in peers.items():
        cost = f"{peer.cpu_us_per_entry} us of CPU an entry"
        print(f"{name:44}{peer.per_second:10.0f} entries/s, {cost}", flush=True)
    _print_floor(min(20_000, wanted.stations * wanted.entries), peers)
    rates: list[float] = []
    for kind in databases:
        rates = [_measure(kind, stored, wanted, peers, folder) for stored in sizes]
        if len(sizes) > 1:
            told = ", ".join(f"{rate / rates[0]:.2f}" for rate in rates)
            print(f"{kind}: by entries stored before, the first is 1: {told}", flush=True)


def _print_floor(count: int, peers: dict[str, Taken]) -> None:
    """Print what Python itself takes for an entry, one thread, nothing else under way."""
    ledger = MadeUpLedger(1)
    ledger.append(count, datetime.now(UTC), timedelta(milliseconds=1))
    raw = ledger.raw(1, count + 1)
    entries: list[Entry] = []
    leaves: list[bytes] = []
    steps: dict[str, Callable[[], object]] = {
        "hash of the bytes": lambda: leaves.extend(map(leaf_hash, raw)),
        "tree": lambda: Frontier().grown(leaves),
        "json.loads alone": lambda: list(map(json.loads, raw)),
        "reading it strictly": lambda: entries.extend(map(decode, raw)),
        "SQLite, one commit for all": lambda: _store_alone(ledger, entries, leaves),
    }
    print("an entry's CPU in this process alone:")
    for name, step in steps.items():
        started = time.process_time()
        step()
        print(f"    {name:40}{(time.process_time() - started) / count * 1e6:10.1f} us")
    for name, peer in peers.items():
        print(f"    half of {name:32}{2e6 / peer.per_second:10.1f} us for everything")


def _store_alone(ledger: MadeUpLedger, entries: list[Entry], leaves: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/index.db")
        now = datetime.now(UTC)
        name, note = ledger.station, ledger.sign(ledger.frontier)
        row = store.enrol(Enrolment(name, name, "0", 6, ledger.key, pinned=False), now)
        checkpoint = Checkpoint.of_note(note)
        commit = Commit(0, tuple(entries), tuple(leaves), ledger.frontier, checkpoint, note)
        store.commit([Proven(name, row.id, commit, note)], now)
        store.close()


def _measure(
    kind: str, stored: int, wanted: Wanted, peers: dict[str, Taken], everything: Path
) -> float:
    with _office(kind) as (folder, url, broker_port):
        index = _program(folder, broker_port, url)
        started = time.perf_counter()
        ledgers = _fill(index, stored, wanted.stations)
        filled = time.perf_counter() - started
        print(f"\n{kind}, {stored} stored in {filled:.0f} s", flush=True)
        _in_a_process(_print_rolls, index.config, ledgers).get(timeout=_PATIENCE_SECONDS)
        started = time.perf_counter()
        index.start(_PATIENCE_SECONDS, anew=True)  # type: ignore[no-untyped-call]
        ready = time.perf_counter() - started
        used = cpu_seconds(everything)["python"]
        print(f"  index ready after {ready:.1f} s, {used:.1f} s of CPU", flush=True)
        try:
            taken = _take_in(index, ledgers, broker_port, wanted, everything)
            _print_taken(taken, peers)
            if wanted.backlog:
                _print_backlog(_catch_up(index, ledgers, broker_port, wanted), wanted, index)
        finally:
            index.close()  # type: ignore[no-untyped-call]
    return taken.per_second


def _print_rolls(
    tell: "multiprocessing.Queue[Any]", config: Path, ledgers: list[MadeUpLedger]
) -> None:
    print_rolls(config, ledgers, datetime.now(UTC))
    tell.put("done")


def _program(folder: Path, broker_port: int, url: str) -> IndexProgram:
    """Return the index with the settings it comes with, not those of hasty tests."""
    index = IndexProgram(folder, broker_port, url)  # type: ignore[no-untyped-call]
    (index.folder / "roster.toml").write_text(_ROSTER, "utf-8")
    settings = index.config.read_text("utf-8")
    hasty = "roll_seconds = 1\nsilent_seconds = 5\n"
    index.config.write_text(settings.replace(hasty, ""), "utf-8")
    return index


def _print_taken(taken: Taken, peers: dict[str, Taken]) -> None:
    row = f"{'  taken in, proven, stored, answered':44}{taken.per_second:10.0f} entries/s"
    print(f"{row}\n  CPU us an entry: {taken.cpu_us_per_entry}")
    for name, peer in peers.items():
        print(f"    of {name:38}{taken.per_second / peer.per_second:9.2f}")
    print(f"  memory of the index {taken.before_mib:.0f} MiB before, {taken.most_mib:.0f} at most")


def _print_backlog(found: Backlog, wanted: Wanted, index: IndexProgram) -> None:
    rate = wanted.backlog / found.seconds
    print(f"  a backlog of {wanted.backlog} caught up in {found.seconds:.1f} s ({rate:.0f}/s)")
    for name, (middle, most) in (
        ("meanwhile", found.waits_ms),
        ("without it", found.waits_alone_ms),
    ):
        print(f"    live stations answered, {name}: p50 {middle:.0f} ms, p99 {most:.0f} ms")
    print(f"  memory of the index {_memory_mib(index, 'VmHWM'):.0f} MiB at most", flush=True)


@contextmanager
def _office(kind: str) -> Iterator[tuple[Path, str, int]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-ingest-")))
        broker = stack.enter_context(Mosquitto(*_BROKER))  # type: ignore[no-untyped-call]
        if kind == "sqlite":
            url = f"sqlite:///{folder}/index.db"
        else:
            url = stack.enter_context(Postgres(durable=True)).url()  # type: ignore[no-untyped-call]
        yield folder, url, broker.port


def _fill(index: IndexProgram, stored: int, stations: int) -> list[MadeUpLedger]:
    """Store what the stations have entered before, in commits like any others, only larger."""
    ledgers = [MadeUpLedger(number) for number in range(1, stations + 1)]
    (index.folder / "state").mkdir()
    witness = Witness.of(load_or_create_key(index.folder / "state" / "witness.key"), ORGANISATION)
    store = Store.open(index.database)
    now = datetime.now(UTC)
    spread = Spread(now)
    count = stored // stations
    rows = {
        ledger.station: store.enrol(
            Enrolment(ledger.station, ledger.station, "0", 6, ledger.key, pinned=False), now
        )
        for ledger in ledgers
    }
    for start in range(0, count, CHUNK):
        for ledger in ledgers:
            size = min(CHUNK, count - start)
            first_at = spread.first_at + spread.step(count) * start
            entries = tuple(ledger.made(size, first_at, spread.step(count)))
            leaves = tuple(leaf_hash(entry.raw) for entry in entries)
            old, ledger.frontier = ledger.size, ledger.frontier.grown(leaves)
            note = ledger.sign(ledger.frontier)
            checkpoint = Checkpoint.of_note(note)
            commit = Commit(old, entries, leaves, ledger.frontier, checkpoint, note)
            cosigned = witness.cosign(note, now)
            row = rows[ledger.station].id
            store.commit([Proven(ledger.station, row, commit, cosigned)], now)
    store.close()
    for ledger in ledgers:
        ledger.forget_before()
    return ledgers


def _peer(wanted: Wanted, entries_each: int) -> Taken:
    """Measure a bare listener that writes what it hears to a file."""
    ledgers = [MadeUpLedger(number) for number in range(1, wanted.stations + 1)]
    total = wanted.stations * wanted.entries
    with tempfile.TemporaryDirectory() as folder, Mosquitto(*_BROKER) as broker:  # type: ignore[no-untyped-call]
        heard = Path(folder) / "heard"
        topics = [
            word for kind in ("entry", "checkpoint") for word in ("-t", f"muster/v1/+/+/{kind}")
        ]
        program = shutil.which("mosquitto_sub")
        command = [str(program), "-p", str(broker.port), "-q", "1", "-F", "%p", *topics]
        with (
            heard.open("wb") as file,
            subprocess.Popen(command, stdout=file, cwd=folder) as listener,
        ):
            try:
                time.sleep(1)
                queue = _in_a_process(_send_all, ledgers, broker.port, wanted.entries, entries_each)
                queue.get(timeout=_PATIENCE_SECONDS)
                started = time.perf_counter()
                wanted_bytes = queue.get(timeout=_PATIENCE_SECONDS)
                while heard.stat().st_size < wanted_bytes:
                    time.sleep(0.005)
                seconds = time.perf_counter() - started
                used = cpu_seconds(Path(folder))["mosquitto_sub"]
            finally:
                listener.kill()
    return Taken(total / seconds, f"{used / total * 1e6:.1f}")


def _send_all(
    tell: "multiprocessing.Queue[Any]",
    ledgers: list[MadeUpLedger],
    port: int,
    entries: int,
    entries_each: int,
) -> None:
    stations = [MadeUpStation(port, ledger) for ledger in ledgers]
    for station in stations:
        station.ledger.append(entries, datetime.now(UTC), timedelta(milliseconds=1))
    size = sum(sum(map(len, ledger.raw(1, ledger.size + 1))) + ledger.size for ledger in ledgers)
    tell.put("begin")
    tell.put(size)  # what the checkpoints add comes on top
    for station in stations:
        station.send_all(entries_each)
    carry(stations, lambda: all(s.line.is_idle for s in stations), lambda: None)
    tell.put("end")


def _take_in(
    index: IndexProgram, ledgers: list[MadeUpLedger], port: int, wanted: Wanted, everything: Path
) -> Taken:
    before_mib, before = _memory_mib(index, "VmRSS"), cpu_seconds(everything)
    queue = _in_a_process(_ship_all, ledgers, port, wanted.entries)
    seconds, cpu, grown = queue.get(timeout=_PATIENCE_SECONDS)
    ledgers[:] = grown
    total = wanted.stations * wanted.entries
    used = cpu_seconds(everything) - before
    used["the stations themselves"] = cpu
    names = {"python": "index"}
    told = (f"{names.get(name, name)} {used[name] / total * 1e6:.0f}" for name in sorted(used))
    return Taken(total / seconds, ", ".join(told), before_mib, _memory_mib(index, "VmHWM"))


def _ship_all(
    tell: "multiprocessing.Queue[Any]", ledgers: list[MadeUpLedger], port: int, entries: int
) -> None:
    stations = _met(ledgers, port)
    for station in stations:
        station.ledger.append(entries, datetime.now(UTC), timedelta(milliseconds=1))
    started, cpu = time.perf_counter(), time.process_time()
    carry(
        stations,
        lambda: all(station.is_done for station in stations),
        lambda: _all_ship(stations),
    )
    tell.put((time.perf_counter() - started, time.process_time() - cpu, ledgers))


def _met(ledgers: list[MadeUpLedger], port: int) -> list[MadeUpStation]:
    """Return stations that the index knows, and that know what it has."""
    stations = [MadeUpStation(port, ledger) for ledger in ledgers]
    for station in stations:
        station.introduce()
    carry(
        stations,
        lambda: all(station.is_done for station in stations),
        lambda: _all_ship(stations),
    )
    return stations


def _all_ship(stations: list[MadeUpStation]) -> None:
    for station in stations:
        station.ship()


def _catch_up(
    index: IndexProgram, ledgers: list[MadeUpLedger], port: int, wanted: Wanted
) -> Backlog:
    time.sleep(_QUIET_SECONDS)
    queue = _in_a_process(_live_on, ledgers, port, wanted.backlog, wanted.live_seconds)
    seconds, waits, waits_alone = queue.get(timeout=_PATIENCE_SECONDS)
    return Backlog(seconds, _percentiles(waits), _percentiles(waits_alone))


def _live_on(
    tell: "multiprocessing.Queue[Any]",
    ledgers: list[MadeUpLedger],
    port: int,
    backlog: int,
    live_seconds: int,
) -> None:
    """All but the first station go on entering; first alone, then while the first catches up."""
    behind, *live = _met(ledgers, port)
    due_at = {
        station.ledger.station: time.perf_counter() + _LIVE_PAUSE_SECONDS * place / len(live)
        for place, station in enumerate(live)
    }

    def enter_and_ship() -> None:
        now = time.perf_counter()
        for station in live:
            if due_at[station.ledger.station] <= now:
                due_at[station.ledger.station] += _LIVE_PAUSE_SECONDS
                station.enter(1)
        for station in (behind, *live):
            station.ship()

    ends_at = time.perf_counter() + live_seconds
    carry([behind, *live], lambda: time.perf_counter() >= ends_at, enter_and_ship)
    alone = _waits(live)
    behind.ledger.append(backlog, datetime.now(UTC) - timedelta(days=7), timedelta(seconds=6))
    started = time.perf_counter()
    carry([behind, *live], lambda: behind.is_done, enter_and_ship)
    tell.put((time.perf_counter() - started, _waits(live), alone))


def _waits(live: list[MadeUpStation]) -> list[float]:
    waits = [wait for station in live for wait in station.waits]
    for station in live:
        station.waits.clear()
    return waits


def _percentiles(waits: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(waits, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def _in_a_process(work: Callable[..., None], *arguments: object) -> "multiprocessing.Queue[Any]":
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[Any] = context.Queue()
    context.Process(target=as_a_child(work), args=(queue, *arguments), daemon=True).start()
    return queue


def _pid(index: IndexProgram) -> int:
    return int(index.process.pid)  # type: ignore[union-attr]


def _memory_mib(index: IndexProgram, what: str) -> float:
    lines = Path(f"/proc/{_pid(index)}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


if __name__ == "__main__":
    main()
