"""Runs a scenario in forked processes, with strace at one of its system calls at a time.

A process that has everything loaded forks a child that stops itself; strace takes hold of it, it
goes on, and what becomes of it is checked in the process that forked it.
"""

import gc
import logging
import mmap
import os
import re
import shutil
import signal
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import MusterError
from tests.instruments.syscalls.checking import SYNCS, Fault, card_mark, make_card
from tests.instruments.syscalls.scenarios import SCENARIOS, Scenario
from tests.instruments.syscalls.station import Folder, Promises

READING = "read,pread64,preadv,preadv2,getdents64,newfstatat,fstat,statx,fstatfs,statfs"
GROWING = (
    "write,pwrite64,writev,pwritev,pwritev2,fallocate,ftruncate,fsync,fdatasync,syncfs,link,linkat,"
    "rename,renameat,renameat2,mkdir,mkdirat,symlinkat"
)
WRITING = f"{GROWING},unlink,unlinkat,rmdir,fchmod,fchmodat"
OTHER = "close,flock,fcntl,fadvise64,lseek,readlink,readlinkat,access,faccessat,faccessat2,stat"
CALLS = tuple(f"openat,{READING},{WRITING},{OTHER}".split(","))
QUIET = frozenset(("fcntl", "lseek", "fadvise64", "access", "faccessat", "faccessat2"))
CHANGING = frozenset(WRITING.split(","))
TAKING_ROOM = frozenset(GROWING.split(","))
_CREATES = re.compile(r"O_(?:CREAT|TRUNC)")
_WRITES = re.compile(r"O_(?:CREAT|TRUNC|WRONLY|RDWR)")
_OUR_DISK = re.compile(r"/here/(?:archive|second|state)\b")
_SECOND = "/here/second"
KILL = "KILL"
COPY = "fallocate"  # what a file's copy begins with
SUCCESS = "getpgid"  # what `Promises.succeed` calls
TURN = "getsid"  # what begins and ends a turn of the copyist
_ENDED = {0: "ended", 3: "error", 4: "unforeseen"}
_PATIENCE_SECONDS = 60
Calls = dict[str, list[str]]  # by the name of the call, as strace shows each
_LINE = re.compile(r"^(?:(\d+) +)?(\w+)\(")


@dataclass(frozen=True, order=True)
class Point:
    """The `count`th `call` of a scenario, and what is done to it."""

    scenario: str
    call: str
    count: int
    kind: str

    def __str__(self) -> str:
        return f"{self.scenario}:{self.call}:{self.count}:{self.kind}"

    @classmethod
    def parse(cls, text: str) -> "Point":
        """Return the point that was printed so."""
        scenario, call, count, kind = text.split(":")
        return cls(scenario, call, int(count), kind)

    @property
    def injection(self) -> str:
        """What strace is told."""
        action = "signal=KILL" if self.kind == KILL else f"error={self.kind}"
        return f"inject={self.call}:{action}:when={self.count}"


