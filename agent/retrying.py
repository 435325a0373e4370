"""How often and in which ways a recorder's file is tried before it counts as not imported.

A file that changed is looked at again and tried once more as what it is now. What cannot be read
whole is kept apart as far as it goes; where that turns out to be all of it, it is tried once more.
"""

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from agent.core.event import FileUnreadable, Trouble
from agent.core.plan import PlannedCopy
from agent.core.recorder import OpenFile, Recorder, Salvaged
from contracts.errors import (
    FileChangedError,
    FileShortError,
    FileUnreadableError,
    FileVanishedError,
    RecorderError,
)
from contracts.names import shown

T = TypeVar("T")
Salvage = Callable[[OpenFile, int], Salvaged]  # keeps what can be read of a file of this size


class Tries:
    """The tries of one visit's files."""

    def __init__(self, visit: str, recorder: Recorder, salvage: Salvage) -> None:
        self._visit = visit
        self._recorder = recorder
        self._salvage = salvage

    def read(
        self, planned: PlannedCopy, use: Callable[[OpenFile, PlannedCopy], T]
    ) -> T | FileUnreadable:
        """Have a file used that is open for reading, or tell why it cannot be read whole.

        Raises:
            RecorderGoneError: the recorder was pulled out.
        """
        try:
            return self._use(planned, use)
        except FileUnreadableError as error:
            salvaged = self._salvaged(planned)
            if salvaged is None or salvaged.bad:
                return self._told(planned, error, salvaged)
        except FileChangedError as error:
            try:
                now = self._recorder.look_again(planned.file)
            except FileUnreadableError as failed:
                return self._told(planned, failed)
            if now is None:
                return self._told(planned, FileVanishedError(**_name_of(planned)))
            if now != planned.file:
                planned = planned.become(now)
            elif isinstance(error, FileVanishedError):
                return self._told(planned, error)
        return self._last(planned, use)

    def _last(
        self, planned: PlannedCopy, use: Callable[[OpenFile, PlannedCopy], T]
    ) -> T | FileUnreadable:
        try:
            return self._use(planned, use)
        except (FileUnreadableError, FileShortError) as error:
            return self._told(planned, error, self._salvaged(planned))
        except FileChangedError as error:
            return self._told(planned, error)

    def _use(self, planned: PlannedCopy, use: Callable[[OpenFile, PlannedCopy], T]) -> T:
        with closing(self._recorder.open_file(planned.file)) as source:
            return use(source, planned)

    def _salvaged(self, planned: PlannedCopy) -> Salvaged | None:
        """Have what can be read kept apart; None where even that cannot be begun."""

        def keep(source: OpenFile, planned: PlannedCopy) -> Salvaged:
            return self._salvage(source, planned.file.size)

        try:
            return self._use(planned, keep)
        except (FileUnreadableError, FileChangedError):
            return None

    def _told(
        self, planned: PlannedCopy, error: RecorderError, salvaged: Salvaged | None = None
    ) -> FileUnreadable:
        offset = error.fields.get("offset")
        at = offset if isinstance(offset, int) else None
        kept = salvaged if salvaged is not None and salvaged.bad else None
        return FileUnreadable(self._visit, planned, Trouble.of(error), at, kept)


def _name_of(planned: PlannedCopy) -> dict[str, str]:
    return {"name": shown(planned.file.path)}
