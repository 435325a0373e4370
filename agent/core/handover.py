"""What becomes of a request at the kiosk: the fact to be entered, or the error that refuses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from agent.core.checks import check
from agent.core.custody import Custody
from agent.core.dock import Dock
from contracts.commands import Declare, Issue, Observe, ReportFault, Return
from contracts.dock import DockState
from contracts.errors import (
    AlreadyIssuedError,
    ApprovalNeededError,
    ChecksFailedError,
    CommandInvalidError,
    KeptByOtherError,
    NoSuchRecorderError,
    NotAllowedError,
    NotIssuedError,
    OutOfServiceError,
    OverrideBarredError,
    PersonUnknownError,
    PinWrongError,
)
from contracts.facts import (
    DutyDeclared,
    Override,
    ReadingObserved,
    RecorderIssued,
    RecorderReturned,
    RecorderService,
)
from contracts.finding import Finding, blocks_issue
from contracts.reading import Reading
from contracts.roster import Person, Policy, RecorderRecord, Roster

REASON_MAX = 300  # characters; an entry holds 16 KiB
_DONE = (DockState.READY, DockState.ATTENTION)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a request is judged by."""

    now: datetime
    zone: ZoneInfo
    roster: Roster
    custody: Custody
    docks: Mapping[str, Dock]  # by recorder number
    proved: frozenset[str]  # people whose PIN was right

    def person(self, person_id: str) -> Person:
        """Return a person who has proved to be the one.

        Raises:
            PersonUnknownError, PinWrongError: not in the roster; wrong PIN.
        """
        person = self.roster.find_person(person_id)
        if person is None:
            raise PersonUnknownError(person=person_id)
        if person_id not in self.proved:
            raise PinWrongError(person=person.name)
        return person

    def recorder(self, number: str) -> RecorderRecord:
        """Return a registered recorder.

        Raises:
            NoSuchRecorderError: not in the roster.
        """
        record = self.roster.find_recorder(number)
        if record is None:
            raise NoSuchRecorderError(recorder=number)
        return record


def standing_findings(
    number: str, custody: Custody, docks: Mapping[str, Dock]
) -> tuple[Finding, ...]:
    """Return everything that speaks against issuing a recorder now."""
    findings: list[Finding] = []
    service = custody.service.get(number)
    if service is not None:
        findings.append(Finding("in_repair", "blocking", service.reason))
    dock = docks.get(number)
    if dock is None:
        findings.append(Finding("not_in_dock", "blocking"))
    else:
        if dock.state is DockState.CLEARING:
            findings.append(Finding("being_cleared", "blocking"))
        elif dock.state not in _DONE:
            findings.append(Finding("import_unfinished", "blocking"))
        findings += [*dock.findings, *dock.remarks]
    return tuple(findings)


def decide_issue(command: Issue, desk: Desk) -> RecorderIssued:
    """Return the issue to be entered (S2 A6 Art 5; S0 Art 8).

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.person)
    record = desk.recorder(command.recorder)
    holding = desk.custody.holdings.get(record.number)
    if holding is not None:
        raise AlreadyIssuedError(recorder=record.number, person=holding.person_name)
    if record.keeper is not None and record.keeper != person.id:
        keeper = desk.roster.find_person(record.keeper)
        raise KeptByOtherError(recorder=record.number, keeper=keeper.name if keeper else "?")
    service = desk.custody.service.get(record.number)
    if service is not None:
        raise OutOfServiceError(recorder=record.number, reason=service.reason)
    policy = desk.roster.policy_of(record.department)
    approver = _approver(command, person, record, policy, desk)
    findings = standing_findings(record.number, desk.custody, desk.docks)
    override = _override(command, findings, policy, approver or person)
    dock = desk.docks.get(record.number)
    return RecorderIssued(
        handover=f"{record.number}-{desk.now:%Y%m%dT%H%M%S%fZ}",
        recorder=record.number,
        person=person.id,
        person_name=person.name,
        department=record.department,
        findings=findings,
        dock=dock.number if dock else None,
        approver=approver.id if approver else None,
        approver_name=approver.name if approver else None,
        override=override,
    )


def decide_return(command: Return, desk: Desk) -> RecorderReturned:
    """Return the return by hand to be entered.

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.by)
    record = desk.recorder(command.recorder)
    holding = desk.custody.holdings.get(record.number)
    if holding is None:
        raise NotIssuedError(recorder=record.number)
    if person.id != holding.person and person.role != "manager":
        raise NotAllowedError(person=person.name)
    return RecorderReturned(holding.handover, record.number, holding.person, by=person.id)