class Injector:
    """One scenario, made once and copied for each point."""

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self.scenario = scenario
        self._made = self._place(root, "made")
        self._folder = self._place(root, "here")
        self._log = root / "strace"
        self._promises = Promises(mmap.mmap(-1, 1 << 20))
        self._made.root.mkdir()
        make_card(self._made.card)
        scenario.prepare(self._made)
        self._mark = card_mark(self._made.card)

    def _place(self, root: Path, name: str) -> Folder:
        card = root / name if self.scenario.is_cleared else root
        scenario = self.scenario
        return Folder(root / name, card / "card", scenario.is_cleared, scenario.has_second)

    def count(self) -> Calls:
        """Return the calls that the scenario makes, by name; it ends as it should.

        Where there is a copyist, those of all others are blank.
        """
        tracing = ["-e", "trace=" + ",".join(f"?{call}" for call in (*CALLS, TURN))]
        fault = self._run(tracing)
        wrong = [*self.scenario.check(self._folder, fault)]
        if wrong or fault.status != "ended":
            raise RuntimeError(f"{self.scenario.name} without any fault: {fault} {wrong}")
        # Everything is loaded now; a fork copies no page that the collector does not touch.
        gc.collect()
        gc.freeze()
        self._run(tracing)
        by_thread: dict[tuple[str, str], list[str]] = {}
        lines = self._log.read_text(errors="replace").splitlines()
        is_wanted = not any(f"{TURN}(" in line for line in lines)
        for line in lines:
            if f"{TURN}(" in line:
                is_wanted = not is_wanted
            elif found := _LINE.match(line):
                by_thread.setdefault(found.groups(""), []).append(line if is_wanted else "")
        most: Calls = {}
        for (_, call), lines in by_thread.items():
            most[call] = max(most.get(call, []), lines, key=len)
        return most

    def inject(self, point: Point) -> tuple[bool, list[str]]:
        """Do it; return whether the call was reached, and every violation of an invariant."""
        tracing = ["-e", f"trace={point.call},{SUCCESS},{COPY}", "-e", point.injection]
        fault = self._run(tracing, point)
        reached = fault.status == "killed" if point.kind == KILL else "(INJECTED)" in fault.where
        try:
            wrong = [*self.scenario.check(self._folder, fault)]
        except Exception:  # noqa: BLE001  # whatever it is, the station could not go on
            wrong = [f"recovery: {traceback.format_exc()}"]
        if card_mark(self._made.card) != self._mark:
            wrong.append("I5: the card was changed")
        return reached, wrong

    def _run(self, tracing: list[str], point: Point | None = None) -> Fault:
        _remove(self._folder)
        self._folder.archive.mkdir(parents=True)
        if self.scenario.room:
            _mount(self._folder.archive, self.scenario.room)
        _copy(self._made.root, self._folder.root)
        if self._folder.has_second:
            _mount(self._folder.second, "size=16m")
        self._promises.clear()
        child = _fork(lambda: self.scenario.act(self._folder, self._promises), self._promises)
        os.waitpid(child, os.WUNTRACED)
        command = ["strace", "-f", "-y", "-o", str(self._log), *tracing, "-p", str(child)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
            if b"attached" not in (line := strace.stderr.readline()):
                os.kill(child, signal.SIGKILL)
                raise RuntimeError(f"strace: {line!r}{strace.stderr.read()!r}")
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
        return self._fault(point, os.waitstatus_to_exitcode(status))

    def _fault(self, point: Point | None, code: int) -> Fault:
        kind = point.kind if point else ""
        status = _ENDED.get(code, "killed" if code == -signal.SIGKILL else "hung")
        lines = self._log.read_text(errors="replace").splitlines() if point else []
        where = next((line for line in lines if "(INJECTED)" in line), "")
        succeeded = next((n for n, line in enumerate(lines) if f"{SUCCESS}(" in line), len(lines))
        at = lines.index(where) if where else len(lines)
        is_second = _SECOND in where
        begun = [n for n, line in enumerate(lines) if f"{COPY}(" in line]
        copies = [n for n in begun if (_SECOND in lines[n]) == is_second]
        earlier = sum(n < at for n in copies)
        # A second copy's disk that does not work is looked at, and prepared, from the start again.
        least = 0 if is_second else 1
        return Fault(
            call=point.call if point else "",
            where=where,
            was_before_success=at < succeeded,
            was_copied_anew=least <= earlier <= len(copies) - earlier,
            kind=kind,
            status=status,
            said=self._promises.read(),
        )


def _fork(act: Callable[[], None], promises: Promises) -> int:
    child = os.fork()
    if child:
        return child
    code = 4
    try:
        signal.alarm(_PATIENCE_SECONDS)
        logging.disable(logging.CRITICAL)
        os.kill(os.getpid(), signal.SIGSTOP)
        act()
        code = 0
    except MusterError as error:
        promises.write(error=error.code)
        code = 3
    except BaseException:  # noqa: BLE001  # said, and a violation
        promises.write(error=traceback.format_exc())
    finally:
        os._exit(code)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder; what is one file under two names is so again."""
    copied: dict[int, Path] = {}

    def copy(one: str, other: str) -> str:
        said = os.lstat(one)
        if said.st_ino in copied:
            os.link(copied[said.st_ino], other)
        else:
            shutil.copy2(one, other, follow_symlinks=False)
            copied[said.st_ino] = Path(other)
        return other

    shutil.copytree(source, target, symlinks=True, copy_function=copy, dirs_exist_ok=True)


def _mount(folder: Path, options: str) -> None:
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)), check=True)


def _remove(folder: Folder) -> None:
    """Remove a station's folder, and the disks that are mounted in it."""
    for disk in (folder.archive, folder.second):
        if disk.is_mount():
            subprocess.run(("umount", str(disk)), check=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder.root)


def points_of(scenario: str, calls: Calls, kind: str, *, whole: bool) -> Iterator[Point]:
    """Yield the points of a scenario.

    Unless the `whole` is wanted, a process is killed only at what changes the station's disk:
    killed at any other call, a sync among them, it leaves what it leaves when killed at the next
    that does; and locks, seeks and advice are not made to fail.
    """
    for call, lines in sorted(calls.items()):
        for number, line in enumerate(lines, 1):
            if line and can_get(kind, call, line) and (whole or _is_in_share(kind, call, line)):
                yield Point(scenario, call, number, kind)


def can_get(kind: str, call: str, line: str) -> bool:
    """Tell whether a kernel can answer this call, shown as strace shows it, so.

    A full disk shows where room is taken, at the latest by the sync of what was taken; one that
    became read-only wherever something is changed. Both only on the station's own disk.
    """
    if kind not in ("ENOSPC", "EDQUOT", "EROFS"):
        return True
    if not _OUR_DISK.search(line):
        return False
    if kind == "EROFS":
        return call in CHANGING or (call == "openat" and bool(_WRITES.search(line)))
    return call in TAKING_ROOM or (call == "openat" and bool(_CREATES.search(line)))


def _is_in_share(kind: str, call: str, line: str) -> bool:
    if kind == KILL:
        is_change = call in CHANGING - SYNCS or (call == "openat" and _CREATES.search(line))
        return bool(is_change and _OUR_DISK.search(line))
    return call not in QUIET


def opened(name: str) -> tuple[Injector, Path]:
    """Make a scenario in memory, where an fsync costs nothing; the folder is the caller's."""
    root = Path(tempfile.mkdtemp(prefix=f"syscalls-{name}-", dir="/dev/shm"))
    return Injector(SCENARIOS[name], root), root


def removed(root: Path) -> None:
    """Remove what `opened` made."""
    _remove(Folder(root / "here", root))
    shutil.rmtree(root)
