"""The settings files config/station.toml and config/index.toml as frozen dataclasses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.loading import from_toml
from contracts.tables import Table, doubled, table

# Ids become MQTT topic levels, origin lines and file names (faults: CVE-2017-7650 pattern).
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
# Names that the topics and the broker's rules give to others than stations.
RESERVED_IDS = frozenset({"index", "screen", "alert", "report"})
_STRICT = {"extra": "forbid"}
_HALF_PERCENT = 50


@dataclass(frozen=True)
class StationIdentity:
    """Who this station is; `zone` is the IANA time zone of its recorders' clocks."""

    __pydantic_config__ = _STRICT
    organisation: str
    id: str
    name: str
    zone: str = "Asia/Shanghai"


@dataclass(frozen=True)
class Folders:
    """Where the station keeps what. `state` holds ledger and key; `run` may be on tmpfs.

    `recorders` holds the station's own recorder profiles, beside those that come with the program.
    `mounter` is the socket of the root helper; without it the agent mounts cards itself, as root.
    """

    __pydantic_config__ = _STRICT
    archive: PurePath
    state: PurePath
    run: PurePath
    roster: PurePath
    inbox: PurePath | None = None
    recorders: PurePath | None = None
    mounter: PurePath | None = None
    virtual_ports: PurePath | None = None


@dataclass(frozen=True)
class DockBinding:
    """One dock and its physical port: a USB port path, `loop:loopN` or `virtual:NAME`."""

    __pydantic_config__ = _STRICT
    number: int
    port: str
    name: str = ""


@dataclass(frozen=True)
class BrokerSettings:
    """How to reach Mosquitto; without `host` the station works alone."""

    __pydantic_config__ = _STRICT
    host: str = ""
    port: int = 1883
    root: str = "muster"
    username: str = ""
    password_file: PurePath | None = None
    ca_file: PurePath | None = None
    certificate_file: PurePath | None = None
    key_file: PurePath | None = None


@dataclass(frozen=True)
class PageSettings:
    """Where the pages are served; `names` are other host names that browsers may call them by."""

    __pydantic_config__ = _STRICT
    host: str = "127.0.0.1"
    port: int = 8640
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class StorageSettings:
    """When the disks are too full, and how fast the archive is read again.

    Of each percentage and MiB the lesser counts. Below `warn_…` the office is told; below `stop_…`
    nothing is copied any more; the ledger's disk has its own. A pass over the archive takes
    `scrub_days`, unless `scrub_least_mib_per_second` is faster.
    """

    __pydantic_config__ = _STRICT
    warn_percent: int = 10
    warn_mib: int = 100 * 1024
    stop_percent: int = 2
    stop_mib: int = 4 * 1024
    ledger_stop_percent: int = 2
    ledger_stop_mib: int = 256
    scrub_days: int = 30
    scrub_least_mib_per_second: int = 1


@dataclass(frozen=True)
class SecondCopySettings:
    """Where every proven file is kept a second time: a folder on another disk, or a mounted share.

    Its file system must not be the archive's, and must not be the one the machine runs from.
    """

    __pydantic_config__ = _STRICT
    path: PurePath


@dataclass(frozen=True)
class StationSettings:
    """config/station.toml; read by the agent and by the station's pages.

    Without `second_copy` there is none, and the kiosk says so.
    """

    __pydantic_config__ = _STRICT
    station: StationIdentity
    folders: Folders
    dock: tuple[DockBinding, ...]
    own_ports: tuple[str, ...] = ()
    witness_key: str | None = None
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    pages: PageSettings = field(default_factory=PageSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    second_copy: SecondCopySettings | None = None


@dataclass(frozen=True)
class IndexSettings:
    """config/index.toml. `station_keys` pins stations' keys; others are enrolled at first contact.

    `silent_seconds`: a station not heard from for longer is silent; `roll_seconds`: how often the
    roll is called.
    """

    __pydantic_config__ = _STRICT
    organisation: str
    name: str
    database: str
    state: PurePath
    roster: PurePath
    zone: str = "Asia/Shanghai"
    calendar: PurePath | None = None
    silent_seconds: int = 600
    roll_seconds: int = 60
    station_keys: dict[str, str] = field(default_factory=dict)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    pages: PageSettings = field(default_factory=lambda: PageSettings(port=8641))


def parse_station(text: str, file: str) -> StationSettings:
    """Return the station's settings.

    Raises:
        SettingsError: with every problem at once.
    """
    return from_toml(text, StationSettings, file, _station_problems)


def parse_index(text: str, file: str) -> IndexSettings:
    """Return the index's settings.

    Raises:
        SettingsError: with every problem at once.
    """
    return from_toml(text, IndexSettings, file, _index_problems)


def _station_problems(document: Table) -> Iterator[str]:
    station = table(document, "station")
    yield from _bad_ids("station.", station, "organisation", "id")
    if station.get("id") in RESERVED_IDS:
        yield f"station.id: {station['id']!r} 另有所用, 请换一个 / is taken by something else"
    yield from _bad_zone("station.", station)
    yield from _bad_storage(table(document, "storage"))
    yield from doubled(document, "dock", "number")
    yield from doubled(document, "dock", "port")


def _index_problems(document: Table) -> Iterator[str]:
    yield from _bad_ids("", document, "organisation")
    yield from _bad_zone("", document)


def _bad_ids(where: str, document: Table, *keys: str) -> Iterator[str]:
    for key in keys:
        value = document.get(key)
        if isinstance(value, str) and not ID_PATTERN.fullmatch(value):
            what = "应为 2-32 个小写字母、数字或连字符 / must be 2-32 of a-z, 0-9 and -"
            yield f"{where}{key}: {value!r} {what}"


def _bad_storage(storage: Table) -> Iterator[str]:
    for key, value in storage.items():
        if not isinstance(value, int):
            continue
        if value <= 0 or (key.endswith("_percent") and value > _HALF_PERCENT):
            what = "应为正数, 百分比不超过 50 / must be above 0, a percentage up to 50"
            yield f"storage.{key}: {value} {what}"


def _bad_zone(where: str, document: Table) -> Iterator[str]:
    zone = document.get("zone")
    if not isinstance(zone, str):
        return
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"{where}zone: 没有时区 {zone!r} / there is no time zone {zone!r}"
