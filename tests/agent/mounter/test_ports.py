"""What the helper checks by itself: where a device is, what it is made of, what may be asked."""

import sys
from pathlib import Path

import pytest

from agent.mounter.ports import PortError, Ports, interface_classes, port_of, read_ports
from tests.support.loopdisk import run

RECORDED = Path(__file__).parents[1] / "umockdev"
EVERY_PORT = """
import os, sys
from pathlib import Path
import pyudev
from agent.detecting import _port
from agent.mounter.ports import port_of
context = pyudev.Context()
for usb in context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
    for one in (usb, *usb.children):
        if "-" in usb.sys_name:
            print(_port(usb), port_of(Path(one.sys_path)), one.sys_name)
"""
# What the Linux kernel shows of a keyboard, of a disk and of a disk that types as well.
DEVICE = bytes.fromhex("12 01 0002 00 00 00 40 2706 0100 0000 01 02 03 01")
KEYBOARD = bytes.fromhex(
    "09 02 2200 01 01 04 a0 32  09 04 00 00 01 03 01 01 00"
    "09 21 1101 00 01 22 3f00  07 05 81 03 0800 07"
)
DISK = bytes.fromhex(
    "09 02 2000 01 01 04 c0 32  09 04 00 00 02 08 06 50 0007 05 81 02 0002 00  07 05 02 02 0002 00"
)


@pytest.mark.parametrize("name", sorted(file.stem for file in RECORDED.glob("*.umockdev")))
def test_the_port_is_what_the_agent_holds_it_for(name):
    words = ("umockdev-run", "--device", str(RECORDED / f"{name}.umockdev"), "--")
    lines = run(*words, sys.executable, "-c", EVERY_PORT).splitlines()
    assert lines
    for seen, checked, what in map(str.split, lines):
        assert (checked, what) == (seen, what)


def test_a_disk_on_no_usb_port_has_none():
    assert port_of(Path("/sys/devices/virtual/block/zram0")) == ""
    assert port_of(Path("/sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda")) == ""


def test_the_classes_of_all_interfaces_are_read_from_the_raw_descriptors():
    assert interface_classes(DEVICE + KEYBOARD) == {"03"}
    assert interface_classes(DEVICE + DISK + KEYBOARD) == {"03", "08"}


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x00" * 40, b"\x09", b"\xff\x04", DEVICE])
def test_descriptors_that_make_no_sense_name_no_interface(raw):
    assert interface_classes(raw) == frozenset()


def test_a_tail_that_was_cut_off_is_not_guessed():
    assert interface_classes(DEVICE + KEYBOARD[:13]) == frozenset()


def test_ports_are_read_from_the_settings_that_are_shipped():
    ports = read_ports(Path(__file__).parents[3] / "config/station.toml")
    assert "pci-0000:00:14.0-usb-0:1" in ports.docks
    assert ports.is_own("pci-0000:00:14.0-usb-0:9.1")
    assert not ports.is_own("pci-0000:00:14.0-usb-0:1")


@pytest.mark.parametrize("name", ["usb1", "../../1-1", "1-1:1.0", "1-1/..", "", "1-"])
def test_nothing_but_the_name_of_a_usb_device_is_let_in_or_out(name):
    ports = Ports(frozenset(), ("*",))
    with pytest.raises(PortError):
        ports.admit(name)
    with pytest.raises(PortError):
        ports.shut_out(name)


def test_a_node_of_another_kind_is_refused():
    with pytest.raises(PortError, match="no block device"):
        Ports(frozenset(), ()).node("null", "block")
