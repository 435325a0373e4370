"""The kiosk board as values: one tile for each dock, made from a snapshot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.clearing import ClearingPhase, ClearingView
from contracts.dock import DockState
from contracts.finding import Finding
from contracts.reading import Reading, ReadingKind
from contracts.snapshot import DockView, Progress, Snapshot
from contracts.text import Text
from station.showing import show_bytes, show_offset, show_percent
from station.watching import is_stale

MOST_INSTRUCTIONS = 3  # a tile that is read from two metres away holds no more; the ledger has all
UNKNOWN = Text("未知", "unknown")
_SIGN_OF = {"note": "note", "warning": "attention", "blocking": "failed"}
_RETRIED = frozenset({DockState.ATTENTION, DockState.FAILED})
_UNWANTED = (ClearingPhase.KEPT, ClearingPhase.REMOVING)
_BARRED = (ClearingPhase.WAITING, ClearingPhase.INTENDED, ClearingPhase.KEPT)
_ASKS_FOR_SCREEN = frozenset({"battery_unknown", "clock_unknown"})


@dataclass(frozen=True)
class Lamp:
    """One check: `state` gives colour and sign, `value` the words."""

    label: Text
    state: str
    value: Text


@dataclass(frozen=True)
class Instruction:
    """A finding or error as an instruction: what is wrong, what to do, and its code."""

    state: str
    sentence: Text
    remedy: Text | None
    code: str


@dataclass(frozen=True)
class Tile:
    """What one dock's tile shows."""

    dock: DockView
    person: str | None
    department: str | None
    lamps: tuple[Lamp, ...]
    instructions: tuple[Instruction, ...]
    more: int
    percent: int | None
    can_issue: bool
    can_retry: bool
    asks_for_screen: bool


@dataclass(frozen=True)
class Board:
    """The whole kiosk page; `is_answering` is False where the agent is silent."""

    snapshot: Snapshot | None
    is_answering: bool
    tiles: tuple[Tile, ...]
    inbox: Tile | None
    columns: int
    now: datetime

    @property
    def unreported(self) -> int:
        """Entries the index has not confirmed."""
        return max(0, self.snapshot.ledger_size - self.snapshot.index_has) if self.snapshot else 0


@dataclass(frozen=True)
class Names:
    """How ids of people and departments are shown."""

    person: Callable[[str], str]
    department: Callable[[str], str]


def board_of(snapshot: Snapshot | None, now: datetime, names: Names) -> Board:
    """Return the board for a snapshot, which may be missing or stale."""
    if snapshot is None:
        return Board(None, is_answering=False, tiles=(), inbox=None, columns=1, now=now)
    issuable = frozenset(recorder.number for recorder in snapshot.recorders if recorder.issuable)
    return Board(
        snapshot=snapshot,
        is_answering=not is_stale(snapshot, now),
        tiles=tuple(_tile(view, issuable, names) for view in snapshot.docks),
        inbox=_tile(snapshot.inbox, issuable, names) if snapshot.inbox else None,
        columns=_columns(len(snapshot.docks)),
        now=now,
    )


def lamps_of(readings: Iterable[Reading], findings: Iterable[Finding]) -> tuple[Lamp, ...]:
    """Return the three lamps of a recorder's checks: battery, clock, free space."""
    newest = {reading.kind: reading for reading in readings}
    found = tuple(findings)
    battery = _value(newest, "battery_percent", lambda value: Text(f"{value}%", f"{value} %"))
    clock = _value(newest, "clock_offset_ms", show_offset)
    space = _value(newest, "free_bytes", lambda value: Text(show_bytes(value), show_bytes(value)))
    return (
        _lamp(Text("电量", "Battery"), "battery_", battery, found),
        _lamp(Text("时钟", "Clock"), "clock_", clock, found),
        _lamp(Text("剩余空间", "Free space"), "storage_", space, found),
    )


def instruction_of(finding: Finding) -> Instruction:
    """Return a finding as an instruction."""
    return Instruction(_SIGN_OF[finding.severity], finding.sentence, finding.remedy, finding.code)


def _tile(view: DockView, issuable: frozenset[str], names: Names) -> Tile:
    instructions = (
        *_errors(view),
        *_clearing(view.clearing),
        *map(instruction_of, _worst_first(view.findings)),
    )
    return Tile(
        dock=view,
        person=names.person(view.person) if view.person else None,
        department=names.department(view.department) if view.department else None,
        lamps=lamps_of(view.readings, view.findings) if view.readings else (),
        instructions=instructions[:MOST_INSTRUCTIONS],
        more=len(instructions[MOST_INSTRUCTIONS:]),
        percent=_percent(view.progress),
        can_issue=view.recorder in issuable and view.state is not DockState.COPYING,
        can_retry=view.state in _RETRIED,
        asks_for_screen=any(finding.code in _ASKS_FOR_SCREEN for finding in view.findings),
    )


def _errors(view: DockView) -> tuple[Instruction, ...]:
    if view.error_code is None:
        return ()
    remedy = Text(view.remedy_zh, view.remedy_en or view.remedy_zh) if view.remedy_zh else None
    sentence = Text(view.error_zh or view.error_code, view.error_en or view.error_code)
    return (Instruction("failed", sentence, remedy, view.error_code),)


def _clearing(view: ClearingView | None) -> tuple[Instruction, ...]:
    """Return how far a clearing is, and whatever bars it."""
    if view is None:
        return ()
    word = view.phase.word
    if view.phase is ClearingPhase.READING:
        percent = show_percent(view.bytes_done, view.bytes_total)
        word = Text(f"{word.zh}, {percent}%", f"{word.en}, {percent} %")
    state = "attention" if view.phase in _UNWANTED else "note"
    head = Instruction(state, word, None, view.code or view.phase.code)
    barring = (reason for reason in view.reasons if view.phase in _BARRED)
    return (head, *(Instruction(state, one.sentence, one.remedy, one) for one in barring))


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    order = ("blocking", "warning", "note")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _percent(progress: Progress | None) -> int | None:
    return None if progress is None else show_percent(progress.bytes_done, progress.bytes_total)


def _value(
    newest: dict[ReadingKind, Reading], kind: ReadingKind, show: Callable[[int], Text]
) -> Text:
    reading = newest.get(kind)
    return UNKNOWN if reading is None or reading.value is None else show(reading.value)


def _lamp(label: Text, prefix: str, value: Text, findings: tuple[Finding, ...]) -> Lamp:
    worst = next((f for f in _worst_first(findings) if f.code.startswith(prefix)), None)
    if worst is not None:
        return Lamp(label, _SIGN_OF[worst.severity], value)
    return Lamp(label, "note" if value is UNKNOWN else "ready", value)


def _columns(tiles: int) -> int:
    """Return how many tiles stand side by side: rows stay few enough to be read from afar."""
    for columns, most in ((1, 1), (2, 4), (3, 6), (4, 12), (5, 15)):
        if tiles <= most:
            return columns
    return 6
