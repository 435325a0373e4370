"""Boards the story does not play, made from a real one: cards being cleared, disks in trouble."""

from dataclasses import replace
from datetime import datetime, timedelta

from contracts.clearing import ClearingPhase, ClearingView, Reason
from contracts.dock import DockState
from contracts.errors import ArchiveLowError, SecondCopyAbsentError
from contracts.snapshot import DockView, SecondCopyView, Snapshot, StorageView

# The picture is taken within this of its snapshot, which must not be called old by then.
_PATIENCE = timedelta(minutes=1)
_GIB = 2**30
_FILES = 6


def cards_being_cleared(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the board with a dock in each phase of a clearing."""
    docks = tuple(
        replace(dock, findings=(), clearing=_counted(view, dock), state=_state(view))
        for dock, view in zip(snapshot.docks, _clearings(now), strict=False)
    )
    recorders = tuple(replace(one, issuable=one.place == "dock") for one in snapshot.recorders)
    return replace(snapshot, docks=docks, recorders=recorders, at=now + _PATIENCE)


def full_disk(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the board with a disk that takes no more, and a recorder that waits for room."""
    low = ArchiveLowError(free_gb="11.8", wanted_gb="27.4", limit_gb="10.7")
    storage = StorageView(
        low.code, low.text.zh, low.text.en, low.remedy.zh, low.remedy.en, stops=True,
        scrubbed_at=now - timedelta(hours=9), scrubbed_files=182_344,
    )  # fmt: skip
    first, *others = snapshot.docks
    waiting = replace(
        first, state=DockState.FAILED, progress=None, counts=None, error_code=low.code,
        error_zh=low.text.zh, error_en=low.text.en,
        remedy_zh=low.remedy.zh, remedy_en=low.remedy.en,
    )  # fmt: skip
    return replace(
        snapshot, docks=(waiting, *others), storage=storage, archive_free_bytes=11 * _GIB,
        at=now + _PATIENCE,
    )  # fmt: skip


def second_copy_away(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the board with a second copy whose disk is gone, and a card that waits for it."""
    gone = SecondCopyAbsentError(where="/srv/muster-second/disk/copy")
    remedy = gone.remedy
    second = SecondCopyView(
        is_known=True, confirmed=182_338, owed=_FILES, owed_bytes=25 * _GIB, code=gone.code,
        zh=gone.text.zh, en=gone.text.en, remedy_zh=remedy.zh, remedy_en=remedy.en,
    )  # fmt: skip
    first, *others = snapshot.docks
    why = (Reason.SECOND_COPY_AWAY, Reason.NOT_COPIED)
    view = ClearingView(ClearingPhase.WAITING, now - timedelta(minutes=2), why)
    waiting = replace(first, findings=(), clearing=view, state=DockState.READY)
    return replace(snapshot, docks=(waiting, *others), second_copy=second, at=now + _PATIENCE)


def _clearings(now: datetime) -> tuple[ClearingView, ...]:
    phase, since = ClearingPhase, now - timedelta(minutes=2)
    total = 25 * _GIB
    return (
        ClearingView(phase.WAITING, since, (Reason.NOT_WITNESSED, Reason.NOT_READ_AGAIN)),
        ClearingView(phase.READING, since, (), 0, 10 * _GIB, total),
        ClearingView(phase.INTENDED, since, (Reason.NOT_WITNESSED,), _FILES),
        ClearingView(phase.REMOVING, now, (), _FILES),
        ClearingView(phase.KEPT, since, (Reason.FILES_UNPROVEN,)),
        ClearingView(phase.CLEARED, since, (), _FILES),
    )


def _counted(view: ClearingView, dock: DockView) -> ClearingView:
    """Return a clearing of as many files as the dock shows."""
    return replace(view, files=dock.counts.listed) if view.files and dock.counts else view


def _state(view: ClearingView) -> DockState:
    return DockState.CLEARING if view.phase is ClearingPhase.REMOVING else DockState.READY


STAGED = {
    "kiosk-clearing": cards_being_cleared,
    "kiosk-storage": full_disk,
    "kiosk-second-copy": second_copy_away,
}
