"""What the office is told: alerts, opened and cleared by comparing the roll with what is open.

Where alerts are published and entered is left to others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from contracts.archive_facts import StorageFaulted
from contracts.copy_facts import CopyFaulted
from contracts.entry import Entry
from contracts.facts import AlertCleared, AlertOpened, fact_of
from contracts.messages import AlertKind, AlertMessage
from contracts.text import Text
from index.core.roll import Silence, Standing
from index.core.storages import Found


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing the office was told; open as long as `cleared_at` is None."""

    kind: AlertKind
    about: str
    zh: str
    en: str
    opened_at: datetime
    department: str | None = None
    recorder: str | None = None
    person: str | None = None
    due_at: datetime | None = None
    cleared_at: datetime | None = None
    outcome: str | None = None

    @property
    def key(self) -> "AlertKey":
        """What tells it from every other open alert."""
        return (self.kind, self.about)

    @property
    def message(self) -> AlertMessage:
        """The alert as it is published."""
        return AlertMessage(
            kind=self.kind,
            about=self.about,
            zh=self.zh,
            en=self.en,
            opened_at=self.opened_at,
            department=self.department,
            recorder=self.recorder,
            person=self.person,
            due_at=self.due_at,
        )

    @property
    def fact(self) -> AlertOpened:
        """The alert as it is entered."""
        return AlertOpened(
            kind=self.kind,
            about=self.about,
            zh=self.zh,
            en=self.en,
            department=self.department,
            recorder=self.recorder,
            person=self.person,
            due_at=self.due_at,
        )


AlertKey = tuple[AlertKind, str]

_OUTCOMES = {
    "late": "met_late",
    "met": "met",
    "declared": "declared",
    "pending": "extended",
    "missing": "heard_again",
    "unconfirmed": "withdrawn",
}
_MISSING = Text(
    "{department} {person} {issued} {recorder} 应于 {due} 前采集, 至今未采集",
    "{department}: footage of recorder {recorder}, {issued} {person}, was due by {due} "
    "and is not imported",
)
_UNCONFIRMED = Text(
    "{department} {person} {issued} {recorder} 应于 {due} 前采集; {stations}, 是否采集无法确认",
    "{department}: footage of recorder {recorder}, {issued} {person}, was due by {due}; "
    "{stations}, so nobody can tell whether it is imported",
)
_SILENT = Text(
    "采集站 {name} 自 {since} 起失去联系", "station {name} has not been heard from since {since}"
)
_FORKED = Text(
    "采集站 {name} 出示了两份不同的台账, 已停止接收; 保全设备并立即上报",
    "Station {name} showed two different histories and is no longer believed; "
    "secure the machine and report it at once",
)
_KEY = Text(
    "采集站 {name} 出示的密钥与登记的不符, 已拒收; 如确系更换, 在 station_keys 中登记新密钥",
    "Station {name} shows another key than the enrolled one and is refused; if it was "
    "replaced, enter the new key in station_keys",
)
_STORAGE = Text("采集站 {name}: {zh}", "Station {name}: {en}")
_ARCHIVE = Text(
    "采集站 {name} {day} 起发现库中文件受损, 缺失或意外, 首个: {first}; 清单见该站台账",
    "Station {name} found files in its archive damaged, missing or unexpected on {day}, the first: "
    "{first}; its ledger has the list",
)
_CALENDAR = Text(
    "{year} 年节假日安排未知, 暂按周一至周五为工作日推算; 请在 calendar.toml 中补充",
    "The holidays of {year} are not known: Monday to Friday are taken for workdays; "
    "enter them in calendar.toml",
)


@dataclass(frozen=True, slots=True)
class Clearing:
    """An open alert ends, and how."""

    alert: Alert
    outcome: str

    @property
    def fact(self) -> AlertCleared:
        """The clearing as it is entered."""
        return AlertCleared(kind=self.alert.kind, about=self.alert.about, outcome=self.outcome)


@dataclass
class AlertBook:
    """All alerts ever opened, oldest first, as the index's own ledger tells."""

    alerts: list[Alert] = field(default_factory=list)
    _open: dict[AlertKey, Alert] = field(default_factory=dict)
    _places: dict[AlertKey, int] = field(default_factory=dict)

    @property
    def open(self) -> Mapping[AlertKey, Alert]:
        """The open alerts."""
        return self._open

    def enter(self, entry: Entry) -> None:
        """Take in an entry of the index's own ledger."""
        if entry.type == AlertOpened.TYPE:
            alert = _opened(fact_of(entry, AlertOpened), entry.moment.at)
            self._open[alert.key], self._places[alert.key] = alert, len(self.alerts)
            self.alerts.append(alert)
        elif entry.type == AlertCleared.TYPE:
            fact = fact_of(entry, AlertCleared)
            del self._open[fact.kind, fact.about]
            place = self._places.pop((fact.kind, fact.about))
            cleared = replace(self.alerts[place], cleared_at=entry.moment.at, outcome=fact.outcome)
            self.alerts[place] = cleared


def openings(wanted: Iterable[Alert], open_alerts: Mapping[AlertKey, Alert]) -> tuple[Alert, ...]:
    """Return the alerts that are wanted and not open yet, each once."""
    new = {alert.key: alert for alert in wanted if alert.key not in open_alerts}
    return tuple(new.values())


def clearings(
    wanted: Iterable[Alert],
    open_alerts: Mapping[AlertKey, Alert],
    standings: Mapping[str, Standing],
) -> tuple[Clearing, ...]:
    """Return the open alerts that are wanted no more, with their outcomes; standings by duty."""
    keys = {alert.key for alert in wanted}
    return tuple(
        Clearing(alert, _outcome(alert, standings.get(alert.about)))
        for key, alert in open_alerts.items()
        if key not in keys
    )


