"""What SQLite takes from a write-ahead log: the frames up to the last commit whose chain holds.

Each frame carries a checksum of itself and all before it, so that a frame with any byte other than
the writer's ends the log (sqlite.org/fileformat2.html, 4.3). Hence two logs with the same bytes up
to there make the same database; the explorer opens only one of them, and checks that on a sample.
"""

import hashlib

from tests.instruments.crash.disk import Choice, Disk
from tests.instruments.crash.trace import Write

_HEADER_BYTES = 32
_FRAME_BYTES = 24 + 4096
Progress = tuple[int, "hashlib._Hash", str]  # next frame, hash so far, hash at the last commit


class Log:
    """The write-ahead log of one trace, as its writer meant it."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._meant: set[tuple[int, int]] = set()

    def write(self, op: Write) -> None:
        """Remember every frame that this write made, so that it is known again."""
        end = op.offset + len(op.content)
        self._content.extend(bytes(max(0, end - len(self._content))))
        self._content[op.offset : end] = op.content
        first = max(0, op.offset - _HEADER_BYTES) // _FRAME_BYTES
        last = max(0, end - _HEADER_BYTES) // _FRAME_BYTES
        for number in range(first, last + 1):
            frame = bytes(self._content[_offset(number) : _offset(number + 1)])
            if len(frame) == _FRAME_BYTES:
                self._meant.add((number, hash(frame)))

    def begin(self, content: bytes) -> Progress:
        """Start to follow a log whose header is there."""
        running = hashlib.sha256(content[:_HEADER_BYTES])
        return 0, running, running.hexdigest()

    def follow(self, progress: Progress, content: bytes, offset: int) -> Progress:
        """Follow a log through bytes that begin at an offset in the file."""
        number, running, committed = progress
        running = running.copy()
        while True:
            at = _offset(number) - offset
            frame = content[at : at + _FRAME_BYTES]
            if len(frame) < _FRAME_BYTES or (number, hash(frame)) not in self._meant:
                return number, running, committed
            running.update(frame)
            number += 1
            if any(frame[4:8]):  # the size of the database after this commit
                committed = running.hexdigest()


class LogKeys:
    """Names the log in each state of one disk by what SQLite takes from it."""

    def __init__(self, log: Log, disk: Disk) -> None:
        self._log = log
        self._disk = disk
        self._known: dict[tuple[int, int, Choice], str] = {}
        self._certain: dict[tuple[int, int, int], Progress] = {}

    def of(self, node: int, choice: Choice) -> str:
        """Return the name."""
        settled, fates = self._disk.standing(node, choice)
        key = (node, settled, fates)
        if key not in self._known:
            self._known[key] = self._followed(node, choice, settled)
        return self._known[key]

    def _followed(self, node: int, choice: Choice, settled: int) -> str:
        start, tail = self._disk.tail(node, choice)
        certain = self._disk.certain(node)
        if start < _HEADER_BYTES:
            content = certain[:start] + tail
            return self._log.follow(self._log.begin(content), content, 0)[2]
        key = (node, settled, start)
        if key not in self._certain:
            whole = certain[:start]
            self._certain[key] = self._log.follow(self._log.begin(whole), whole, 0)
        progress = self._certain[key]
        begin = _offset(progress[0])
        if begin > start:
            return self._log.follow(progress, tail, start)[2]
        return self._log.follow(progress, certain[begin:start] + tail, begin)[2]


def _offset(number: int) -> int:
    return _HEADER_BYTES + number * _FRAME_BYTES
