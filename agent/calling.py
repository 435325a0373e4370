"""Asks the running agent over its Unix socket."""

import socket
from pathlib import Path

from contracts.commands import Answer, Command, encode_command
from contracts.errors import AgentAwayError
from contracts.loading import from_json

WAIT_SECONDS = 30


def call(path: Path, command: Command) -> Answer:
    """Return the agent's answer to a command.

    Raises:
        AgentAwayError: nobody answers.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(WAIT_SECONDS)
            connection.connect(str(path))
            connection.sendall(encode_command(command) + b"\n")
            with connection.makefile("rb") as lines:
                return from_json(lines.readline(), Answer)
    except (OSError, ValueError) as error:
        raise AgentAwayError(reason=str(error)) from error
