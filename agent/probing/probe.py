"""Has archived copies looked into by a confined child process; the agent itself never parses media.

Whatever happens to the child, a look ends in `MediaFacts`: a file is never lost for being strange.
"""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from agent.core.recorder import MediaFacts
from agent.probing import magic
from contracts.loading import from_json
from contracts.text import Text

LOOK_SECONDS = 5.0
FILES_PER_CHILD = 1_000

NAMED_SO_ONLY = Text(
    "扩展名是音视频或照片, 内容不是", "named as media, but does not begin as any known kind"
)
TOO_LONG = Text("检查超过 {seconds} 秒", "took longer than {seconds} s")
CHILD_DIED = Text("检查进程中途退出 ({status})", "the probe process ended ({status})")
NOT_OPENED = Text("副本打不开: {why}", "the copy cannot be opened: {why}")
NOT_STARTED = Text("检查进程无法启动: {why}", "the probe process does not start: {why}")
NO_SENSE = Text("检查进程的回答无效", "the probe process gave no valid answer")

_START_SECONDS = 60.0
_ENDING_SECONDS = 1.0
_MOST_ANSWER_BYTES = 64 << 10
_MOST_WORD_CHARACTERS = 300
_YEARS = range(1970, 2200)
_MOST_CODECS = 16
_MOST_DURATION_MS = 10 * 366 * 86_400_000
_MOST_PIXELS = 1 << 20
_PROGRAM_ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    link: socket.socket
    walls: tuple[str, ...] = ()
    looks: int = 0

    def end(self, patience_seconds: float = 0) -> int:
        """Kill the process if it does not end by itself and return how it ended."""
        self.link.close()
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(patience_seconds)
        self.process.kill()
        return self.process.wait()


class Probe:
    """Looks into files, one at a time, from any thread; the child is started at the first need."""

    def __init__(self, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._lock = Lock()
        self._child: _Child | None = None
        # The kernel kills the child when the *thread* that started it ends, so one thread that
        # lives as long as the probe starts them all.
        self._starter = ThreadPoolExecutor(1, "probe-starter")

    def look(self, path: Path, name: str) -> MediaFacts:
        """Return what an archived copy holds; `name` is what the recorder called it."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            return _unparsed(NOT_OPENED.fill(why=error.strerror))
        try:
            return self._look(descriptor, name)
        finally:
            os.close(descriptor)

    def walls(self) -> tuple[str, ...]:
        """Return what confines the child, starting it if need be; empty when it parses nothing."""
        with self._lock:
            return self._ready_child().walls

    def close(self) -> None:
        """End the child; the probe is not used any more."""
        with self._lock:
            self._end_child()
        self._starter.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _look(self, descriptor: int, name: str) -> MediaFacts:
        try:
            demuxer = magic.demuxer_of(os.pread(descriptor, magic.HEAD_BYTES, 0))
        except OSError as error:
            return _unparsed(NOT_OPENED.fill(why=error.strerror))
        if demuxer is not None:
            with self._lock:
                return self._ask(descriptor, demuxer)
        if magic.claims_to_be_media(name):
            return MediaFacts("unreadable", detail=str(NAMED_SO_ONLY))
        return MediaFacts("not_media")

    def _ask(self, descriptor: int, demuxer: str) -> MediaFacts:
        try:
            child = self._ready_child()
        except OSError as error:
            return _unparsed(NOT_STARTED.fill(why=error))
        child.looks += 1
        try:
            socket.send_fds(child.link, [demuxer.encode()], [descriptor])
            answer = child.link.recv(_MOST_ANSWER_BYTES)
        except TimeoutError:
            self._end_child()
            return _unparsed(TOO_LONG.fill(seconds=self._look_seconds))
        except ConnectionError:
            answer = b""
        if not answer:
            return _unparsed(CHILD_DIED.fill(status=self._end_child(_ENDING_SECONDS)))
        facts = _believed(answer)
        if facts is None:
            self._end_child()
        return facts or _unparsed(NO_SENSE)

    def _ready_child(self) -> _Child:
        child = self._child
        if child and (child.looks >= FILES_PER_CHILD or child.process.poll() is not None):
            self._end_child()
        if self._child is None:
            self._child = self._starter.submit(_start, self._look_seconds).result()
        return self._child

    def _end_child(self, patience_seconds: float = 0) -> int | None:
        child, self._child = self._child, None
        return child.end(patience_seconds) if child else None


def _start(look_seconds: float) -> _Child:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-B", "-m", "agent.probing.child"]
    environment = {
        "PYTHONPATH": str(_PROGRAM_ROOT),
        "MUSTER_PROBE_CPU_SECONDS": str(int(FILES_PER_CHILD * max(look_seconds, 1))),
    }
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    ours.settimeout(_START_SECONDS)
    child = _Child(process, ours)
    try:
        child.walls = from_json(ours.recv(_MOST_ANSWER_BYTES), tuple[str, ...])
    except (OSError, ValueError) as error:
        raise ConnectionError(str(CHILD_DIED.fill(status=child.end(_ENDING_SECONDS)))) from error
    ours.settimeout(look_seconds)
    return child


def _unparsed(why: Text) -> MediaFacts:
    return MediaFacts("unparsed", detail=str(why))


def _believed(answer: bytes) -> MediaFacts | None:
    """Return the child's answer within the bounds of our formats; None when it is none.

    The child has handled hostile bytes and may be under their control.
    """
    try:
        facts = from_json(answer, MediaFacts)
    except ValueError:
        return None
    if facts.started_at and facts.started_at.tzinfo is None:
        return None
    if facts.started_at and facts.started_at.year not in _YEARS:
        facts = replace(facts, started_at=None)
    return replace(
        facts,
        container=_clip(facts.container) if facts.container else None,
        codecs=tuple(_clip(codec) for codec in facts.codecs[:_MOST_CODECS]),
        width=_within(facts.width, _MOST_PIXELS),
        height=_within(facts.height, _MOST_PIXELS),
        duration_ms=_within(facts.duration_ms, _MOST_DURATION_MS),
        detail=_clip(facts.detail),
    )


def _clip(words: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in words[:_MOST_WORD_CHARACTERS])


def _within(value: int | None, most: int) -> int | None:
    return value if value is not None and 0 <= value <= most else None
