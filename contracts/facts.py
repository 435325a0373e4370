"""What the ledger's entries say: one frozen dataclass for each entry type.

`draft_of` makes an entry's draft of a fact, `fact_of` reads it back. Unknown fields of a newer
version stay in the entry's bytes and are ignored here. docs/entries.md lists every type.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeVar

from contracts import archive_facts, copy_facts, questions, recorder_facts
from contracts.entry import Draft, Entry
from contracts.fact import Fact as Fact  # noqa: PLC0414  # everybody takes it from here
from contracts.finding import Finding
from contracts.loading import from_object, to_object
from contracts.messages import AlertKind
from contracts.recorder_facts import ClockSet as ClockSet  # noqa: PLC0414
from contracts.recorder_facts import ReadingObserved as ReadingObserved  # noqa: PLC0414
from contracts.recorder_facts import RecorderChecked as RecorderChecked  # noqa: PLC0414
from contracts.recorder_facts import RecorderDocked as RecorderDocked  # noqa: PLC0414
from contracts.recorder_facts import RecorderSwitched as RecorderSwitched  # noqa: PLC0414

ServiceState = Literal["in_repair", "lost", "in_service"]
DeclarationKind = Literal["no_footage", "off_site", "repair", "loss", "other"]


@dataclass(frozen=True)
class LedgerOpened(Fact):
    """The first entry of every ledger: whose it is and which key signs it."""

    TYPE = "ledger.opened"
    origin: str
    public_key: str
    organisation: str
    station: str
    version: str


@dataclass(frozen=True)
class AgentStarted(Fact):
    """The agent began to run, under this roster and these recorder profiles.

    `profiles_refused` names files of malformed ones: such models are read as plain disks.
    """

    TYPE = "agent.started"
    version: str
    docks: int
    roster_sha256: str
    profiles_sha256: str = ""
    profiles_refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class AgentStopped(Fact):
    """The agent stopped in good order."""

    TYPE = "agent.stopped"
    reason: str


@dataclass(frozen=True)
class WitnessMet(Fact):
    """The index's key, as this station first saw or was told it."""

    TYPE = "witness.met"
    key: str
    pinned: bool


@dataclass(frozen=True)
class DeviceRefused(Fact):
    """A device was not opened, and why. `code` is the refusal's code."""

    TYPE = "device.refused"
    port: str
    device: str
    code: str
    dock: int | None = None

    @property
    def subject(self) -> str:
        """The port it appeared on."""
        return self.port


@dataclass(frozen=True)
class Media:
    """What the probe found in the archived copy."""

    verdict: str
    container: str | None = None
    codecs: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    started_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class FootageImported(Fact):
    """One file of a recorder is proven in the archive.

    `path` is the raw path on the card, `name` the same as shown; `modified_us` (microseconds since
    1970, exact in canonical JSON where nanoseconds are not), `modified_at`, `name_time` (local,
    as in the name) and `media.started_at` are kept side by side. `recorded_at` is the recording's
    start after the clock offset, taken from what `recorded_from` names; both are so sure as
    `clock_uncertainty_ms` says, where it is known. `held`: the archive had these bytes already,
    from another path, recorder or an interrupted visit.

    Its name and place tell: `important`, by what it is marked so; `recording`, the same for all
    files of one recording, of which it is `part`; `sidecar_of`, the file that it goes with.
    """

    TYPE = "footage.imported"
    visit: str
    recorder: str
    dock: int
    path: bytes
    name: str
    size: int
    modified_us: int
    modified_at: datetime
    name_time: str | None
    recorded_at: datetime
    recorded_from: Literal["name", "container", "modified"]
    clock_offset_ms: int | None
    sha256: str
    object: str
    view: str
    held: bool
    media: Media
    sm3: str | None = None
    findings: tuple[Finding, ...] = ()
    important: Literal["name", "read_only", "folder"] | None = None
    recording: str | None = None
    part: int | None = None
    sidecar_of: str | None = None
    clock_uncertainty_ms: int | None = None

    @property
    def device_at(self) -> datetime:
        """The recording's start by the recorder's own clock."""
        return self.recorded_at + timedelta(milliseconds=self.clock_offset_ms or 0)


