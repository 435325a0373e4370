"""What is entered about each file of a visit, and the remarks a visit gathers from them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.core import clock
from agent.core.clearing import is_removable
from agent.core.effect import Enter, SetClock
from agent.core.event import FileImported, FileUnreadable, Trouble
from agent.core.plan import Plan, modified_at, modified_us
from agent.core.recorder import Listing, MediaFacts, RefusedItem, Salvaged
from contracts.dock import DockState
from contracts.errors import ClearingStoppedError, CountsDifferError, RecorderGoneError
from contracts.facts import (
    FootageImported,
    FootageRefused,
    FootageUnreadable,
    Media,
    RecorderClearing,
)
from contracts.finding import Finding
from contracts.names import shown
from contracts.roster import Policy

if TYPE_CHECKING:
    from agent.core.dock import Around, Dock, Step

# An entry holds 16 KiB, of which a path may take 6: what others chose to say is cut.
TEXT_MAX = 500
REASON_MAX = 1000
RANGES_MAX = 64
_OF_LISTING = frozenset({"listing_failed", "files_refused", "listing_changed"})
COUNTS_DIFFER = Trouble.of(CountsDifferError())
TAKEN_OUT = Trouble.of(RecorderGoneError())
BEGUN_AGAIN = Trouble.of(ClearingStoppedError())
_MEDIA_FINDINGS = {
    "truncated": "media_truncated",
    "unreadable": "media_unreadable",
    "unparsed": "media_unparsed",
}


def imported(
    event: FileImported, recorder: str, dock: int, measured: tuple[int | None, int | None]
) -> FootageImported:
    """Return the fact that a file is proven in the archive, with its own findings.

    `measured` are the clock's offset and its uncertainty, in ms.
    """
    file = event.planned.file
    mark = file.mark
    return FootageImported(
        visit=event.visit,
        recorder=recorder,
        dock=dock,
        path=file.path,
        name=shown(file.path),
        size=file.size,
        modified_us=modified_us(file),
        modified_at=modified_at(file),
        name_time=event.name_time.isoformat() if event.name_time else None,
        recorded_at=event.recorded_at,
        recorded_from=event.recorded_from,
        clock_offset_ms=measured[0],
        clock_uncertainty_ms=measured[1],
        sha256=event.sha256,
        sm3=event.sm3,
        object=event.object,
        view=event.view,
        held=event.held,
        media=_media(event.media),
        findings=tuple(_file_findings(event)),
        important=mark.important,
        recording=mark.recording,
        part=mark.part,
        sidecar_of=shown(mark.sidecar_of) if mark.sidecar_of else None,
    )


def unreadable(event: FileUnreadable, recorder: str) -> FootageUnreadable:
    """Return the fact that a file could not be read whole, and what was kept of it."""
    file = event.planned.file
    return FootageUnreadable(
        visit=event.visit,
        recorder=recorder,
        path=file.path,
        name=shown(file.path),
        size=file.size,
        code=event.trouble.code,
        reason=str(event.trouble.sentence)[:REASON_MAX],
        offset=event.offset,
        **_kept(event.salvaged),
    )


def refused_items(visit: str, recorder: str, items: Iterable[RefusedItem]) -> list[Enter]:
    """Return the entries for what is listed and no regular file."""
    return [
        Enter(FootageRefused(visit, recorder, i.path, shown(i.path), i.reason, i.detail[:TEXT_MAX]))
        for i in items
    ]


def listing_findings(listing: Listing) -> tuple[Finding, ...]:
    """Return what the listing itself gives reason to remark."""
    findings = []
    if listing.error is not None:
        findings.append(Finding("listing_failed", "blocking", listing.error[:TEXT_MAX]))
    if listing.refused:
        findings.append(Finding("files_refused", "warning", len(listing.refused), 0))
    return tuple(findings)


def unfinished_finding(
    listing: Listing, plan: Plan, clearing: RecorderClearing | None
) -> tuple[Finding, ...]:
    """Return how many files a cut-off clearing has left on the card; all of them are proven."""
    if clearing is None:
        return ()
    held = {one.path for one in plan.held}
    left = sum(file.path in held and is_removable(file) for file in listing.files)
    return (Finding("clearing_unfinished", "note", left, clearing.files),)


def relisting_remarks(
    remarks: tuple[Finding, ...], listing: Listing, new: Listing
) -> tuple[Finding, ...]:
    """Return a visit's remarks when its card lists something else than it did."""
    others = tuple(remark for remark in remarks if remark.code not in _OF_LISTING)
    count = len(new.files) + len(new.refused)
    return (*others, *listing_findings(listing), Finding("listing_changed", "warning", count))


def merge(remarks: tuple[Finding, ...], new: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the remarks with new ones added: one for each code, named by the first."""
    merged = {finding.code: finding for finding in remarks}
    for finding in new:
        known = merged.get(finding.code)
        merged[finding.code] = finding if known is None else _one_more(known)
    return tuple(merged.values())


def _one_more(known: Finding) -> Finding:
    first, _, more = str(known.value).partition(" (+")
    count = int(more.rstrip(")") or 0) + 1
    return Finding(known.code, known.severity, f"{first} (+{count})", known.limit)


def _file_findings(event: FileImported) -> Iterable[Finding]:
    name = shown(event.planned.file.path)
    if event.planned.earlier and event.sha256 not in event.planned.earlier:
        yield Finding("name_clash", "warning", name)
    code = _MEDIA_FINDINGS.get(event.media.verdict)
    if code is not None:
        yield Finding(code, "warning", name)


def _kept(salvaged: Salvaged | None) -> dict[str, Any]:
    if salvaged is None:
        return {}
    return {
        "bad_bytes": sum(length for _, length in salvaged.bad),
        "bad_ranges": len(salvaged.bad),
        "bad": salvaged.bad[:RANGES_MAX],
        "partial": salvaged.partial,
        "partial_bytes": salvaged.size if salvaged.partial else 0,
        "partial_sha256": salvaged.sha256 if salvaged.partial else None,
    }


def _media(facts: MediaFacts) -> Media:
    return Media(
        verdict=facts.verdict,
        container=facts.container,
        codecs=facts.codecs,
        width=facts.width,
        height=facts.height,
        duration_ms=facts.duration_ms,
        started_at=facts.started_at,
        detail=facts.detail[:TEXT_MAX],
    )


def measure_clock(dock: "Dock", policy: Policy | None, around: "Around") -> "Step":
    """Remember what the readings say of the clock, and order it to be set where policy asks.

    What was measured before the recorder became a disk stands.
    """
    told, station_clock = clock.told_offset(dock.readings), around.surroundings.clock
    if told is None:
        return dock, _set_unseen(dock, policy, station_clock)
    if dock.clock_offset_ms is not None:
        return dock, ()
    verdict = clock.judge_setting(dock.readings, policy, station_clock)
    measured = replace(
        dock,
        clock_offset_ms=told.value,
        clock_uncertainty_ms=told.uncertainty,
        remarks=(*dock.remarks, *clock.doubt_of(verdict)),
    )
    order = SetClock(dock.number, dock.visit, told.value)
    return measured, (order,) if verdict == "set" else ()


def _set_unseen(dock: "Dock", policy: Policy | None, station_clock: str) -> tuple[SetClock, ...]:
    # Many a recorder takes a time in its own language and tells none: its footage is dated by an
    # unknown offset either way, but from here on it is right.
    is_asked = dock.state is DockState.ASKING and policy is not None and policy.set_clock
    if not is_asked or station_clock != "synchronised":
        return ()
    return (SetClock(dock.number, dock.visit, None),)
