"""A card of many small files, and the same card docked again: the real agent beside rclone.

`python -m benchmarks.smallfiles --files 20000` prints one table. rclone is run twice: plain
(`rclone copy --checksum`), and with the guarantees the archive gives: every file and every folder
fsynced, the page cache dropped, `rclone check --download`, a manifest of SHA-256. (The agent
besides looks into each file, links it for people and enters it into a signed ledger.)
"""

import argparse
import hashlib
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measuring import (
    MIB,
    Cost,
    cpu_of,
    drop_caches,
    emptied,
    measured,
    rclone,
    sequential,
    wait_settled,
)
from contracts.dock import DockState
from tests.support.running_agent import HEALTHY, RunningAgent, World, running

SMALL_BYTES = 40 << 10
AGAIN_FILES = 5_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument(
        "--again", type=int, default=AGAIN_FILES, help="files of the card docked again"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-small-", dir=wanted.folder) as folder:
        _import(Path(folder) / "first", wanted.files)
        _dock_again(Path(folder) / "again", wanted.again)


def _import(folder: Path, files: int) -> None:
    size = files * SMALL_BYTES
    folder.mkdir()
    world = World(folder)
    world.write()
    card = world.card("R1", {}, HEALTHY)
    _fill(card, files)
    target = folder / "target"
    costs: dict[str, Cost] = {}
    drop_caches()
    with running(world, anew=True) as agent:
        costs["muster"] = _visit(agent, files)
    for name, way in (("rclone copy --checksum", _plain), ("rclone, same guarantees", _guaranteed)):
        drop_caches()
        with emptied(target):
            costs[name] = measured(partial(way, card, target))
    with emptied(target):
        costs["limit: write + fsync + read back"] = measured(lambda: sequential(target, size))
    costs["limit: SHA-256 once, from memory"] = measured(lambda: _hash(size))
    _table(costs, files, size)
    ratio = costs["rclone, same guarantees"].seconds / costs["muster"].seconds
    print(f"\nspeed of muster over rclone with the same guarantees: {ratio:.2f} (aim >= 3)")


def _fill(card: Path, files: int) -> None:
    for number in range(files):
        folder = card / "DCIM" / f"{number // 1000:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"20260804_{number:06}.dat").write_bytes(os.urandom(SMALL_BYTES))


def _visit(agent: RunningAgent, files: int) -> Cost:
    """Dock the card and wait until its visit has ended; every file is in the archive then."""
    cpu, started = cpu_of(agent.pid), time.perf_counter()
    agent.world.plug("R1")
    wait_settled(agent, {1})
    cost = Cost(time.perf_counter() - started, cpu_of(agent.pid) - cpu)
    counts = agent.dock().counts
    if counts is None or counts.imported + counts.held != files:
        raise RuntimeError(f"not every file is in the archive: {agent.dock()}")
    return cost


def _dock_again(folder: Path, files: int) -> None:
    folder.mkdir()
    world = World(folder)
    world.write()
    _fill(world.card("R1", {}, HEALTHY), files)
    with running(world, anew=True) as agent:
        _visit(agent, files)
        world.pull()
        agent.wait_dock(lambda dock: dock.state == DockState.EMPTY)
        drop_caches()
        again = _visit(agent, files)
        decided = _seconds_of_last_visit(world)
    print(f"\n{files} files docked again, all held, page cache dropped:")
    print(f"{'  from docked to complete, as entered':40}{decided:8.2f} s (aim <= 1 for 5,000)")
    print(f"{'  from plugged in to shown as ready':40}{again.seconds:8.2f} s")
    print(f"{'  processor':40}{again.cpu_seconds:8.2f} s")


def _seconds_of_last_visit(world: World) -> float:
    docked = world.entries("recorder.docked")[-1].moment.at
    return (world.entries("visit.completed")[-1].moment.at - docked).total_seconds()


def _plain(card: Path, target: Path) -> None:
    rclone("copy", "--checksum", card, target)


def _guaranteed(card: Path, target: Path) -> None:
    rclone("copy", "--checksum", card, target)
    for at, _, names in os.walk(target):
        for path in (*(Path(at) / name for name in names), Path(at)):
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
    drop_caches()
    rclone("check", "--download", card, target)
    manifest = target / "SHA256SUMS"
    rclone("hashsum", "sha256", "--output-file", manifest, target)
    with manifest.open("rb") as written:
        os.fsync(written.fileno())


def _hash(size: int) -> None:
    block = os.urandom(SMALL_BYTES)
    for _ in range(size // SMALL_BYTES):
        hashlib.sha256(block).digest()


def _table(costs: dict[str, Cost], files: int, size: int) -> None:
    print(f"{files} files of {SMALL_BYTES >> 10} KiB, {size / MIB:.0f} MiB, one run\n")
    print(f"{'':34}{'s':>8}{'ms/file':>9}{'MiB/s':>8}{'CPU s':>8}{'CPU s/GiB':>11}")
    for name, cost in costs.items():
        each = 1000 * cost.seconds / files
        row = f"{name:34}{cost.seconds:8.2f}{each:9.2f}{size / MIB / cost.seconds:8.1f}"
        print(f"{row}{cost.cpu_seconds:8.2f}{cost.cpu_per_gib(size):11.1f}")


if __name__ == "__main__":
    main()
