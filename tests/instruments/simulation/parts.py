"""What a simulated station stands on: a clock that jumps, a death that may come at any verb."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.entry import Moment

BEGAN_AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone; nothing in it may take notice."""


@dataclass
class Life:
    """One process: `verb` is called before everything it does to the outside."""

    verbs_left: int | None = None
    is_over: bool = False

    def verb(self) -> None:
        """Do something to the outside, unless this is where the process dies or has died."""
        if self.verbs_left is not None:
            self.verbs_left -= 1
            self.is_over = self.is_over or self.verbs_left < 0
        if self.is_over:
            raise Killed

    def end(self) -> None:
        """Kill it now."""
        self.is_over = True


@dataclass
class Clock:
    """A wall clock that may be set, and a time since boot that only grows."""

    wall: datetime = BEGAN_AT
    uptime_ms: int = 1_000
    steps: int = 0

    def go(self, seconds: float) -> None:
        """Let time go by, each time some microseconds more: no two moments are ever the same."""
        self.steps += 1
        self.wall += timedelta(seconds=seconds, microseconds=self.steps)
        self.uptime_ms += round(seconds * 1000)

    def jump(self, seconds: float) -> None:
        """Set the wall clock."""
        self.wall += timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Return the wall clock's time."""
        return self.wall

    def moment(self) -> Moment:
        """Return what an entry says of its time."""
        return Moment(self.wall, "simulated", self.uptime_ms, "synchronised")
