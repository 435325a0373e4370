"""The thread that looks at the disks every few seconds, and says what it saw."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.event import StorageSeen, Trouble
from contracts.errors import MusterError

LOOK_SECONDS = 2.0
WRITE_SECONDS = 30.0  # a disk may only read; copies find that out too
log = logging.getLogger(__name__)


class Room(Protocol):
    """What is known of a disk that works."""

    @property
    def free_bytes(self) -> int:
        """The room that is left."""

    @property
    def total_bytes(self) -> int:
        """The disk's size."""


@dataclass
class Overseer:
    """Looks at the archive's disk and the ledger's; `room` is what it saw last."""

    look: Callable[[bool], Room]
    ledger_room: Callable[[], tuple[int, int]]
    deliver: Callable[[StorageSeen], None]
    room: Room | None = None
    _is_good: bool = False
    _wrote_at: float | None = None
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Look once, then again and again."""
        self.see()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """End the thread; tell whether it ended."""
        self._ending.set()
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def see(self) -> None:
        """Look now and say what is there."""
        now = time.monotonic()
        is_writing = (
            not self._is_good or self._wrote_at is None or now - self._wrote_at >= WRITE_SECONDS
        )
        try:
            self.room = self.look(is_writing)
            trouble = None
        except MusterError as error:
            if self._is_good:
                log.warning("%s", error)
            self.room, trouble = None, Trouble.of(error)
        if is_writing:
            self._wrote_at = now
        self._is_good = trouble is None
        free, total = (self.room.free_bytes, self.room.total_bytes) if self.room else (None, None)
        self.deliver(StorageSeen(trouble, free, total, *self.ledger_room()))

    def _run(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            self.see()
