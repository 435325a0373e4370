"""USB transfers as far as they go without a bus; with one: tests/rig/test_families.py."""

from pathlib import Path

import pytest

from agent.transports.usb import open_usb
from contracts.errors import RecorderGoneError


def test_a_device_that_is_gone_is_a_recorder_that_is_gone():
    with pytest.raises(RecorderGoneError):
        open_usb(Path("/dev/bus/usb/999/999"))


def test_a_node_left_behind_by_a_device_that_is_gone_opens_nothing(tmp_path):
    node = tmp_path / "999" / "126"
    node.parent.mkdir()
    node.touch()
    with pytest.raises(RecorderGoneError):
        open_usb(node)
