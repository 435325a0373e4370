"""One visit's copy: while files are being proven, the next ones are already read and written.

The dock's thread alone touches the recorder: it reads files into a group. A second thread settles
one group at a time and reports its files in the order of the plan. What ends the copy ends both,
and no group is left behind.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from agent.core.effect import CopyFiles
from agent.core.event import FileImported, FileUnreadable
from agent.core.plan import Dated, PlannedCopy, date_recording
from agent.core.recorder import MediaFacts, OpenFile, Recorder, Salvaged
from agent.retrying import Tries
from contracts.errors import StationError
from contracts.names import shown, view_path

_AHEAD = 8  # files; up to twice as many are open
_LONGEST = timedelta(seconds=0.5)  # what a slow recorder gave so far is not kept waiting


class SealedFile(Protocol):
    """What the archive says of a file it has sealed."""

    @property
    def sha256(self) -> str:
        """The SHA-256 that was read, written and read back."""

    @property
    def sm3(self) -> str | None:
        """The SM3 of the same bytes, where asked for."""

    @property
    def object(self) -> str:
        """Where it is, below the archive's root."""

    @property
    def already_held(self) -> bool:
        """Whether the archive had these bytes before."""

    @property
    def kept(self) -> str | None:
        """Where the damaged object is that this file replaced, if it did."""


