"""What is done to the archive by hand while the agent does not run.

A new disk for it or for its second copy, a pass over it, footage brought back from the second copy.
"""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agent import pins
from agent.archive import Archive
from agent.archive.commissioning import Mark, check, describe, look_at, write_mark
from agent.archive.expecting import Books, Expected
from agent.archive.scrubbing import PARTS, Scrubbing
from agent.archive.sealing import Sealed
from agent.archive.second import SecondCopy, bring
from agent.core.copies import FOLDED as COPIES_FOLDED
from agent.core.copies import Copies
from agent.core.event import ArchiveFound, ScrubProgressed
from agent.core.storage import FOLDED, Storage
from agent.recalling import objects
from agent.scrubber import Desk, Scrubber
from contracts.archive_facts import ArchiveScrubbed, FootageIntact
from contracts.copy_facts import FootageRestored
from contracts.errors import (
    ArchiveAbsentError,
    CommissionRefusedError,
    NotAllowedError,
    PersonUnknownError,
    PinWrongError,
    SettingsError,
)
from contracts.facts import Fact, draft_of
from contracts.roster import Roster
from contracts.settings import StationSettings
from ledger.store import Ledger
from outside import clock

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants something done, and why; `replaces`: a disk that was commissioned before."""

    by: str
    pin: str
    reason: str
    replaces: bool = False


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


def commission_copy(settings: StationSettings, order: Order, roster: Roster, version: str) -> str:
    """Make the disk that is at the second copy's folder the second copy; return what was entered.

    Raises:
        StationError: not this person, not this disk, or not without `--replace`.
        LedgerError: the agent runs, or the ledger cannot be relied on.
    """
    _check_person(roster, order)
    root = _copy_root(settings)
    with ExitStack() as stack:
        ledger = _open(settings, version, stack)
        known = _copies(settings, ledger).commissioned
        if known is not None and not order.replaces:
            raise CommissionRefusedError(why=known.copy)
        archive = Archive(Path(settings.folders.archive))
        fact = replace(
            SecondCopy(root, archive, ledger.origin).commission(),
            by=order.by,
            reason=order.reason,
            replaces=known.copy if known else None,
        )
        (entry,) = ledger.append([draft_of(fact)], clock.moment())
    return f"{fact.copy} {fact.path} ({entry.sequence})"


def restore(settings: StationSettings, order: Order, roster: Roster, version: str) -> Result:
    """Bring back from the second copy what is on record as damaged or missing; enter each.

    A damaged object keeps a name among the damaged, and the names that people know lead to the
    whole one. What the second copy does not give whole stays
    as it is, and is told.

    Raises:
        StationError: not this person, or a disk does not work.
        LedgerError: the agent runs, or the ledger cannot be relied on.
    """
    _check_person(roster, order)
    with ExitStack() as stack:
        ledger = _open(settings, version, stack)
        books = Books(ledger)
        lost = _lost(_storage(settings, ledger), books)
        archive = _archive(settings, books, stack)
        root, known = _copy_root(settings), _copies(settings, ledger).commissioned
        second = SecondCopy(root, archive, ledger.origin).adopted(known)
        wanted = [(one.sha256, one.size or 0) for one in lost.values()]
        brought = bring(wanted, second, archive, lambda: None)
        copy = known.copy if known else ""
        facts = [_restored(one, lost[one.sha256], copy, order) for one in brought.proven]
        _enter(ledger, facts)
        scrubbing = Scrubbing(archive, books, lambda: None, lambda _: None)
        views = [fact for one in brought.proven for fact in scrubbing.remade(lost[one.sha256])]
        _enter(ledger, views)
    if brought.error is not None:
        raise brought.error
    left = lost.keys() - {one.sha256 for one in brought.proven}
    return Result(
        not left,
        (
            *(f"没有恢复 / not restored: {lost[sha256].path}" for sha256 in sorted(left)),
            *(f"{fact.TYPE}: {fact.object}" for fact in facts),
            *(f"{fact.TYPE}: {fact.made}" for fact in views),
            f"{len(facts)} / {len(lost)}",
        ),
    )


def _enter(ledger: Ledger, facts: Sequence[Fact]) -> None:
    drafts = [draft_of(fact) for fact in facts]
    for at in range(0, len(drafts), _BATCH):
        ledger.append(drafts[at : at + _BATCH], clock.moment())


def _lost(storage: Storage, books: Books) -> dict[str, Expected]:
    """Return by digest the objects that are on record as damaged or missing."""
    paths = storage.damaged | storage.missing
    shelves = {path.rpartition("/")[2][:2] for path in paths}
    known = (one for shelf in sorted(shelves) for one in books.objects(shelf).values())
    return {one.sha256: one for one in known if one.path in paths}


def _restored(
    sealed: Sealed, one: Expected, copy: str, order: Order
) -> FootageRestored | FootageIntact:
    if sealed.already_held:  # somebody was faster
        return FootageIntact(one.recorder, sealed.sha256, sealed.object)
    return FootageRestored(
        one.recorder, sealed.sha256, sealed.object, copy, order.by, order.reason, sealed.kept
    )


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
    with ExitStack() as stack:
        ledger = _open(settings, version, stack)
        storage = _storage(settings, ledger)
        books = Books(ledger)
        archive = _archive(settings, books, stack)
        clerk = _Clerk(ledger, storage, _copies(settings, ledger))
        desk = Desk(
            settings=settings.storage,
            file=Path(settings.folders.state) / "scrub.json",
            parts=PARTS,
            scrubbed=lambda read: Scrubbing(
                archive, books, lambda: _check_archive(settings, books), read
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

    def __init__(self, ledger: Ledger, storage: Storage, copies: Copies) -> None:
        self._ledger = ledger
        self._storage = storage
        self._copies = copies
        self._waiting: list[Fact] = []
        self.news: list[Fact] = []

    def take(self, event: ArchiveFound | ScrubProgressed) -> None:
        if isinstance(event, ArchiveFound):
            news = self._storage.find(self._copies.noted(event.fact))
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


def _storage(settings: StationSettings, ledger: Ledger) -> Storage:
    storage = Storage(settings.storage)
    for entry in ledger.select(types=FOLDED):
        storage.fold(entry)
    return storage


def _archive(settings: StationSettings, books: Books, stack: ExitStack) -> Archive:
    """Return the archive on the disk it was commissioned on, for this process alone."""
    _check_archive(settings, books)
    archive = Archive(Path(settings.folders.archive))
    stack.callback(archive.take())
    archive.adopt()
    return archive


def _check_archive(settings: StationSettings, books: Books) -> None:
    root, known = Path(settings.folders.archive), books.commissioned()
    if known is None:
        raise ArchiveAbsentError(where=root)
    check(root, look_at(root), known)


def _copies(settings: StationSettings, ledger: Ledger) -> Copies:
    copies = Copies(settings.second_copy is not None, settings.storage)
    if copies.is_set_up:
        for known in objects(ledger):
            copies.prove(*known)
    for entry in ledger.select(types=COPIES_FOLDED):
        copies.fold(entry)
    return copies


def _copy_root(settings: StationSettings) -> Path:
    if settings.second_copy is None:
        raise SettingsError(file="station.toml", problems=("second_copy: 未设置 / not set up",))
    return Path(settings.second_copy.path)


def _check_person(roster: Roster, order: Order) -> None:
    person = roster.find_person(order.by)
    if person is None:
        raise PersonUnknownError(person=order.by)
    if not pins.Pins(roster, clock.uptime_seconds).prove(order.by, order.pin):
        raise PinWrongError(person=person.name)
    if person.role != "manager":
        raise NotAllowedError(person=person.name)
