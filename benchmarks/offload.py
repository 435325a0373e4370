"""How long one card takes: the archive, the ways people do it by hand, and what the disk allows.

Everything runs on one machine in one run, from and to the same disks, with the page cache dropped
before each run. `python -m benchmarks.offload --size-mib 2048` prints one table.
"""

import argparse
import contextlib
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.archive import Archive
from tests.support.loopdisk import attached, make_image, mounted

MIB = 1 << 20
_SPARE_MIB = 512


class DiskFile:
    """A file on a mounted card, read as a driver reads it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._opened = self._state()

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer."""
        return self._file.readinto(buffer) or 0

    def seek(self, offset: int) -> None:
        """Go on from this offset."""
        self._file.seek(offset)

    def unchanged(self) -> bool:
        """Tell whether size and modification time are those of the opening."""
        return self._state() == self._opened

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a card is, where to copy it, and how much is on it."""

    card: Path
    target: Path
    size: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    seconds: float
    cpu_seconds: float


def muster(bench: Bench, *, sm3: bool = False) -> None:
    """Seal every file of the card."""
    archive = Archive(bench.target)
    archive.prepare()
    for path in sorted(bench.card.rglob("*")):
        if path.is_file():
            with contextlib.closing(DiskFile(path)) as source:
                size = path.stat().st_size
                archive.seal(source, size, path.name, sm3=sm3, progress=lambda _: None)


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


def rclone(bench: Bench) -> None:
    """Copy with checksums, then compare every byte, as the page cache has it."""
    _rclone("copy", "--checksum", bench)
    _rclone("check", "--download", bench)


def rclone_cold(bench: Bench) -> None:
    """Copy with checksums, bring to the disk, then compare every byte from the disk."""
    _rclone("copy", "--checksum", bench)
    drop_caches()
    _rclone("check", "--download", bench)


def hashing(bench: Bench) -> None:
    """Hash as many bytes once, from memory: no way that names footage by digest is faster."""
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    for _ in range(bench.size // MIB):
        digest.update(block)


def limit(bench: Bench) -> None:
    """Write as much in one sequence past the page cache, bring it to the disk, read it back."""
    raw = bench.target / "raw"
    subprocess.run(_dd("if=/dev/zero", f"of={raw}", bench.size, "oflag=direct"), check=True)
    subprocess.run(_dd(f"if={raw}", "of=/dev/null", bench.size, "iflag=direct"), check=True)


WAYS: dict[str, Callable[[Bench], None]] = {
    "muster": muster,
    "muster with SM3": muster_sm3,
    "cp + sync + sha256sum of both": by_hand,
    "rclone copy + check --download": rclone,
    "the same, check from the disk": rclone_cold,
    "limit: SHA-256 once, from memory": hashing,
    "limit: write + fsync + read back": limit,
}


def main() -> None:
    """Run every way several times, in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mib", type=int, default=2048)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    wanted = parser.parse_args()
    size = wanted.size_mib * MIB
    costs: dict[str, list[Cost]] = {name: [] for name in WAYS}
    with _disks(wanted.folder, size) as (card, target):
        _fill_card(card, size, wanted.files)
        for _ in range(wanted.runs):
            for name, way in WAYS.items():
                costs[name].append(_measured(way, Bench(card, target, size)))
                load = os.getloadavg()[0]
                print(f"{name}: {costs[name][-1].seconds:.2f} s, load {load:.1f}", file=sys.stderr)
        print(f"{wanted.files} files, {wanted.size_mib} MiB, median of {wanted.runs} runs\n")
        print(_table(costs, wanted.size_mib))


def drop_caches() -> None:
    """Forget what the page cache holds, so that the next reading reaches the disk."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


@contextlib.contextmanager
def _disks(folder: Path, size: int) -> Iterator[tuple[Path, Path]]:
    """Give a card on a loop device and a folder on the disk itself."""
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        make_image(work / "card.img", size // MIB + _SPARE_MIB)
        options = ("--direct-io=on",)  # or the cache below the card would answer
        device = stack.enter_context(attached(work / "card.img", *options))
        (work / "card").mkdir()
        card = stack.enter_context(mounted(device, work / "card"))
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
    cpu = _cpu_seconds()
    started = time.perf_counter()
    way(bench)
    cost = Cost(time.perf_counter() - started, _cpu_seconds() - cpu)
    shutil.rmtree(bench.target)
    bench.target.mkdir()
    return cost


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _rclone(command: str, option: str, bench: Bench) -> None:
    quiet = ["--config", os.devnull, "--log-level", "ERROR"]
    subprocess.run(["rclone", command, option, *quiet, bench.card, bench.target], check=True)


def _sha256sums(folder: Path) -> bytes:
    command = "find . -type f -print0 | sort -z | xargs -0 sha256sum"
    return subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True).stdout


def _dd(source: str, target: str, size: int, flag: str) -> list[str]:
    flush = ["conv=fsync"] if "of=/dev/null" not in target else []
    return [
        "dd",
        source,
        target,
        "bs=4M",
        f"count={size // (4 * MIB)}",
        flag,
        "status=none",
        *flush,
    ]


def _table(costs: dict[str, list[Cost]], size_mib: int) -> str:
    ours = statistics.median(cost.seconds for cost in costs["muster"])
    lines = [f"{'':34}{'s':>8}{'fastest':>9}{'MiB/s':>8}{'CPU s':>8}{'muster is':>11}"]
    for name, runs in costs.items():
        seconds = statistics.median(cost.seconds for cost in runs)
        fastest = min(cost.seconds for cost in runs)
        cpu = statistics.median(cost.cpu_seconds for cost in runs)
        row = f"{name:34}{seconds:8.2f}{fastest:9.2f}{size_mib / seconds:8.0f}{cpu:8.2f}"
        lines.append(f"{row}{ours / seconds:10.2f}x")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
