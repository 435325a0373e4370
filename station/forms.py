"""What was typed into a form becomes a command for the agent, or one clear complaint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from zoneinfo import ZoneInfo

from contracts.commands import (
    AnswerQuestion,
    Command,
    Declare,
    Issue,
    Observe,
    ReportFault,
    Retry,
    Return,
)
from contracts.errors import FormError
from contracts.facts import DeclarationKind, ServiceState
from contracts.questions import NEEDS_WORDS, REASONS, AnswerReason
from contracts.text import Text

KINDS: tuple[DeclarationKind, ...] = ("no_footage", "off_site", "repair", "loss", "other")
SERVICE_STATES: tuple[ServiceState, ...] = ("in_repair", "lost", "in_service")
MAX_TEXT = 500

LABELS = {
    "answer": Text("原因", "Answer"),
    "approver": Text("批准人", "Approver"),
    "approver_pin": Text("批准人密码", "Approver's PIN"),
    "battery": Text("电量 (0 到 100)", "Battery (0 to 100)"),
    "by": Text("登记人", "Entered by"),
    "clock": Text("屏幕时间", "Clock on the screen"),
    "day": Text("日期", "Day"),
    "dock": Text("工位", "Dock"),
    "kind": Text("情况", "Kind"),
    "override_reason": Text("领用理由", "Reason for the override"),
    "person": Text("使用人", "Person"),
    "pin": Text("密码", "PIN"),
    "question": Text("问题", "Question"),
    "reason": Text("说明", "Reason"),
    "recorder": Text("记录仪编号", "Recorder"),
    "state": Text("状态", "State"),
    "until": Text("延至", "Extended to"),
    "words": Text("补充说明", "In words"),
}


@dataclass(frozen=True)
class Fields:
    """A form's fields, each read once and complained of by its label."""

    form: Mapping[str, str]
    zone: ZoneInfo

    def text(self, name: str) -> str:
        """Return a field that must be filled in.

        Raises:
            FormError: it is empty or too long.
        """
        found = self.optional(name)
        if found is None:
            raise FormError(LABELS[name])
        return found

    def optional(self, name: str) -> str | None:
        """Return a field that may be empty."""
        found = self.form.get(name, "").strip()
        if len(found) > MAX_TEXT:
            raise FormError(LABELS[name])
        return found or None

    def choice(self, name: str, known: tuple[str, ...]) -> str:
        """Return a field that must be one of some words."""
        found = self.text(name)
        if found not in known:
            raise FormError(LABELS[name])
        return found

    def day(self, name: str) -> date:
        """Return a day."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError as error:
            raise FormError(LABELS[name]) from error

    def wall_time(self, name: str) -> datetime | None:
        """Return a wall time without a zone, as a screen shows it."""
        found = self.optional(name)
        try:
            moment = datetime.fromisoformat(found) if found else None
        except ValueError as error:
            raise FormError(LABELS[name]) from error
        return moment.replace(tzinfo=None) if moment else None

    def moment(self, name: str) -> datetime | None:
        """Return a moment typed in the station's zone."""
        wall = self.wall_time(name)
        return wall.replace(tzinfo=self.zone) if wall else None

    def number(self, name: str, most: int) -> int | None:
        """Return a whole number from 0 to `most`."""
        found = self.optional(name)
        if found is None:
            return None
        if not (found.isascii() and found.isdigit() and int(found) <= most):
            raise FormError(LABELS[name])
        return int(found)


def read_issue(fields: Fields) -> Issue:
    """Return what the issue form asks for; an approver who gave no PIN was not asked."""
    approver_pin = fields.optional("approver_pin")
    return Issue(
        recorder=fields.text("recorder"),
        person=fields.text("person"),
        pin=fields.text("pin"),
        approver=fields.optional("approver") if approver_pin else None,
        approver_pin=approver_pin,
        override_reason=fields.optional("override_reason"),
    )


def read_return(fields: Fields) -> Return:
    """Return what the return form asks for."""
    return Return(fields.text("recorder"), fields.text("by"), fields.text("pin"))


def read_declaration(fields: Fields) -> Declare:
    """Return what the declaration form asks for."""
    kind = cast("DeclarationKind", fields.choice("kind", KINDS))
    until = fields.moment("until") if kind == "off_site" else None
    if kind == "off_site" and until is None:
        raise FormError(LABELS["until"])
    return Declare(
        recorder=fields.text("recorder"),
        day=fields.day("day"),
        kind=kind,
        reason=fields.text("reason"),
        by=fields.text("by"),
        pin=fields.text("pin"),
        until=until,
    )


def read_observation(fields: Fields) -> Observe:
    """Return what the observation form asks for."""
    battery, clock = fields.number("battery", 100), fields.wall_time("clock")
    if battery is None and clock is None:
        raise FormError(Text("电量或屏幕时间", "battery or clock"))
    recorder, by, pin = fields.text("recorder"), fields.text("by"), fields.text("pin")
    return Observe(recorder, by, pin, battery_percent=battery, screen_clock=clock)


def read_fault(fields: Fields) -> ReportFault:
    """Return what the fault form asks for."""
    return ReportFault(
        recorder=fields.text("recorder"),
        state=cast("ServiceState", fields.choice("state", SERVICE_STATES)),
        reason=fields.text("reason"),
        by=fields.text("by"),
        pin=fields.text("pin"),
    )


def read_answer(fields: Fields) -> AnswerQuestion:
    """Return what the form of a question asks for."""
    answer = cast("AnswerReason", fields.choice("answer", tuple(REASONS)))
    words = fields.text("words") if answer in NEEDS_WORDS else fields.optional("words") or ""
    question, by, pin = fields.text("question"), fields.text("by"), fields.text("pin")
    return AnswerQuestion(question, answer, by, pin, words)


def read_retry(fields: Fields) -> Retry:
    """Return what the board's retry button asks for."""
    dock = fields.number("dock", 9999)
    if dock is None:
        raise FormError(LABELS["dock"])
    return Retry(dock)


Reads = Callable[[Fields], Command]
