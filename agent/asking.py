"""The agent's Unix socket: one JSON line asks, one JSON line answers (contracts.commands)."""

import itertools
import logging
import queue
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from agent.core.event import Asked
from contracts.commands import Answer, Command, Retry, decode_command
from contracts.errors import CommandInvalidError, StationError, UnansweredError
from contracts.loading import to_json

LINE_MAX_BYTES = 64 * 1024
READ_SECONDS = 10
ANSWER_SECONDS = 15
_CREDENTIALS = (("person", "pin"), ("approver", "approver_pin"), ("by", "pin"))
log = logging.getLogger(__name__)


class Counter:
    """Where people's requests come in; each waits for the deciding thread's answer."""

    def __init__(
        self,
        path: Path,
        prove: Callable[[str, str], bool],
        deliver: Callable[[Asked], None],
    ) -> None:
        self._path = path
        self._prove = prove
        self._deliver = deliver
        self._tickets = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[Answer]] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, name="counter", daemon=True)

    def start(self) -> None:
        """Open the socket; a leftover of an earlier run is replaced."""
        self._path.unlink(missing_ok=True)
        self._socket.bind(str(self._path))
        self._path.chmod(0o660)
        self._socket.listen()
        self._thread.start()

    def answer(self, ticket: int, answer: Answer) -> None:
        """Give the answer to whoever holds the ticket."""
        waiting = self._waiting.get(ticket)
        if waiting is not None:
            waiting.put(answer)

    def stop(self, seconds: float) -> bool:
        """Close the socket and end the thread; tell whether it ended."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(seconds)
        self._path.unlink(missing_ok=True)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed by `stop`
            name = f"request-{connection.fileno()}"
            threading.Thread(
                target=self._attend, args=(connection,), name=name, daemon=True
            ).start()

    def _attend(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(READ_SECONDS)
            try:
                with connection.makefile("rb") as lines:
                    line = lines.readline(LINE_MAX_BYTES + 1)
                connection.sendall(to_json(self._ask(line)) + b"\n")
            except OSError as error:
                log.info("request dropped: %s", error)
            except Exception:  # one bad request must not end the agent: a dead thread would
                log.exception("a request could not be answered")

    def _ask(self, line: bytes) -> Answer:
        if len(line) > LINE_MAX_BYTES:
            return sorry(CommandInvalidError(why=f"> {LINE_MAX_BYTES} bytes"))
        try:
            command = decode_command(line)
        except ValueError as error:
            return sorry(CommandInvalidError(why=str(error).splitlines()[0][:200]))
        ticket = next(self._tickets)
        waiting = self._waiting[ticket] = queue.SimpleQueue()
        try:
            self._deliver(Asked(ticket, command, self._proved(command)))
            return waiting.get(timeout=ANSWER_SECONDS)
        except StationError as error:
            return sorry(error)
        except queue.Empty:
            return sorry(UnansweredError())
        finally:
            del self._waiting[ticket]

    def _proved(self, command: Command) -> frozenset[str]:
        if isinstance(command, Retry):
            return frozenset()
        claims = [
            (getattr(command, who), getattr(command, pin))
            for who, pin in _CREDENTIALS
            if getattr(command, who, None) is not None
        ]
        return frozenset(who for who, pin in claims if pin and self._prove(who, pin))


def sorry(error: StationError) -> Answer:
    """Return an error as an answer."""
    return Answer(
        ok=False,
        zh=error.text.zh,
        en=error.text.en,
        code=error.code,
        remedy_zh=error.remedy.zh,
        remedy_en=error.remedy.en,
    )