@dataclass(frozen=True)
class FootageUnreadable(Fact):
    """A listed file could not be read or changed under the copy; it is tried again next visit.

    `bad` are the first (offset, length) that could not be read, of `bad_ranges` in all. `partial`
    is where what could be read is kept below the archive's root: `partial_bytes` of it, zeros in
    the bad ranges, what is missing at the end left off.
    """

    TYPE = "footage.unreadable"
    visit: str
    recorder: str
    path: bytes
    name: str
    size: int
    code: str
    reason: str
    offset: int | None = None
    bad_bytes: int = 0
    bad_ranges: int = 0
    bad: tuple[tuple[int, int], ...] = ()
    partial: str | None = None
    partial_bytes: int = 0
    partial_sha256: str | None = None


@dataclass(frozen=True)
class FootageRefused(Fact):
    """A listed item is no regular file and is not imported."""

    TYPE = "footage.refused"
    visit: str
    recorder: str
    path: bytes
    name: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Counts:
    """How a visit's files came out: listed = imported + held + unreadable + refused.

    A file that was listed in two sizes or times while the visit lasted counts for each.
    """

    listed: int = 0
    imported: int = 0
    held: int = 0
    unreadable: int = 0
    refused: int = 0

    @property
    def settled(self) -> int:
        """Files whose outcome is known."""
        return self.imported + self.held + self.unreadable + self.refused


@dataclass(frozen=True)
class VisitCompleted(Fact):
    """Every listed file is accounted for. `manifest_sha256` is of `manifests/<visit>.sha256`.

    `found`: the recorder was there when the agent looked and was not seen being plugged in, so
    that this visit alone does not show that the recorder came home.
    """

    TYPE = "visit.completed"
    visit: str
    recorder: str
    dock: int
    docked_at: datetime
    counts: Counts
    imported_bytes: int
    manifest_sha256: str
    findings: tuple[Finding, ...]
    found: bool = False


@dataclass(frozen=True)
class VisitInterrupted(Fact):
    """The visit ended before every file was accounted for; the next one goes on from here."""

    TYPE = "visit.interrupted"
    visit: str
    recorder: str
    dock: int
    docked_at: datetime
    counts: Counts
    code: str
    reason: str


@dataclass(frozen=True)
class ClearingRefused(Fact):
    """Policy asks for the card to be cleared, and it is not; `reasons` are the gate's codes."""

    TYPE = "clearing.refused"
    visit: str
    recorder: str
    dock: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RecorderClearing(Fact):
    """These files are about to be removed from the card; nothing is before this is witnessed.

    `list_sha256` is the digest of the exact list (docs/clearing.md); `witnessed` is the size of
    the cosigned checkpoint that covers the visit, `witness` the key that cosigned it.
    """

    TYPE = "recorder.clearing"
    visit: str
    recorder: str
    dock: int
    files: int
    total_bytes: int
    list_sha256: str
    witnessed: int
    witness: str


@dataclass(frozen=True)
class RecorderCleared(Fact):
    """How an entered clearing ended, by listing the card once more.

    Of `files` intended, `removed` are gone and `left` are still there; None where the card could
    not be listed. `others` are the files that were never to be removed. `code` is `cleared`, or
    why it ended otherwise.
    """

    TYPE = "recorder.cleared"
    visit: str
    recorder: str
    dock: int
    files: int
    removed: int | None
    left: int | None
    others: int | None
    code: str
    reason: str = ""


@dataclass(frozen=True)
class Override:
    """Who let a recorder out although a check failed, and why."""

    by: str
    reason: str


