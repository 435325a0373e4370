"""What every fact is: anything the ledger can hold."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fact:
    """Anything the ledger can hold; `subject` is what the entry is about."""

    TYPE: ClassVar[str]

    @property
    def subject(self) -> str:
        """What the entry is about: a recorder's number unless the type says otherwise."""
        return str(getattr(self, "recorder", "station"))
