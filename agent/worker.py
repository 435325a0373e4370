"""One dock's worker: a thread that carries out the core's orders for it and reports what happened.

It decides nothing. A report carries the visit it belongs to, so that a late one can be dropped.
"""

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatchmethod
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from agent import clearing
from agent.copying import Copying, Store, Watch
from agent.core.effect import (
    ClearCard,
    CopyFiles,
    Identify,
    Interview,
    LookAgain,
    ReadCardAgain,
    Release,
    SetClock,
    Survey,
    SwitchToDisk,
    TakeReadings,
)
from agent.core.estimating import with_estimate
from agent.core.event import (
    ClockCorrected,
    CopyEnded,
    FromDock,
    Identified,
    Interviewed,
    Progressed,
    ReadAgain,
    Surveyed,
    SwitchBegun,
    Trouble,
    VisitFailed,
    WorkerEvent,
)
from agent.core.plan import Proven, plan_copies
from agent.core.recorder import Conversation, Device, MediaFacts, Recorder, Spoken
from agent.core.silence import is_silent
from contracts.errors import MusterError, RecorderGoneError, UnforeseenError
from contracts.reading import Reading, ReadingKind

Order = (
    Identify
    | Interview
    | SwitchToDisk
    | Survey
    | SetClock
    | CopyFiles
    | TakeReadings
    | ReadCardAgain
    | LookAgain
    | ClearCard
    | Release
)
_TOLD: tuple[ReadingKind, ...] = ("battery_percent", "clock_offset_ms")
log = logging.getLogger(__name__)


class Vault(Store, Protocol):
    """What a worker needs of the archive."""

    def holds_all(self, wanted: Iterable[tuple[str, int]]) -> set[str]:
        """Return which of these digests and sizes are in the archive, safely on disk."""

    def verify(self, sha256: str) -> None:
        """Read an object from the medium and compare it with its name."""

    def write_manifest(self, visit: str, lines: list[tuple[str, str]]) -> str:
        """Write a visit's manifest; return its digest."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every worker is given; `last_seen` tells when a recorder's last visit was complete."""

    attach: Callable[[Device], Recorder]
    speak: Callable[[Device], Spoken]
    archive: Vault
    look: Callable[[Path, str], MediaFacts]
    archive_root: Path
    proven: Callable[[str], Iterable[Proven]]
    deliver: Callable[[FromDock], None]
    now: Callable[[], datetime]
    zone: ZoneInfo
    last_seen: Callable[[str], datetime | None] = lambda recorder: None


