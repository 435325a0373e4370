"""Asking the agent: one command and one answer over its Unix socket."""

import socket
from pathlib import Path

from contracts.commands import Answer, Command, encode_command
from contracts.errors import AgentAwayError
from contracts.loading import from_json

MAX_ANSWER_BYTES = 64 * 1024
PATIENCE_SECONDS = 30.0  # longer than the agent takes to give up


class Agent:
    """The agent as seen from outside: what it is asked goes through its socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, command: Command) -> Answer:
        """Return the agent's answer.

        Raises:
            AgentAwayError: it does not run, does not answer in time, or answers nonsense.
        """
        try:
            return from_json(self._exchange(encode_command(command) + b"\n"), Answer)
        except (OSError, ValueError) as error:
            raise AgentAwayError(reason=type(error).__name__) from error

    def _exchange(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(PATIENCE_SECONDS)
            channel.connect(str(self._path))
            channel.sendall(line)
            with channel.makefile("rb") as answer:
                return answer.readline(MAX_ANSWER_BYTES)
