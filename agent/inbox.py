"""Watching the inbox folder for finished footage; notifications are hints, the listing is truth.

A file is finished when it was closed after writing, or moved in, or found at the start, and has
not changed for a while since. What happens to it then is decided elsewhere.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from agent.core.event import InboxSettled
from agent.core.recorder import CardFile, Device, Listing
from contracts.errors import RecorderError

SETTLE_SECONDS = 2.0
RESCAN_SECONDS = 30.0
ABANDONED_SECONDS = 60.0

_GATHER_SECONDS = 0.1
_log = logging.getLogger(__name__)


def inbox_device(folder: Path) -> Device:
    """Return the inbox as the core sees it."""
    return Device("inbox", "inbox", folder, str(folder))


class InboxWatch:
    """Delivers `InboxSettled` whenever files in the folder are newly finished.

    `list_files` lists the folder as a driver would; it is called in the watch's own thread.
    """

    def __init__(
        self,
        folder: Path,
        list_files: Callable[[], Listing],
        deliver: Callable[[InboxSettled], None],
        *,
        settle_seconds: float = SETTLE_SECONDS,
        rescan_seconds: float = RESCAN_SECONDS,
    ) -> None:
        self._folder = folder
        self._list_files = list_files
        self._deliver = deliver
        self._settle_seconds = settle_seconds
        self._rescan_seconds = rescan_seconds
        self._since: dict[CardFile, float] = {}
        self._finished: frozenset[CardFile] = frozenset()
        self._notices = _Notices(folder)
        self._stopping = False
        self._thread = threading.Thread(target=self._watch, name="inbox", daemon=True)

    def start(self) -> None:
        """Make the folder if it is not there, and watch it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._notices.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns when the threads have ended."""
        self._stopping = True
        self._notices.stop()
        self._thread.join()

    def finished(self) -> frozenset[CardFile]:
        """Return every finished file, whether delivered before or not."""
        return self._finished

    def _watch(self) -> None:
        while not self._stopping:
            try:
                self._rescan(time.monotonic())
            except RecorderError:
                _log.exception("the inbox cannot be listed")
            waiting = len(self._since) > len(self._finished)
            self._notices.wait(self._settle_seconds if waiting else self._rescan_seconds)

    def _rescan(self, now: float) -> None:
        files = self._list_files().files
        self._since = {file: self._since.get(file, now) for file in files}
        writing = self._notices.still_writing(frozenset(file.path for file in files))
        finished = frozenset(
            file
            for file, since in self._since.items()
            if now - since >= (ABANDONED_SECONDS if file.path in writing else self._settle_seconds)
        )
        fresh = finished - self._finished
        self._finished = finished
        if fresh:
            self._deliver(InboxSettled(inbox_device(self._folder)))


class _Notices(FileSystemEventHandler):
    """What the kernel says of the folder: which files are being written, and that one was closed.

    A notice that is lost costs time only: a file unchanged for `ABANDONED_SECONDS` is finished.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)
        self._writing: set[bytes] = set()
        self._lock = threading.Lock()
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._observer = Observer()

    def start(self) -> None:
        kinds: list[type[FileSystemEvent]] = [
            FileModifiedEvent,
            FileClosedEvent,
            FileCreatedEvent,
            FileMovedEvent,
        ]
        self._observer.schedule(self, os.fsdecode(self._folder), recursive=True, event_filter=kinds)
        self._observer.start()

    def stop(self) -> None:
        self._stopping.set()
        self._hint.set()
        self._observer.stop()
        self._observer.join()

    def wait(self, seconds: float) -> None:
        if self._hint.wait(seconds):
            self._stopping.wait(_GATHER_SECONDS)  # a copied folder is many notices, one rescan
        self._hint.clear()

    def still_writing(self, listed: frozenset[bytes]) -> frozenset[bytes]:
        with self._lock:
            self._writing &= listed
            return frozenset(self._writing)

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = os.path.relpath(os.fsencode(event.src_path), self._folder)
        with self._lock:
            if isinstance(event, FileModifiedEvent):
                self._writing.add(path)
                return
            self._writing.discard(path)
        self._hint.set()
