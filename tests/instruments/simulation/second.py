"""A simulated second copy: disks that come and go behind the interface the real one has."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

from contracts.copy_facts import CopyCommissioned
from contracts.errors import (
    SecondCopyAbsentError,
    SecondCopyFailingError,
    SecondCopyForeignError,
)
from tests.instruments.simulation.parts import Life

BYTES = 10**12
WHERE = "/b"


class Shelf:
    """What outlives the process: every disk there was, by its mark, and which is there now."""

    def __init__(self) -> None:
        self.disks: dict[str, dict[str, bytes]] = {"first": {}, "foreign": {}}
        self.here: str | None = "first"
        self.is_full = False
        self.is_to_be_commissioned = False  # what is there, by a manager before the next start

    def commission(self, replaces: str | None = None) -> CopyCommissioned:
        """Return what is entered of the disk that is there."""
        self.is_to_be_commissioned = False
        return CopyCommissioned(str(self.here), WHERE, None, True, BYTES, replaces=replaces)


class Second:
    """One process's hold on the disk."""

    def __init__(self, shelf: Shelf, archive: Mapping[str, bytes], life: Life) -> None:
        self._shelf = shelf
        self._archive = archive
        self._life = life
        self._seen: str | None = None

    def look(self, known: CopyCommissioned | None, *, writing: bool) -> SimpleNamespace:
        """Return what is there."""
        self._life.verb()
        here = self._shelf.here
        if here is None:
            raise SecondCopyAbsentError(where=WHERE)
        if known is not None and known.copy != here:
            raise SecondCopyForeignError(where=WHERE, found=here, known=known.copy)
        self._seen, news = here, None if known else self._shelf.commission()
        free = 0 if self._shelf.is_full else BYTES
        return SimpleNamespace(free_bytes=free, total_bytes=BYTES, commissioned=news)

    def bring(self, wanted: Sequence[tuple[str, int]], go_on: Callable[[], None]) -> object:
        """Bring objects there, one after the other."""
        brought = SimpleNamespace(proven=[], lacking=[], error=None)
        for sha256, _ in wanted:
            self._life.verb()
            if self._seen is None or self._shelf.here != self._seen or self._shelf.is_full:
                brought.error = SecondCopyFailingError(reason="played")
                break
            self._shelf.disks[self._seen][sha256] = self._archive[sha256]
            brought.proven.append(SimpleNamespace(sha256=sha256))
        self._life.verb()
        return brought