@dataclass(frozen=True)
class RecorderIssued(Fact):
    """A recorder was handed to a person (领用)."""

    TYPE = "recorder.issued"
    handover: str
    recorder: str
    person: str
    person_name: str
    department: str
    findings: tuple[Finding, ...]
    dock: int | None = None
    approver: str | None = None
    approver_name: str | None = None
    override: Override | None = None


@dataclass(frozen=True)
class RecorderReturned(Fact):
    """A recorder came back (交回): plugged in (`visit`) or handed in at the kiosk (`by`)."""

    TYPE = "recorder.returned"
    handover: str
    recorder: str
    person: str
    visit: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class DutyDeclared(Fact):
    """An answer to a duty other than footage (S0 Art 6; S3-3 Art 8; S2 A6 Art 19).

    `off_site` extends the deadline to `until`; the other kinds answer the duty.
    """

    TYPE = "duty.declared"
    recorder: str
    day: date
    kind: DeclarationKind
    reason: str
    by: str
    until: datetime | None = None


@dataclass(frozen=True)
class RecorderService(Fact):
    """A recorder goes out of service, is lost, or comes back into service."""

    TYPE = "recorder.service"
    recorder: str
    state: ServiceState
    reason: str
    by: str


@dataclass(frozen=True)
class KeeperNoted(Fact):
    """The index's roster puts a recorder under the daily rule from a day on, or (None) no more."""

    TYPE = "keeper.noted"
    recorder: str
    person: str | None
    person_name: str | None
    department: str
    from_day: date


@dataclass(frozen=True)
class StationEnrolled(Fact):
    """The index knows a station by this key from now on."""

    TYPE = "station.enrolled"
    station: str
    origin: str
    key: str
    pinned: bool

    @property
    def subject(self) -> str:
        """The station's id."""
        return self.station


@dataclass(frozen=True)
class StationForked(Fact):
    """A station showed two histories; the fork report holds both signed heads."""

    TYPE = "station.forked"
    station: str
    report_sha256: str
    why: str

    @property
    def subject(self) -> str:
        """The station's id."""
        return self.station


@dataclass(frozen=True)
class AlertOpened(Fact):
    """An alert the office was told of. `about` is the duty or station it is about."""

    TYPE = "alert.opened"
    kind: AlertKind
    about: str
    zh: str
    en: str
    department: str | None = None
    recorder: str | None = None
    person: str | None = None
    due_at: datetime | None = None

    @property
    def subject(self) -> str:
        """What the alert is about."""
        return self.about


@dataclass(frozen=True)
class AlertCleared(Fact):
    """An open alert ended: `outcome` says how.

    `met_late`, `met` (in time, but heard of only later), `declared`, `extended` (an off-site
    declaration moved the deadline), `heard_again`, `recovered` (what was wrong with a station's
    storage or archive is over), `withdrawn`.
    """

    TYPE = "alert.cleared"
    kind: AlertKind
    about: str
    outcome: str

    @property
    def subject(self) -> str:
        """What the alert was about."""
        return self.about


F = TypeVar("F", bound=Fact)
_MODULES = (
    __name__,
    *(module.__name__ for module in (recorder_facts, questions, archive_facts, copy_facts)),
)
_FACTS = sorted(Fact.__subclasses__(), key=lambda kind: _MODULES.index(kind.__module__))
FACTS: dict[str, type[Fact]] = {kind.TYPE: kind for kind in _FACTS}


def draft_of(fact: Fact) -> Draft:
    """Return what to append to the ledger for a fact."""
    return Draft(type=fact.TYPE, subject=fact.subject, data=to_object(fact))


def fact_of(entry: Entry, kind: type[F]) -> F:
    """Return the fact in an entry of a known type.

    Raises:
        ValueError: the entry is of another type, or its data does not fit.
    """
    if entry.type != kind.TYPE:
        raise ValueError(f"{entry.type} is not {kind.TYPE}")
    return from_object(dict(entry.data), kind)
