"""The whole station's decisions: events in, effects out, no I/O.

`Station` holds the docks and the custody. Who has what changes only by `fold`, with the entries the
ledger gave back, so that a running agent and a restarted one know the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import singledispatchmethod
from zoneinfo import ZoneInfo

from agent.core import handover
from agent.core.clearing import Surroundings, Witness
from agent.core.copies import Copies
from agent.core.custody import Custody
from agent.core.device import Bindings, RefusedDevice, bind, match_recorder
from agent.core.dock import INBOX, Around, Dock, idle_orders, step
from agent.core.effect import BeginScrub, Effect, Enter, Reply
from agent.core.ending import unended_clearings, unended_visits
from agent.core.event import (
    ArchiveFound,
    Asked,
    Barred,
    DevicesSeen,
    Docked,
    DockEvent,
    Event,
    FileImported,
    FromDock,
    InboxSettled,
    NotBack,
    Noted,
    Removed,
    RetryAsked,
    ScrubProgressed,
    SecondCopied,
    SecondCopyMoved,
    SecondCopySeen,
    StorageSeen,
    Ticked,
    Trouble,
    UplinkChanged,
    Weighed,
)
from agent.core.inquiries import Inquiries, decide_answer
from agent.core.profile import Profile
from agent.core.recorder import Device
from agent.core.storage import STORAGE_CODES, Storage
from agent.core.switching import is_overdue, is_still
from contracts.archive_facts import FootageIntact, FootageReplaced
from contracts.commands import (
    Answer,
    AnswerQuestion,
    Declare,
    Issue,
    Observe,
    ReportFault,
    Retry,
    Return,
    Scrub,
)
from contracts.copy_facts import CopyDamaged, CopyMissing, CopyScrubbed
from contracts.dock import DockState
from contracts.entry import Entry
from contracts.errors import (
    ArchiveFillingError,
    ArchiveFullError,
    ArchiveLowError,
    DockUnknownError,
    MusterError,
    NothingToRetryError,
    RecorderNumberTwiceError,
)
from contracts.facts import (
    DeviceRefused,
    Fact,
    ReadingObserved,
    RecorderClearing,
    RecorderReturned,
    VisitCompleted,
)
from contracts.roster import Roster
from contracts.settings import StationSettings
from contracts.text import Text

INBOX_DOCK = 0
READ_AGAIN_SECONDS = 30
FULL_SECONDS = 600
_BUSY = (DockState.IDENTIFYING, DockState.CHECKING, DockState.COPYING)  # as an inbox can be
_UNOPENED = (DockState.REFUSED, DockState.FAILED)
_RETRIABLE = (DockState.READY, DockState.ATTENTION, DockState.FAILED)
_ONLY_FULL = (ArchiveFillingError.code, ArchiveLowError.code)  # what is held is as good as before
_ENTERED = Text("已登记", "Entered")
_BEGUN = Text("已开始, 结果见台账", "Begun; the ledger will say what came of it")


class Station:
    """Every dock, who has which recorder, and what the screens need to know besides."""

    def __init__(
        self,
        settings: StationSettings,
        roster: Roster,
        now: datetime,
        profiles: Sequence[Profile] = (),
    ) -> None:
        self.settings = settings
        self.roster = roster
        self.zone = ZoneInfo(settings.station.zone)
        self.custody = Custody()
        self.inquiries = Inquiries()
        self.storage = Storage(settings.storage)
        self.copies = Copies(settings.second_copy is not None, settings.storage)
        self.docks = {d.number: Dock(d.number, d.name, now) for d in settings.dock}
        self.inbox = Dock(INBOX_DOCK, "收件箱 / Inbox", now)
        self.refused: dict[tuple[str, str, str], tuple[RefusedDevice, datetime]] = {}
        self.uplink = UplinkChanged(connected=False, index_has=0, witnessed=0)
        self.health = Ticked(None, None, "unknown")
        self.moved_at: Mapping[int, datetime] = {}  # when each dock under way last came on
        self._profiles = tuple(profiles)
        self._ports = {d.port: d.number for d in settings.dock}
        self._inbox_waiting: Device | None = None
        self._read_at = now
        self._visits = 0
        self._first_look = True
        self._full_at: dict[int, tuple[str, int]] = {}  # by dock: visit and room it ended with

    def fold(self, entry: Entry) -> None:
        """Take in an entry the ledger holds."""
        self.custody.fold(entry)
        self.inquiries.fold(entry)
        self.storage.fold(entry)
        self.copies.fold(entry)
        if entry.type in (VisitCompleted.TYPE, RecorderClearing.TYPE):
            noted = Noted(str(entry.data["visit"]), entry.type, entry.sequence, entry.moment.at)
            for dock in list(self.docks.values()):
                if dock.visit == noted.visit and dock.clearing is not None:
                    self._step(dock.number, noted, entry.moment.at)

    def resume(self) -> list[Effect]:
        """Return what a start owes to the visits that the last run left open."""
        return [*unended_clearings(self.custody), *unended_visits(self.custody)]

    @property
    def is_copying(self) -> bool:
        """Whether anything is being copied; any thread may ask."""
        docks = (*self.docks.values(), self.inbox)
        return any(dock.state is DockState.COPYING for dock in docks)

    def by_recorder(self) -> Mapping[str, Dock]:
        """Return the docks that hold a known recorder, by its number."""
        return {d.recorder: d for d in self.docks.values() if d.recorder and not d.is_vacant}

    @singledispatchmethod
    def decide(self, event: Event, now: datetime) -> list[Effect]:
        """Change the state by an event and return what is to be done."""
        raise RuntimeError(f"no decision for {type(event).__name__}")

    @decide.register
    def _(self, event: DevicesSeen, now: datetime) -> list[Effect]:
        bindings = bind(event.devices, self._ports, self.settings.own_ports, self._profiles)
        effects = self._unplug(bindings, now)
        effects += self._note_refusals(bindings.refused, now)
        effects += self._plug_in(bindings, now)
        self._first_look = False
        return effects

    @decide.register
    def _(self, event: InboxSettled, now: datetime) -> list[Effect]:
        if self.inbox.state in _BUSY:
            self._inbox_waiting = event.device
            return []
        effects = []
        if self.inbox.state is not DockState.EMPTY:
            effects += self._step(INBOX_DOCK, Removed(), now)
        visit = self._new_visit(INBOX_DOCK, now)
        return effects + self._step(INBOX_DOCK, Docked(event.device, visit), now)

    @decide.register
    def _(self, event: FromDock, now: datetime) -> list[Effect]:
        before = self._dock(event.dock)
        effects = self._step(event.dock, event.event, now)
        effects += self.inquiries.follow(before, event.event, effects, self.roster)
        after = self._dock(event.dock)
        if isinstance(event.event, FileImported) and event.event.visit == before.visit:
            effects += self._note_proven(event.event, before)
        if before.state is DockState.IDENTIFYING and not before.visit_open:
            if after.visit_open:
                effects += self._returned_by_docking(after)
            elif after.state in _UNOPENED:
                effects.append(Enter(refusal_of(after)))
        if event.dock == INBOX_DOCK and self._inbox_waiting and after.state not in _BUSY:
            waiting, self._inbox_waiting = self._inbox_waiting, None
            effects += self.decide(InboxSettled(waiting), now)
        return effects

    @decide.register
    def _(self, event: Ticked, now: datetime) -> list[Effect]:
        before, self.health = self.health, event
        effects: list[Effect] = []
        for dock in [*self.docks.values(), self.inbox]:
            if self._has_room_again(dock, before.archive_free_bytes, now):
                effects += self._step(dock.number, self._retry(dock.number, now), now)
        for dock in list(self.docks.values()):
            if is_overdue(dock, now):
                effects += self._step(dock.number, NotBack(), now)
        if (now - self._read_at).total_seconds() >= READ_AGAIN_SECONDS or now < self._read_at:
            self._read_at = now
            effects += [order for dock in self.docks.values() for order in idle_orders(dock)]
        return effects + self.copies.watch(now) + self._weigh(now)

    @decide.register
    def _(self, event: StorageSeen, now: datetime) -> list[Effect]:
        was_stopped = self.storage.health.stops
        effects: list[Effect] = [Enter(fact) for fact in self.storage.see(event)]
        if self.storage.health.stops:
            return effects
        for dock in [*self.docks.values(), self.inbox]:
            if self._is_storage_good_again(dock, was_stopped=was_stopped):
                effects += self._step(dock.number, self._retry(dock.number, now), now)
        return effects

    @decide.register
    def _(self, event: ArchiveFound, now: datetime) -> list[Effect]:
        fact = event.fact
        if isinstance(fact, CopyDamaged | CopyMissing | CopyScrubbed):
            return [Enter(one) for one in self.copies.find(fact)]
        return [Enter(one) for one in self.storage.find(self.copies.noted(fact))]

    @decide.register
    def _(
        self, event: SecondCopySeen | SecondCopied | SecondCopyMoved, now: datetime
    ) -> list[Effect]:
        may_copy = self._is_archive_healthy and not self.is_copying
        return self.copies.decide(event, now, may_copy=may_copy)

    @decide.register
    def _(self, event: ScrubProgressed, now: datetime) -> list[Effect]:
        self.storage.scrub_percent = event.percent
        return []

    @decide.register
    def _(self, event: UplinkChanged, now: datetime) -> list[Effect]:
        before, self.uplink = self.uplink, event
        return self._weigh(now) if event.witnessed != before.witnessed else []

    @decide.register
    def _(self, event: Asked, now: datetime) -> list[Effect]:
        desk = handover.Desk(
            now, self.zone, self.roster, self.custody, self.by_recorder(), event.proved
        )
        try:
            effects = self._answer(event.command, desk)
        except MusterError as error:
            return [Reply(event.ticket, _sorry(error))]
        is_entered = any(isinstance(effect, Enter) for effect in effects)
        text = _BEGUN if isinstance(event.command, Scrub) else _ENTERED
        answer = Answer(ok=True, zh=text.zh, en=text.en)
        return [*effects, Reply(event.ticket, answer, is_entered)]

    def _answer(self, command: object, desk: handover.Desk) -> list[Effect]:
        fact: Fact
        match command:
            case Issue():
                fact = handover.decide_issue(command, desk)
            case Return():
                returned = Enter(handover.decide_return(command, desk))
                return [returned, *self._visit_again(command.recorder, desk.now)]
            case Declare():
                fact = handover.decide_declaration(command, desk)
            case ReportFault():
                fact = handover.decide_service(command, desk)
            case AnswerQuestion():
                fact = decide_answer(command, desk, self.inquiries)
            case Observe():
                fact = self._observe(handover.decide_observation(command, desk))
            case Retry() | Scrub():
                return self._order(command, desk.now)
            case _:
                raise RuntimeError(f"no decision for {type(command).__name__}")
        return [Enter(fact)]

    def _order(self, command: Retry | Scrub, now: datetime) -> list[Effect]:
        if isinstance(command, Retry):
            return self._retry_asked(command.dock, now)
        return [BeginScrub()]

    def _observe(self, fact: ReadingObserved) -> Fact:
        dock = self.by_recorder().get(fact.recorder)
        if dock is not None:
            readings, told = (*dock.readings, *fact.readings), (*dock.told, *fact.readings)
            self._put(replace(dock, readings=readings, told=told, findings=fact.findings))
        return fact

    def _visit_again(self, recorder: str, now: datetime) -> list[Effect]:
        # Found in its dock after a restart and handed in by hand: only a visit from now on shows
        # that nothing was recorded in between.
        dock = self.by_recorder().get(recorder)
        if dock is None or dock.state not in _RETRIABLE:
            return []
        return self._step(dock.number, self._retry(dock.number, now), now)

    def _retry_asked(self, number: int, now: datetime) -> list[Effect]:
        dock = self.docks.get(number)
        if dock is None:
            raise DockUnknownError(dock=number, docks=", ".join(map(str, sorted(self.docks))))
        if dock.state not in _RETRIABLE:
            raise NothingToRetryError(dock=number)
        if dock.is_vacant:  # it only showed why what stood in it did not come back
            return self._step(number, Removed(), now)
        return self._step(number, self._retry(number, now), now)

    def _retry(self, number: int, now: datetime) -> RetryAsked:
        return RetryAsked(self._new_visit(number, now))

    def _returned_by_docking(self, dock: Dock) -> list[Effect]:
        holding = self.custody.holdings.get(dock.recorder or "")
        if holding is None or dock.recorder is None:
            return []
        # Issued from this dock and still in it after a restart: nobody has taken it yet.
        if dock.found and holding.dock == dock.number:
            return []
        fact = RecorderReturned(holding.handover, dock.recorder, holding.person, visit=dock.visit)
        return [Enter(fact)]

    def _unplug(self, bindings: Bindings, now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        barred = {number: one.device for number, one in bindings.barred.items()}
        present = {**barred, **bindings.docked}
        for number, dock in list(self.docks.items()):
            there = present.get(number)
            if dock.device is None or (dock.state is DockState.SWITCHING and there):
                continue
            if there and is_still(dock, there, is_docked=number in bindings.docked):
                # More of it may have appeared since: its serial line, its disk.
                self._put(replace(dock, device=there))
            else:
                effects += self._step(number, Removed(), now)
        return effects

    def _plug_in(self, bindings: Bindings, now: datetime) -> list[Effect]:
        effects: list[Effect] = []
        for number, dock in list(self.docks.items()):
            is_awaited = dock.state is DockState.SWITCHING
            if not (dock.is_vacant or is_awaited):
                continue
            if number in bindings.docked:
                visit = dock.visit if is_awaited else self._new_visit(number, now)
                docked = Docked(bindings.docked[number], visit, self._first_look)
                effects += self._step(number, docked, now)
            elif number in bindings.barred:
                barred = bindings.barred[number]
                effects += self._step(number, Barred(barred.device, Trouble.of(barred.error)), now)
        return effects

    def _note_refusals(self, refused: Iterable[RefusedDevice], now: datetime) -> list[Effect]:
        before, self.refused = self.refused, {}
        effects: list[Effect] = []
        for one in refused:
            key = (one.device.port, one.device.description, one.code)
            self.refused[key] = before.get(key) or (one, now)
            if key not in before:
                port, name = one.device.port, one.device.description
                effects.append(Enter(DeviceRefused(port, name, one.code, one.dock)))
        return effects

    def _dock(self, number: int) -> Dock:
        return self.inbox if number == INBOX_DOCK else self.docks[number]

    def _put(self, dock: Dock) -> None:
        if dock.number == INBOX_DOCK:
            self.inbox = dock
        else:
            self.docks[dock.number] = dock

    def _weigh(self, now: datetime) -> list[Effect]:
        """Ask the gate for every finished dock that is to be cleared."""
        waiting = [d.number for d in self.docks.values() if _is_to_clear(d)]
        return [effect for number in waiting for effect in self._step(number, Weighed(), now)]

    def _surroundings(self) -> Surroundings:
        uplink, witness = self.uplink, None
        if uplink.witness and uplink.witnessed_at is not None:
            witness = Witness(uplink.witnessed, uplink.witness, uplink.witnessed_at)
        return Surroundings(
            clock=self.health.clock,
            witness=witness,
            pinned=self.settings.witness_key,
            is_archive_healthy=self._is_archive_healthy,
            claimed=frozenset(filter(None, map(self._claim, self.docks.values()))),
            handed_out=frozenset(self.custody.holdings),
            has_second_copy=self.copies.is_set_up,
            is_second_copy_reachable=self.copies.is_reachable,
            is_confirmed=self.copies.is_confirmed,
        )

    @property
    def _is_archive_healthy(self) -> bool:
        trouble = self.storage.health.trouble
        return trouble is None or trouble.code in _ONLY_FULL

    def _claim(self, dock: Dock) -> str | None:
        """Return the recorder that a refused device says it is too."""
        if dock.identity is None or dock.trouble is None:
            return None
        if dock.trouble.code != RecorderNumberTwiceError.code:
            return None
        return match_recorder(dock.identity, self.roster.recorder)

    def _step(self, number: int, event: DockEvent, now: datetime) -> list[Effect]:
        docked = {r: d.number for r, d in self.by_recorder().items() if r != INBOX}
        after, effects = step(
            self._dock(number),
            event,
            Around(
                now,
                self.roster,
                docked,
                self.storage.health,
                self._surroundings(),
                self.custody.unfinished,
            ),
        )
        self._put(after)
        return list(effects)

    def _has_room_again(self, dock: Dock, before_bytes: int | None, now: datetime) -> bool:
        """Tell whether a visit that the full archive ended can go on.

        A disk can be full with room on it (no more inodes, room for root only), so room must have
        been made since, or time gone by.
        """
        free_bytes = self.health.archive_free_bytes
        is_full = dock.trouble is not None and dock.trouble.code == ArchiveFullError.code
        if dock.state is not DockState.FAILED or not is_full or free_bytes is None:
            return False
        visit, full_bytes = self._full_at.get(dock.number, ("", 0))
        if visit != dock.visit:
            full_bytes = free_bytes if before_bytes is None else min(before_bytes, free_bytes)
            self._full_at[dock.number] = dock.visit, full_bytes
        wanted = (dock.plan.total_bytes if dock.plan else 0) - dock.settled_bytes
        waited = (now - dock.since).total_seconds() >= FULL_SECONDS
        return free_bytes > wanted and (waited or free_bytes > full_bytes)

    def _is_storage_good_again(self, dock: Dock, *, was_stopped: bool) -> bool:
        """Tell whether a visit that the storage ended can go on."""
        code = dock.trouble.code if dock.trouble else None
        if dock.state is not DockState.FAILED or code not in STORAGE_CODES:
            return False
        wanted = dock.plan.total_bytes if dock.plan else 0
        is_short = code == ArchiveLowError.code
        return (was_stopped or is_short) and self.storage.health.barring(wanted) is None

    def _note_proven(self, event: FileImported, dock: Dock) -> list[Effect]:
        """Enter that footage is whole again which was damaged or missing until now."""
        recorder = dock.recorder or INBOX
        fact: FootageIntact | FootageReplaced
        if event.kept is not None:
            fact = FootageReplaced(event.visit, recorder, event.sha256, event.object, event.kept)
        else:
            fact = FootageIntact(recorder, event.sha256, event.object)
        return [Enter(one) for one in self.storage.imported(fact)]

    def _new_visit(self, number: int, now: datetime) -> str:
        self._visits += 1
        return f"{now:%Y%m%dT%H%M%S%fZ}-{number}-{self._visits}"


def _is_to_clear(dock: Dock) -> bool:
    is_finished = dock.state in (DockState.READY, DockState.ATTENTION)
    return is_finished and dock.clearing is not None and dock.clearing.is_open


def refusal_of(dock: Dock) -> DeviceRefused:
    """Return what is entered about a device that is none of ours, or could not be opened."""
    if dock.device is None or dock.trouble is None:
        raise RuntimeError(f"dock {dock.number}: refused without a reason")
    return DeviceRefused(dock.device.port, dock.device.description, dock.trouble.code, dock.number)


def _sorry(error: MusterError) -> Answer:
    remedy = error.remedy.fill(**error.fields)
    return Answer(
        ok=False,
        zh=error.text.zh,
        en=error.text.en,
        code=error.code,
        remedy_zh=remedy.zh,
        remedy_en=remedy.en,
    )
