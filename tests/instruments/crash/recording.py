"""A file system that passes everything through to a folder and writes down what changes it.

It runs in a process of its own; the run it records talks to it by calls on the mount alone. Two
extended attributes of the mount are side channels: `user.mark` says what the run has promised, and
`user.syncfs` stands for syncfs, which the kernel does not hand to FUSE.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import CDLL, Array, c_char, c_long
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mfusepy

from agent.archive import durable
from agent.recorders import removing
from tests.instruments.crash.trace import (
    ROOT,
    Chmod,
    Drop,
    Mark,
    Node,
    Op,
    Put,
    Resize,
    Sync,
    SyncAll,
    Trace,
    Write,
)

MARK = "user.mark"
SYNCFS = "user.syncfs"
_EXT4 = 0xEF53
_STRIPPED = os.O_DIRECT | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
_STAT = (
    "st_ino",
    "st_mode",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_size",
    "st_blocks",
    "st_atime_ns",
    "st_mtime_ns",
    "st_ctime_ns",
)
_PATIENCE_SECONDS = 20
Doomed = Callable[[Op, str], bool]  # with the path the op was called on


def alive(_op: Op, _path: str) -> bool:
    """Kill at no op."""
    return False


@dataclass(frozen=True)
class Run:
    """One process of a scenario, killed when `doomed` says so: after an op, but before a sync."""

    work: Callable[[Path], None]
    doomed: Doomed = alive
    as_one: bool = True  # whether the file system says that syncfs can be relied on


class Recorder(mfusepy.Operations):  # type: ignore[misc]  # the bindings are untyped
    """The file system; `ops` and `nodes` are what it has seen."""

    use_ns = True

    def __init__(self, backing: Path, doomed: Sequence[Doomed]) -> None:
        self._backing = os.fspath(backing)
        self._doomed = list(doomed)
        self._runner: int | None = None
        self._ids = {os.lstat(self._backing).st_ino: ROOT}
        self.ops: list[Op] = []
        self.nodes = {ROOT: Node(is_folder=True, mode=0o755)}

    # What changes nothing.

    def getattr(self, path, fh=None):
        said = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        return {key.removesuffix("_ns"): getattr(said, key) for key in _STAT}

    def statfs(self, path):
        said = os.statvfs(self._backing)
        return {key: getattr(said, key) for key in dir(said) if key.startswith("f_")}

    def readdir(self, path, fh):
        # Without its number the C library takes a name for one that was removed.
        return [(one.name, {"st_ino": one.inode()}, 0) for one in os.scandir(self._real(path))]

    def open(self, path, flags):
        if flags & os.O_TRUNC:
            self._log(Resize(self._id(path), 0, grows=False), path)
        return os.open(self._real(path), flags & ~_STRIPPED)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        os.close(fh)
        return 0

    def access(self, path, amode):
        return 0

    def utimens(self, path, times=None):
        os.utime(self._real(path), ns=times)

    # What does.

    def create(self, path, mode, fi=None):
        fd = os.open(self._real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self._appeared(path, Node(is_folder=False, mode=mode & 0o777))
        return fd

    def mkdir(self, path, mode):
        Path(self._real(path)).mkdir(mode)
        self._appeared(path, Node(is_folder=True, mode=mode & 0o777))

    def link(self, target, source):
        os.link(self._real(source), self._real(target))
        self._log(Put(*self._place(target), self._id(target)), target)

    def rename(self, old, new):
        node, source = self._id(old), self._place(old)
        Path(self._real(old)).rename(self._real(new))
        self._log(Put(*self._place(new), node, source), new)

    def unlink(self, path):
        node = self._id(path)
        Path(self._real(path)).unlink()
        self._log(Drop(*self._place(path), node), path)

    def rmdir(self, path):
        node = self._id(path)
        Path(self._real(path)).rmdir()
        self._log(Drop(*self._place(path), node), path)

    def write(self, path, data, offset, fh):
        written = os.pwrite(fh, data, offset)
        self._log(Write(self._id(path, fh), offset, bytes(data[:written])), path)
        return written

    def truncate(self, path, length, fh=None):
        os.truncate(self._real(path) if fh is None else fh, length)
        self._log(Resize(self._id(path, fh), length, grows=False), path)

    def fallocate(self, path, mode, offset, size, fh):
        if mode:
            raise OSError(errno.EOPNOTSUPP, "only what posix_fallocate asks for")
        os.posix_fallocate(fh, offset, size)
        self._log(Resize(self._id(path, fh), offset + size, grows=True), path)

    def chmod(self, path, mode):
        Path(self._real(path)).chmod(mode & 0o777)
        self._log(Chmod(self._id(path), mode & 0o777), path)

    def chown(self, path, uid, gid):
        return 0

    def fsync(self, path, datasync, fh):
        self._log(Sync(self._id(path, fh)), path)

    def fsyncdir(self, path, datasync, fh):
        self._log(Sync(self._id(path)), path)

    def setxattr(self, path, name, value, options, position=0):
        if name == SYNCFS:
            self._log(SyncAll(path.split("/")[1]), path)
        elif name == MARK:
            said = json.loads(value)
            self._runner = said.get("process", self._runner)
            self._log(Mark(said), path)
        else:
            raise OSError(errno.ENOTSUP, name)

    def getxattr(self, path, name, position=0):
        raise OSError(errno.ENODATA, name)

    def listxattr(self, path):
        return []

    def _appeared(self, path, node):
        number = len(self.nodes)  # not the inode's, which are used again
        self._ids[os.lstat(self._real(path)).st_ino] = number
        self.nodes[number] = node
        self._log(Put(*self._place(path), number), path)

    def _log(self, op: Op, path: str) -> None:
        if self._runner is None or not self._doomed or not self._doomed[0](op, path):
            self.ops.append(op)
            return
        os.kill(self._runner, signal.SIGKILL)
        self._doomed, self._runner = self._doomed[1:], None
        if isinstance(op, Sync | SyncAll):
            raise InterruptedError(errno.EINTR, path)
        self.ops.append(op)

    def _real(self, path: str) -> str:
        return self._backing + path

    def _id(self, path, fh=None) -> int:
        said = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        return self._ids[said.st_ino]

    def _place(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        return self._id(folder), name


def record(scenario: str, folder: Path, runs: Sequence[Run]) -> Trace:
    """Run processes one after the other on a recording file system made in a folder.

    Raises:
        RuntimeError: one ended otherwise than its scenario wants.
    """
    kept, backing = folder / "trace", folder / "backing"
    doomed, kills = [run.doomed for run in runs if run.doomed is not alive], 0
    backing.mkdir()
    recorder = Recorder(backing, doomed)

    def keep() -> None:
        Trace("", recorder.ops, recorder.nodes).save(kept)

    with serving(recorder, folder / "mount", keep) as mount:
        for run in runs:
            status = in_process(lambda run=run: _recorded(run, mount))
            kills += status == -signal.SIGKILL
            if status not in (0, -signal.SIGKILL):
                raise RuntimeError(f"{scenario}: a run ended with {status}")
    found = Trace.load(kept)
    return Trace(scenario, found.ops, found.nodes, kills)


def in_process(work: Callable[[], None]) -> int:
    """Do work in a process of its own; return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(_forked(work), 0)[1])


