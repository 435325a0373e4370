"""What the second copy is made of, joined: its disk, the thread that brings, the one that reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.archive import Archive
from agent.archive.expecting import Books
from agent.archive.scrubbing import SHELVES, Scrubbing
from agent.archive.second import SecondCopy
from agent.copyist import Copyist
from agent.copyist import Desk as CopyistDesk
from agent.core.event import Event, ScrubProgressed
from agent.core.station import Station
from agent.scrubber import Desk, Scrubber
from contracts.copy_facts import CopyScrubbed
from ledger.store import Ledger
from outside import clock


@dataclass(frozen=True)
class Seconding:
    """The two threads of a station's second copy."""

    copyist: Copyist
    scrubber: Scrubber


def seconding(
    station: Station,
    archive: Archive,
    ledger: Ledger,
    scrubbing: Scrubbing,
    deliver: Callable[[Event], None],
) -> Seconding | None:
    """Return what keeps the second copy; None where none is set up.

    `scrubbing` looks at objects of the archive that cannot be brought.
    """
    settings = station.settings
    if settings.second_copy is None:
        return None
    root, copies = Path(settings.second_copy.path), station.copies
    second = SecondCopy(root, archive, ledger.origin)
    books = Books(ledger)

    def is_busy() -> bool:
        return station.is_copying

    def tell(event: Event) -> None:
        if not isinstance(event, ScrubProgressed):  # the archive's pass is what is shown
            deliver(event)

    scrubber = Desk(
        settings=settings.storage,
        file=Path(settings.folders.state) / "scrub-copy.json",
        parts=SHELVES,
        scrubbed=lambda read: second.scrubbing(
            books, copies.commissioned, copies.is_confirmed, read
        ),
        deliver=tell,
        now=clock.wall_now,
        due_at=lambda: copies.scrub_due_at,
        used_bytes=lambda: copies.confirmed_bytes,
        is_busy=is_busy,
        unexpected=frozenset,
        ended=CopyScrubbed,
    )
    desk = CopyistDesk(second, lambda: copies.commissioned, scrubbing.look, is_busy, deliver)
    return Seconding(Copyist(desk), Scrubber(scrubber))
