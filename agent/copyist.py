"""The thread of the second copy: looks at its disk, and brings there what it is told to.

It decides nothing: what is owed, and when, is said by `agent.core.copies`. It stands still while a
dock copies, for a recorder's footage has no copy at all until then.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.effect import BringCopies
from agent.core.event import ArchiveFound, SecondCopied, SecondCopyMoved, SecondCopySeen, Trouble
from contracts.archive_facts import FootageIntact
from contracts.copy_facts import CopyCommissioned
from contracts.errors import MusterError
from contracts.fact import Fact

LOOK_SECONDS = 2.0
WRITE_SECONDS = 30.0
_PAUSE_SECONDS = 0.2
log = logging.getLogger(__name__)


class Room(Protocol):
    """What is known of a disk that works."""

    @property
    def free_bytes(self) -> int:
        """The room that is left."""

    @property
    def total_bytes(self) -> int:
        """The disk's size."""

    @property
    def commissioned(self) -> CopyCommissioned | None:
        """What is to be entered of a disk that became the second copy's just now."""


class Named(Protocol):
    """An object that is proven."""

    @property
    def sha256(self) -> str:
        """Its name."""


class Brought(Protocol):
    """What became of an order."""

    @property
    def proven(self) -> Sequence[Named]:
        """What was read back from the second copy."""

    @property
    def lacking(self) -> Sequence[str]:
        """What the archive did not give whole."""

    @property
    def error(self) -> MusterError | None:
        """What ended the order early."""


class Second(Protocol):
    """The second copy's disk."""

    def look(self, known: CopyCommissioned | None, *, writing: bool) -> Room:
        """Return what is there."""

    def bring(self, wanted: Sequence[tuple[str, int]], go_on: Callable[[], None]) -> Brought:
        """Bring these objects there and prove them."""

    def close(self) -> None:
        """Give the disk back."""


@dataclass(frozen=True)
class Desk:
    """What the thread is given; `examine` says what an object of the archive is now."""

    second: Second
    known: Callable[[], CopyCommissioned | None]
    examine: Callable[[str], tuple[Fact, ...]]
    is_busy: Callable[[], bool]
    deliver: Callable[[ArchiveFound | SecondCopySeen | SecondCopyMoved | SecondCopied], None]


class _StoppedError(Exception):
    """The thread is to end."""


@dataclass
class Copyist:
    """The thread; `give` takes an order."""

    desk: Desk
    _orders: "queue.SimpleQueue[BringCopies | None]" = field(default_factory=queue.SimpleQueue)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _is_good: bool = False
    _wrote_at: float | None = None
    _moved_at: float = 0.0

    def start(self) -> None:
        """Begin to look, and to wait for orders."""
        self._thread = threading.Thread(target=self.run, name="copyist", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """End the thread; tell whether it ended."""
        self._ending.set()
        self._orders.put(None)
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def give(self, order: BringCopies) -> None:
        """Queue an order."""
        self._orders.put(order)

    def run(self) -> None:
        """Look and work until stopped."""
        try:
            while not self._ending.is_set():
                self._see()
                if order := self._next():
                    self._bring(order)
        except _StoppedError:
            pass  # what was half copied is removed; what was proven and not reported is owed still
        finally:
            self.desk.second.close()

    def _next(self) -> BringCopies | None:
        try:
            return self._orders.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return None

    def _see(self) -> None:
        now = time.monotonic()
        is_writing = (
            not self._is_good or self._wrote_at is None or now - self._wrote_at >= WRITE_SECONDS
        )
        if is_writing:
            self._wrote_at = now
        try:
            room = self.desk.second.look(self.desk.known(), writing=is_writing)
        except MusterError as error:
            if self._is_good:
                log.warning("%s", error)
            self._is_good = False
            self.desk.deliver(SecondCopySeen(Trouble.of(error)))
            return
        self._is_good = True
        self.desk.deliver(
            SecondCopySeen(None, room.free_bytes, room.total_bytes, room.commissioned)
        )

    def _bring(self, order: BringCopies) -> None:
        wanted = [(one.sha256, one.size) for one in order.objects]
        brought = self.desk.second.bring(wanted, self._go_on)
        if brought.error is not None:
            log.warning("%s", brought.error)
        self.desk.deliver(
            SecondCopied(
                tuple(one.sha256 for one in brought.proven),
                tuple(sha256 for sha256 in brought.lacking if self._is_lacking(sha256)),
                Trouble.of(brought.error) if brought.error else None,
            )
        )

    def _is_lacking(self, sha256: str) -> bool:
        """Say what is wrong with an object of the archive; tell whether it cannot be had."""
        try:
            facts = self.desk.examine(sha256)
        except MusterError as error:
            log.warning("%s", error)
            return False  # the archive's disk is at fault, which is told of it
        for fact in facts:
            self.desk.deliver(ArchiveFound(fact))
        return not any(isinstance(fact, FootageIntact) for fact in facts)

    def _go_on(self) -> None:
        """Let running copies go first; say now and then that nothing hangs."""
        while True:
            if self._ending.is_set():
                raise _StoppedError
            now = time.monotonic()
            if now - self._moved_at >= LOOK_SECONDS:
                self._moved_at = now
                self.desk.deliver(SecondCopyMoved())
            if not self.desk.is_busy():
                return
            self._ending.wait(_PAUSE_SECONDS)
