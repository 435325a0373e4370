"""A simulated broker: loses, doubles and reorders; keeps what is retained until it is wiped."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from contracts.messages import Message


@dataclass
class Line:
    """One client's connection. `waiting` is what the broker has for it."""

    hears: Callable[[str], bool]
    is_up: bool = False
    waiting: list[Message] = field(default_factory=list)


class Network:
    """A broker and its clients' lines."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.is_calm = False
        self.retained: dict[str, Message] = {}
        self.lines: dict[str, Line] = {}
        self.lost = self.doubled = 0

    def connect(self, name: str) -> None:
        """Bring a line up: what is retained comes at once."""
        line = self.lines[name]
        line.is_up = True
        line.waiting = [m for topic, m in self.retained.items() if line.hears(topic)]

    def cut(self, name: str) -> None:
        """Take a line down: what was on it is gone."""
        self.lines[name].is_up = False
        self.lines[name].waiting = []

    def wipe(self) -> None:
        """Forget everything, as a killed broker does."""
        self.retained.clear()
        for name in self.lines:
            self.cut(name)

    def publish(self, sender: str, message: Message) -> None:
        """Take a message in, unless the sender is not connected or it is lost."""
        if not self.lines[sender].is_up:
            return
        if not self.is_calm and self._dice.random() < 0.05:
            self.lost += 1
            return
        if message.retained:
            self.retained[message.topic] = message
        for line in self.lines.values():
            if line.is_up and line.hears(message.topic):
                self._queue(line, replace(message, retained=False))

    def take(self, name: str, most: int) -> list[Message]:
        """Return what arrives on a line now."""
        line = self.lines[name]
        taken, line.waiting = line.waiting[:most], line.waiting[most:]
        return taken

    def _queue(self, line: Line, message: Message) -> None:
        line.waiting.append(message)
        if self.is_calm:
            return
        if self._dice.random() < 0.05:
            line.waiting.append(message)
            self.doubled += 1
        if self._dice.random() < 0.1:
            self._dice.shuffle(line.waiting)
