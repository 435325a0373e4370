"""A file that writes down every write and flush that a loop device over it is asked for.

The file system on the device, ext4 by default, is the kernel's own; what the recorded run promises
is in the same log, by an extended attribute of the file.
"""

import errno
import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mfusepy

from agent.archive import durable
from tests.instruments.block.device import attached, mounted
from tests.instruments.crash.recording import MARK, in_process, mark, serving
from tests.instruments.crash.scenarios import clear
from tests.instruments.crash.station import visit
from tests.instruments.crash.trace import Mark, Op, Sync, Trace, Write

MIB = 1 << 20
IMAGE = 1
_SIZES_MIB = {"ext4": 32, "xfs": 320, "btrfs": 128}
_MAKE = {
    "ext4": [
        "-q",
        "-m",
        "0",
        "-b",
        "4096",
        "-J",
        "size=4",
        "-E",
        "lazy_itable_init=0,lazy_journal_init=0",
    ],
    "xfs": ["-q"],
    "btrfs": ["-q"],
}


@dataclass(frozen=True)
class Run:
    """A process that docks cards, or clears one; killed at the so-many-th block written."""

    cards: Sequence[Path]  # none: one on the recorded disk, which is cleared
    before: Callable[[], None] = lambda: None
    killed_at: int | None = None


class Tape(mfusepy.Operations):  # type: ignore[misc]  # the bindings are untyped
    """A file system of one file."""

    use_ns = True

    def __init__(self, backing: Path) -> None:
        self._fd = os.open(backing, os.O_RDWR)
        self._victim: tuple[int, int] | None = None  # process, writes left
        self.ops: list[Op] = []

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path != "/image":
            raise OSError(errno.ENOENT, path)
        size = os.fstat(self._fd).st_size
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": size}

    def readdir(self, path, fh):
        return [".", "..", "image"]

    def open(self, path, flags):
        return 0

    def read(self, path, size, offset, fh):
        return os.pread(self._fd, size, offset)

    def write(self, path, data, offset, fh):
        os.pwrite(self._fd, data, offset)
        self.ops.append(Write(IMAGE, offset, bytes(data)))
        if self._victim is not None:
            process, left = self._victim
            self._victim = (process, left - 1) if left > 1 else None
            if left == 1:
                os.kill(process, signal.SIGKILL)
        return len(data)

    def fsync(self, path, datasync, fh):
        self.ops.append(Sync(IMAGE))

    def setxattr(self, path, name, value, options, position=0):
        if name != MARK:
            raise OSError(errno.ENOTSUP, name)
        said = json.loads(value)
        if said.get("process") is not None:
            self._victim = said["process"], said["writes"]
        self.ops.append(Mark(said))

    def getxattr(self, path, name, position=0):
        raise OSError(errno.ENODATA, name)


def make_image(image: Path, kind: str) -> None:
    """Make a file that holds an empty file system."""
    with image.open("wb") as file:
        file.truncate(_SIZES_MIB[kind] * MIB)
    subprocess.run([f"mkfs.{kind}", *_MAKE[kind], image], check=True, capture_output=True)


def record(scenario: str, folder: Path, runs: Sequence[Run], kind: str) -> tuple[Trace, Path]:
    """Record runs on a real file system; return the trace, and the image as it was before."""
    image, before = folder / "image", folder / "before"
    make_image(image, kind)
    subprocess.run(["cp", "--sparse=always", image, before], check=True)
    disk, kept, kills = folder / "disk", folder / "trace", 0
    disk.mkdir()
    tape = Tape(image)
    with (
        serving(tape, folder / "tape", lambda: Trace("", tape.ops).save(kept)) as served,
        attached(served / "image") as device,
        mounted(device, disk, kind),
    ):
        for run in runs:
            status = in_process(lambda run=run: _dock(run, disk, served))
            kills += status == -signal.SIGKILL
            if status not in (0, -signal.SIGKILL):
                raise RuntimeError(f"{scenario}: a run ended with {status}")
    return Trace(scenario, Trace.load(kept).ops, kills=kills), before


def _dock(run: Run, disk: Path, tape: Path) -> None:
    if run.killed_at is not None:
        mark(tape, {"process": os.getpid(), "writes": run.killed_at})
    run.before()
    if not run.cards:
        clear(disk, lambda said: mark(tape, said), _settle)
        return
    for folder in ("archive", "state"):
        (disk / folder).mkdir(exist_ok=True)
    visit(disk, run.cards, lambda said: mark(tape, said))


def _settle(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    durable.sync_all(fd)
    os.close(fd)
