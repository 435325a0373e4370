"""The station as it is shown: a snapshot made of the core's state."""

from datetime import datetime

from agent.core.checks import value_of
from agent.core.copies import Copies
from agent.core.dock import Dock
from agent.core.handover import standing_findings
from agent.core.silence import silence
from agent.core.station import Station
from agent.core.storage import Storage
from contracts.clearing import ClearingView
from contracts.dock import DockState
from contracts.finding import Finding, blocks_issue
from contracts.roster import RecorderRecord
from contracts.snapshot import (
    DockView,
    Progress,
    RecorderView,
    RefusedDevice,
    SecondCopyView,
    Snapshot,
    StorageView,
)


def show(station: Station, ledger_size: int, version: str, now: datetime) -> Snapshot:
    """Return what the kiosk shows of the station now."""
    identity, health, uplink = station.settings.station, station.health, station.uplink
    trouble = uplink.trouble.sentence if uplink.trouble else None
    return Snapshot(
        organisation=identity.organisation,
        station=identity.id,
        name=identity.name,
        version=version,
        at=now,
        docks=tuple(show_dock(station, d, now) for _, d in sorted(station.docks.items())),
        inbox=show_dock(station, station.inbox, now) if station.settings.folders.inbox else None,
        recorders=tuple(_show_recorder(station, record) for record in station.roster.recorder),
        refused=tuple(_show_refused(station)),
        ledger_size=ledger_size,
        index_has=uplink.index_has,
        witnessed=uplink.witnessed,
        index_connected=uplink.connected,
        clock=health.clock,
        archive_free_bytes=health.archive_free_bytes,
        archive_total_bytes=health.archive_total_bytes,
        trouble_zh=trouble.zh if trouble else None,
        trouble_en=trouble.en if trouble else None,
        storage=show_storage(station.storage),
        open_questions=len(station.inquiries.unanswered),
        second_copy=show_copies(station.copies) if station.copies.is_set_up else None,
    )


def show_dock(station: Station, dock: Dock, now: datetime) -> DockView:
    """Return one dock's tile."""
    record = station.roster.find_recorder(dock.recorder) if dock.recorder else None
    holding = station.custody.holdings.get(dock.recorder or "")
    keeper = station.roster.find_person(record.keeper) if record and record.keeper else None
    department = station.roster.find_department(record.department) if record else None
    trouble = dock.trouble
    return DockView(
        number=dock.number,
        name=dock.name,
        state=dock.state,
        since=dock.since,
        recorder=dock.recorder,
        person=holding.person_name if holding else keeper.name if keeper else None,
        department=department.name if department else None,
        device=dock.device.description if dock.device else None,
        readings=dock.readings,
        findings=(*_silence(station, dock, now), *dock.findings, *dock.remarks),
        progress=show_progress(dock, now),
        counts=dock.counts if dock.plan else None,
        clearing=show_clearing(dock),
        error_code=trouble.code if trouble else None,
        error_zh=trouble.sentence.zh if trouble else None,
        error_en=trouble.sentence.en if trouble else None,
        remedy_zh=trouble.remedy.zh if trouble else None,
        remedy_en=trouble.remedy.en if trouble else None,
    )


def show_storage(storage: Storage) -> StorageView:
    """Return what is wrong with the disks and the archive."""
    trouble, scrubbed = storage.health.trouble, storage.scrubbed
    return StorageView(
        code=trouble.code if trouble else None,
        zh=trouble.sentence.zh if trouble else None,
        en=trouble.sentence.en if trouble else None,
        remedy_zh=trouble.remedy.zh if trouble else None,
        remedy_en=trouble.remedy.en if trouble else None,
        stops=storage.health.stops,
        damaged=len(storage.damaged),
        missing=len(storage.missing),
        unexpected=len(storage.unexpected),
        scrubbed_at=storage.scrubbed_at,
        scrubbed_files=scrubbed.counts.expected if scrubbed else 0,
        scrub_percent=storage.scrub_percent,
    )


def show_copies(copies: Copies) -> SecondCopyView:
    """Return how the second copy is."""
    trouble = copies.trouble
    return SecondCopyView(
        is_known=copies.seen is not None,
        confirmed=len(copies.confirmed),
        owed=len(copies.owed),
        owed_bytes=copies.owed_bytes,
        damaged=len(copies.damaged),
        missing=len(copies.missing),
        code=trouble.code if trouble else None,
        zh=trouble.sentence.zh if trouble else None,
        en=trouble.sentence.en if trouble else None,
        remedy_zh=trouble.remedy.zh if trouble else None,
        remedy_en=trouble.remedy.en if trouble else None,
        scrubbed_at=copies.scrubbed_at,
    )


def show_clearing(dock: Dock) -> ClearingView | None:
    """Return how far the clearing of a card is, and what bars it."""
    known = dock.clearing
    if known is None:
        return None
    return ClearingView(
        phase=known.phase,
        since=known.since,
        reasons=known.reasons,
        files=known.intent.files if known.intent else 0,
        bytes_done=known.bytes_done,
        bytes_total=sum(file.size for file in dock.listing.files) if dock.listing else 0,
        code=known.code,
    )


def _silence(station: Station, dock: Dock, now: datetime) -> tuple[Finding, ...]:
    if dock.device is None:
        return ()
    return silence(station.moved_at.get(dock.number), now, station.zone)


def show_progress(dock: Dock, now: datetime) -> Progress | None:
    """Return how far a copy is; the rate is the mean since it began."""
    if dock.plan is None or dock.copying_since is None:
        return None
    total = dock.plan.total_bytes
    seconds = (now - dock.copying_since).total_seconds()
    rate = round(dock.bytes_done / seconds) if seconds > 0 else 0
    is_copying = dock.state is DockState.COPYING
    left = -(-(total - dock.bytes_done) // rate) if is_copying and rate else None
    return Progress(
        files_done=dock.counts.settled,
        files_total=dock.counts.listed,
        bytes_done=dock.bytes_done,
        bytes_total=total,
        bytes_per_second=rate if is_copying else 0,
        seconds_left=left,
    )


def _show_recorder(station: Station, record: RecorderRecord) -> RecorderView:
    docks = station.by_recorder()
    dock = docks.get(record.number)
    holding = station.custody.holdings.get(record.number)
    findings = standing_findings(record.number, station.custody, docks)
    return RecorderView(
        number=record.number,
        department=record.department,
        model=record.model,
        place=_place(station, record.number, dock),
        dock=dock.number if dock else None,
        holder=holding.person if holding else None,
        holder_name=holding.person_name if holding else None,
        issued_at=holding.issued_at if holding else None,
        battery_percent=value_of(dock.readings, "battery_percent") if dock else None,
        issuable=holding is None and not blocks_issue(findings),
        findings=findings,
    )


def _place(station: Station, number: str, dock: Dock | None) -> str:
    service = station.custody.service.get(number)
    if service is not None:
        return service.state
    if number in station.custody.holdings:
        return "issued"
    return "dock" if dock else "away"


def _show_refused(station: Station) -> list[RefusedDevice]:
    return [
        RefusedDevice(
            port=one.device.port,
            device=one.device.description,
            code=one.code,
            zh=one.error.text.zh,
            en=one.error.text.en,
            since=since,
            dock=one.dock,
        )
        for one, since in station.refused.values()
    ]
