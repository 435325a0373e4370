"""Cards as slow as USB 2.0 copied by the real agent: one, then sixteen at once.

`python -m benchmarks.throttled --mib 256` prints one table. A card is a loop device whose reads the
kernel's block layer holds to 40 MiB/s (cgroup v1, blkio.throttle): read-ahead works as it
does with a cable, and holding back costs no processor time. What is held is measured with dd.
"""

import argparse
import hashlib
import os
import stat
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import (
    GIB,
    MIB,
    cpu_of,
    drop_caches,
    emptied,
    measured,
    sequential,
    wait_settled,
)
from tests.support.loopdisk import attached, make_image, mounted
from tests.support.running_agent import HEALTHY, RunningAgent, World, running

RATE = 40 * MIB
DOCKS = 16
FILES = 8
_CONTROL = Path("/sys/fs/cgroup/blkio")
_MORE = "".join(
    f'[[recorder]]\nnumber = "R{n}"\ndepartment = "d1"\ndevice_number = "R{n}"\n'
    for n in range(9, DOCKS + 1)
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine does in the same run, in bytes a second."""

    held: float
    disk: float
    hashing: float


@dataclass(slots=True)
class Watched:
    """What was seen of the agent while it copied."""

    most_seconds_old: float = 0.0
    peak_mib: float = 0.0
    cpu_per_gib: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self, agent: RunningAgent) -> None:
        """Look until told to end."""
        while not self.ended.wait(0.05):
            if (shown := agent.snapshot()) is not None:
                age = (datetime.now(UTC) - shown.at).total_seconds()
                self.most_seconds_old = max(self.most_seconds_old, age)
        lines = Path(f"/proc/{agent.pid}/status").read_text("utf-8").splitlines()
        self.peak_mib = next(int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM:"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="on each of the sixteen cards")
    parser.add_argument("--one-mib", type=int, default=1024, help="on the card that is alone")
    parser.add_argument("--docks", type=int, default=DOCKS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    wanted = parser.parse_args()
    for docks, mib in ((1, wanted.one_mib), (wanted.docks, wanted.mib)):
        with tempfile.TemporaryDirectory(prefix="bench-slow-", dir=wanted.folder) as folder:
            _run(Path(folder), docks, mib * MIB)


def _run(folder: Path, docks: int, size: int) -> None:
    world = World(folder)
    world.write(*(f"virtual:{number}" for number in range(1, docks + 1)))
    world.write_roster(_MORE)
    total = docks * size
    with _cards(world, docks, size) as slow:
        with emptied(folder / "raw") as raw:
            limits = Limits(
                held=_held_rate(world, slow),
                disk=total / measured(lambda: sequential(raw, total)).seconds,
                hashing=total / measured(lambda: _hash(total)).seconds,
            )
        drop_caches()
        with running(world, anew=True) as agent:
            (slow / "cgroup.procs").write_text(str(agent.pid))
            cpu, watched = cpu_of(agent.pid), Watched()
            watcher = threading.Thread(target=watched.watch, args=(agent,))
            watcher.start()
            for number in range(1, docks + 1):
                world.plug(f"R{number}", number)
            try:
                wait_settled(agent, set(range(1, docks + 1)))
            finally:
                watched.ended.set()
                watcher.join()
            cpu = cpu_of(agent.pid) - cpu
        spans = _spans(world, docks)
    watched.cpu_per_gib = cpu / (total / GIB)
    _print(size, limits, spans, watched)


@contextmanager
def _cards(world: World, docks: int, size: int) -> Iterator[Path]:
    """Mount so many full cards; give the control group in which they are slow."""
    _make_nodes(2 * docks)
    with ExitStack() as stack:
        slow = _CONTROL / f"muster-bench-{os.getpid()}"
        slow.mkdir()
        stack.callback(slow.rmdir)
        for number in range(1, docks + 1):
            files = world.card(f"R{number}", {}, HEALTHY)
            image = world.folder / f"card{number}.img"
            make_image(image, size // MIB + size // MIB // 8 + 16)
            device = stack.enter_context(attached(image, "--direct-io=on"))
            with mounted(device, files):
                (files / "lost+found").rmdir()
                for name in range(FILES):
                    _fill(files / f"20260804_{name:06}.dat", size // FILES)
            stack.enter_context(mounted(device, files, "-o", "ro"))
            number_of = device.stat().st_rdev
            major, minor = os.major(number_of), os.minor(number_of)
            (slow / "blkio.throttle.read_bps_device").write_text(f"{major}:{minor} {RATE}")
        yield slow


def _make_nodes(count: int) -> None:
    """Make the nodes of loop devices where nobody else makes them, as in a container."""
    for number in range(count):
        node = Path(f"/dev/loop{number}")
        if not node.exists():
            os.mknod(node, 0o660 | stat.S_IFBLK, os.makedev(7, number))


def _fill(file: Path, size: int) -> None:
    with file.open("wb") as card:
        for _ in range(size // MIB):
            card.write(os.urandom(MIB))
        card.flush()
        os.fsync(card.fileno())


def _held_rate(world: World, slow: Path) -> float:
    """Return at how many bytes a second the first card is held, for one that only reads."""
    file = next((world.cards / "R1" / "files").iterdir())
    script = f"echo $$ > {slow}/cgroup.procs; exec dd if={file} of=/dev/null bs=1M status=none"
    drop_caches()

    def read() -> None:
        subprocess.run(["sh", "-c", script], check=True)

    cost = measured(read)
    return file.stat().st_size / cost.seconds


def _hash(size: int) -> None:
    block, digest = os.urandom(MIB), hashlib.sha256()
    for _ in range(size // MIB):
        digest.update(block)


def _spans(world: World, docks: int) -> list[tuple[datetime, datetime]]:
    """Return for each recorder when its copy was planned and when its last file was entered."""
    begun = {entry.subject: entry.moment.at for entry in world.entries("recorder.checked")}
    ended = {entry.subject: entry.moment.at for entry in world.entries("footage.imported")}
    if len(world.entries("footage.imported")) != docks * FILES:
        raise RuntimeError("not every file is in the archive")
    return [(begun[recorder], at) for recorder, at in ended.items()]


def _print(
    size: int, limits: Limits, spans: list[tuple[datetime, datetime]], watched: Watched
) -> None:
    docks = len(spans)
    seconds = (max(end for _, end in spans) - min(begin for begin, _ in spans)).total_seconds()
    rates = [size / (end - begin).total_seconds() for begin, end in spans]
    total = docks * size / seconds
    limit = min(docks * RATE, limits.disk)
    print(
        f"\n{docks} cards of {size // MIB} MiB in {FILES} files, held to {RATE // MIB} MiB/s each"
    )
    rows = [
        ("all cards together (MiB/s)", f"{total / MIB:.1f}", ""),
        ("  of the throttle", f"{100 * total / (docks * RATE):.1f} %", ">= 97 %, one card"),
        ("  of dd reading one card", f"{100 * total / (docks * limits.held):.1f} %", ""),
        ("  of the smaller of throttle and disk", f"{100 * total / limit:.1f} %", ">= 90 %"),
        (
            "  of the smallest of these and SHA-256",
            f"{100 * total / min(limit, limits.hashing):.1f} %",
            "",
        ),
        (
            "slowest dock of the mean",
            f"{100 * min(rates) / statistics.mean(rates):.1f} %",
            ">= 80 %",
        ),
        ("snapshot at most so old (s)", f"{watched.most_seconds_old:.2f}", "<= 1"),
        ("agent, peak (MiB)", f"{watched.peak_mib:.1f}", "< 200"),
        ("CPU seconds per GiB", f"{watched.cpu_per_gib:.2f}", ""),
        ("dd reading one card (MiB/s)", f"{limits.held / MIB:.1f}", ""),
        ("archive disk, write + read back (MiB/s)", f"{limits.disk / MIB:.1f}", ""),
        ("SHA-256 alone, one thread (MiB/s)", f"{limits.hashing / MIB:.1f}", ""),
    ]
    for name, value, aim in rows:
        print(f"{name:42}{value:>10}  {aim}")


if __name__ == "__main__":
    main()
