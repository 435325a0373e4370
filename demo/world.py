"""The world of the demo: its folders, its people and the four settings files."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from contracts.messages import Topics

ORGANISATION = "demo"
STATION = "station-1"
ZONE = "Asia/Shanghai"
DOCKS = 6
SHORT_DEADLINE_SECONDS = 40
KIOSK_PORT, OFFICE_PORT = 8640, 8641
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Someone:
    """One person of the demo; the PIN is printed, so the hash keeps no secret."""

    id: str
    name: str
    department: str
    role: str
    pin: str
    pin_hash: str


def _hash(salt_and_hash: str) -> str:
    return f"$argon2id$v=19$m=19456,t=2,p=1${salt_and_hash}"


PEOPLE = (
    Someone(
        "zhang",
        "张三",
        "patrol",
        "officer",
        "1111",
        _hash("WbsoJqeOFHJZC+bazX99Gw$KAlXjHbl530wAem1qDbGBHkukc3GW6MWJokeuWDKlJY"),
    ),
    Someone(
        "li",
        "李四",
        "patrol",
        "officer",
        "2222",
        _hash("CQC20ySdhTcR77tC1Yt2Hw$6+NVN9t4Ot6I4ZGqUDIaSj13/h2fCNdrTzq/fWGLnpY"),
    ),
    Someone(
        "wang",
        "王五",
        "cases",
        "officer",
        "3333",
        _hash("dciVCLz83yAosR3CDgwEeg$ghuePTRSlM3kG/rtMrboZn6EFP6FTlIdPHzImqcaSr8"),
    ),
    Someone(
        "zhao",
        "赵六",
        "cases",
        "officer",
        "4444",
        _hash("kWeMemwijKBlhWeOUKrPfA$E18pbUHdJVyhcG8ZBwgmfhu8DNj6oLoMtGayuSzw2ZU"),
    ),
    Someone(
        "sun",
        "孙七",
        "cases",
        "approver",
        "5555",
        _hash("R4Qn/TbDgRufEmWAv51Tew$CDZaur3UQh5/bKg8uQGApRqeWue58Wt99LChX1wQOwo"),
    ),
    Someone(
        "zhou",
        "周八",
        "patrol",
        "manager",
        "9999",
        _hash("K5IfeEvcXyDPs+ZAQoZljg$LLsgvWLIqMC59XSRPm7+YNOVUGKvqrOXJygHQl5U1iU"),
    ),
)
PINS = {person.id: person.pin for person in PEOPLE}

_POLICIES = f"""
[[policy]]
name = "short"
deadline = {{ rule = "after_issue", seconds = {SHORT_DEADLINE_SECONDS} }}
set_clock = true
[policy.questions]
hole_seconds = 60
pause_seconds = 2400
overlap_seconds = 0
counter = false
clock = false
late = false

[[policy]]
name = "approved"
deadline = {{ rule = "after_issue", hours = 12 }}
approval = true
set_clock = true

[[department]]
id = "patrol"
name = "巡查一中队"
policy = "short"

