"""SCSI commands as far as they go without a device; with one: tests/rig/test_families.py."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.dialogue import Hear, Pause, ScsiRead, ScsiWrite
from agent.transports.scsi import lets_through, open_scsi
from contracts.errors import RecorderGoneError, TransportError

INQUIRY = bytes.fromhex("120000002400")
REST = bytes(10)


@pytest.mark.parametrize(
    "cdb",
    [
        INQUIRY,
        bytes(6),  # TEST UNIT READY
        b"\xc5\x07" + bytes(14),
        *(bytes((0xFD, 0x81, 0, 0, 0, command)) + REST for command in (2, 3, 8, 12, 14)),
        *(bytes((0xFB, 0x82, 0, 0, 0, command)) + REST for command in (1, 5, 6)),
    ],
    ids=bytes.hex,
)
def test_what_the_families_send_is_let_through(cdb):
    assert lets_through(cdb)


@pytest.mark.parametrize(
    "cdb",
    [
        b"",
        bytes.fromhex("040000000000"),  # FORMAT UNIT
        bytes.fromhex("1b0000000200"),  # START STOP UNIT
        bytes.fromhex("2a000000000000000100"),  # WRITE(10)
        bytes.fromhex("420000000000000000000000"),  # UNMAP
        bytes.fromhex("8a") + bytes(15),  # WRITE(16)
        bytes.fromhex("fd810000000d0010") + bytes(8),  # Jieli: the password
        *(bytes((0xFB, 0x82, 0, 0, 0, command)) + REST for command in (4, 9, 10, 11)),
        INQUIRY + REST,
    ],
    ids=bytes.hex,
)
def test_nothing_that_writes_or_fetches_a_password_is_let_through(cdb):
    assert not lets_through(cdb)


@given(st.integers(0, 255), st.binary(max_size=31))
def test_no_other_command_is_let_through(code, rest):
    if code not in {0x00, 0x12, 0xC5, 0xFB, 0xFD}:
        assert not lets_through(bytes((code,)) + rest)


def test_a_node_that_is_gone_is_a_recorder_that_is_gone(tmp_path):
    with pytest.raises(RecorderGoneError):
        open_scsi(tmp_path / "sg0")


def test_a_node_that_may_not_be_opened_is_named(tmp_path):
    with pytest.raises(TransportError, match=str(tmp_path)):
        open_scsi(tmp_path)  # a folder is not opened for writing, by nobody


def test_a_node_that_knows_no_scsi_is_named():
    way = open_scsi(Path("/dev/null"))
    with pytest.raises(TransportError, match="/dev/null"):
        way.ask(ScsiRead(INQUIRY, 36))
    way.close()
    way.close()


def test_what_is_not_let_through_never_reaches_the_node():
    way = open_scsi(Path("/dev/null"))
    with pytest.raises(TransportError, match="2a"):
        way.ask(ScsiWrite(bytes.fromhex("2a000000000000000100"), bytes(512)))
    with pytest.raises(TransportError, match="Hear"):
        way.ask(Hear())
    with pytest.raises(TransportError, match="bytes"):
        way.ask(ScsiRead(INQUIRY, 1 << 20))
    assert way.ask(Pause(0.0)) == b""
    way.close()
    with pytest.raises(ValueError, match="closed"):
        way.ask(ScsiRead(INQUIRY, 36))
