"""Requests and answers as JSON lines over a Unix socket: QMP, and the channel into the guest."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 180.0


class Lines:
    """One such socket; answers are told apart by `id`, whatever has none is an event."""

    def __init__(self, path: Path) -> None:
        self._socket = _connected(path)
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._heard = threading.Condition()
        self._is_open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def ask(self, request: Mapping[str, Any], seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Send one request and return its answer."""
        number = next(self._numbers)
        line = json.dumps({**request, "id": number}).encode() + b"\n"
        self._socket.sendall(line)

        def ended() -> bool:
            return number in self._answers or not self._is_open

        with self._heard:
            if not self._heard.wait_for(ended, seconds):
                raise TimeoutError(f"no answer within {seconds} s: {line[:300]!r}")
            if number not in self._answers:
                raise EOFError(f"ended before it answered: {line[:300]!r}")
            return self._answers.pop(number)

    def event(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for an event that is wanted, and take it."""

        def find() -> dict[str, Any] | None:
            return next(filter(wanted, self._events), None)

        with self._heard:
            if not self._heard.wait_for(find, PATIENCE_SECONDS):
                raise TimeoutError(f"no such event; there were {self._events}")
            found = find()
            self._events.remove(found)
            return found

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _listen(self) -> None:
        for line in self._received():
            said = json.loads(line)
            with self._heard:
                if "id" in said:
                    self._answers[said["id"]] = said
                elif "event" in said:
                    self._events.append(said)
                self._heard.notify_all()
        with self._heard:
            self._is_open = False
            self._heard.notify_all()

    def _received(self):
        try:
            with self._socket.makefile("rb") as stream:
                yield from stream
        except (OSError, ValueError):
            return


def _connected(path: Path) -> socket.socket:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(str(path))
        except OSError:
            made.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return made
