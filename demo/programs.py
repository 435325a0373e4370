"""Starts the programs as processes, waits for what they do, and stops them in reverse."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.1
_TAIL_LINES = 15


class DemoError(Exception):
    """The demo cannot go on; the text says why, in both languages."""


@dataclass(frozen=True, slots=True)
class Done:
    """A program that ran to its end."""

    code: int
    output: str
    complaints: str


class Programs:
    """The running programs, oldest first; each in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start a program; what it prints goes to `log(name)`."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                (found(command[0]), *command[1:]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for us; we stop them in order
            )

    def log(self, name: str) -> Path:
        """Return the file that holds what a program printed."""
        return self._folder / f"{name}.log"

    def run(self, *command: str, seconds: float = 120) -> Done:
        """Run a program to its end."""
        done = subprocess.run(
            (found(command[0]), *command[1:]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self._folder,
            check=False,
            timeout=seconds,
        )
        return Done(done.returncode, _decoded(done.stdout), _decoded(done.stderr))

    def wait_for(self, what: str, ask: Callable[[], T], seconds: float = 30) -> T:
        """Return the first answer that is true.

        Raises:
            DemoError: none came in time, or a program ended meanwhile.
        """
        until = time.monotonic() + seconds
        while not (answer := ask()):
            self.check_alive()
            if time.monotonic() > until:
                reason = (
                    f"{seconds:.0f} 秒内没有等到 / did not happen within {seconds:.0f} s: {what}"
                )
                raise DemoError(f"{reason}\n{self.tails()}")
            time.sleep(_POLL_SECONDS)
        return answer

    def stop(self) -> None:
        """Stop every program, newest first, and whatever they started."""
        while self._running:
            _, process = self._running.popitem()
            if process.poll() is None:
                process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            _kill_group(process.pid)
            process.wait()

    def tails(self) -> str:
        """Return the last lines of every program's log."""
        return "\n".join(f"--- {name}\n{self._tail(name)}" for name in self._running)

    def check_alive(self) -> None:
        """See that every program still runs.

        Raises:
            DemoError: one has ended.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                reason = f"{name} 意外退出 / ended by itself: {process.returncode}"
                raise DemoError(f"{reason}\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        lines = self.log(name).read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])


def found(program: str) -> str:
    """Return where a program is: beside this Python, on the path, or where daemons are kept.

    Raises:
        DemoError: it is nowhere.
    """
    beside = Path(sys.executable).parent
    where = shutil.which(program, path=f"{beside}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if where is None:
        raise DemoError(
            f"找不到 {program}; `./run` 会安装所需程序 (mosquitto, mosquitto-clients, chromium)\n"
            f"there is no {program}; `./run` installs what is needed"
        )
    return where


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
