"""How a tile shows the clearing of its card: how far, for how long, what for, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.clearing import ClearingPhase, ClearingView, Reason
from contracts.dock import DockState
from contracts.snapshot import DockView
from contracts.text import Text
from station.showing import show_bytes, show_duration, show_percent, show_wait
from station.terms import terms_of

_P = ClearingPhase
_LOOKS = {_P.REMOVING: "attention", _P.KEPT: "attention", _P.CLEARED: "ready"}
_WAITS = (_P.WAITING, _P.INTENDED)
_GOES_ON = (_P.WAITING, _P.READING, _P.INTENDED, _P.LOOKING, _P.REMOVING)
_FREE = Text("可以领用或取走", "It may be issued or taken out")
_NEEDS_NOBODY = (Reason.NOT_WITNESSED, Reason.NOT_READ_AGAIN)
_RATE_SECONDS = 5  # of a shorter reading no end can be told


@dataclass(frozen=True)
class ClearingShown:
    """A clearing on a tile; `why` is what it waits for, `todo` what people can do about it."""

    look: str
    word: Text
    lasts: Text | None
    percent: int | None
    detail: Text | None
    why: Text | None
    todo: Text | None
    barring: tuple[Reason, ...]
    code: str


def show_clearing(view: ClearingView, dock: DockView, now: datetime) -> ClearingShown:
    """Return a clearing as it is shown; what the dock's findings say is not said twice."""
    waits = view.phase in _WAITS
    # While it is read, that it was not read yet bars nothing that anybody must know.
    reasons = tuple(one for one in view.reasons if one is not Reason.NOT_READ_AGAIN or not waits)
    return ClearingShown(
        look=_LOOKS.get(view.phase, "note"),
        word=view.phase.word,
        lasts=show_wait(now - view.since) if view.phase in _GOES_ON else None,
        percent=_percent(view),
        detail=_detail(view, now),
        why=terms_of(reasons) if reasons and view.phase is _P.WAITING else None,
        todo=_todo(view.phase, reasons, dock),
        barring=reasons if view.phase is _P.KEPT else (),
        code=view.code or view.phase.code,
    )


def _percent(view: ClearingView) -> int | None:
    if view.phase is not _P.READING or not view.bytes_total:
        return None
    return show_percent(view.bytes_done, view.bytes_total)


def _detail(view: ClearingView, now: datetime) -> Text | None:
    if view.phase is _P.READING and view.bytes_total:
        size = f"{show_bytes(view.bytes_done)} / {show_bytes(view.bytes_total)}"
        left = _seconds_left(view, now)
        if left is None:
            return Text(size, size)
        return Text(f"{size} · 剩余约 {left.zh}", f"{size} · about {left.en} left")
    if view.files and view.phase in {_P.INTENDED, _P.LOOKING, _P.REMOVING}:
        return Text(f"将移除 {view.files} 个已入库的文件", f"{view.files} imported file(s) will go")
    if view.files and view.phase is _P.CLEARED:
        return Text(f"已移除 {view.files} 个文件", f"{view.files} file(s) removed")
    return None


def _seconds_left(view: ClearingView, now: datetime) -> Text | None:
    gone = (now - view.since).total_seconds()
    if gone < _RATE_SECONDS or not 0 < view.bytes_done < view.bytes_total:
        return None
    return show_duration(gone * (view.bytes_total - view.bytes_done) / view.bytes_done)


def _todo(phase: ClearingPhase, reasons: Iterable[Reason], dock: DockView) -> Text | None:
    if phase not in {*_WAITS, _P.READING}:
        return None
    said = {f"clear_{finding.code}" for finding in dock.findings}
    hindering = [] if phase is _P.READING else [r for r in reasons if r not in _NEEDS_NOBODY]
    wanted = dict.fromkeys(one.remedy for one in hindering if one not in said)
    if wanted:
        return Text("; ".join(r.zh for r in wanted), "; ".join(r.en for r in wanted))
    return _FREE if dock.state is DockState.READY and not hindering else None
