"""One torture: a station at work, everything killed at random, and at the end nothing is missing.

People plug recorders in and pull them out; agent, broker and index are killed with SIGKILL; the
broker forgets everything each time; the index is set back to an older copy of itself; a share of
the messages is swallowed though acknowledged. Then everything may run undisturbed, and ledger,
index and archive are compared with the cards.
"""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from contracts.dock import DockState
from contracts.facts import FootageImported, VisitCompleted
from ledger.verifying import verify
from tests.instruments.counts import say
from tests.instruments.torture.lossy import Lossy
from tests.instruments.torture.office import Office
from tests.support.mosquitto import Mosquitto
from tests.support.postgres import Postgres
from tests.support.running_agent import RunningAgent, World

SWALLOWED = 0.03
PATIENCE_SECONDS = 120
_DOCKS = (1, 2)
_RECORDERS = tuple(f"R{number}" for number in range(1, 9))
_ROUND_SECONDS = (0.05, 1.2)


@dataclass
class Outcome:
    """What one torture did and found."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


class Torture:
    """Programs, cards and the dice of one run."""

    def __init__(
        self, folder: Path, seed: int, postgres: Postgres | None, stack: ExitStack
    ) -> None:
        self._dice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.broker = Mosquitto()
        stack.callback(self.broker.close)
        self.lossy = Lossy(self.broker.port, SWALLOWED, seed)
        stack.callback(self.lossy.close)
        self.world = World(folder)
        self.world.write(more=f'[broker]\nhost = "127.0.0.1"\nport = {self.lossy.port}\n')
        self.agent = RunningAgent(self.world)
        stack.callback(self._end_agent)
        self.office = Office(folder / "index", self.lossy.port, postgres)
        stack.callback(self.office.close)
        self._cards: dict[str, dict[str, bytes]] = {}
        for number in _RECORDERS:
            self.world.card(number, {})
            self._cards[number] = {}
        self._docked: dict[int, str] = {}

    def start(self) -> None:
        """Start agent and index."""
        self.agent.start()
        self.office.start()

    def disturb(self) -> None:
        """Let people do something, and then kill one of the three."""
        for _ in range(self._dice.randint(0, 2)):
            self._handle(self._dice.choice(_DOCKS))
        time.sleep(self._dice.uniform(*_ROUND_SECONDS))
        whom = self._dice.choices(("agent", "broker", "index"), (3, 2, 2))[0]
        {"agent": self._kill_agent, "broker": self._kill_broker, "index": self._kill_index}[whom]()
        self.counts["kills"] += 1
        self.counts[f"{whom} kills"] += 1

    def settle(self) -> None:
        """Disturb no more: dock every recorder once again, and wait until the index has all."""
        for dock in tuple(self._docked):
            self._pull(dock)
        for first, second in zip(_RECORDERS[::2], _RECORDERS[1::2], strict=True):
            for dock, number in zip(_DOCKS, (first, second), strict=True):
                self._wait(lambda dock=dock: self._state(dock) is DockState.EMPTY, "empty dock")
                self._plug(dock, number)
            for dock, number in zip(_DOCKS, (first, second), strict=True):
                self._wait(lambda dock=dock: self._state(dock) in _ENDED, f"visit of {number}")
                self._pull(dock)
        self._wait(self._is_all_stored, "index")

    def violations(self) -> Iterator[str]:
        """Yield whatever is missing, doubled or other than it was."""
        yield from self._archive_violations()
        yield from (f"ledger: {problem}" for problem in verify(self.world.state / "ledger"))
        if self.office.stored() != self._entered():
            yield "index: not the ledger's entries"
        self.office.stop()
        code, said = self.office.ask("verify")
        if code:
            yield f"index: {said}"
        log = self.agent.log.read_text("utf-8", "replace")
        yield from (f"agent: {line}" for line in log.splitlines() if "internal error" in line)

    def _archive_violations(self) -> Iterator[str]:
        objects = self.world.objects()
        for name, content in objects.items():
            if hashlib.sha256(content).hexdigest() != name:
                yield f"archive: {name} holds something else"
        imported = Counter(
            (data["path"], data["sha256"])
            for data in self.world.data(FootageImported.TYPE)
            if not data["held"]
        )
        yield from (f"ledger: {key} is new {n} times" for key, n in imported.items() if n > 1)
        for number, files in self._cards.items():
            on_card = {
                path.name: path.read_bytes()
                for path in (self.world.cards / number / "files").iterdir()
            }
            if on_card != files:
                yield f"card: {number} was changed"
            for name, content in files.items():
                if hashlib.sha256(content).hexdigest() not in objects:
                    yield f"archive: {name} of {number} is missing"
        visits = Counter(data["visit"] for data in self.world.data(VisitCompleted.TYPE))
        yield from (f"ledger: {visit} completed {n} times" for visit, n in visits.items() if n > 1)

    def _handle(self, dock: int) -> None:
        if dock in self._docked:
            self._pull(dock)
            return
        number = self._dice.choice([r for r in _RECORDERS if r not in self._docked.values()])
        for _ in range(self._dice.randint(0, 6)):
            self._record(number)
        self._plug(dock, number)

    def _record(self, number: str) -> None:
        files = self._cards[number]
        name = f"{number}_{len(files):04}.bin"
        content = self._dice.randbytes(self._dice.choice((0, 1, 900, 40_000, 300_000, 1_500_000)))
        files[name] = content + name.encode()
        (self.world.cards / number / "files" / name).write_bytes(files[name])

    def _plug(self, dock: int, number: str) -> None:
        self.world.plug(number, dock)
        self._docked[dock] = number
        self.counts["plugged in"] += 1

    def _pull(self, dock: int) -> None:
        self.world.pull(dock)
        self._docked.pop(dock)

    def _kill_agent(self) -> None:
        self.agent.kill()
        self.agent.launch()

    def _kill_broker(self) -> None:
        self.broker.kill()
        time.sleep(self._dice.choice((0, 0, 0.5)))
        self.broker.start()

    def _kill_index(self) -> None:
        self.office.kill()
        what = self._dice.random()
        if what < 0.3 or not self.office.is_saved:
            self.office.save()
        elif what < 0.6:
            self.office.set_back()
            self.counts["set back"] += 1
        self.office.launch()

    def _state(self, dock: int) -> DockState | None:
        shown = self.agent.snapshot()
        return next((d.state for d in shown.docks if d.number == dock), None) if shown else None

    def _entered(self) -> list[bytes]:
        return [entry.raw for entry in self.world.entries()]

    def _is_all_stored(self) -> bool:
        with suppress(Exception):
            return self.office.stored() == self._entered()
        return False

    def _wait(self, claim: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not claim():
            if not self.agent.is_alive or not self.office.is_alive:
                raise AssertionError(f"a program ended\n{self.agent.tail()}\n{self.office.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{what}: not within {PATIENCE_SECONDS} s\n{self.agent.tail()}"
                )
            time.sleep(0.05)

    def _end_agent(self) -> None:
        if self.agent.is_alive:
            self.agent.stop()


_ENDED = frozenset({DockState.READY, DockState.ATTENTION})


def torture(folder: Path, seed: int, kills: int, postgres: Postgres | None) -> Outcome:
    """Run one torture; everything it starts has ended when it returns."""
    outcome = Outcome()
    with ExitStack() as stack:
        run = Torture(folder, seed, postgres, stack)
        try:
            run.start()
            for _ in range(kills):
                run.disturb()
            run.settle()
            outcome.violations += run.violations()
        except AssertionError as error:
            outcome.violations.append(str(error))
        run.counts["entries"] = len(run.world.entries())
        run.counts["footage"] = len(run.world.objects())
        run.counts["messages"] = run.lossy.passed
        run.counts["swallowed"] = run.lossy.swallowed
        outcome.counts = run.counts
    for violation in outcome.violations:
        say(violation)
    return outcome
