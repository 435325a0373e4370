"""The driver for the inbox folder: footage brought by hand, imported like a recorder's."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from agent.core.recorder import CardFile, Device, Listing, OpenFile
from agent.recorders.folder import CardFolder
from contracts.errors import ClearingError
from contracts.reading import Identity, Reading


class Inbox:
    """The inbox; `finished` tells which of its files nobody writes to any more."""

    name = "inbox"

    def __init__(self, finished: Callable[[], frozenset[CardFile]]) -> None:
        self._finished = finished

    def recognise(self, device: Device) -> bool:
        """Tell whether it is the inbox."""
        return device.kind == "inbox"

    def attach(self, device: Device) -> "InboxVisit":
        """Open the folder.

        Raises:
            MountError: it cannot be opened.
        """
        return InboxVisit(device.node, self._finished())


class InboxVisit:
    """One visit of the inbox: the files that were finished when it began."""

    profile_name = None

    def __init__(self, folder: Path, finished: frozenset[CardFile]) -> None:
        self._finished = finished
        self._folder = CardFolder(folder, lambda: not os.path.lexists(folder))

    def identify(self) -> Identity:
        """Return nothing: the inbox is no recorder."""
        return Identity(how="inbox")

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return nothing: a folder has no battery, no clock and no card."""
        return ()

    def list_files(self) -> Listing:
        """List the finished files; those still being written wait for the next visit."""
        listing = self._folder.list_files()
        files = tuple(file for file in listing.files if file in self._finished)
        return Listing(files, listing.refused, listing.error)

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading."""
        return self._folder.open_file(file)

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have these fetched while others are read."""
        self._folder.expect(files)

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now."""
        return self._folder.look_again(file)

    def set_clock(self, now: datetime) -> bool:
        """Return False: there is no clock."""
        return False

    @property
    def can_clear(self) -> bool:
        """Return False: who brought the files takes them away."""
        return False

    def take_afresh(self) -> None:
        """Do nothing: the inbox is never read a second time."""

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Refuse.

        Raises:
            ClearingError: always.
        """
        raise ClearingError(reason="inbox")

    def release(self) -> None:
        """Let go of the folder; the files stay; may be called twice."""
        self._folder.close()
