"""Goes through the states of a trace, has each checked, and says which breaks an invariant."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.instruments.crash import checking
from tests.instruments.crash.checking import Found, History, LedgerKey, Promises
from tests.instruments.crash.choosing import drawn, plain, spread
from tests.instruments.crash.disk import LOST, WHOLE, Choice, Disk, Drop, Entry, Flying
from tests.instruments.crash.station import MODIFIED_NS, open_ledger
from tests.instruments.crash.trace import Mark, Op, Put, Resize, Trace, Write
from tests.instruments.crash.wal import Log, LogKeys

_RECOVERED_ONE_IN = 300
_OPENED_AGAIN_ONE_IN = 200
_DRAWN_FIRST = (1, 8)  # for each op in flight that matters, at most
_DRAWN_LATER = (3, 24)


@dataclass(frozen=True)
class Violation:
    """A state that breaks an invariant, and how to build it again."""

    scenario: str
    at: int
    ordered: bool
    choice: Choice
    faults: tuple[str, ...]


@dataclass
class Tally:
    """What has been done so far."""

    states: int = 0
    built: int = 0  # with those that were met before
    ledgers: int = 0  # different ledgers that the product opened
    recovered: int = 0  # states the agent recovered from, and ended the visits
    violations: list[Violation] = field(default_factory=list)


class Explorer:
    """One trace's states."""

    def __init__(self, trace: Trace, cards: list[Path], folder: Path) -> None:
        self.trace = trace
        self._cards = cards
        self._folder = folder
        self._ops = without_shared_memory(trace)
        self._history = self._read_history()
        self._opened: dict[LedgerKey, Found] = {}
        self._log = _log_of(self._ops)
        self._met: set[int] = set()
        self._passes = 0
        self._incoming: set[int] = set()  # the archive's, and the second copy's

    def explore(
        self,
        draw: Random,
        tally: Tally,
        enough: Callable[[], bool],
        density: float = 1,
        since: int = 0,
    ) -> None:
        """Go once through the points of the trace, in both models; first, also the plain states.

        `density` says how many of the points, `since` from which on; `enough` is asked between.
        """
        for ordered in (False, True):
            disk, promises = Disk(self.trace.nodes, ordered=ordered), Promises()
            logs = LogKeys(self._log, disk)
            lasting: set[int] = set()
            for at, op in enumerate(self._ops):
                if isinstance(op, Mark):
                    promises.hear(op)
                else:
                    disk.apply(op)
                    self._learn(op, lasting)
                if enough():
                    return
                if at >= since and draw.random() < density:
                    for choice in self._choices(disk, draw, lasting, ordered=ordered):
                        self._try(State(disk, promises, at, ordered, choice, logs), draw, tally)
        self._passes += 1

    def _choices(
        self, disk: Disk, draw: Random, lasting: set[int], *, ordered: bool
    ) -> Iterator[Choice]:
        flying = disk.flying
        where = [at for at, op in enumerate(flying) if self._matters(op, lasting)]
        if not self._passes:
            for some in plain(len(where), draw, ordered=ordered):
                yield spread(some, where, len(flying), draw.randrange(2))
        for_each, at_most = _DRAWN_LATER if self._passes else _DRAWN_FIRST
        for _ in range(min(at_most, for_each * len(where))):
            some = drawn([flying[at] for at in where], draw, disk.top_of if ordered else None)
            yield spread(some, where, len(flying), draw.randrange(2))

    def _learn(self, op: Op, lasting: set[int]) -> None:
        if isinstance(op, Put):
            if op.name == "incoming":
                self._incoming.add(op.node)
            if op.folder not in self._incoming:
                lasting.add(op.node)

    def _matters(self, op: Flying, lasting: set[int]) -> bool:
        """Tell whether what becomes of an op can be seen outside of `incoming`."""
        if isinstance(op, Put | Drop):
            return op.folder not in self._incoming
        return op.node in lasting

    def _try(self, state: "State", draw: Random, tally: Tally) -> None:
        tally.built += 1
        files = state.disk.files(state.choice, but=checking.INCOMING)
        key = hash((state.promises.count, _relevant(files)))
        if key in self._met:
            return
        self._met.add(key)
        tally.states += 1
        faults = self._faults(state, files, draw, tally)
        if not faults and draw.randrange(_RECOVERED_ONE_IN) == 0:
            tally.recovered += 1
            root = state.lay_out(self._folder)
            faults = checking.recovery_faults(root, self._cards, state.promises)
        if faults:
            violation = Violation(
                self.trace.scenario, state.at, state.ordered, state.choice, tuple(faults)
            )
            tally.violations.append(violation)

    def _faults(
        self, state: "State", files: dict[str, Entry], draw: Random, tally: Tally
    ) -> list[str]:
        key = checking.ledger_key(files, lambda node: state.logs.of(node, state.choice))
        known = self._opened.get(key)
        if known is None or draw.randrange(_OPENED_AGAIN_ONE_IN) == 0:
            tally.ledgers += 1
            root = state.lay_out(self._folder, only=checking.LEDGER)
            found = checking.open_found(root, self._history)
            if known not in (None, found):
                raise AssertionError(f"{known} and {found} were taken for the same")
            self._opened[key] = known = found
        entries = checking.entered(known, self._history)
        return [
            *checking.ledger_faults(known, state.promises),
            *checking.archive_faults(files, state.promises, entries),
            *checking.card_faults(files, state.promises, entries, known.witnessed),
        ]

    def _read_history(self) -> History:
        disk = Disk(self.trace.nodes, ordered=False)
        for op in self._ops:
            if not isinstance(op, Mark):
                disk.apply(op)
        last = State(disk, Promises(), len(self._ops), False, (WHOLE,) * len(disk.flying))
        root = last.lay_out(self._folder, only=checking.LEDGER)
        open_ledger(root).close()
        return History.of(root / checking.LEDGER)


