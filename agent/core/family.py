"""What can be asked of a recorder family in its own language; each answer is a dialogue."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from agent.core.dialogue import Dialogue
from contracts.reading import Confidence, Identity

V = TypeVar("V")
# "default": it took a password that every such recorder leaves the factory with.
Login = Literal["default", "accepted", "refused", "none"]
# Seen in the makers' own tools and headers (docs/recorders.md).
DEFAULT_PASSWORDS = frozenset({"000000", "000001", "123456", "00000000"})


@dataclass(frozen=True, slots=True)
class Told(Generic[V]):
    """A value a recorder told of itself, how it was asked, and how sure it is."""

    value: V
    how: str
    confidence: Confidence = "reported"
    uncertainty: int | None = None


class Family(Protocol):
    """One language. What a family cannot tell is None, and what it cannot do is False.

    Every dialogue sends read-type requests only, but for `set_clock` and `switch`.
    """

    def probe(self) -> Dialogue[bool]:
        """Tell whether the device speaks this language; harmless to any other device."""

    def identity(self) -> Dialogue[Identity]:
        """Ask who it is."""

    def battery(self) -> Dialogue[Told[int] | None]:
        """Ask for the battery, in percent."""

    def clock(self) -> Dialogue[Told[datetime] | None]:
        """Ask for its clock, as it shows it: without a zone unless the recorder tells one."""

    def storage(self) -> Dialogue[tuple[Told[int], Told[int]] | None]:
        """Ask for free and total bytes."""

    def set_clock(self, local: datetime) -> Dialogue[bool]:
        """Set its clock to a moment in its own zone."""

    def switch(self) -> Dialogue[bool]:
        """Have it show its card as a disk; it may leave the bus before it answers."""


@runtime_checkable
class Guarded(Protocol):
    """A family whose recorders ask for a password.

    Only the profile's own password is ever tried, and nothing that is returned holds it.
    """

    def log_in(self) -> Dialogue[Login]:
        """Show the password; to be asked once after the probe, before anything else.

        "none" where there is none to show. What a recorder that refused it still tells, it tells.
        """
