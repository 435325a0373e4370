"""The scrubbing thread: goes through the archive part by part, slowly, and never forgets where.

What it finds goes to the deciding thread. Reading and judging files is the archive's; how fast to
read is the core's.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agent.core.event import ArchiveFound, ScrubProgressed
from agent.core.storage import pace
from contracts.archive_facts import ArchiveScrubbed, ArchiveUnexpected, ScrubCounts
from contracts.copy_facts import CopyScrubbed
from contracts.errors import MusterError
from contracts.fact import Fact
from contracts.loading import from_json, to_json
from contracts.settings import StorageSettings
from ledger.folder import write_durably

SETTLE_SECONDS = 60.0  # an import is entered within this time after its object appeared
RETRY_SECONDS = 10.0
NOTE_SECONDS = 30.0
_LOOK_SECONDS = 1.0
log = logging.getLogger(__name__)


class Stepped(Protocol):
    """One thing in the archive was looked at."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def counts(self) -> ScrubCounts:
        """What it adds to the pass."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is to be said of it."""

    @property
    def suspect(self) -> bool:
        """Whether nothing names it yet."""


Pass = ArchiveScrubbed | CopyScrubbed


class Scrubbed(Protocol):
    """The archive, as it is read again."""

    def steps(self, part: str, after: str) -> Iterator[Stepped]:
        """Look at what is in a part after a path."""

    def unnamed(self, paths: Collection[str]) -> list[ArchiveUnexpected]:
        """Return those that are there and that no entry names by now."""

    def settled(self, paths: Collection[bytes]) -> list[Fact]:
        """Return those reported paths that are gone or named by now."""


@dataclass(frozen=True)
class Cursor:
    """How far a pass is; kept in a file, so that a restart goes on from here."""

    began_at: datetime
    asked: bool
    part: int = 0
    after: str = ""
    counts: ScrubCounts = field(default_factory=ScrubCounts)
    suspects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """What the thread is given."""

    settings: StorageSettings
    file: Path
    parts: tuple[str, ...]
    scrubbed: Callable[[Callable[[int], None]], Scrubbed]
    deliver: Callable[[ArchiveFound | ScrubProgressed], None]
    now: Callable[[], datetime]
    due_at: Callable[[], datetime | None]
    used_bytes: Callable[[], int]
    is_busy: Callable[[], bool]
    unexpected: Callable[[], frozenset[bytes]]
    retry_seconds: float = RETRY_SECONDS
    ended: Callable[[datetime, bool, ScrubCounts], Pass] = ArchiveScrubbed


class _StoppedError(Exception):
    """The thread is to end, or to begin anew."""