[[department]]
id = "cases"
name = "执法二中队"
policy = "approved"
"""


@dataclass(frozen=True, slots=True)
class Registered:
    """A recorder of the roster; `told_by` is the key and value it is known by."""

    number: str
    department: str
    told_by: tuple[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """Where everything of one demo is."""

    folder: Path
    broker_port: int
    kiosk_port: int
    office_port: int

    @classmethod
    def found(cls, folder: Path) -> "World":
        """Choose the ports; the pages get their usual ones if these are free."""
        return cls(folder, free_port(0), free_port(KIOSK_PORT), free_port(OFFICE_PORT))

    @property
    def station_toml(self) -> Path:
        """The station's settings."""
        return self.folder / "station.toml"

    @property
    def index_toml(self) -> Path:
        """The index's settings."""
        return self.folder / "index.toml"

    @property
    def broker_conf(self) -> Path:
        """Mosquitto's settings."""
        return self.folder / "mosquitto.conf"

    @property
    def roster(self) -> Path:
        """The roster, of the station and of the index."""
        return self.folder / "roster.toml"

    @property
    def ports(self) -> Path:
        """The folder in which a link to a recorder is a recorder in a dock."""
        return self.folder / "ports"

    @property
    def inbox(self) -> Path:
        """The folder for footage that cannot dock."""
        return self.folder / "inbox"

    @property
    def archive(self) -> Path:
        """The station's archive."""
        return self.folder / "archive"

    @property
    def run(self) -> Path:
        """Where the agent's socket and snapshot are."""
        return self.folder / "run"

    @property
    def ledger(self) -> Path:
        """The station's ledger."""
        return self.folder / "station" / "ledger"

    @property
    def index_state(self) -> Path:
        """What the index keeps besides its database."""
        return self.folder / "index"

    @property
    def topics(self) -> Topics:
        """The names on MQTT."""
        return Topics("muster", ORGANISATION)

    @property
    def kiosk_url(self) -> str:
        """Where the kiosk is."""
        return f"http://{_LOOPBACK}:{self.kiosk_port}"

    @property
    def office_url(self) -> str:
        """Where the office's pages are."""
        return f"http://{_LOOPBACK}:{self.office_port}"

    def write(self, recorders: tuple[Registered, ...], dock_ports: tuple[str, ...]) -> None:
        """Write the settings files and make the folders people put things into."""
        for folder in (self.ports, self.inbox, self.archive, self.index_state):
            folder.mkdir()
        self.station_toml.write_text(self._station(dock_ports), encoding="utf-8")
        self.index_toml.write_text(self._index(), encoding="utf-8")
        self.roster.write_text(_roster(recorders), encoding="utf-8")
        self.broker_conf.write_text(
            f"listener {self.broker_port} {_LOOPBACK}\nallow_anonymous true\npersistence false\n"
            "max_inflight_messages 100\nlog_dest stdout\n",
            encoding="utf-8",
        )

    def _station(self, dock_ports: tuple[str, ...]) -> str:
        docks = "".join(
            f"\n[[dock]]\nnumber = {number}\nport = {_quoted(port)}\n"
            for number, port in enumerate(dock_ports, 1)
        )
        return f"""[station]
organisation = "{ORGANISATION}"
id = "{STATION}"
name = "演示采集站"
zone = "{ZONE}"

[folders]
archive = {_quoted(self.archive)}
state = {_quoted(self.folder / "station")}
run = {_quoted(self.run)}
roster = {_quoted(self.roster)}
inbox = {_quoted(self.inbox)}
virtual_ports = {_quoted(self.ports)}
{docks}
[broker]
host = "{_LOOPBACK}"
port = {self.broker_port}

[pages]
host = "{_LOOPBACK}"
port = {self.kiosk_port}
"""

    def _index(self) -> str:
        return f"""organisation = "{ORGANISATION}"
name = "演示中心"
database = {_quoted(f"sqlite:///{self.index_state / 'index.sqlite'}")}
state = {_quoted(self.index_state)}
roster = {_quoted(self.roster)}
zone = "{ZONE}"
silent_seconds = 60
roll_seconds = 1

[broker]
host = "{_LOOPBACK}"
port = {self.broker_port}

[pages]
host = "{_LOOPBACK}"
port = {self.office_port}
"""


def free_port(wanted: int) -> int:
    """Return the wanted port of the loopback if it is free, or else any that is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wanted))
        except OSError:
            return free_port(0)
        return int(probe.getsockname()[1])


def _roster(recorders: tuple[Registered, ...]) -> str:
    people = "".join(
        f"\n[[person]]\nid = {_quoted(p.id)}\nname = {_quoted(p.name)}\n"
        f"department = {_quoted(p.department)}\nrole = {_quoted(p.role)}\n"
        f"pin_hash = {_quoted(p.pin_hash)}\n"
        for p in PEOPLE
    )
    registered = "".join(
        f"\n[[recorder]]\nnumber = {_quoted(r.number)}\ndepartment = {_quoted(r.department)}\n"
        f"{r.told_by[0]} = {_quoted(r.told_by[1])}\n"
        for r in recorders
    )
    return f"{_POLICIES}{people}{registered}"


def _quoted(value: object) -> str:
    # A TOML basic string and a JSON string are written alike.
    return json.dumps(str(value), ensure_ascii=False)
