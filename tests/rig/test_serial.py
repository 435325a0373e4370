"""A recorder behind an FTDI bridge: asked over its line, then a disk in the same dock."""

import socket
import threading

import pytest

from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage
from tests.support.emulators.serial_recorder import TextRecorder

pytestmark = pytest.mark.alone
DOCK = 10  # the only one whose profile knows of a line


class R16(TextRecorder):
    """The documented recorder, under a number of the roster."""

    def _answer(self, text):
        return b"ID=R16,BWCR16,V1" if text == "ID?" else super()._answer(text)


class OtherEnd:
    """Holds the emulator at the other end of QEMU's serial line."""

    def __init__(self, path, recorder):
        self.recorder = recorder
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(str(path))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while heard := self._link.recv(4096):
            self._link.sendall(self.recorder.line(heard))

    def close(self):
        self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._link.close()


def line(station, recorder):
    """Make a line with a recorder at its other end."""
    path = station.folder / "line.sock"
    address = {"type": "unix", "data": {"path": str(path)}}
    backend = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
    station.qmp("chardev-add", id="line", backend=backend)
    return OtherEnd(path, recorder)


@pytest.fixture
def recorder(station):
    """The recorder at the other end of a line that is not plugged in yet."""
    end = line(station, R16(baud=115200))
    yield end.recorder
    end.close()


def test_a_recorder_on_a_line_is_asked_and_comes_back_as_a_disk(station, recorder, tmp_path):
    files = footage(2)
    plugged = station.add_device(DOCK, "ftdi", driver="usb-serial", chardev="line", serial="BWCR16")
    station.until(lambda: recorder.is_disk, seconds=300, what="it was told to be a disk")
    station.unplug(plugged)
    station.plug(DOCK, Card.of(tmp_path, "R16", files))
    shown = station.settled(DOCK)
    assert (shown.recorder, shown.error_code) == ("R16", None)
    assert {one.kind: one.value for one in shown.readings}["battery_percent"] == 87
    assert imported(station, digests(files))
    assert len(station.said("recorder.docked")) == 1


def test_a_line_in_a_dock_that_knows_of_none_is_refused(station, recorder):
    station.add_device(DOCK - 1, "ftdi", driver="usb-serial", chardev="line", serial="BWCR16")
    refused = station.wait(lambda shown: shown.refused).refused[0]
    assert (refused.dock, refused.code) == (DOCK - 1, "not_a_recorder")
    assert recorder.heard == []
    assert station.snapshot().docks[DOCK - 2].state is DockState.REFUSED
