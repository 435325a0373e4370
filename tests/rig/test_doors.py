"""What the kernel binds drivers to: nothing until it was judged, and never what is no recorder."""

import pytest

from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage

KEYBOARD = "QEMU QEMU USB Keyboard"
NEW = "ls -d /sys/bus/usb/devices/[0-9]*-*:* 2>/dev/null || true"


def inputs(station):
    return station.sh("cat /proc/bus/input/devices")


def test_no_controller_lets_anything_in_by_itself(station):
    said = station.sh("cat /sys/bus/usb/devices/usb*/authorized_default").split()
    assert said
    assert set(said) == {"0"}


def test_a_keyboard_on_a_dock_never_has_a_driver(station):
    before = station.sh(NEW)
    station.add_device(1, "keys", driver="usb-kbd")
    refused = station.wait(lambda shown: shown.refused).refused[0]
    assert (refused.dock, refused.code) == (1, "not_a_recorder")
    assert station.sh(NEW) == before
    assert KEYBOARD not in inputs(station)
    assert KEYBOARD not in station.sh("dmesg")


@pytest.mark.alone
def test_a_keyboard_on_a_port_of_the_kiosk_types(station):
    station.qmp("device_add", driver="usb-kbd", id="own", bus="xhci.0", port="1")
    station.until(lambda: KEYBOARD in inputs(station))


@pytest.mark.alone
def test_a_keyboard_that_was_let_in_before_the_agent_started_is_shut_out(station):
    station.sh("systemctl stop muster-agent")
    station.sh("for hub in /sys/bus/usb/devices/usb*; do echo 1 > $hub/authorized_default; done")
    station.add_device(1, "keys", driver="usb-kbd")
    station.until(lambda: KEYBOARD in inputs(station))
    station.sh("systemctl start muster-agent")
    station.until(lambda: KEYBOARD not in inputs(station))


@pytest.mark.parametrize("dock", [1, 5])
def test_a_recorder_is_let_in_each_time_it_is_plugged_in(station, tmp_path, dock):
    number, files = f"R{dock:02}", footage(1)
    for _ in range(2):
        plugged = station.plug(dock, Card.of(tmp_path, number, files))
        assert station.settled(dock).recorder == number
        station.unplug(plugged)
        station.empty(dock)
    assert imported(station, digests(files))
