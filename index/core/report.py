"""The daily report: duties, and questions without an answer, counted by department."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from contracts.messages import DepartmentCount
from contracts.roster import Department
from index.core.inquiries import Inquiry
from index.core.roll import Standing


def count_departments(
    standings: Iterable[Standing],
    departments: Iterable[Department],
    inquiries: Iterable[Inquiry] = (),
) -> tuple[DepartmentCount, ...]:
    """Return one count for each department, those of the roster first and even if they owe none."""
    asked = Counter(one.fact.department for one in inquiries)
    names = {department.id: department.name for department in departments}
    states: dict[str, Counter[str]] = {department: Counter() for department in names}
    for standing in standings:
        duty = standing.duty
        names.setdefault(duty.department, duty.department_name)
        states.setdefault(duty.department, Counter())[standing.state] += 1
    for department in asked:
        names.setdefault(department, department)
        states.setdefault(department, Counter())
    return tuple(
        replace(_count(names[key], key, counter), questions=asked[key])
        for key, counter in states.items()
    )


def _count(name: str, department: str, states: Counter[str]) -> DepartmentCount:
    return DepartmentCount(
        department=department,
        name=name,
        due=states.total(),
        met=states["met"],
        late=states["late"],
        declared=states["declared"],
        pending=states["pending"],
        missing=states["missing"],
        unconfirmed=states["unconfirmed"],
    )