def mark(mount: Path, said: Mapping[str, Any]) -> None:
    """Say something to the recorder, at this point of the run."""
    os.setxattr(mount, MARK, json.dumps(said).encode())


def _recorded(run: Run, mount: Path) -> None:
    durable._LIBC = removing._LIBC = _Libc(run.as_one)  # type: ignore[assignment]
    mark(mount, {"process": os.getpid() if run.doomed is not alive else None})
    run.work(mount)


class _Libc:
    """The C library, as the agent uses it, on a file system that syncfs does not reach."""

    def __init__(self, as_one: bool) -> None:
        self._real = CDLL(None, use_errno=True)
        self._as_one = as_one

    def fstatfs(self, fd: int, status: Array[c_char]) -> int:
        failed: int = self._real.fstatfs(fd, status)
        if self._as_one:  # a struct statfs begins with the kind of file system
            c_long.from_buffer(status).value = _EXT4
        return failed

    def syncfs(self, fd: int) -> int:
        os.setxattr(fd, SYNCFS, b"all")
        return 0


@contextmanager
def serving(
    operations: mfusepy.Operations, mount: Path, at_end: Callable[[], None]
) -> Iterator[Path]:
    """Mount a FUSE file system served by a process of its own, which does `at_end` when it ends."""
    mount.mkdir()
    server = _forked(lambda: _serve(operations, mount, at_end))
    try:
        _wait(lambda: os.path.ismount(mount))
        yield mount
    finally:
        subprocess.run(["fusermount3", "-u", "-z", mount], check=True)
        os.waitpid(server, 0)


def _serve(operations: mfusepy.Operations, mount: Path, at_end: Callable[[], None]) -> None:
    timeless = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}
    mfusepy.FUSE(
        operations,
        os.fspath(mount),
        foreground=True,
        nothreads=True,
        use_ino=True,
        hard_remove=True,
        **timeless,
    )
    at_end()


def _forked(work: Callable[[], None]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001  # a process of its own ends here
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.002)
