"""A stand-in for the agent's socket: it answers with real commands, as a test tells it to."""

import socket
import threading

from contracts.commands import Answer, decode_command
from contracts.loading import to_json

ENTERED = Answer(ok=True, zh="已登记", en="Entered", sequence=2)


class AgentSocket:
    """Answers every command with `answer` and keeps what it was asked."""

    def __init__(self, path, answer=ENTERED):
        self.asked = []
        self.answer = answer
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self):
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            with channel, channel.makefile("rb") as lines:
                self.asked.append(decode_command(lines.readline()))
                channel.sendall(self.answer if isinstance(self.answer, bytes) else self._line())

    def _line(self):
        return to_json(self.answer) + b"\n"