class Worker:
    """A dock's thread; orders are carried out one after the other."""

    def __init__(self, dock: int, tools: Tools) -> None:
        self._dock = dock
        self._tools = tools
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._recorder: Recorder | None = None
        self._conversation: Conversation | None = None
        self._profile: str | None = None  # by which the device is spoken with, or was
        self._abandoned = threading.Event()
        self._reported_at: datetime | None = None
        self._failed_visit: str | None = None
        self._lines: list[tuple[str, str]] = []  # of the visit's manifest, round after round
        self._moved_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name=f"dock-{dock}", daemon=True)

    def start(self) -> None:
        """Begin to carry out orders."""
        self._thread.start()

    def give(self, order: Order) -> None:
        """Queue an order; a `Release` also ends what is under way."""
        if isinstance(order, Release):
            self._abandoned.set()
        self._orders.put(order)

    @property
    def moved_at(self) -> datetime | None:
        """When what is under way last came on, or None while there is nothing to do."""
        return self._moved_at

    def abandon(self) -> None:
        """Have what is under way given up as soon as it comes on."""
        self._abandoned.set()

    def stop(self, seconds: float) -> bool:
        """End what is under way, let go of the recorder, end the thread; tell whether it did.

        A dock that has been silent for long is not waited for.
        """
        self.abandon()
        self._orders.put(None)
        self._thread.join(0 if is_silent(self._moved_at, self._tools.now()) else seconds)
        return not self._thread.is_alive()

    def perform(self, order: Order) -> None:
        """Carry out one order; an error becomes the report that the visit failed."""
        if not isinstance(order, Release) and order.visit == self._failed_visit:
            return  # a visit that has failed has no more to report
        self._moved_at = self._tools.now()
        try:
            self._carry_out(order)
        except MusterError as error:
            self._fail(order, error)
        except Exception as error:
            reference = uuid.uuid4().hex[:8]
            log.exception("internal error, reference %s", reference)
            self._fail(order, UnforeseenError(reference=reference, why=str(error)))
        finally:
            self._moved_at = None

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            self.perform(order)
        self._let_go()

    def _fail(self, order: Order, error: MusterError) -> None:
        if not isinstance(order, Release):
            self._failed_visit = order.visit
            self._report(VisitFailed(order.visit, Trouble.of(error)))

    @singledispatchmethod
    def _carry_out(self, order: Order) -> None:
        raise TypeError(type(order).__name__)

    @_carry_out.register
    def _(self, order: Identify) -> None:
        self._let_go()
        self._abandoned.clear()
        was_spoken = Spoken(profile=self._profile)
        spoken = was_spoken if order.as_disk else self._tools.speak(order.device)
        self._profile = spoken.profile
        if spoken.conversation is not None:
            self._conversation = spoken.conversation
            said = self._conversation.identify()
            self._report(Identified(order.visit, said, asks=True, profile=spoken.profile))
            return
        self._recorder = self._tools.attach(replace(order.device, profile=spoken.profile))
        unanswered = _unanswered(spoken.unanswered, self._tools.now())
        said, profile = self._recorder.identify(), self._recorder.profile_name
        self._report(Identified(order.visit, said, unanswered=unanswered, profile=profile))

    @_carry_out.register
    def _(self, order: Interview) -> None:
        asked = self._asked()
        readings = asked.readings(self._tools.now())
        self._report(Interviewed(order.visit, readings, asked.remarks(), asked.switch_seconds))

    @_carry_out.register
    def _(self, order: SwitchToDisk) -> None:
        asked = self._asked()
        self._report(SwitchBegun(order.visit))  # it may be gone before `switch` returns
        asked.switch()
        self._let_go()

    @_carry_out.register
    def _(self, order: Survey) -> None:
        recorder = self._held()
        now = self._tools.now()
        readings = recorder.readings(now)
        listing = recorder.list_files()
        self._lines = []
        known = list(self._tools.proven(order.recorder))
        new = [copy.file for copy in plan_copies(listing, known).copies]
        since = self._tools.last_seen(order.recorder)
        readings = with_estimate(readings, new, since, now, self._tools.zone)
        kept = self._tools.archive.holds_all((p.sha256, p.size) for p in known)
        proven = tuple(p for p in known if p.sha256 in kept)
        self._report(Surveyed(order.visit, readings, listing, proven))

    @_carry_out.register
    def _(self, order: SetClock) -> None:
        recorder = self._conversation or self._held()
        now = self._tools.now()
        if recorder.set_clock(now):
            readings = recorder.readings(self._tools.now())
            self._report(ClockCorrected(order.visit, now, order.offset_ms_before, readings))

    @_carry_out.register
    def _(self, order: TakeReadings) -> None:
        readings = self._held().readings(self._tools.now())
        self._report(ReadAgain(order.visit, readings))

    @_carry_out.register
    def _(self, order: Release) -> None:
        self._let_go()

    @_carry_out.register
    def _(self, order: CopyFiles) -> None:
        watch = Watch(
            go_on=self._go_on,
            read=lambda done: self._progress(order.visit, done),
            report=self._report,
        )
        copying = Copying(order, self._held(), self._tools, watch)
        with ThreadPoolExecutor(1, f"dock-{self._dock}-seal") as settler:
            copying.run(settler)
        self._lines += [(held.sha256, held.view) for held in order.plan.held]
        self._lines += copying.imported
        listing = self._held().list_files()
        manifest = self._tools.archive.write_manifest(order.visit, self._lines)
        self._report(CopyEnded(order.visit, manifest, listing))

    @_carry_out.register
    def _(self, order: ReadCardAgain) -> None:
        tools = self._tools
        proven = tools.proven(order.recorder)
        watch = clearing.Watch(self._go_on, lambda done: self._progress(order.visit, done))
        self._report(clearing.read_card_again(order, self._held(), proven, tools.archive, watch))

    @_carry_out.register
    def _(self, order: LookAgain) -> None:
        self._report(clearing.look_again(order, self._held(), self._tools.now()))

    @_carry_out.register
    def _(self, order: ClearCard) -> None:
        self._report(clearing.clear_card(order, self._held(), self._go_on))

    def _go_on(self) -> None:
        self._moved_at = self._tools.now()
        if self._abandoned.is_set():
            raise RecorderGoneError

    def _progress(self, visit: str, bytes_done: int) -> None:
        now = self._moved_at = self._tools.now()
        last = self._reported_at
        if last is None or abs((now - last).total_seconds()) >= 0.25:  # noqa: PLR2004  # seconds
            self._reported_at = now
            self._report(Progressed(visit, bytes_done))

    def _held(self) -> Recorder:
        if self._recorder is None or self._abandoned.is_set():
            raise RecorderGoneError
        return self._recorder

    def _asked(self) -> Conversation:
        if self._conversation is None or self._abandoned.is_set():
            raise RecorderGoneError
        return self._conversation

    def _let_go(self) -> None:
        conversation, self._conversation = self._conversation, None
        recorder, self._recorder = self._recorder, None
        for held in (conversation, recorder):
            if held is not None:
                held.release()

    def _report(self, event: WorkerEvent) -> None:
        self._tools.deliver(FromDock(self._dock, event))


def _unanswered(profiles: Sequence[str], now: datetime) -> tuple[Reading, ...]:
    """Return what is not known of a recorder because it answered in none of its languages."""
    how = f"no answer: {', '.join(profiles)}"
    return tuple(Reading(kind, None, how, now, "unknown") for kind in _TOLD if profiles)
