"""Draws the table of one dock's life by running it: what follows on what is tried, not told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path

from agent.core.clearing import Clearing, SecondReading, Surroundings, Witness
from agent.core.dock import TABLE, Around, Dock, step
from agent.core.event import (
    Barred,
    CardReadAgain,
    ClearEnded,
    ClockCorrected,
    CopyEnded,
    Docked,
    DockEvent,
    FileImported,
    FileUnreadable,
    Identified,
    Interviewed,
    LookedAgain,
    NotBack,
    Noted,
    Progressed,
    ReadAgain,
    Removed,
    RetryAsked,
    Surveyed,
    SwitchBegun,
    Trouble,
    VisitFailed,
    Weighed,
)
from agent.core.plan import PlannedCopy
from agent.core.recorder import CardFile, Device, Listing, MediaFacts, Reread, Volume
from contracts.clearing import ClearingPhase
from contracts.dock import DockState
from contracts.errors import RecorderGoneError
from contracts.facts import Counts, RecorderClearing, VisitCompleted
from contracts.reading import Identity, Reading
from contracts.roster import ClearRule, Deadline, Department, Policy, RecorderRecord, Roster

_NOTICE = "<!-- 由 docs/generate.py 生成, 请勿手改 / made by docs/generate.py; do not edit -->\n"
_NOW = datetime(2026, 9, 21, 8, tzinfo=UTC)
_VISIT = "v"
_NODE = Path("/dev/sda1")
_DEVICE = Device("usb-1", "block", _NODE, "card", volumes=(Volume(_NODE, "v", "vfat"),))
_NO_DISK = replace(_DEVICE, kind="other", volumes=())
_ROSTER = Roster(
    (Policy("p", Deadline("same_workday"), clear=(ClearRule("m", copies=1),)),),
    (Department("d", "d", "p"),),
    (),
    (RecorderRecord("r", "d", "m", serial="s"), RecorderRecord("t", "d", "m", serial="t")),
)
_SEEN = Surroundings("synchronised", Witness(9, "k", _NOW), "k", is_archive_healthy=True)
_AROUND = Around(_NOW, _ROSTER, {}, surroundings=_SEEN)
_WHO = Identity(serial="s")
_LISTING = Listing((CardFile(b"a", 1, 0),))
_READ = Reread(_LISTING.files[0], "0" * 64, "0" * 64, is_archived=True)
_AGAIN = CardReadAgain(_VISIT, True, _WHO, _LISTING, (_READ,))
_NOTED = Noted(_VISIT, VisitCompleted.TYPE, 1, _NOW)
_CLEARING = Clearing(
    ClearingPhase.LOOKING,
    _NOW,
    completed=_NOTED,
    second=SecondReading.of(_AGAIN),
    intent=RecorderClearing(_VISIT, "r", 1, 1, 1, "0" * 64, 1, "k"),
    intended=_NOTED,
)
_GOOD = (
    Reading("battery_percent", 90, "", _NOW, "reported"),
    Reading("clock_offset_ms", 0, "", _NOW, "reported"),
    Reading("free_bytes", 1 << 40, "", _NOW, "reported"),
)
_DOCK = Dock(
    1,
    "1",
    _NOW,
    visit=_VISIT,
    device=_DEVICE,
    identity=_WHO,
    recorder="r",
    docked_at=_NOW,
    readings=_GOOD,
    listing=_LISTING,
)
_LOW = (Reading("battery_percent", 1, "", _NOW, "reported"), *_GOOD[1:])
_COPY = PlannedCopy(CardFile(b"a", 1, 0))
_TROUBLE = Trouble.of(RecorderGoneError())
_MEDIA = MediaFacts("not_media")
# Every event as it may come, once for each way it can go.
_SAMPLES: dict[type, tuple[DockEvent, ...]] = {
    Docked: (Docked(_DEVICE, _VISIT), Docked(_NO_DISK, _VISIT)),
    Barred: (Barred(_DEVICE, _TROUBLE),),
    Removed: (Removed(),),
    RetryAsked: (RetryAsked(_VISIT),),
    Identified: (
        Identified(_VISIT, _WHO),
        Identified(_VISIT, Identity()),
        Identified(_VISIT, _WHO, asks=True),
        Identified(_VISIT, Identity(serial="t")),
    ),
    Interviewed: (Interviewed(_VISIT, _GOOD, (), 30.0),),
    SwitchBegun: (SwitchBegun(_VISIT),),
    NotBack: (NotBack(),),
    Surveyed: (Surveyed(_VISIT, _GOOD, Listing(()), ()),),
    ClockCorrected: (ClockCorrected(_VISIT, _NOW, 0, _GOOD),),
    ReadAgain: (ReadAgain(_VISIT, _GOOD), ReadAgain(_VISIT, _LOW)),
    Progressed: (Progressed(_VISIT, 1),),
    FileImported: (
        FileImported(
            _VISIT, _COPY, "0" * 64, None, "o", "v", False, _MEDIA, None, _NOW, "modified"
        ),
    ),
    FileUnreadable: (FileUnreadable(_VISIT, _COPY, _TROUBLE, None),),
    CopyEnded: (CopyEnded(_VISIT, "0" * 64, Listing(())),),
    VisitFailed: (VisitFailed(_VISIT, _TROUBLE),),
    Noted: (_NOTED,),
    Weighed: (Weighed(),),
    CardReadAgain: (_AGAIN,),
    LookedAgain: (LookedAgain(_VISIT, _WHO, _GOOD),),
    ClearEnded: (ClearEnded(_VISIT, Listing(())),),
}


def dock_states() -> str:
    """Return docs/dock-states.md: the table of state and event, and its picture."""
    return "\n".join([*_head(), *_picture(), *_table(), *_actions()]) + "\n"


def ways() -> dict[tuple[DockState, type], frozenset[DockState]]:
    """Return for each pair in the table the states in which its action can leave the dock."""
    return {
        (state, kind): frozenset(
            step(dock, event, _AROUND)[0].state
            for dock in _docks_in(state)
            for event in _SAMPLES[kind]
        )
        for state, kind in TABLE
    }


def _docks_in(state: DockState) -> tuple[Dock, ...]:
    dock = replace(_DOCK, state=state)
    asked = replace(dock, listing=None, visit_open=True)
    cleared = (replace(dock, clearing=_CLEARING),)
    # Good; with a failed check; with a file nobody accounted for.
    checked = step(replace(_DOCK, state=DockState.CHECKING), _survey_low(), _AROUND)[0]
    copied = (dock, checked, replace(dock, counts=Counts(listed=1)))
    docks = {
        DockState.EMPTY: (Dock(1, "1", _NOW),),
        # At first; as the disk of a recorder that was asked.
        DockState.IDENTIFYING: (replace(asked, visit_open=False), replace(asked, is_switched=True)),
        # Over a line of its own; with its disk there as well.
        DockState.ASKING: (replace(asked, device=_NO_DISK), asked),
        DockState.SWITCHING: (asked,),
        DockState.COPYING: copied,
        DockState.READY: cleared,
        DockState.ATTENTION: cleared,
        DockState.CLEARING: (
            replace(dock, clearing=replace(_CLEARING, phase=ClearingPhase.REMOVING)),
        ),
    }
    return docks.get(state, (dock,))


def _survey_low() -> Surveyed:
    return Surveyed(_VISIT, _LOW, Listing(()), ())


def _head() -> list[str]:
    return [
        _NOTICE,
        "# One dock's life · 工位状态\n",
        (
            "由 `agent/core/dock.py` 中的 `TABLE` 运行得出. 表中没有的组合是程序错误, 会立即报错; "
            "已结束的入站迟到的报告在查表之前丢弃.\n"
        ),
        (
            "Made by running `TABLE` in `agent/core/dock.py`. A pair that is not in it is our bug "
            "and raises. What a worker reports for an ended visit is dropped before the table.\n"
        ),
        "| state | 屏幕上 / on screen |",
        "|---|---|",
        *(f"| `{state}` | {state.word} |" for state in DockState),
    ]


def _picture() -> Iterator[str]:
    yield "\n```mermaid\nstateDiagram-v2"
    yield f"  [*] --> {DockState.EMPTY}"
    arrows: dict[tuple[DockState, DockState], list[str]] = {}
    for (before, kind), afters in ways().items():
        for after in afters - {before}:
            arrows.setdefault((before, after), []).append(kind.__name__)
    order = list(DockState)
    for (before, after), names in sorted(
        arrows.items(), key=lambda arrow: tuple(map(order.index, arrow[0]))
    ):
        yield f"  {before} --> {after}: {', '.join(sorted(names))}"
    yield "```"


def _table() -> Iterator[str]:
    found = ways()
    yield "\n| event | " + " | ".join(f"`{state}`" for state in DockState) + " |"
    yield "|---" * (len(DockState) + 1) + "|"
    for kind in _SAMPLES:
        cells = (_cell(state, found.get((state, kind))) for state in DockState)
        yield f"| {kind.__name__} | " + " | ".join(cells) + " |"
    yield "\n`·` 状态不变 / the state stays; 空白 / blank: 不会发生 / cannot happen."


def _cell(before: DockState, afters: frozenset[DockState] | None) -> str:
    if afters is None:
        return ""
    order = list(DockState)
    return ", ".join("·" if s is before else s for s in sorted(afters, key=order.index))


def _actions() -> Iterator[str]:
    yield "\n## What each event does · 每个事件做什么\n"
    yield "| event | is · 含义 | does · 动作 |"
    yield "|---|---|---|"
    for kind in _SAMPLES:
        actions = dict.fromkeys(action for (_, event), action in TABLE.items() if event is kind)
        does = " ".join(f"`{one.__name__}`: {_line(one)}" for one in actions)
        yield f"| {kind.__name__} | {_line(kind)} | {does} |"


def _line(thing: object) -> str:
    return cleandoc(thing.__doc__ or "").partition("\n")[0]