@dataclass
class Scrubber:
    """The thread; `begin` asks for a pass now."""

    desk: Desk
    _cursor: Cursor | None = None
    _noted_at: float = 0.0
    _wake: threading.Event = field(default_factory=threading.Event)
    _is_ending: bool = False
    _is_asked: bool = False
    _thread: threading.Thread | None = None
    _finished: Pass | None = None

    def start(self) -> None:
        """Begin to scrub when a pass is due."""
        self._thread = threading.Thread(target=self.run, name="scrubber", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Begin a pass now, from the start, as fast as running copies leave room."""
        self._is_asked = True
        self._wake.set()

    def stop(self, seconds: float) -> bool:
        """End the thread; tell whether it ended."""
        self._is_ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def run(self) -> None:
        """Scrub until stopped."""
        self._cursor = self._load()
        while not self._is_ending:
            self._take_request()
            if self._cursor is None:
                self._begin_if_due()
            if self._cursor is None:
                self._wake.wait(_LOOK_SECONDS)
                continue
            try:
                self._pass(self._cursor)
            except _StoppedError:
                continue
            except MusterError as error:
                log.warning("scrubbing waits: %s", error)
                self._wake.wait(self.desk.retry_seconds)
        self._note()

    def run_once(self) -> ScrubCounts:
        """Make one whole pass in the caller's thread, as fast as it goes.

        Raises:
            StationError: the disk does not work, or is not the archive's.
        """
        cursor = self._cursor = Cursor(self.desk.now(), asked=True)
        self._pass(cursor)
        if self._finished is None:
            raise RuntimeError("a pass ended without an end")
        return self._finished.counts

    def _pass(self, cursor: Cursor) -> None:
        scrubbed = self.desk.scrubbed(self._read)
        for number in range(cursor.part, len(self.desk.parts)):
            self.desk.deliver(ScrubProgressed(number * 100 // len(self.desk.parts)))
            for step in scrubbed.steps(self.desk.parts[number], self._now().after):
                self._take(step)
                self._pause()
            self._turn(replace(self._now(), part=number + 1, after=""))
            if number % 16 == 0:
                self._note()
        self._finish(scrubbed)

    def _finish(self, scrubbed: Scrubbed) -> None:
        suspects = self._now().suspects
        if suspects:
            self._let_imports_settle()
            strays = scrubbed.unnamed(suspects)
            self._say(*strays)
            counts = self._now().counts
            more = replace(counts, unexpected=counts.unexpected + len(strays))
            self._turn(replace(self._now(), counts=more, suspects=()))
        self._say(*scrubbed.settled(self.desk.unexpected()))
        done = self._now()
        self._finished = self.desk.ended(done.began_at, done.asked, done.counts)
        self._say(self._finished)
        self._cursor = None
        self.desk.file.unlink(missing_ok=True)
        self.desk.deliver(ScrubProgressed(None))

    def _take(self, step: Stepped) -> None:
        now = self._now()
        self._say(*step.facts)
        suspects = (*now.suspects, step.path) if step.suspect else now.suspects
        self._turn(
            replace(now, after=step.path, counts=_sum(now.counts, step.counts), suspects=suspects)
        )

    def _let_imports_settle(self) -> None:
        since = time.monotonic()
        while self.desk.is_busy() and time.monotonic() - since < SETTLE_SECONDS:
            self._pause()
            self._wake.wait(0.2)

    def _say(self, *facts: Fact) -> None:
        for fact in facts:
            self.desk.deliver(ArchiveFound(fact))

    def _read(self, count: int) -> None:
        """Wait as long as so many bytes may take now."""
        self._pause()
        while (rate := self._rate()) == 0:
            self._wake.wait(_LOOK_SECONDS)
            self._pause()
        if not math.isinf(rate):
            self._wake.wait(count / rate)
            self._pause()

    def _rate(self) -> float:
        cursor, desk = self._now(), self.desk
        spent = max(0.0, (desk.now() - cursor.began_at).total_seconds())
        left = max(0, desk.used_bytes() - cursor.counts.bytes_read)
        return pace(left, spent, desk.settings, is_busy=desk.is_busy(), is_asked=cursor.asked)

    def _pause(self) -> None:
        if self._is_ending or self._is_asked:
            raise _StoppedError
        if time.monotonic() - self._noted_at >= NOTE_SECONDS:
            self._note()

    def _take_request(self) -> None:
        if self._is_asked:
            self._wake.clear()
            self._is_asked = False
            self._cursor = Cursor(self.desk.now(), asked=True)

    def _begin_if_due(self) -> None:
        due_at = self.desk.due_at()
        now = self.desk.now()
        if due_at is not None and now >= due_at:
            self._cursor = Cursor(now, asked=False)

    def _now(self) -> Cursor:
        if self._cursor is None:
            raise RuntimeError("no pass runs")
        return self._cursor

    def _turn(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def _note(self) -> None:
        self._noted_at = time.monotonic()
        if self._cursor is not None:
            write_durably(self.desk.file, to_json(self._cursor))

    def _load(self) -> Cursor | None:
        try:
            return from_json(self.desk.file.read_bytes(), Cursor)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("the scrub's cursor is lost, it begins anew: %s", error)
            return None


def _sum(one: ScrubCounts, other: ScrubCounts) -> ScrubCounts:
    values: Mapping[str, int] = vars(other)
    return ScrubCounts(**{name: value + values[name] for name, value in vars(one).items()})
