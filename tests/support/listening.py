"""Real ports with an emulator behind: a TCP port, and a pseudo-terminal as a serial line."""

import os
import pty
import select
import socket
import termios
import threading
import tty
from contextlib import contextmanager, suppress
from pathlib import Path

READ_BYTES = 4096
OUTPUT_SPEED = 5  # its place in what termios tells
SPEEDS = {termios.B300: 300, termios.B9600: 9600, termios.B115200: 115200}


@contextmanager
def tcp_port(made):
    """Listen on a free port; each connection gets what `made()` returns."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = []
    taker = threading.Thread(target=_take, args=(listener, made, served))
    taker.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        taker.join()
        listener.close()
        for connection, thread in served:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def _take(listener, made, served):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        thread = threading.Thread(target=_serve, args=(connection, made()))
        served.append((connection, thread))
        thread.start()


def _serve(connection, device):
    with connection, suppress(OSError):
        while not getattr(device, "is_over", False) and (said := connection.recv(READ_BYTES)):
            connection.sendall(device.line(said))


class SerialPort:
    """A pseudo-terminal: the program opens `node`, the test holds the other end.

    A pseudo-terminal carries bytes at any speed; the device is told the one the program has set.
    """

    def __init__(self):
        self._far, near = pty.openpty()
        tty.setraw(near)
        self.node = Path(os.ttyname(near))
        self._near = near  # held, so that it is still there between one user and the next
        self._ended, self._end = os.pipe()
        self._thread = None

    def answer(self, device):
        """Have a device answer at the other end until it is pulled out."""
        self._thread = threading.Thread(target=self._answer, args=(device,))
        self._thread.start()
        return self

    def say(self, raw):
        """Send bytes unasked."""
        os.write(self._far, raw)

    def heard(self):
        """Return what the program has sent."""
        return os.read(self._far, READ_BYTES)

    def pull_out(self):
        """End the line as a pulled plug does."""
        if self._far is None:
            return
        os.close(self._end)
        if self._thread is not None:
            self._thread.join()
        for fd in (self._near, self._far, self._ended):
            os.close(fd)
        self._far = None

    def _answer(self, device):
        while self._ended not in (ready := select.select([self._far, self._ended], [], [])[0]):
            assert ready
            said = os.read(self._far, READ_BYTES)
            device.tune(SPEEDS[termios.tcgetattr(self._far)[OUTPUT_SPEED]])
            if answer := device.line(said):
                os.write(self._far, answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pull_out()
