"""The pages at which people hand recorders over and answer for them; the agent decides."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from contracts.commands import Answer
from contracts.errors import MusterError
from contracts.questions import NEEDS_WORDS, REASONS, question_text
from contracts.reading import Reading
from contracts.roster import Department, Person, RecorderRecord
from contracts.snapshot import RecorderView, Snapshot
from contracts.text import Text
from station.board import OUT_OF_SERVICE, Instruction, Lamp, instruction_of, lamps_of
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
    """A recorder in a dock, with its lamps; the first one that may be taken is proposed.

    `out` is why nobody may take it, or None; `is_barred` tells that this person may not.
    """

    recorder: RecorderView
    department: str
    is_own: bool
    is_blocked: bool
    is_barred: bool
    out: Text | None
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
    takeable = [choice for choice in choices if not choice.is_barred]
    approved = {choice.recorder.department for choice in takeable if choice.needs_approval}
    roster = desk.roster
    policies = [roster.policy_of(record.department) for record in _records(desk, numbers)]
    return {
        "person": person,
        "department": desk.names.department(person.department),
        "choices": choices,
        "proposed": next((c.recorder.number for c in choices[:1] if _is_proposable(c)), ""),
        "chosen": wanted if wanted in numbers else "",
        "can_take": bool(takeable),
        "needs_approval": bool(approved),
        "approvers": [p for p in _approvers(desk, person) if p.department in approved],
        "departments": desk.names.department,
        "may_override": any(policy.override for policy in policies),
    }


def _is_proposable(choice: Choice) -> bool:
    return choice.is_own and not choice.is_blocked and not choice.is_barred


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
        if view.dock is not None
        and view.place != "issued"
        and keepers.get(view.number) in (None, person.id)
    ]
    there.sort(
        key=lambda view: (
            view.department != person.department,
            not view.issuable,
            view.place in OUT_OF_SERVICE,
            keepers.get(view.number) is None,
            -(view.battery_percent or 0),
        )
    )
    approving = {approver.department for approver in _approvers(desk, person)}
    return [_choice(desk, snapshot, view, person, approving) for view in there]


def _choice(
    desk: Desk, snapshot: Snapshot, view: RecorderView, person: Person, approving: Container[str]
) -> Choice:
    department = desk.names.department(view.department)
    needs_approval = desk.roster.policy_of(view.department).approval
    lacking = needs_approval and view.department not in approving
    unapproved = (_nobody_approves(department),) if lacking else ()
    out = OUT_OF_SERVICE.get(view.place)
    return Choice(
        recorder=view,
        department=department,
        is_own=view.department == person.department,
        is_blocked=not view.issuable,
        is_barred=bool(out or lacking),
        out=out,
        needs_approval=needs_approval,
        lamps=lamps_of(_readings(snapshot, view), view.findings),
        instructions=(*unapproved, *map(instruction_of, view.findings)),
    )


def _nobody_approves(department: str) -> Instruction:
    sentence = Text(
        f"须由{department}的批准人批准, 除本人外没有批准人",
        f"An approver of {department} must approve this, and there is no other than this person",
    )
    remedy = Text(
        "由他人领用, 或请管理员在花名册中登记批准人",
        "Have somebody else take it, or have the manager put an approver on the roster",
    )
    return Instruction("failed", sentence, remedy, "approval_needed")


def _readings(snapshot: Snapshot, view: RecorderView) -> Iterable[Reading]:
    return next((d.readings for d in snapshot.docks if d.recorder == view.number), ())
