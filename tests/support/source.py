"""A recorder's open file made of bytes, which can be pulled out, grow, shrink or change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.archive import Archive, Sealed
from contracts.errors import RecorderError


def nothing() -> None:
    """Let things be."""


class MemoryFile:
    """Gives `content` in pieces of at most `piece` bytes; from `fails_at` on it raises `error`.

    `at_end` happens when the archive asks whether the file is unchanged: every byte has been
    written then, and none has been read back.
    """

    def __init__(
        self,
        content: bytes,
        *,
        error: RecorderError | None = None,
        fails_at: int = 0,
        unchanged: bool = True,
        at_end: Callable[[], None] = nothing,
    ) -> None:
        self._content = memoryview(content)
        self._offset = 0
        self._error = error
        self._fails_at = fails_at
        self._unchanged = unchanged
        self._at_end = at_end

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer."""
        if self._error and self._offset >= self._fails_at:
            raise self._error
        end = self._offset + min(len(buffer), 300_000)
        if self._error:
            end = min(end, self._fails_at)
        piece = self._content[self._offset : end]
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)

    def seek(self, offset: int) -> None:
        """Go on from this offset."""
        self._offset = offset

    def unchanged(self) -> bool:
        """Tell what the test wants told."""
        self._at_end()
        return self._unchanged

    def close(self) -> None:
        """There is nothing to close."""


def seal(archive: Archive, content: bytes, *, sm3: bool = False, **faults: Any) -> Sealed:
    """Seal bytes as if a recorder had them."""
    source = MemoryFile(content, **faults)
    return archive.seal(source, len(content), "a.mp4", sm3=sm3, progress=lambda _: None)


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())


def files_below(folder: Path) -> list[Path]:
    """Return every file below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]
