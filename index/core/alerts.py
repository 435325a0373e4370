"""What the office is told: alerts, opened and cleared by comparing the roll with what is open.

Where alerts are published and entered is left to others.
"""

from dataclasses import dataclass
from datetime import datetime

from contracts.messages import AlertKind


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing the office was told; open as long as `cleared_at` is None."""

    kind: AlertKind
    about: str
    zh: str
    en: str
    opened_at: datetime
    department: str | None = None
    recorder: str | None = None
    person: str | None = None
    due_at: datetime | None = None
    cleared_at: datetime | None = None
    outcome: str | None = None
