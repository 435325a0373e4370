"""What a benchmark starts, found by its folder: what it costs, and that nothing outlives it."""

import ctypes
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@contextmanager
def folder_of_all() -> Iterator[Path]:
    """Make the folder in which everything is; what runs in it is gone when this process is."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    folder.chmod(0o755)
    tempfile.tempdir = str(folder)
    watcher = get_context("fork").Process(target=_watch, args=(os.getpid(), folder), daemon=True)
    watcher.start()
    try:
        yield folder
    finally:
        tempfile.tempdir = None
        _clear(folder)
        watcher.terminate()


def die_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel signal this process when its parent, which is `parent`, ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def cpu_seconds(folder: Path) -> Counter[str]:
    """Return what the programs in a folder have used so far, by name."""
    used: Counter[str] = Counter()
    for process in _within(folder):
        with suppress(OSError):
            name, _, rest = (process / "stat").read_text("utf-8").rpartition(")")
            user, system = rest.split()[11:13]
            ticks = os.sysconf("SC_CLK_TCK")
            used[name.partition("(")[2]] += (int(user) + int(system)) / ticks  # type: ignore[assignment]
    return used


def as_a_child(work: Callable[..., None]) -> Callable[..., None]:
    """Return work for a process of its own that ends with this one."""
    parent = os.getpid()

    def alone(*arguments: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with(parent)
        work(*arguments)

    return alone


def _watch(parent: int, folder: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    die_with(parent, signal.SIGUSR1)
    signal.sigwait({signal.SIGUSR1})
    _clear(folder)


def _clear(folder: Path) -> None:
    for process in _within(folder):
        with suppress(OSError):
            os.kill(int(process.name), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _within(folder: Path) -> Iterator[Path]:
    """Yield the processes that work in a folder or were told of it."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            where = str((process / "cwd").readlink())
            if str(folder) in where or str(folder).encode() in command:
                yield process
