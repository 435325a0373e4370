"""The kiosk board as values: one tile for each dock, made from a snapshot."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.dock import DockState
from contracts.finding import Finding
from contracts.reading import Reading, ReadingKind
from contracts.snapshot import DockView, Progress, RecorderView, Snapshot
from contracts.text import Text
from station.clearing import ClearingShown, show_clearing
from station.showing import show_bytes, show_offset, show_percent
from station.terms import UNKNOWN, terms_of
from station.watching import is_stale

# A tile that is read from two metres away holds no more, by columns; the ledger has all.
MOST_INSTRUCTIONS = {1: 6, 2: 3}
FEWEST_INSTRUCTIONS = 2
_SILENT = Text("无响应", "No answer")
# Where a recorder is that nobody may take though it stands in a dock.
OUT_OF_SERVICE = {
    "in_repair": Text("送修停用", "Out of service"),
    "lost": Text("登记丢失", "Reported lost"),
}
_SIGN_OF = {"note": "note", "warning": "attention", "blocking": "failed"}
_ISSUED_FROM = frozenset({DockState.READY, DockState.ATTENTION})
_RETRIED = frozenset({DockState.ATTENTION, DockState.FAILED})
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
    look: str
    word: Text
    clearing: ClearingShown | None
    person: str | None
    department: str | None
    lamps: tuple[Lamp, ...]
    instructions: tuple[Instruction, ...]
    more: int
    percent: int | None
    can_issue: bool
    can_retry: bool
    asks_for_screen: bool
    is_silent: bool


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
    recorders = {recorder.number: recorder for recorder in snapshot.recorders}
    columns = _columns(len(snapshot.docks))
    most = MOST_INSTRUCTIONS.get(columns, FEWEST_INSTRUCTIONS)
    maker = _Maker(recorders, names, most, now)
    return Board(
        snapshot=snapshot,
        is_answering=not is_stale(snapshot, now),
        tiles=tuple(map(maker.tile, snapshot.docks)),
        inbox=maker.tile(snapshot.inbox) if snapshot.inbox else None,
        columns=columns,
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
        _lamp(Text("剩余空间", "Free"), "storage_", space, found),
    )


def instruction_of(finding: Finding) -> Instruction:
    """Return a finding as an instruction."""
    if finding.code == "clearing_failed":
        why = terms_of(tuple(str(finding.value).split(", ")))
        zh, en = replace(finding, value=why.zh), replace(finding, value=why.en)
        sentence = Text(zh.sentence.zh, en.sentence.en)
    else:
        sentence = finding.sentence
    return Instruction(_SIGN_OF[finding.severity], sentence, finding.remedy, finding.code)


@dataclass(frozen=True)
class _Maker:
    """Makes the tiles of one board."""

    recorders: Mapping[str, RecorderView]
    names: Names
    most: int
    now: datetime

    def tile(self, view: DockView) -> Tile:
        clearing = show_clearing(view.clearing, view, self.now) if view.clearing else None
        is_silent = any(finding.code == "card_silent" for finding in view.findings)
        recorder = self.recorders.get(view.recorder or "")
        instructions = (*_out_of_service(recorder), *_instructions(view, clearing))
        look, word = _face(view, recorder, is_silent=is_silent)
        return Tile(
            dock=view,
            look=look,
            word=word,
            clearing=clearing,
            person=self.names.person(view.person) if view.person else None,
            department=self.names.department(view.department) if view.department else None,
            lamps=lamps_of(view.readings, view.findings) if view.readings else (),
            instructions=instructions[: self.most],
            more=len(instructions[self.most :]),
            percent=_percent(view.progress),
            can_issue=bool(recorder and recorder.issuable) and view.state in _ISSUED_FROM,
            can_retry=view.state in _RETRIED,
            asks_for_screen=any(finding.code in _ASKS_FOR_SCREEN for finding in view.findings),
            is_silent=is_silent,
        )


def _face(view: DockView, recorder: RecorderView | None, *, is_silent: bool) -> tuple[str, Text]:
    """Return a tile's look and its word; what is out of service is never said to be ready."""
    if is_silent:
        return "failed", _SILENT
    if recorder and recorder.place in OUT_OF_SERVICE and view.state in _ISSUED_FROM:
        return "attention", OUT_OF_SERVICE[recorder.place]
    return str(view.state), view.state.word


def _out_of_service(recorder: RecorderView | None) -> tuple[Instruction, ...]:
    found = recorder.findings if recorder else ()
    return tuple(instruction_of(one) for one in found if one.code == "in_repair")


def _instructions(view: DockView, clearing: ClearingShown | None) -> tuple[Instruction, ...]:
    barring = clearing.barring if clearing else ()
    found = tuple(map(instruction_of, _worst_first(view.findings)))
    reasons = (Instruction("attention", one.sentence, one.remedy, one) for one in barring)
    return (*_errors(view), *reasons, *found)


def _errors(view: DockView) -> tuple[Instruction, ...]:
    if view.error_code is None:
        return ()
    remedy = Text(view.remedy_zh, view.remedy_en or view.remedy_zh) if view.remedy_zh else None
    sentence = Text(view.error_zh or view.error_code, view.error_en or view.error_code)
    return (Instruction("failed", sentence, remedy, view.error_code),)


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    order = ("blocking", "warning", "note")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _percent(progress: Progress | None) -> int | None:
    return None if progress is None else show_percent(progress.bytes_done, progress.bytes_total)


def _value(
    newest: dict[ReadingKind, Reading], kind: ReadingKind, show: Callable[[int], Text]
) -> Text:
    reading = newest.get(kind)
    if reading is None or reading.value is None or reading.confidence == "estimated":
        return UNKNOWN  # as the checks take it; the ledger's page shows the estimate as one
    return show(reading.value)


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