class Group(Protocol):
    """Files that are sealed in one go."""

    def has_room(self, size: int) -> bool:
        """Tell whether a file of this size may still go with these."""

    def copy(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> None:
        """Write one file; if that fails, the group is as before."""

    def settle(self, go_on: Callable[[], None]) -> Sequence[SealedFile | StationError] | None:
        """Prove and name every file; None: each is to be sealed alone, from the recorder."""

    def close(self) -> None:
        """Let go of everything and remove what was not named; may be called twice."""


class Store(Protocol):
    """What a copy needs of the archive."""

    def begin(self) -> Group:
        """Begin a group of files; whoever begins it closes it."""

    def seal(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> SealedFile:
        """Copy a file into the archive and prove it."""

    def salvage(self, source: OpenFile, size: int, progress: Callable[[int], None]) -> Salvaged:
        """Keep what can be read of a file apart."""

    def link_view(self, view: str, sha256: str) -> str:
        """Link an object where people look for it; return the name it got."""

    def link_views(self, wanted: Sequence[tuple[str, str]]) -> list[str]:
        """Link objects where people look for them; return the names they got."""


class Means(Protocol):
    """What a copy is given of the worker's tools."""

    @property
    def archive(self) -> Store:
        """Where the files go."""

    @property
    def archive_root(self) -> Path:
        """Where the archive is."""

    @property
    def look(self) -> Callable[[Path, str], MediaFacts]:
        """Look into an archived copy."""

    @property
    def now(self) -> Callable[[], datetime]:
        """The station's clock."""

    @property
    def zone(self) -> ZoneInfo:
        """The station's time zone."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of a copy: `go_on` raises when it was given up, `read` counts its bytes."""

    go_on: Callable[[], None]
    read: Callable[[int], None]
    report: Callable[[FileImported | FileUnreadable], None]


@dataclass(slots=True)
class _Batch:
    """What is reported together: the files of a group, between them what was not readable."""

    group: Group
    begun_at: datetime
    items: list[PlannedCopy | FileUnreadable] = field(default_factory=list)


_End = tuple[PlannedCopy, SealedFile | StationError] | FileUnreadable


@dataclass(frozen=True, slots=True)
class _Found:
    """A sealed file with what is known of its recording, and the name it should get."""

    planned: PlannedCopy
    sealed: SealedFile
    media: MediaFacts
    dated: Dated
    view: str


class Copying:
    """One visit's copy; `run` returns when every planned file was tried and reported."""

    def __init__(self, order: CopyFiles, recorder: Recorder, means: Means, watch: Watch) -> None:
        self._order = order
        self._recorder = recorder
        self._means = means
        self._watch = watch
        self._tries = Tries(order.visit, recorder, self._salvage)
        self._bytes_before = 0
        self._batch: _Batch | None = None
        self._settling: tuple[_Batch, Future[bool]] | None = None
        self.imported: list[tuple[str, str]] = []

    def run(self, settler: ThreadPoolExecutor) -> None:
        """Copy every planned file; `settler` is one thread that nobody else uses meanwhile.

        Raises:
            RecorderError: the recorder is gone.
            StationError: the archive does not take what it is given, or gives back other bytes.
        """
        try:
            try:
                for number, planned in enumerate(self._order.plan.copies):
                    if number % _AHEAD == 0:
                        self._announce(number)
                    self._read(planned, settler)
            finally:
                # What was read whole is proven and reported, whatever ended the reading.
                self._hand_over(settler)
                self._await()
        finally:
            if self._batch is not None:
                self._batch.group.close()

    def _announce(self, number: int) -> None:
        """Tell the recorder what is read next, so that a small file is there when it is wanted."""
        coming = self._order.plan.copies[number : number + 2 * _AHEAD]
        self._recorder.expect([planned.file for planned in coming])

    def _read(self, planned: PlannedCopy, settler: ThreadPoolExecutor) -> None:
        self._watch.go_on()
        if self._batch is not None and not self._batch.group.has_room(planned.file.size):
            self._hand_over(settler)
        if self._batch is None:
            self._batch = _Batch(self._means.archive.begin(), self._means.now())
        self._batch.items.append(self._copied(planned, self._batch.group))
        self._bytes_before += planned.file.size
        if abs(self._means.now() - self._batch.begun_at) >= _LONGEST:
            self._hand_over(settler)

    def _copied(self, planned: PlannedCopy, group: Group) -> PlannedCopy | FileUnreadable:
        """Have one file read and written into the group."""

        def copy(source: OpenFile, tried: PlannedCopy) -> PlannedCopy:
            file, sm3 = tried.file, self._order.sm3
            group.copy(source, file.size, shown(file.path), sm3=sm3, progress=self._count)
            return tried

        return self._tries.read(planned, copy)

    def _salvage(self, source: OpenFile, size: int) -> Salvaged:
        """Have what can be read of a file kept apart."""
        return self._means.archive.salvage(source, size, lambda _: self._watch.go_on())

    def _count(self, done: int) -> None:
        self._watch.go_on()
        if self._settling is not None and self._settling[1].done():
            self._settling[1].result()  # an error there ends the reading here
        self._watch.read(self._bytes_before + done)

    def _hand_over(self, settler: ThreadPoolExecutor) -> None:
        """Have the batch settled; the one before it is settled by then, its files reported."""
        self._await()
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._settling = batch, settler.submit(self._settle, batch)

    def _await(self) -> None:
        if self._settling is None:
            return
        (batch, future), self._settling = self._settling, None
        if not future.result():
            self._seal_alone(batch)

    def _settle(self, batch: _Batch) -> bool:
        """Settle and report a batch; False when each file is to be sealed alone."""
        try:
            outcomes = batch.group.settle(self._watch.go_on)
        finally:
            batch.group.close()
        if outcomes is None:
            return False
        left = iter(outcomes)
        self._report([i if isinstance(i, FileUnreadable) else (i, next(left)) for i in batch.items])
        return True

    def _seal_alone(self, batch: _Batch) -> None:
        """Seal every file of a batch by itself, read from the recorder again."""
        for item in batch.items:
            end = item if isinstance(item, FileUnreadable) else self._alone(item)
            self._report([end], alone=True)

    def _alone(self, planned: PlannedCopy) -> _End:

        def seal(source: OpenFile, tried: PlannedCopy) -> tuple[PlannedCopy, SealedFile]:
            file = tried.file
            sealed = self._means.archive.seal(
                source,
                file.size,
                shown(file.path),
                sm3=self._order.sm3,
                progress=lambda _: self._watch.go_on(),
            )
            return tried, sealed

        return self._tries.read(planned, seal)

    def _report(self, ends: Sequence[_End], *, alone: bool = False) -> None:
        """Report files back to back, so that they are entered together; raise the first error."""
        found: list[_Found | FileUnreadable] = []
        errors: list[StationError] = []
        for end in ends:
            if isinstance(end, FileUnreadable):
                found.append(end)
            elif isinstance(end[1], StationError):
                errors.append(end[1])
            else:
                found.append(self._look(end[0], end[1]))
        sealed = [one for one in found if isinstance(one, _Found)]
        wanted = [(one.view, one.sealed.sha256) for one in sealed]
        archive = self._means.archive
        views = iter(
            [archive.link_view(*w) for w in wanted] if alone else archive.link_views(wanted)
        )
        events = [
            one if isinstance(one, FileUnreadable) else self._imported(one, next(views))
            for one in found
        ]
        for event in events:
            self._watch.report(event)
        for error in errors:
            raise error

    def _look(self, planned: PlannedCopy, sealed: SealedFile) -> _Found:
        file, means = planned.file, self._means
        media = means.look(means.archive_root / sealed.object, shown(file.path))
        dated = date_recording(file, media, self._order.clock_offset_ms, means.zone)
        local = dated.recorded_at.astimezone(means.zone).replace(tzinfo=None)
        view = view_path(local, self._order.recorder, file.path)
        return _Found(planned, sealed, media, dated, view)

    def _imported(self, found: _Found, view: str) -> FileImported:
        self.imported.append((found.sealed.sha256, view))
        return FileImported(
            visit=self._order.visit,
            planned=found.planned,
            sha256=found.sealed.sha256,
            sm3=found.sealed.sm3,
            object=found.sealed.object,
            view=view,
            held=found.sealed.already_held,
            media=found.media,
            name_time=found.dated.name_time,
            recorded_at=found.dated.recorded_at,
            recorded_from=found.dated.recorded_from,
            kept=found.sealed.kept,
        )
