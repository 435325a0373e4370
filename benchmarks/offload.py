"""How long one card takes: the archive, the ways people do it by hand, and what the disk allows.

Everything runs on one machine in one run, from and to the same disks, with the page cache dropped
before each run. `python -m benchmarks.offload --gib 4` prints one table.
"""

import argparse
import contextlib
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.archive import Archive
from agent.copying import Copying, Watch
from agent.core.effect import CopyFiles
from agent.core.event import FileImported
from agent.core.plan import plan_copies
from agent.core.recorder import Device, MediaFacts
from agent.recorders.virtual import Virtual
from benchmarks.measuring import (
    GIB,
    MIB,
    Cost,
    drop_caches,
    emptied,
    measured,
    rclone,
    sequential,
)
from outside import clock
from tests.support.loopdisk import attached, make_image, mounted

_SPARE_MIB = 512


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a card is, where to copy it, and how much is on it."""

    card: Path
    target: Path
    size: int


@dataclass(frozen=True, slots=True)
class Means:
    """What a dock's worker gives its copy; nobody looks into the files, as no peer does."""

    archive: Archive
    archive_root: Path

    @property
    def look(self) -> Callable[[Path, str], MediaFacts]:
        """Look into nothing."""
        return lambda _path, _name: MediaFacts("not_media")

    @property
    def now(self) -> Callable[[], datetime]:
        """The machine's clock."""
        return clock.wall_now

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""
        return ZoneInfo("Asia/Shanghai")


def muster(bench: Bench, *, sm3: bool = False) -> None:
    """Copy the card as a dock's worker does: read, seal, read back, name for people."""
    archive = Archive(bench.target)
    archive.prepare()
    card = Virtual().attach(Device("virtual:1", "virtual", bench.card.parent, "a card"))
    plan = plan_copies(card.list_files(), ())
    reported: list[object] = []
    watch = Watch(lambda: None, lambda _: None, reported.append)
    order = CopyFiles(1, "bench", "R1", plan, None, sm3=sm3)
    with ThreadPoolExecutor(1) as settler:
        Copying(order, card, Means(archive, bench.target), watch).run(settler)
    card.release()
    if not all(isinstance(event, FileImported) for event in reported):
        raise RuntimeError("not every file is in the archive")


def muster_sm3(bench: Bench) -> None:
    """Seal every file of the card, with SM3 beside SHA-256."""
    muster(bench, sm3=True)


def by_hand(bench: Bench) -> None:
    """Copy, bring to the disk, then hash both sides from the disk and compare."""
    subprocess.run(["cp", "-a", f"{bench.card}/.", bench.target], check=True)
    os.sync()
    drop_caches()
    sums = [_sha256sums(bench.card), _sha256sums(bench.target)]
    if sums[0] != sums[1]:
        raise RuntimeError("the copies differ")


def rclone_cached(bench: Bench) -> None:
    """Copy with checksums, then compare every byte, as the page cache has it."""
    rclone("copy", "--checksum", bench.card, bench.target)
    rclone("check", "--download", bench.card, bench.target)


def rclone_cold(bench: Bench) -> None:
    """Copy with checksums, bring to the disk, then compare every byte from the disk."""
    rclone("copy", "--checksum", bench.card, bench.target)
    drop_caches()
    rclone("check", "--download", bench.card, bench.target)


def hashing(bench: Bench) -> None:
    """Hash as many bytes once, from memory: no way that names footage by digest is faster."""
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    for _ in range(bench.size // MIB):
        digest.update(block)


def hashing_sm3(bench: Bench) -> None:
    """Make both digests of as many bytes at once, each on a thread of its own."""
    block = os.urandom(MIB)

    def make(name: str) -> None:
        digest = hashlib.new(name)
        for _ in range(bench.size // MIB):
            digest.update(block)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, ("sha256", "sm3")))


def limit(bench: Bench) -> None:
    """Write as much in one sequence past the page cache, bring it to the disk, read it back."""
    sequential(bench.target, bench.size)


