"""A vendor's library as a way to a recorder: a confined process holds it, and may die of it.

What is loaded must be the very file that the profile names by its SHA-256.
"""

import base64
import hashlib
import json
import os
import selectors
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.core.dialogue import CallLibrary, Pause, Request
from contracts.errors import NoAnswerError, TransportError

_CPU_SECONDS = 120
_START_SECONDS = 30.0
_ANSWER_BYTES_MAX = 64 << 10
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """Which library: where it is, what it must be, and how it hands out text."""

    path: Path
    sha256: str
    id_code: str = "buffer"


class Library:
    """Carries `CallLibrary` to one library in its process."""

    def __init__(self, file: LibraryFile, plug: Path | None) -> None:
        self._file = file
        fd = self._opened()
        try:
            self._process = self._started(fd, plug)
        finally:
            os.close(fd)
        said = self._read(_START_SECONDS, "start")
        if "error" in said:
            self.close()
            raise self._unusable(str(said["error"]))
        self.walls = tuple(str(wall) for wall in said["walls"])  # type: ignore[attr-defined]

    def ask(self, request: Request) -> bytes:
        """Have one function called and return what it did, as JSON.

        Raises:
            NoAnswerError: it did not return in time, misbehaved, or its process has died of it.
            TransportError: it is no call of a library.
        """
        if isinstance(request, Pause):
            return b""
        if not isinstance(request, CallLibrary):
            raise self._unusable(f"no {type(request).__name__}")
        asked = {
            "function": request.function,
            "password": request.password,
            "payload": base64.b64encode(request.payload).decode(),
        }
        self._write(json.dumps(asked).encode() + b"\n", request.function)
        said = self._read(request.seconds, request.function)
        if "error" in said:
            raise NoAnswerError(request=request.function, reason=said["error"])
        return json.dumps(said).encode()

    def close(self) -> None:
        """End the process; may be called twice."""
        self._process.kill()
        self._process.communicate()

    def _opened(self) -> int:
        try:
            fd = os.open(self._file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise self._unusable(str(error)) from error
        try:
            self._check(fd)
        except TransportError:
            os.close(fd)
            raise
        return fd

    def _check(self, fd: int) -> None:
        said = os.fstat(fd)
        if said.st_uid not in (0, os.geteuid()) or said.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise self._unusable("他人可改写 / others may write to it")
        with open(fd, "rb", closefd=False) as file:  # a descriptor
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self._file.sha256:
            raise self._unusable(f"sha256 {found}")

    def _started(self, fd: int, plug: Path | None) -> "subprocess.Popen[bytes]":
        words = (str(fd), str(plug or "-"), self._file.id_code, str(_CPU_SECONDS))
        return subprocess.Popen(
            (sys.executable, "-P", "-m", "agent.bridge", *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(fd,),
            cwd="/",
            env={"LC_ALL": "C.UTF-8", "PYTHONPATH": str(_ROOT), "PATH": os.defpath},
            start_new_session=True,
        )

    def _write(self, line: bytes, function: str) -> None:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(line)
                stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise NoAnswerError(request=function, reason=self._end()) from error

    def _read(self, seconds: float, function: str) -> dict[str, object]:
        stdout = self._process.stdout
        if stdout is None or stdout.closed:
            raise NoAnswerError(request=function, reason=self._end())
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.close()
                raise NoAnswerError(request=function, reason=f"{seconds:g} s")
        line = stdout.readline(_ANSWER_BYTES_MAX)
        try:
            said = json.loads(line)
        except ValueError:
            raise NoAnswerError(request=function, reason=self._end()) from None
        return dict(said)

    def _end(self) -> str:
        """Return how the process ended."""
        self.close()
        code = self._process.returncode
        if code >= 0:
            return f"库进程已结束 / its process ended ({code})"
        return f"库进程崩溃 / its process crashed ({signal.Signals(-code).name})"

    def _unusable(self, reason: str) -> TransportError:
        return TransportError(node=str(self._file.path), reason=reason)


def open_library(plug: Path | None, options: Mapping[str, object]) -> Library:
    """Load the library that a profile's options name, for the recorder on one USB plug.

    Raises:
        TransportError: it is not there, is another file, or cannot be confined.
    """
    path, sha256 = Path(str(options["path"])), str(options["sha256"])
    return Library(LibraryFile(path, sha256, str(options.get("id_code", "buffer"))), plug)
