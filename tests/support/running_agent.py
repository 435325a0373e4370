"""The real `muster-agent` as a process on a made-up world of folders, cards and people.

Waits on conditions: what the snapshot shows and what the ledger holds, as other programs see them.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from argon2 import PasswordHasher

from agent.calling import call
from contracts.commands import Answer, Command
from contracts.dock import DockState
from contracts.entry import Entry
from contracts.errors import MusterError
from contracts.loading import from_json
from contracts.snapshot import DockView, Snapshot
from ledger.reading import LedgerReader
from tests.support import loaded

PROGRAM = Path(sys.executable).with_name("muster-agent")
WAIT_SECONDS = 60
SETTLED = frozenset({DockState.READY, DockState.ATTENTION, DockState.REFUSED, DockState.FAILED})
PEOPLE = (
    ("p1", "甲", "d1", "officer"),
    ("p2", "乙", "d2", "officer"),
    ("a2", "丙", "d2", "approver"),
    ("m1", "丁", "d1", "manager"),
)
RECORDERS = (*((f"R{number}", "d1") for number in range(1, 9)), ("S1", "d2"))
HEALTHY = "battery_percent = 90\nclock_offset_seconds = 0\ncapacity_bytes = 64_000_000_000\n"
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_POLICIES = """
[[policy]]
name = "plain"
deadline = { rule = "after_issue", hours = 24 }
[[policy]]
name = "strict"
deadline = { rule = "same_workday" }
approval = true
override = false
sm3 = true
[[department]]
id = "d1"
name = "一中队"
policy = "plain"
[[department]]
id = "d2"
name = "二中队"
policy = "strict"
"""


def pin(person: str) -> str:
    """Return a person's PIN."""
    return f"pin-{person}"


T = TypeVar("T")


