"""Our programs from a process that has their code loaded: a start is a fork and no import.

The import is most of what a test of a whole program would cost. What runs is the program's own
entry point in a process of its own, with its own arguments, environment and standard files.
"""

import atexit
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import IO, Any

_ENTRIES = {"muster-agent": "agent.cli", "muster-index": "index.cli"}
_PATIENCE_SECONDS = 60.0
_MOST_BYTES = 1 << 18
_ASKING = threading.Lock()


class Program:
    """One started program; asked, signalled and waited for as a `subprocess.Popen` is."""

    def __init__(self, parent: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._parent = parent
        self._ending = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return the exit code, or minus the number of the signal, or None while it runs."""
        return self._after(0)

    def wait(self, timeout: float = _PATIENCE_SECONDS) -> int:
        """Return the same once it has ended.

        Raises:
            TimeoutError: it did not end within `timeout` seconds.
        """
        if (code := self._after(timeout)) is None:
            raise TimeoutError(f"process {self.pid} did not end within {timeout} s")
        return code

    def terminate(self) -> None:
        """Ask the program to end as systemd does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the program as a power cut does."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _after(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._ending], [], [], seconds)[0]:
            os.close(self._ending)
            self.returncode = _ask(self._parent, {"ended": self.pid})
        return self.returncode


def _start(
    name: str,
    arguments: Sequence[str],
    files: tuple[int, int, int],
    environment: Mapping[str, str] = os.environ,
) -> Program:
    """Start a program with these standard files."""
    what = {"arguments": arguments, "environment": {**environment}, "folder": str(Path.cwd())}
    parent = _loaded(name)
    return Program(parent, _ask(parent, what, *files))


def launch(
    name: str,
    arguments: Sequence[str],
    log: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    anew: bool = False,
) -> "Program | subprocess.Popen[bytes]":
    """Start a program that is given nothing and says what it says at the end of a file.

    `anew`: as a user starts it, where what is loaded and when is what is measured.
    """
    with log.open("ab") as said, Path(os.devnull).open("rb") as nothing:
        if anew:
            command = (Path(sys.executable).with_name(name), *arguments)
            return subprocess.Popen(
                command, stdin=nothing, stdout=said, stderr=said, env=environment
            )
        files = (nothing.fileno(), said.fileno(), said.fileno())
        return _start(name, arguments, files, environment)


def run(name: str, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a program on this input to its end.

    Raises:
        TimeoutError: it did not end in time.
    """
    with ExitStack() as opened:
        files = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given.encode())
        files[0].seek(0)
        into, out, errors = (file.fileno() for file in files)
        program = _start(name, arguments, (into, out, errors))
        try:
            code = program.wait()
        finally:
            program.kill()
        return subprocess.CompletedProcess([name, *arguments], code, *map(_text, files[1:]))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")


@cache
def _loaded(name: str) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        parent = subprocess.Popen((sys.executable, "-P", __file__, name), stdin=theirs)
    atexit.register(parent.wait)
    atexit.register(ours.close)
    return ours


def _ask(parent: socket.socket, what: Mapping[str, Any], *files: int) -> int:
    with _ASKING:
        socket.send_fds(parent, [json.dumps(what).encode()], files)
        return int(parent.recv(_MOST_BYTES))


def _serve(asking: socket.socket) -> list[str] | None:
    """Fork whenever asked; return the arguments in the process that is to be the program."""
    while True:
        said, files, _, _ = socket.recv_fds(asking, _MOST_BYTES, 3)
        if not said:
            return None
        what = json.loads(said)
        if "ended" in what:
            answer = os.waitstatus_to_exitcode(os.waitpid(what["ended"], 0)[1])
        elif (answer := os.fork()) == 0:
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, max(files) + 1)
            asking.detach()
            os.environ.clear()
            os.environ.update(what["environment"])
            time.tzset()
            os.chdir(what["folder"])
            arguments: list[str] = what["arguments"]
            return arguments
        asking.send(str(answer).encode())
        for file in files:
            os.close(file)


if __name__ == "__main__":
    _, name = sys.argv
    program = importlib.import_module(_ENTRIES[name])
    given = _serve(socket.socket(fileno=os.dup(0)))
    if given is not None:
        sys.argv = [name, *given]
        program.main()
