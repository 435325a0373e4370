"""A real Mosquitto on a free loopback port, which tests may kill and start again."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_PATIENCE_SECONDS = 20
_OPEN = ("persistence false", "max_packet_size 1048576", "allow_anonymous true")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Mosquitto:
    """Starts at once; keeps nothing over a restart, so that what it forgets must not matter."""

    def __init__(self, *extra_lines, settings=None):
        """With `settings`, a function of the port, what it returns is the whole configuration."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        assert program, "mosquitto is not installed: apt-get install mosquitto"
        self._program = program
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
        self._config = self._folder / "mosquitto.conf"
        lines = settings(self.port) if settings else (*_OPEN, f"listener {self.port} 127.0.0.1")
        self._config.write_text("\n".join((*lines, "log_type error", *extra_lines)) + "\n")
        self._process = None
        self.start()

    def start(self):
        with (self._folder / "log").open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "mosquitto does not answer"
            time.sleep(0.02)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def restart(self):
        self.kill()
        self.start()

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self._folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False