WAYS: dict[str, Callable[[Bench], None]] = {
    "muster": muster,
    "muster with SM3": muster_sm3,
    "cp + sync + sha256sum of both": by_hand,
    "rclone copy + check --download": rclone_cached,
    "the same, check from the disk": rclone_cold,
    "limit: SHA-256 once, from memory": hashing,
    "limit: SHA-256 and SM3 at once": hashing_sm3,
    "limit: write + fsync + read back": limit,
}


def main() -> None:
    """Run every way several times, in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    wanted = parser.parse_args()
    size = int(wanted.gib * GIB) // MIB * MIB
    costs: dict[str, list[Cost]] = {name: [] for name in WAYS}
    with _disks(wanted.folder, size) as (card, target):
        _fill_card(card, size, wanted.files)
        for _ in range(wanted.runs):
            for name, way in WAYS.items():
                costs[name].append(_measured(way, Bench(card, target, size)))
                load = os.getloadavg()[0]
                print(f"{name}: {costs[name][-1].seconds:.2f} s, load {load:.1f}", file=sys.stderr)
        print(f"{wanted.files} files, {wanted.gib} GiB, median of {wanted.runs} runs\n")
        print(_table(costs, size))
        print(_aims(costs))


@contextlib.contextmanager
def _disks(folder: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """Give a card on a loop device and a folder on the disk itself."""
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        make_image(work / "card.img", size // MIB + _SPARE_MIB)
        options = ("--direct-io=on",)  # or the cache below the card would answer
        device = stack.enter_context(attached(work / "card.img", *options))
        (work / "recorder" / "files").mkdir(parents=True)
        (work / "recorder" / "recorder.toml").write_text('number = "R1"\n', "utf-8")
        card = stack.enter_context(mounted(device, work / "recorder" / "files"))
        (card / "lost+found").rmdir()
        (work / "target").mkdir()
        yield card, work / "target"


def _fill_card(card: Path, size: int, files: int) -> None:
    for number in range(files):
        folder = card / "DCIM" / f"{number // 1000:03}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"20260804_{number:06}.mp4").open("wb") as file:
            left = size // files
            while left:
                left -= file.write(os.urandom(min(left, MIB)))


def _measured(way: Callable[[Bench], None], bench: Bench) -> Cost:
    drop_caches()
    with emptied(bench.target):
        return measured(lambda: way(bench))


def _sha256sums(folder: Path) -> bytes:
    command = "find . -type f -print0 | sort -z | xargs -0 sha256sum"
    return subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True).stdout


def _table(costs: dict[str, list[Cost]], size: int) -> str:
    ours = _median(costs["muster"])
    lines = [f"{'':34}{'s':>8}{'fastest':>9}{'MiB/s':>8}{'CPU s/GiB':>11}{'muster is':>11}"]
    for name, runs in costs.items():
        seconds = _median(runs)
        fastest = min(cost.seconds for cost in runs)
        cpu = statistics.median(cost.cpu_per_gib(size) for cost in runs)
        row = f"{name:34}{seconds:8.2f}{fastest:9.2f}{size / MIB / seconds:8.0f}{cpu:11.2f}"
        lines.append(f"{row}{ours / seconds:10.2f}x")
    return "\n".join(lines)


def _aims(costs: dict[str, list[Cost]]) -> str:
    ours = _median(costs["muster with SM3"])
    rows = (
        ("rclone copy + check --download", "<= 0.60"),
        ("the same, check from the disk", "<= 0.60"),
        ("limit: write + fsync + read back", "<= 1.25"),
        ("limit: SHA-256 and SM3 at once", "cannot be below 1"),
    )
    lines = [f"\nmuster with SM3, of {'':19}{'measured':>10}  aim"]
    lines += [f"{name:38}{ours / _median(costs[name]):10.2f}  {aim}" for name, aim in rows]
    return "\n".join(lines)


def _median(runs: list[Cost]) -> float:
    return statistics.median(cost.seconds for cost in runs)


if __name__ == "__main__":
    main()