def duty_alerts(
    standings: Iterable[Standing],
    names: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    open_alerts: Mapping[AlertKey, Alert] = MappingProxyType({}),
) -> tuple[Alert, ...]:
    """Return the alert for each duty that is missing or unconfirmed; `names` are the stations'.

    One that is open is returned as it was opened.
    """
    return tuple(
        open_alerts.get((_kind(standing), standing.duty.id))
        or _duty_alert(standing, names, zone, now)
        for standing in standings
        if standing.state in {"missing", "unconfirmed"}
    )


def silence_alert(silence: Silence, name: str, zone: ZoneInfo, now: datetime) -> Alert:
    """Return the alert for a station that is silent."""
    return _about_station("station_silent", silence.station, _silent_text(silence, name, zone), now)


def fork_alert(station: str, name: str, now: datetime) -> Alert:
    """Return the alert for a station that showed two histories."""
    return _about_station("station_forked", station, _FORKED.fill(name=name), now)


def key_alert(station: str, name: str, now: datetime) -> Alert:
    """Return the alert for a station that shows another key than the enrolled one."""
    return _about_station("station_key", station, _KEY.fill(name=name), now)


def storage_alert(station: str, name: str, fault: StorageFaulted, now: datetime) -> Alert:
    """Return the alert for a station whose disks are not as they must be."""
    text = _STORAGE.fill(name=name, zh=fault.zh, en=fault.en)
    return _about_station("station_storage", f"{station}@{fault.code}", text, now)


def copy_alert(station: str, name: str, fault: CopyFaulted, now: datetime) -> Alert:
    """Return the alert for a station whose second copy is out of reach or full."""
    text = _STORAGE.fill(name=name, zh=fault.zh, en=fault.en)
    return _about_station("station_copy", f"{station}@{fault.code}", text, now)


def archive_alerts(
    station: str, name: str, found: Iterable[Found], zone: ZoneInfo, now: datetime
) -> tuple[Alert, ...]:
    """Return an alert for each day on which a station found something wrong in its archive."""
    first: dict[str, Found] = {}
    for one in sorted(found, key=lambda one: one.sequence):
        first.setdefault(f"{one.at.astimezone(zone):%Y-%m-%d}", one)
    return tuple(
        _about_station(
            "station_archive",
            f"{station}@{day}",
            _ARCHIVE.fill(name=name, day=day, first=one.name),
            now,
        )
        for day, one in first.items()
    )


def calendar_alert(year: int, now: datetime) -> Alert:
    """Return the alert for a year whose holidays nobody knows."""
    return _about_station("calendar", str(year), _CALENDAR.fill(year=year), now)


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment as people write it; the end of a day is its 24:00."""
    local = at.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local.date() - timedelta(days=1)} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"


def _opened(fact: AlertOpened, at: datetime) -> Alert:
    return Alert(
        kind=fact.kind,
        about=fact.about,
        zh=fact.zh,
        en=fact.en,
        opened_at=at,
        department=fact.department,
        recorder=fact.recorder,
        person=fact.person,
        due_at=fact.due_at,
    )


def _outcome(alert: Alert, standing: Standing | None) -> str:
    if alert.kind == "station_silent":
        return "heard_again"
    if alert.kind in ("station_storage", "station_archive", "station_copy"):
        return "recovered"
    return _OUTCOMES[standing.state] if standing else "withdrawn"


def _kind(standing: Standing) -> AlertKind:
    return "missing" if standing.state == "missing" else "unconfirmed"


def _duty_alert(
    standing: Standing, names: Mapping[str, str], zone: ZoneInfo, now: datetime
) -> Alert:
    duty, due_at = standing.duty, standing.due_at
    assert due_at is not None  # noqa: S101  # without a deadline nothing is missing
    text = _duty_text(standing, names, zone, local_text(due_at, zone))
    return Alert(
        kind=_kind(standing),
        about=duty.id,
        zh=text.zh,
        en=text.en,
        opened_at=now,
        department=duty.department,
        recorder=duty.recorder,
        person=duty.person,
        due_at=due_at,
    )


def _duty_text(standing: Standing, names: Mapping[str, str], zone: ZoneInfo, due: str) -> Text:
    duty = standing.duty
    since = local_text(duty.opened_at, zone)
    issued = Text("保管的记录仪", "kept by")
    if duty.kind == "issue":
        issued = Text(f"{since} 领用的记录仪", f"issued on {since} to")
    silent = [_silent_text(s, names.get(s.station, s.station), zone) for s in standing.silent]
    fields = {
        "department": duty.department_name,
        "person": duty.person_name,
        "recorder": duty.recorder,
        "due": due,
    }
    text = _UNCONFIRMED if silent else _MISSING
    stations = Text("; ".join(s.zh for s in silent), "; ".join(s.en for s in silent))
    return Text(
        text.zh.format(issued=issued.zh, stations=stations.zh, **fields),
        text.en.format(issued=issued.en, stations=stations.en, **fields),
    )


def _silent_text(silence: Silence, name: str, zone: ZoneInfo) -> Text:
    if silence.since is None:
        return Text(f"采集站 {name} 从未联系", f"station {name} was never heard from")
    return _SILENT.fill(name=name, since=local_text(silence.since, zone))


def _about_station(kind: AlertKind, about: str, text: Text, now: datetime) -> Alert:
    return Alert(kind=kind, about=about, zh=text.zh, en=text.en, opened_at=now)
