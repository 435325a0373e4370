"""The pages at which people hand recorders over and answer for them; the agent decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.commands import Answer
from contracts.errors import MusterError
from contracts.questions import NEEDS_WORDS, REASONS, question_text
from contracts.reading import Reading
from contracts.roster import Department, Person, RecorderRecord
from contracts.snapshot import RecorderView, Snapshot
from contracts.text import Text
from station.board import Instruction, Lamp, instruction_of, lamps_of
from station.forms import (
    KINDS,
    SERVICE_STATES,
    Fields,
    Reads,
    read_answer,
    read_declaration,
    read_fault,
    read_issue,
    read_observation,
    read_retry,
    read_return,
)
from station.page import Asked, Desk, Outcome, Page, Redirect
from station.questioning import open_questions
from station.terms import term_of


@dataclass(frozen=True)
class Choice:
    """A recorder that may be taken, with its lamps; the first one is proposed."""

    recorder: RecorderView
    department: str
    is_own: bool
    is_blocked: bool
    needs_approval: bool
    lamps: tuple[Lamp, ...]
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Complaint:
    """Why something was not entered, as a notice above the form."""

    sentence: Text
    remedy: Text | None
    code: str | None


def complaint_of(error: MusterError) -> Complaint:
    """Return an error as a notice."""
    return Complaint(error.text, error.remedy.fill(**error.fields), error.code)


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


def answer(desk: Desk, asked: Asked) -> Outcome:
    """Answer a question about recordings; an answered one is no longer there."""
    wanted = (asked.form or asked.query).get("question", "")
    question = next((q for q in open_questions(desk) if q.question == wanted), None)
    if question is None:
        return Redirect("/questions")
    values = {
        "question": question,
        "sentence": question_text(question, desk.zone),
        "department": desk.names.department(question.department),
        "reasons": [(code, words, code in NEEDS_WORDS) for code, words in REASONS.items()],
        "by": question.person or "",
    }
    return _simple(desk, asked, "answer.html", read_answer, values)


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
        return complaint_of(error)
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
    choices = _choices(desk, person)
    numbers = [choice.recorder.number for choice in choices]
    roster = desk.roster
    policies = [roster.policy_of(record.department) for record in _records(desk, numbers)]
    return {
        "person": person,
        "department": desk.names.department(person.department),
        "choices": choices,
        "proposed": next((c.recorder.number for c in choices[:1] if _is_proposable(c)), ""),
        "chosen": wanted if wanted in numbers else "",
        "needs_approval": any(choice.needs_approval for choice in choices),
        "approvers": _approvers(desk, person),
        "departments": desk.names.department,
        "may_override": any(policy.override for policy in policies),
    }


def _is_proposable(choice: Choice) -> bool:
    return choice.is_own and not choice.is_blocked


def _records(desk: Desk, numbers: Iterable[str]) -> list[RecorderRecord]:
    return [record for record in desk.roster.recorder if record.number in set(numbers)]


def _approvers(desk: Desk, person: Person) -> list[Person]:
    """Return who may approve, those of the person's own department first."""
    able = [p for p in desk.roster.person if p.role == "approver" and p.id != person.id]
    return sorted(able, key=lambda p: p.department != person.department)


def _choices(desk: Desk, person: Person) -> list[Choice]:
    """Return what is in the docks and not kept for others, the best choice first.

    That is the person's own, then what is issuable in the department, the best charged on top.
    """
    snapshot = desk.snapshot
    if snapshot is None:
        return []
    keepers = {record.number: record.keeper for record in desk.roster.recorder}
    there = [
        view
        for view in snapshot.recorders
        if view.place == "dock" and keepers.get(view.number) in (None, person.id)
    ]
    there.sort(
        key=lambda view: (
            view.department != person.department,
            not view.issuable,
            keepers.get(view.number) is None,
            -(view.battery_percent or 0),
        )
    )
    return [_choice(desk, snapshot, view, person) for view in there]


def _choice(desk: Desk, snapshot: Snapshot, view: RecorderView, person: Person) -> Choice:
    return Choice(
        recorder=view,
        department=desk.names.department(view.department),
        is_own=view.department == person.department,
        is_blocked=not view.issuable,
        needs_approval=desk.roster.policy_of(view.department).approval,
        lamps=lamps_of(_readings(snapshot, view), view.findings),
        instructions=tuple(map(instruction_of, view.findings)),
    )


def _readings(snapshot: Snapshot, view: RecorderView) -> Iterable[Reading]:
    return next((d.readings for d in snapshot.docks if d.recorder == view.number), ())
