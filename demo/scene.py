"""The stage of the demo: the running programs, what can be seen of them, and what hands can do."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from contracts.commands import Answer, Command, Declare, Issue, Return, encode_command
from contracts.dock import DockState
from contracts.facts import Fact, fact_of
from contracts.loading import from_json
from contracts.snapshot import DockView, Snapshot
from contracts.text import Text
from demo.card import Card
from demo.programs import DemoError, Programs
from demo.world import PEOPLE, World
from ledger.reading import LedgerReader

F = TypeVar("F", bound=Fact)
SETTLED = (DockState.READY, DockState.ATTENTION)
_ANSWER_SECONDS = 30


class Scene:
    """Everything the steps of the story work with."""

    def __init__(self, world: World, programs: Programs, say: Callable[[str], None]) -> None:
        self.world = world
        self.programs = programs
        self.cards: dict[str, Card] = {}
        self.answers: list[Answer] = []
        self.expected: dict[str, object] = {}
        self._say = say
        self._began = time.monotonic()

    def tell(self, zh: str, en: str) -> None:
        """Tell what happens, with the time since the beginning."""
        self._say(f"[{self.seconds // 60:.0f}:{self.seconds % 60:04.1f}] {zh}\n         {en}")

    def tell_urls(self) -> None:
        """Tell where the pages are, and the PINs to use there."""
        kiosk, office = self.world.kiosk_url, self.world.office_url
        people = ", ".join(f"{p.name} ({p.id}) {p.pin}" for p in PEOPLE)
        self.tell(
            f"看板 {kiosk}/  台账 {kiosk}/ledger  中心 {office}/\n         PIN: {people}",
            "kiosk, ledger and office; the people's PINs. Ctrl-C ends the demo",
        )
        self.tell(
            f"mosquitto_sub -p {self.world.broker_port} -t 'muster/#' -v\n"
            f"         muster-agent verify --footage --config {self.world.station_toml}",
            "watch the broker; verify ledger and files (programs are in .venv/bin)",
        )

    @property
    def seconds(self) -> float:
        """How long the demo has been going on."""
        return time.monotonic() - self._began

    def start_programs(self) -> None:
        """Start broker, index, agent, station, and wait until each is ready."""
        world, start, wait = self.world, self.programs.start, self.programs.wait_for
        start("mosquitto", "mosquitto", "-c", str(world.broker_conf))
        wait("mosquitto", lambda: listens(world.broker_port))
        start("index", "muster-index", "run", "--config", str(world.index_toml))
        start("alerts", *self._subscribe("alert/#", "-F", "%r %t %p"))
        wait("index", lambda: b'"ready"' in self.retained("index/state"))
        start("agent", "muster-agent", "run", "--config", str(world.station_toml))
        wait("agent", lambda: _is_there(world.run / "snapshot.json"))
        start("station", "muster-station", "serve", "--config", str(world.station_toml))
        for port in (world.kiosk_port, world.office_port):
            wait(f"http://127.0.0.1:{port}", lambda port=port: listens(port))  # type: ignore[misc]  # mypy: a default for a captured variable

    def retained(self, topic: str, seconds: int = 2) -> bytes:
        """Return the first retained message of a topic as a subscriber gets it; empty if none."""
        wanted = self._subscribe(topic, "--retained-only", "-C", "1", "-W", str(seconds))
        return self.programs.run(*wanted).output.encode()

    def heard_alerts(self) -> str:
        """Return what a subscriber to all alerts has been sent so far."""
        return self.programs.log("alerts").read_text("utf-8", "replace")

    def ask(self, command: Command) -> Answer:
        """Ask the agent as the kiosk does, and keep the answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_ANSWER_SECONDS)
            line.connect(str(self.world.run / "agent.sock"))
            line.sendall(encode_command(command) + b"\n")
            with line.makefile("rb") as answers:
                answer = from_json(answers.readline(), Answer)
        self.answers.append(answer)
        return answer

    def do(self, command: Issue | Return | Declare) -> Answer:
        """Ask for something that must be granted.

        Raises:
            DemoError: it was refused.
        """
        answer = self.ask(command)
        if not answer.ok:
            raise DemoError(f"{answer.zh} / {answer.en} [{answer.code}]")
        return answer

    def snapshot(self) -> Snapshot:
        """Return what the kiosk shows now."""
        return from_json((self.world.run / "snapshot.json").read_bytes(), Snapshot)

    def dock(self, number: int) -> DockView:
        """Return one tile of the kiosk."""
        return next(dock for dock in self.snapshot().docks if dock.number == number)

    def wait_dock(self, number: int, *states: DockState, seconds: float = 60) -> DockView:
        """Wait until a dock is in one of some states."""

        def view() -> DockView | None:
            dock = self.dock(number)
            return dock if dock.state in states else None

        words = "/".join(state.value for state in states)
        found = self.programs.wait_for(f"dock {number}: {words}", view, seconds)
        if found is None:
            raise RuntimeError
        return found

    def facts(self, kind: type[F], recorder: str | None = None) -> list[F]:
        """Return the facts of one type in the station's ledger, oldest first."""
        return facts_in(self.world.ledger, kind, recorder)

    def wait_fact(self, kind: type[F], recorder: str, count: int = 1) -> F:
        """Wait until the ledger has so many facts of a type about a recorder; return the last."""
        self.programs.wait_for(
            f"{kind.TYPE} {recorder}", lambda: len(self.facts(kind, recorder)) >= count
        )
        return self.facts(kind, recorder)[count - 1]

    def page(self, url: str) -> str:
        """Return a page as a browser gets it."""
        if not url.startswith("http://127.0.0.1:"):
            raise ValueError(url)
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # checked above
            return str(response.read().decode())

    def agent(self, *arguments: str) -> tuple[int, str]:
        """Run `muster-agent` to its end."""
        command, *rest = arguments
        config = () if command == "check-proof" else ("--config", str(self.world.station_toml))
        done = self.programs.run("muster-agent", command, *config, *rest)
        return done.code, done.output + done.complaints

    def _subscribe(self, topic: str, *options: str) -> tuple[str, ...]:
        full = f"muster/v1/{self.world.topics.organisation}/{topic}"
        port = str(self.world.broker_port)
        return ("mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-t", full, *options)


def facts_in(ledger: Path, kind: type[F], subject: str | None = None) -> list[F]:
    """Return the facts of one type in a ledger, oldest first."""
    with LedgerReader(ledger) as reader:
        found = reader.select(subject=subject, types=(kind.TYPE,))
        return [fact_of(entry, kind) for entry in found]


def alert_text(message: bytes) -> Text:
    """Return the sentence of an alert's MQTT message."""
    said = json.loads(message)
    return Text(said["zh"], said["en"])


def listens(port: int) -> bool:
    """Tell whether something answers on a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_there(path: Path) -> bool:
    return path.exists()