class World:
    """The folders and files one station works on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "archive"
        self.state = folder / "state"
        self.run = folder / "run"
        self.ports = folder / "ports"
        self.cards = folder / "cards"
        self.config = folder / "station.toml"
        self.roster = folder / "roster.toml"
        self._home: LedgerReader | None = None

    def write(self, *ports: str, more: str = "", in_folders: str = "") -> None:
        """Write both settings files; without ports there are two docks for virtual recorders."""
        for made in (self.archive, self.ports, self.cards):
            made.mkdir(exist_ok=True)
        docks = "".join(
            f'[[dock]]\nnumber = {number}\nport = "{port}"\n'
            for number, port in enumerate(ports or ("virtual:1", "virtual:2"), 1)
        )
        folders = "".join(
            f'{name} = "{self.folder / where}"\n'
            for name, where in (
                ("archive", "archive"),
                ("state", "state"),
                ("run", "run"),
                ("roster", "roster.toml"),
                ("virtual_ports", "ports"),
            )
        )
        self.config.write_text(
            f'{more.partition("[")[0]}[station]\norganisation = "example"\nid = "s1"\n'
            f'name = "示范站"\n[folders]\n{folders}{in_folders}\n{docks}{_tables(more)}',
            encoding="utf-8",
        )
        self.write_roster()

    def write_roster(self, more: str = "") -> None:
        """Write the roster; `more` is TOML behind it."""
        people = "".join(
            f'[[person]]\nid = "{one}"\nname = "{name}"\ndepartment = "{department}"\n'
            f'role = "{role}"\npin_hash = "{_CHEAP.hash(pin(one))}"\n'
            for one, name, department, role in PEOPLE
        )
        recorders = "".join(
            f'[[recorder]]\nnumber = "{number}"\ndepartment = "{department}"\n'
            f'device_number = "{number}"\n'
            for number, department in RECORDERS
        )
        kept = '[[recorder]]\nnumber = "K1"\ndepartment = "d1"\ndevice_number = "K1"\nkeeper = "m1"'
        text = f"{_POLICIES}{people}{recorders}{kept}\n{more}"
        self.roster.write_text(text, encoding="utf-8")

    def card(
        self, number: str, files: Mapping[Any, bytes], script: str = HEALTHY, name: str = ""
    ) -> Path:
        """Make a virtual recorder with these files; return its folder of files."""
        folder = self.cards / (name or number)
        (folder / "files").mkdir(parents=True)
        (folder / "recorder.toml").write_text(f'number = "{number}"\n{script}', encoding="utf-8")
        fill(folder / "files", files)
        return folder / "files"

    def plug(self, card: str, port: int = 1) -> None:
        """Put a virtual recorder into a dock."""
        (self.ports / str(port)).symlink_to(self.cards / card)

    def pull(self, port: int = 1) -> None:
        """Take a virtual recorder out of a dock; it may be out already."""
        (self.ports / str(port)).unlink(missing_ok=True)

    def entries(self, *types: str) -> tuple[Entry, ...]:
        """Return the ledger's entries of these types, or all."""
        with LedgerReader(self.state / "ledger") as reader:
            return tuple(reader.select(types=types))

    def data(self, *types: str) -> list[Mapping[str, Any]]:
        """Return what the ledger's entries of these types say."""
        return [entry.data for entry in self.entries(*types)]

    def tell(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run one `muster-agent` command to its end."""
        command, *rest = arguments
        return loaded.run("muster-agent", command, "--config", str(self.config), *rest, given=given)

    def objects(self) -> dict[str, bytes]:
        """Return every object of the archive by its name."""
        found = (self.archive / "objects").rglob("*")
        return {path.name: path.read_bytes() for path in found if path.is_file()}


class RunningAgent:
    """One agent process, from `start` to `stop` or `kill`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log = world.folder / "agent.log"
        self.process: loaded.Program | subprocess.Popen[bytes] | None = None

    def start(self, *, anew: bool = False, **environment: str) -> None:
        """Start the agent and wait until it shows itself."""
        (self.world.run / "snapshot.json").unlink(missing_ok=True)
        self.launch(anew=anew, **environment)
        self.wait(lambda shown: True)

    def launch(self, *, anew: bool = False, **environment: str) -> None:
        """Start the agent and wait for nothing."""
        words = ("run", "--config", str(self.world.config))
        known = {**os.environ, **environment}
        self.process = loaded.launch("muster-agent", words, self.log, known, anew=anew)

    @property
    def pid(self) -> int:
        """The process's id."""
        if self.process is None:
            raise RuntimeError("the agent was not started")
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def ended(self) -> int:
        """Wait for the agent's end and return its exit code."""
        if self.process is None:
            raise RuntimeError("the agent was not started")
        return self.process.wait(WAIT_SECONDS)

    def stop(self) -> int:
        """Ask the agent to end as systemd does; return its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """End the agent as a power cut does."""
        os.kill(self.pid, signal.SIGKILL)
        self.ended()

    def snapshot(self) -> Snapshot | None:
        """Return what the agent shows, or None before it shows anything."""
        try:
            return from_json((self.world.run / "snapshot.json").read_bytes(), Snapshot)
        except FileNotFoundError:
            return None

    def dock(self, number: int = 1) -> DockView:
        """Return what is shown of one dock."""
        return next(dock for dock in self.wait(lambda _: True).docks if dock.number == number)

    def ask(self, command: Command) -> Answer:
        """Ask the agent for something."""
        return call(self.world.run / "agent.sock", command)

    def wait(self, condition: Callable[[Snapshot], Any]) -> Snapshot:
        """Wait until the snapshot is as wanted, and return it."""

        def wanted() -> Snapshot | None:
            shown = self.snapshot()
            return shown if shown is not None and condition(shown) else None

        return self.until(wanted)

    def wait_dock(self, condition: Callable[[DockView], Any], number: int = 1) -> DockView:
        """Wait until a dock is shown as wanted, and return it."""

        def of(shown: Snapshot) -> DockView:
            return next(dock for dock in shown.docks if dock.number == number)

        return of(self.wait(lambda shown: condition(of(shown))))

    def settled(self, number: int = 1) -> DockView:
        """Wait until a dock's visit has ended one way or another."""
        return self.wait_dock(lambda dock: dock.state in SETTLED, number)

    def wait_entry(self, kind: str, count: int = 1) -> Mapping[str, Any]:
        """Wait until the ledger has so many entries of a type; return what the last says."""

        def enough() -> list[Mapping[str, Any]] | None:
            try:
                found = self.world.data(kind)
            except MusterError:  # the ledger is not there yet
                return None
            return found if len(found) >= count else None

        return self.until(enough)[-1]

    def until(self, ask: Callable[[], T | None]) -> T:
        """Return the first true answer; fail when the agent ends or none comes in time."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (answer := ask()):
            if self.process is not None and not self.is_alive:
                raise AssertionError(f"the agent ended: {self.process.returncode}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {WAIT_SECONDS} s\n{self.tail()}")
            time.sleep(0.02)
        return answer

    def tail(self) -> str:
        """Return the end of the agent's log and what it shows."""
        log = self.log.read_text("utf-8", "replace").splitlines()[-30:]
        return "\n".join([*log, repr(self.snapshot())[:3000]])


@contextmanager
def running(world: World, *, anew: bool = False, **environment: str) -> Iterator[RunningAgent]:
    """Start an agent on a world and stop it; whatever happens, neither it nor a mount is left."""
    agent = RunningAgent(world)
    try:
        agent.start(anew=anew, **environment)
        yield agent
        if agent.is_alive:
            assert agent.stop() == 0, agent.tail()
    finally:
        if agent.is_alive:
            agent.stop()


def fill(folder: Path, files: Mapping[Any, bytes]) -> None:
    """Write files below a folder; a name may be text or raw bytes."""
    for name, content in files.items():
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def listed(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return everything below a folder: kind and modification time, and what files hold."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def _tables(more: str) -> str:
    _, bracket, tables = more.partition("[")
    return bracket + tables
