"""The pages at which people hand recorders over and answer for them; the agent decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.commands import Answer
from contracts.errors import MusterError
from contracts.finding import blocks_issue
from contracts.reading import Reading
from contracts.roster import Department, Person
from contracts.snapshot import RecorderView, Snapshot
from contracts.text import Text
from station.board import Instruction, Lamp, instruction_of, lamps_of
from station.forms import (
    KINDS,
    SERVICE_STATES,
    Fields,
    Reads,
    read_declaration,
    read_fault,
    read_issue,
    read_observation,
    read_retry,
    read_return,
)
from station.page import Asked, Desk, Outcome, Page, Redirect
from station.wording import term_of


@dataclass(frozen=True)
class Choice:
    """A recorder that may be taken, with its lamps; the first one is proposed."""

    recorder: RecorderView
    department: str
    is_own: bool
    is_blocked: bool
    lamps: tuple[Lamp, ...]
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Complaint:
    """Why something was not entered, as a notice above the form."""

    sentence: Text
    remedy: Text | None
    code: str | None


def issue(desk: Desk, asked: Asked) -> Outcome:
    """Hand out a recorder: first who takes it, then which one and the PINs."""
    complaint = None
    if asked.form is not None:
        done = _ask(desk, asked.form, read_issue)
        if isinstance(done, Redirect):
            return done
        complaint = done
    wanted = asked.form if asked.form is not None else asked.query
    typed = wanted.get("person", "").strip()
    person = desk.roster.find_person(typed)
    if person is None:
        values = {"groups": _people(desk), "recorder": wanted.get("recorder", ""), "typed": typed}
        return _form("issue_person.html", values, complaint)
    return _form("issue.html", _issue_values(desk, person, wanted.get("recorder", "")), complaint)


def give_back(desk: Desk, asked: Asked) -> Outcome:
    """Take a recorder back by hand."""
    snapshot = desk.snapshot
    out = [r for r in snapshot.recorders if r.place == "issued"] if snapshot else []
    return _simple(desk, asked, "return.html", read_return, {"out": out})


def declare(desk: Desk, asked: Asked) -> Outcome:
    """Answer a duty without footage."""
    today = asked.now.astimezone(desk.zone).date().isoformat()
    values = {"kinds": [(kind, term_of(kind)) for kind in KINDS], "today": today}
    return _simple(desk, asked, "declare.html", read_declaration, values)


def observe(desk: Desk, asked: Asked) -> Outcome:
    """Enter what a recorder's own screen shows."""
    return _simple(desk, asked, "observe.html", read_observation, {})


def fault(desk: Desk, asked: Asked) -> Outcome:
    """Put a recorder out of service or back."""
    states = [(state, term_of(state)) for state in SERVICE_STATES]
    return _simple(desk, asked, "fault.html", read_fault, {"states": states})


def retry(desk: Desk, asked: Asked) -> Outcome:
    """Try a dock's visit again."""
    done = _ask(desk, asked.form or {}, read_retry)
    return done if isinstance(done, Redirect) else Page("refused.html", {"complaint": done}, 409)


def _simple(
    desk: Desk, asked: Asked, template: str, read: Reads, values: Mapping[str, object]
) -> Outcome:
    complaint = None
    if asked.form is not None:
        done = _ask(desk, asked.form, read)
        if isinstance(done, Redirect):
            return done
        complaint = done
    typed = {k: v for k, v in (asked.form or asked.query).items() if not k.endswith("pin")}
    common = {"groups": _people(desk), "recorders": desk.roster.recorder, "typed": typed}
    return _form(template, {**common, **values}, complaint)


def _ask(desk: Desk, form: Mapping[str, str], read: Reads) -> Redirect | Complaint:
    try:
        answer = desk.agent.ask(read(Fields(form, desk.zone)))
    except MusterError as error:
        return Complaint(error.text, error.remedy.fill(**error.fields), error.code)
    if not answer.ok:
        return _complaint(answer)
    return Redirect("/" if answer.sequence is None else f"/receipt/{answer.sequence}")


def _complaint(answer: Answer) -> Complaint:
    remedy = None
    if answer.remedy_zh:
        remedy = Text(answer.remedy_zh, answer.remedy_en or answer.remedy_zh)
    return Complaint(Text(answer.zh, answer.en), remedy, answer.code)


def _form(template: str, values: Mapping[str, object], complaint: Complaint | None) -> Page:
    return Page(template, {**values, "complaint": complaint}, 422 if complaint else 200)


def _people(desk: Desk) -> list[tuple[Department, list[Person]]]:
    roster = desk.roster
    groups = [
        (department, [p for p in roster.person if p.department == department.id])
        for department in roster.department
    ]
    return [(department, people) for department, people in groups if people]


def _issue_values(desk: Desk, person: Person, wanted: str) -> dict[str, object]:
    choices = _choices(desk, person.department)
    numbers = [choice.recorder.number for choice in choices]
    policy = desk.roster.policy_of(person.department)
    asks = {c.recorder.department for c in choices} | {person.department}
    return {
        "person": person,
        "department": desk.names.department(person.department),
        "choices": choices,
        "chosen": wanted if wanted in numbers else next(iter(numbers), ""),
        "needs_approval": any(desk.roster.policy_of(d).approval for d in asks if _known(desk, d)),
        "approvers": _approvers(desk, person),
        "may_override": policy.override,
    }


def _known(desk: Desk, department: str) -> bool:
    return desk.roster.find_department(department) is not None


def _approvers(desk: Desk, person: Person) -> list[Person]:
    """Return who may approve, those of the person's own department first."""
    able = [p for p in desk.roster.person if p.role == "approver" and p.id != person.id]
    return sorted(able, key=lambda p: p.department != person.department)


def _choices(desk: Desk, department: str) -> list[Choice]:
    """Return what is in the docks: own and issuable first, the best charged of them on top."""
    snapshot = desk.snapshot
    if snapshot is None:
        return []
    there = [r for r in snapshot.recorders if r.place == "dock"]
    there.sort(
        key=lambda r: (r.department != department, not r.issuable, -(r.battery_percent or 0))
    )
    return [
        Choice(
            recorder=view,
            department=desk.names.department(view.department),
            is_own=view.department == department,
            is_blocked=not view.issuable or blocks_issue(view.findings),
            lamps=lamps_of(_readings(snapshot, view), view.findings),
            instructions=tuple(map(instruction_of, view.findings)),
        )
        for view in there
    ]


def _readings(snapshot: Snapshot, view: RecorderView) -> Iterable[Reading]:
    return next((d.readings for d in snapshot.docks if d.recorder == view.number), ())