@dataclass(frozen=True)
class State:
    """One state that a cut after op `at` could leave."""

    disk: Disk
    promises: Promises
    at: int
    ordered: bool
    choice: Choice
    logs: LogKeys | None = None

    def lay_out(self, folder: Path, only: str = "") -> Path:
        """Write it into a folder, emptied first; return that folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in {*self.disk.folders(self.choice), only}:
            if path.startswith(only):
                (folder / path).mkdir(parents=True, exist_ok=True)
        first: dict[int, Path] = {}
        for path, entry in self.disk.files(self.choice, only=only).items():
            if path.startswith(only):
                self._lay_file(folder / path, entry, first)
                if path.startswith(checking.CARD):
                    os.utime(folder / path, ns=(MODIFIED_NS, MODIFIED_NS))
        return folder

    def _lay_file(self, path: Path, entry: Entry, first: dict[int, Path]) -> None:
        if entry.node in first:
            path.hardlink_to(first[entry.node])
            return
        first[entry.node] = path
        path.write_bytes(self.disk.content(entry.node, self.choice))
        path.chmod(entry.mode)


def without_shared_memory(trace: Trace) -> list[Op]:
    """Leave out what the database's -shm file holds: its first opener builds it anew."""
    shared = {op.node for op in trace.ops if isinstance(op, Put) and op.name.endswith("-shm")}
    return [op for op in trace.ops if not (isinstance(op, Write | Resize) and op.node in shared)]


def _log_of(ops: list[Op]) -> Log:
    log = Log()
    nodes = {op.node for op in ops if isinstance(op, Put) and op.name.endswith("-wal")}
    for op in ops:
        if isinstance(op, Write) and op.node in nodes:
            log.write(op)
    return log


def rebuild(trace: Trace, at: int, choice: Choice, folder: Path, *, ordered: bool) -> Path:
    """Lay out one state of a trace again; without a choice, all in flight is lost."""
    disk, promises = Disk(trace.nodes, ordered=ordered), Promises()
    for op in itertools.islice(without_shared_memory(trace), at + 1):
        if isinstance(op, Mark):
            promises.hear(op)
        else:
            disk.apply(op)
    outcome = choice or (LOST,) * len(disk.flying)
    return State(disk, promises, at, ordered, outcome).lay_out(folder)


def _relevant(files: dict[str, Entry]) -> frozenset[tuple[str, str, int]]:
    """What tells two states apart: `files` is without what recovery removes unread."""
    return frozenset((path, entry.sha256, entry.mode) for path, entry in files.items())
