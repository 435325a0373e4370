"""The MQTT contract: topics, and the payloads that are not ledger entries or signed notes.

`{root}/v1/{org}/{station}/entry` carries an entry's exact bytes; `…/checkpoint` the C2SP
tlog-witness request of `contracts.checkpoint`; `…/witness` a cosigned note. All of them are in
docs/messages.md.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

INDEX = "index"
StationTopic = Literal["state", "meta", "entry", "checkpoint", "have", "witness"]
AlertKind = Literal[
    "missing",
    "unconfirmed",
    "station_silent",
    "station_forked",
    "station_key",
    "station_storage",
    "station_archive",
    "station_copy",
    "calendar",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message, QoS 1; the broker keeps a retained one, so that it may be of any age."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names under one root and organisation."""

    root: str
    organisation: str

    def station(self, station: str, kind: StationTopic) -> str:
        """Return a station's topic of one kind."""
        return f"{self.root}/v1/{self.organisation}/{station}/{kind}"

    def dock(self, station: str, number: int) -> str:
        """Return the topic of one dock."""
        return f"{self.root}/v1/{self.organisation}/{station}/dock/{number}"

    def every_station(self, kind: StationTopic) -> str:
        """Return the filter for one kind of topic of all stations."""
        return f"{self.root}/v1/{self.organisation}/+/{kind}"

    @property
    def index_state(self) -> str:
        """Return the topic of the index's state."""
        return f"{self.root}/v1/{self.organisation}/{INDEX}/state"

    def alert(self, kind: str, about: str) -> str:
        """Return the topic of one open alert."""
        return f"{self.root}/v1/{self.organisation}/alert/{kind}/{about}"

    def daily_report(self, day: date) -> str:
        """Return the topic of one day's report."""
        return f"{self.root}/v1/{self.organisation}/report/daily/{day.isoformat()}"

    def parse(self, topic: str) -> tuple[str, str] | None:
        """Return (station, kind) of a station's or the index's topic; None for any other."""
        prefix = f"{self.root}/v1/{self.organisation}/"
        station, _, kind = topic.removeprefix(prefix).partition("/")
        return (station, kind) if topic.startswith(prefix) and station and kind else None


@dataclass(frozen=True)
class StationState:
    """`…/state`, retained; `lost` is the will."""

    state: Literal["ready", "disconnected", "lost"]
    at: datetime | None = None


@dataclass(frozen=True)
class StationMeta:
    """`…/meta`, retained: the birth message."""

    organisation: str
    station: str
    name: str
    version: str
    docks: int
    origin: str
    key: str


@dataclass(frozen=True)
class Have:
    """`…/have`: the index holds entries 1..size of this origin; going down asks for a resend."""

    origin: str
    size: int


@dataclass(frozen=True)
class IndexState:
    """`index/state`, retained, with will: is the index there, and which key does it cosign with."""

    state: Literal["ready", "disconnected", "lost"]
    key: str
    at: datetime | None = None


@dataclass(frozen=True)
class AlertMessage:
    """`alert/{kind}/{about}`, retained while open, readable by a person; empty when cleared."""

    kind: AlertKind
    about: str
    zh: str
    en: str
    opened_at: datetime
    department: str | None = None
    recorder: str | None = None
    person: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class DepartmentCount:
    """One department's day, counted in duties; `questions` about its recordings are unanswered."""

    department: str
    name: str
    due: int
    met: int
    late: int
    declared: int
    pending: int
    missing: int
    unconfirmed: int
    questions: int = 0


@dataclass(frozen=True)
class DailyReport:
    """`report/daily/{day}`, retained: counts by department."""

    day: date
    at: datetime
    departments: tuple[DepartmentCount, ...]
