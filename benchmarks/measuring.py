"""What every offload benchmark measures with: time and processor time, the peer, the limit."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.running_agent import SETTLED, RunningAgent

MIB = 1 << 20
GIB = 1 << 30
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    seconds: float
    cpu_seconds: float

    def cpu_per_gib(self, size: int) -> float:
        """Return the processor's seconds for each GiB."""
        return self.cpu_seconds / (size / GIB)


def drop_caches() -> None:
    """Forget what the page cache holds, so that the next reading reaches the disk."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def warm(folder: Path) -> None:
    """Have the page cache hold every file below a folder."""
    subprocess.run(
        ["sh", "-c", "find . -type f -exec cat {} + > /dev/null"], cwd=folder, check=True
    )


def measured(way: Callable[[], None]) -> Cost:
    """Return what a call and the processes it waited for took."""
    cpu = _cpu_seconds()
    started = time.perf_counter()
    way()
    return Cost(time.perf_counter() - started, _cpu_seconds() - cpu)


def cpu_of(pid: int) -> float:
    """Return the processor's seconds of a running process and of those it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def rclone(command: str, *arguments: str | Path) -> None:
    """Run rclone without settings of its own."""
    quiet = ["--config", os.devnull, "--log-level", "ERROR"]
    subprocess.run(["rclone", command, *quiet, *arguments], check=True, stdout=subprocess.DEVNULL)


def sequential(folder: Path, size: int) -> None:
    """Write so much in one sequence past the page cache, bring it to the disk, read it back."""
    raw = folder / "raw"
    dd(f"if=/dev/zero of={raw} oflag=direct conv=fsync", size)
    dd(f"if={raw} of=/dev/null iflag=direct", size)
    raw.unlink()


def dd(how: str, size: int) -> None:
    """Run dd over so many bytes in pieces of 4 MiB."""
    pieces = ["bs=4M", f"count={-(-size // (4 * MIB))}", "status=none"]
    subprocess.run(["dd", *how.split(), *pieces], check=True)


def wait_settled(agent: RunningAgent, docks: AbstractSet[int]) -> None:
    """Wait until the visits of these docks have ended, however long that takes."""
    while not _settled(agent, docks):
        if not agent.is_alive:
            raise RuntimeError(f"the agent ended: {agent.tail()}")
        time.sleep(0.05)


def _settled(agent: RunningAgent, docks: AbstractSet[int]) -> bool:
    shown = agent.snapshot()
    return shown is not None and all(d.state in SETTLED for d in shown.docks if d.number in docks)


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Give an empty folder and remove it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
