"""A worker's part in clearing a card: read it all again, look once more, remove what it is told to.

It decides nothing: what was found goes to the gate in `agent.core.clearing`.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent.core.effect import ClearCard, LookAgain, ReadCardAgain
from agent.core.event import CardReadAgain, ClearEnded, LookedAgain, Trouble
from agent.core.plan import Proven, modified_us
from agent.core.recorder import CardFile, Recorder, Reread
from contracts.errors import (
    FileChangedError,
    FileUnreadableError,
    ObjectDamagedError,
    ObjectMissingError,
    RecorderError,
)

_BLOCK_BYTES = 1 << 20


class Objects(Protocol):
    """What the second reading needs of the archive."""

    def verify(self, sha256: str) -> None:
        """Read an object from the medium and compare it with its name."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how many bytes were read, and who says that it is time to stop."""

    go_on: Callable[[], None]
    read: Callable[[int], None]


def read_card_again(
    order: ReadCardAgain,
    recorder: Recorder,
    proven: Iterable[Proven],
    archive: Objects,
    watch: Watch,
) -> CardReadAgain:
    """Return what the whole card is on its medium now, beside what the ledger says of each file.

    Raises:
        RecorderError: the recorder is gone, or cannot be taken hold of anew.
        StationError: the archive's disk does not answer.
    """
    recorder.take_afresh()
    identity, listing = recorder.identify(), recorder.list_files()
    known = {(one.path, one.size, one.modified_us): one.sha256 for one in proven}
    intact: dict[str, bool] = {}
    done_bytes = 0
    files = []
    for file in listing.files:
        expected = known.get((file.path, file.size, modified_us(file)))
        found = _digest(recorder, file, watch, done_bytes)
        done_bytes += file.size
        if expected is not None and expected not in intact:
            intact[expected] = _is_intact(archive, expected)
        is_archived = expected is not None and intact[expected]
        files.append(Reread(file, found, expected, is_archived=is_archived))
    return CardReadAgain(order.visit, recorder.can_clear, identity, listing, tuple(files))


def look_again(order: LookAgain, recorder: Recorder, now: datetime) -> LookedAgain:
    """Return who the recorder says it is at the last moment, and how it is.

    Raises:
        RecorderError: the recorder is gone, or cannot be taken hold of anew.
    """
    recorder.take_afresh()
    return LookedAgain(order.visit, recorder.identify(), recorder.readings(now))


def clear_card(order: ClearCard, recorder: Recorder, go_on: Callable[[], None]) -> ClearEnded:
    """Remove the ordered files, and return what the card holds then."""
    trouble = None
    try:
        recorder.clear(order.files, go_on)
    except RecorderError as error:
        trouble = Trouble.of(error)
    try:
        return ClearEnded(order.visit, recorder.list_files(), trouble)
    except RecorderError as error:
        return ClearEnded(order.visit, None, trouble or Trouble.of(error))


def _digest(recorder: Recorder, file: CardFile, watch: Watch, done_bytes: int) -> str | None:
    running, read_bytes = hashlib.sha256(), 0
    buffer = memoryview(bytearray(min(_BLOCK_BYTES, file.size + 1)))
    watch.go_on()
    try:
        opened = recorder.open_file(file)
        try:
            while count := opened.readinto(buffer):
                running.update(buffer[:count])
                read_bytes += count
                watch.read(done_bytes + read_bytes)
            is_same = opened.unchanged() and read_bytes == file.size
        finally:
            opened.close()
    except (FileUnreadableError, FileChangedError):
        return None
    return running.hexdigest() if is_same else None


def _is_intact(archive: Objects, sha256: str) -> bool:
    try:
        archive.verify(sha256)
    except (ObjectMissingError, ObjectDamagedError):
        return False
    return True
