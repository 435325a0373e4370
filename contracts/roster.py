"""The roster: departments, people, recorders and the policies they are under.

Read from config/roster.toml. Where the regulations differ from county to county, the difference
is a setting here and never a constant in the code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from contracts.loading import from_toml
from contracts.tables import Table, dangling, doubled, names, rows

Role = Literal["officer", "approver", "manager", "clerk"]
DeadlineRule = Literal["same_workday", "after_issue", "after_return", "days", "workdays"]
_STRICT = {"extra": "forbid"}
_UNIQUE = (
    ("policy", "name"),
    ("department", "id"),
    ("person", "id"),
    ("recorder", "number"),
    ("recorder", "device_number"),
    ("recorder", "serial"),
    ("recorder", "volume"),
)
_REFERENCES = (
    ("department", "policy", ("policy", "name")),
    ("person", "department", ("department", "id")),
    ("recorder", "department", ("department", "id")),
    ("recorder", "keeper", ("person", "id")),
)


@dataclass(frozen=True)
class Deadline:
    """Until when a day's footage must be imported.

    `same_workday`: the end of the local day of issue (S0 Art 14, S2 A6 Art 19).
    `after_issue`, `after_return`: so many hours (or seconds) later (S1 Art 13; S2 A6 Art 19).
    `days`: the end of the local day so many days later (S3-1 Art 33).
    `workdays`: the end of the local day so many Chinese workdays later (S3-3 Art 16).
    """

    __pydantic_config__ = _STRICT
    rule: DeadlineRule
    hours: int = 0
    seconds: int = 0
    days: int = 0


@dataclass(frozen=True)
class Limits:
    """What a recorder must show before it may be issued (S0 Art 8; S2 A6 Art 8; S3-3 Art 19)."""

    __pydantic_config__ = _STRICT
    battery_percent_min: int = 60
    clock_offset_seconds_max: int = 30
    free_mib_min: int = 2048
    card_errors_max: int = 0
    unknown: Literal["note", "warning", "blocking"] = "warning"


@dataclass(frozen=True)
class ClearRule:
    """A model of recorders whose cards are cleared once all that docs/clearing.md asks is so.

    `unknown_battery`: clear although nobody knows the battery, which a disk never tells.
    `copies`: how many proven copies there must be: 2 asks for the second copy beside the archive.
    """

    __pydantic_config__ = _STRICT
    model: str
    unknown_battery: bool = False
    copies: Literal[1, 2] = 2


@dataclass(frozen=True)
class Questions:
    """What the wearer is asked about (S1 Art 12; S2 A6 Art 14; S3-2 Art 13; docs/gaps.md).

    `hole_seconds`: a time without recording longer than this, and shorter than `pause_seconds`,
    which is a pause between two tasks. `overlap_seconds`: two recordings of one series at the same
    time for longer. 0 asks about none. `counter`: missing numbers; `clock`: times that do not fit;
    `late`: footage older than the last import that did not come with it.
    """

    __pydantic_config__ = _STRICT
    hole_seconds: int = 60
    pause_seconds: int = 1800
    overlap_seconds: int = 5
    counter: bool = True
    clock: bool = True
    late: bool = True


@dataclass(frozen=True)
class Policy:
    """One set of rules a department works under.

    `approval`: an approver must confirm each issue (S2 A6 Art 5). `daily`: a recorder with a
    keeper owes an import every workday, issued or not. `override`: a failed check may be overridden
    with an entered reason. `set_clock`: correct a recorder's clock after it was measured.
    `clear`: the models that are cleared; all others never are. `questions`: what the wearer is
    asked about; nothing unless it is there.
    """

    __pydantic_config__ = _STRICT
    name: str
    deadline: Deadline
    approval: bool = False
    daily: bool = False
    override: bool = True
    sm3: bool = False
    set_clock: bool = False
    limits: Limits = field(default_factory=Limits)
    clear: tuple[ClearRule, ...] = ()
    questions: Questions | None = None

    def clears(self, model: str) -> ClearRule | None:
        """Return the rule by which a model is cleared."""
        return next((rule for rule in self.clear if rule.model == model), None)


@dataclass(frozen=True)
class Department:
    """A department and the policy it is under."""

    __pydantic_config__ = _STRICT
    id: str
    name: str
    policy: str


@dataclass(frozen=True)
class Person:
    """Someone who takes, approves or looks after recorders. `pin_hash` is an argon2id hash."""

    __pydantic_config__ = _STRICT
    id: str
    name: str
    department: str
    role: Role
    pin_hash: str
    phone: str = ""
    since: str = ""


@dataclass(frozen=True)
class RecorderRecord:
    """A registered recorder and by what it is told; `keeper` is the person it is kept by."""

    __pydantic_config__ = _STRICT
    number: str
    department: str
    model: str = ""
    keeper: str | None = None
    device_number: str | None = None
    serial: str | None = None
    volume: str | None = None


@dataclass(frozen=True)
class Roster:
    """Everything in config/roster.toml, cross-checked."""

    __pydantic_config__ = _STRICT
    policy: tuple[Policy, ...]
    department: tuple[Department, ...]
    person: tuple[Person, ...]
    recorder: tuple[RecorderRecord, ...]

    def find_person(self, person_id: str) -> Person | None:
        """Return the person of that id."""
        return next((p for p in self.person if p.id == person_id), None)

    def find_recorder(self, number: str) -> RecorderRecord | None:
        """Return the recorder of that number."""
        return next((r for r in self.recorder if r.number == number), None)

    def find_department(self, department_id: str) -> Department | None:
        """Return the department of that id."""
        return next((d for d in self.department if d.id == department_id), None)

    def policy_of(self, department_id: str) -> Policy:
        """Return the policy a department is under; the roster's check made sure there is one."""
        name = next(d.policy for d in self.department if d.id == department_id)
        return next(p for p in self.policy if p.name == name)


def parse_roster(text: str, file: str) -> Roster:
    """Return the roster in a TOML text.

    Raises:
        SettingsError: with every malformed key, doubled id and dangling reference at once.
    """
    return from_toml(text, Roster, file, _problems)


def _problems(document: Table) -> Iterator[str]:
    for name, key in _UNIQUE:
        yield from doubled(document, name, key)
    for name, key, target in _REFERENCES:
        yield from dangling(document, name, key, target, may_be_blank=key == "keeper")
    models = names(document, "recorder", "model", "")
    for own, policy in rows(document, "policy"):
        yield from _clear_problems(f"policy.{own}.clear.model", policy, models)


def _clear_problems(where: str, policy: Table, models: set[str] | None) -> Iterator[str]:
    given = [rule.get("model") for _, rule in rows(policy, "clear")]
    named = [model for model in given if isinstance(model, str)]
    for model in dict.fromkeys(named):
        if models is not None and (not model or model not in models):
            yield f"{where}: 没有 {model!r} 型记录仪 / no recorder is a {model!r}"
        if named.count(model) > 1:
            times = named.count(model)
            yield f"{where}: {model!r} 出现 {times} 次 / given {times} times"
