"""What is done to the archive by hand while the agent does not run: a new disk, a pass over it."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agent import pins
from agent.archive import Archive
from agent.archive.commissioning import Mark, check, describe, look_at, write_mark
from agent.archive.expecting import Books
from agent.archive.scrubbing import PARTS, Scrubbing
from agent.core.event import ArchiveFound, ScrubProgressed
from agent.core.storage import FOLDED, Storage
from agent.scrubber import Desk, Scrubber
from contracts.archive_facts import ArchiveScrubbed
from contracts.errors import (
    ArchiveAbsentError,
    CommissionRefusedError,
    NotAllowedError,
    PersonUnknownError,
    PinWrongError,
)
from contracts.facts import Fact, draft_of
from contracts.roster import Roster
from contracts.settings import StationSettings
from ledger.store import Ledger
from outside import clock

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a disk commissioned, and why."""

    by: str
    pin: str
    reason: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a pass found, as people read it."""

    is_good: bool
    lines: tuple[str, ...]


def commission(settings: StationSettings, order: Order, roster: Roster, version: str) -> str:
    """Make the disk that is at the archive's folder the station's archive; return what was entered.

    Raises:
        StationError: not this person, not this disk, or not without `--replace`.
        LedgerError: the agent runs, or the ledger cannot be relied on.
    """
    _check_person(roster, order)
    root = Path(settings.folders.archive)
    disk = look_at(root)
    with ExitStack() as stack:
        ledger = _open(settings, version, stack)
        known = Books(ledger).commissioned()
        if known is not None and not order.replaces:
            raise CommissionRefusedError(why=known.archive)
        stack.callback(Archive(root).take())
        # The disk may be another station's: its mark is kept only if it is ours.
        mark = disk.mark if disk.mark and disk.mark.origin == ledger.origin else None
        mark = mark or Mark.new(ledger.origin)
        write_mark(root, mark)
        fact = replace(
            describe(root, disk, mark),
            by=order.by,
            reason=order.reason,
            replaces=known.archive if known else None,
        )
        (entry,) = ledger.append([draft_of(fact)], clock.moment())
    return f"{fact.archive} {fact.path} ({entry.sequence})"


def is_running(settings: StationSettings) -> bool:
    """Tell whether an agent answers at the station's socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(Path(settings.folders.run) / "agent.sock"))
    except OSError:
        return False
    return True


def scrub(settings: StationSettings, version: str) -> Result:
    """Read the whole archive again and enter what was found.

    Raises:
        StationError: the archive is not on its disk, or the disk does not work.
        LedgerError: the agent runs, or the ledger cannot be relied on.
    """
    root = Path(settings.folders.archive)
    storage = Storage(settings.storage)
    with ExitStack() as stack:
        ledger = _open(settings, version, stack)
        for entry in ledger.select(types=FOLDED):
            storage.fold(entry)
        books = Books(ledger)
        known = books.commissioned()
        if known is None:
            raise ArchiveAbsentError(where=root)
        check(root, look_at(root), known)
        archive = Archive(root)
        stack.callback(archive.take())
        archive.adopt()
        clerk = _Clerk(ledger, storage)
        desk = Desk(
            settings=settings.storage,
            file=Path(settings.folders.state) / "scrub.json",
            parts=PARTS,
            scrubbed=lambda read: Scrubbing(
                archive, books, lambda: check(root, look_at(root), known), read
            ),
            deliver=clerk.take,
            now=clock.wall_now,
            due_at=lambda: None,
            used_bytes=lambda: 0,
            is_busy=lambda: False,
            unexpected=lambda: frozenset(storage.unexpected),
        )
        counts = Scrubber(desk).run_once()
        clerk.enter()
    lines = tuple(f"{fact.TYPE}: {fact.subject}" for fact in clerk.news)
    return Result(
        is_good=not (counts.damaged or counts.missing or counts.unexpected),
        lines=(*lines, *(f"{name} {value}" for name, value in vars(counts).items())),
    )


class _Clerk:
    """Enters what is news, many entries in one commit."""

    def __init__(self, ledger: Ledger, storage: Storage) -> None:
        self._ledger = ledger
        self._storage = storage
        self._waiting: list[Fact] = []
        self.news: list[Fact] = []

    def take(self, event: ArchiveFound | ScrubProgressed) -> None:
        if isinstance(event, ArchiveFound):
            news = self._storage.find(event.fact)
            self._waiting += news
            self.news += [fact for fact in news if not isinstance(fact, ArchiveScrubbed)]
        if len(self._waiting) >= _BATCH:
            self.enter()

    def enter(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._ledger.append([draft_of(fact) for fact in waiting], clock.moment())


def _open(settings: StationSettings, version: str, stack: ExitStack) -> Ledger:
    station = settings.station
    folder = Path(settings.folders.state) / "ledger"
    prefix = f"muster/{station.organisation}/{station.id}"
    ledger = Ledger.open(folder, prefix, clock.moment(), version)
    stack.callback(ledger.close)
    return ledger


def _check_person(roster: Roster, order: Order) -> None:
    person = roster.find_person(order.by)
    if person is None:
        raise PersonUnknownError(person=order.by)
    if not pins.Pins(roster, clock.uptime_seconds).prove(order.by, order.pin):
        raise PinWrongError(person=person.name)
    if person.role != "manager":
        raise NotAllowedError(person=person.name)
