"""One visit's copy of a made-up card into a real archive, and what it reports."""

import hashlib
import queue
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from agent.archive import Archive
from agent.copying import Copying, Watch
from agent.core.effect import CopyFiles
from agent.core.event import FileImported, FileUnreadable
from agent.core.plan import Plan, PlannedCopy
from agent.core.recorder import CardFile, MediaFacts
from contracts.errors import RecorderGoneError
from tests.support.source import MemoryFile


def content(number: int, size: int) -> bytes:
    """Return what the file of this number holds, the same in every process."""
    return random.Random(number).randbytes(size)


class Card:
    """A recorder whose files are bytes; `faults` are what a `MemoryFile` of that name is given."""

    def __init__(self, sizes: Sequence[int], **faults: dict[str, Any]) -> None:
        self.contents = {b"%04d.bin" % n: content(n, size) for n, size in enumerate(sizes)}
        self.faults = {b"%04d.bin" % int(name[1:]): fault for name, fault in faults.items()}

    def open_file(self, file: CardFile) -> MemoryFile:
        """Open a listed file."""
        return MemoryFile(self.contents[file.path], **self.faults.get(file.path, {}))

    def expect(self, files: Sequence[CardFile]) -> None:
        """Take the hint and do nothing."""

    def look_again(self, file):
        return file if file.path in self.contents else None

    def plan(self) -> Plan:
        """Return the plan that copies every file."""
        files = [CardFile(name, len(held), 0) for name, held in self.contents.items()]
        return Plan(tuple(map(PlannedCopy, files)), ())


class Ticking:
    """A clock that goes on by so much whenever it is asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._at = datetime(2026, 8, 4, tzinfo=UTC)
        self._step = timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        """Return the time, a step later than before."""
        self._at += self._step
        return self._at


class Visit:
    """One visit's copy into an archive, and what it reported."""

    def __init__(
        self, root: Path, card: Card, *, now: Callable[[], datetime] | None = None
    ) -> None:
        archive = Archive(root)
        archive.prepare()
        self.root, self.card, self.archive = root, card, archive
        self.given_up = threading.Event()
        self.events: queue.SimpleQueue[FileImported | FileUnreadable] = queue.SimpleQueue()
        self.means = SimpleNamespace(
            archive=archive,
            archive_root=root,
            look=lambda _path, _name: MediaFacts("not_media"),
            now=now or Ticking(),
            zone=ZoneInfo("Asia/Shanghai"),
        )

    def go_on(self) -> None:
        """Raise when the copy was given up."""
        if self.given_up.is_set():
            raise RecorderGoneError

    def run(self, read: Callable[[int], None] = lambda _done: None) -> list[tuple[str, str]]:
        """Copy the card; return the digests and names of what was imported."""
        order = CopyFiles(1, "v", "R1", self.card.plan(), None, sm3=False)
        watch = Watch(self.go_on, read, self.events.put)
        copying = Copying(order, self.card, self.means, watch)
        with ThreadPoolExecutor(1) as settler:
            copying.run(settler)
        return copying.imported

    def reported(self) -> list[Any]:
        """Return what was reported since the last asking."""
        return [self.events.get_nowait() for _ in range(self.events.qsize())]

    def paths(self) -> list[bytes]:
        """Return the files reported since the last asking."""
        return [event.planned.file.path for event in self.reported()]

    def check(self, event: FileImported) -> None:
        """Assert that the archive holds what the card did, under both names."""
        held = self.card.contents[event.planned.file.path]
        assert event.sha256 == hashlib.sha256(held).hexdigest()
        assert (self.root / event.object).read_bytes() == held
        assert (self.root / event.view).samefile(self.root / event.object)