def decide_declaration(command: Declare, desk: Desk) -> DutyDeclared:
    """Return the declaration to be entered (S0 Art 6; S3-3 Art 8).

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.by)
    record = desk.recorder(command.recorder)
    reason = _reason(command.reason)
    if command.kind == "off_site" and command.until is None:
        raise CommandInvalidError(why="until")
    return DutyDeclared(
        recorder=record.number,
        day=command.day,
        kind=command.kind,
        reason=reason,
        by=person.id,
        until=command.until,
    )


def decide_service(command: ReportFault, desk: Desk) -> RecorderService:
    """Return the change of service to be entered (S0 Art 11; S2 A6 Art 8).

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.by)
    record = desk.recorder(command.recorder)
    reason = _reason(command.reason)
    if command.state == "in_service" and person.role != "manager":
        raise NotAllowedError(person=person.name)
    return RecorderService(record.number, command.state, reason, person.id)


def decide_observation(command: Observe, desk: Desk) -> ReadingObserved:
    """Return what a person read off the recorder's screen, with the checks made of it.

    Raises:
        StationError: why it is refused.
    """
    person = desk.person(command.by)
    record = desk.recorder(command.recorder)
    readings = tuple(_observed(command, desk))
    if not readings:
        raise CommandInvalidError(why="battery_percent, screen_clock")
    dock = desk.docks.get(record.number)
    merged = (*(dock.readings if dock else ()), *readings)
    limits = desk.roster.policy_of(record.department).limits
    return ReadingObserved(
        recorder=record.number,
        observer=person.id,
        readings=readings,
        findings=check(merged, limits),
        visit=dock.visit if dock else None,
    )


def _observed(command: Observe, desk: Desk) -> list[Reading]:
    readings = []
    if command.battery_percent is not None:
        if not 0 <= command.battery_percent <= 100:  # noqa: PLR2004  # per cent
            raise CommandInvalidError(why="battery_percent 0..100")
        readings.append(
            Reading("battery_percent", command.battery_percent, "screen", desk.now, "observed", 5)
        )
    if command.screen_clock is not None:
        shown = command.screen_clock
        shown = shown if shown.tzinfo else shown.replace(tzinfo=desk.zone)
        offset_ms = round((shown - desk.now).total_seconds() * 1000)
        # A clock read by eye and typed in is good to about a minute.
        readings.append(
            Reading("clock_offset_ms", offset_ms, "screen", desk.now, "observed", 60_000)
        )
    return readings


def _approver(
    command: Issue, person: Person, record: RecorderRecord, policy: Policy, desk: Desk
) -> Person | None:
    if command.approver is None:
        if policy.approval:
            raise ApprovalNeededError
        return None
    approver = desk.person(command.approver)
    may_approve = approver.role == "approver" and approver.department == record.department
    if not may_approve or approver.id == person.id:
        raise NotAllowedError(person=approver.name)
    return approver


def _override(
    command: Issue, findings: tuple[Finding, ...], policy: Policy, by: Person
) -> Override | None:
    if not blocks_issue(findings):
        return None
    if not (command.override_reason or "").strip():
        words = [f.sentence for f in findings if f.severity == "blocking"]
        zh, en = "; ".join(w.zh for w in words), "; ".join(w.en for w in words)
        raise ChecksFailedError(recorder=command.recorder, zh=zh, en=en)
    if not policy.override:
        raise OverrideBarredError
    return Override(by.id, _reason(command.override_reason or ""))


def _reason(words: str) -> str:
    reason = words.strip()
    if not 0 < len(reason) <= REASON_MAX:
        raise CommandInvalidError(why=f"reason: 1..{REASON_MAX}")
    return reason
