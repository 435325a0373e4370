"""SCSI commands as far as they go without a device; with one: tests/rig/test_families.py."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.dialogue import Hear, Pause, ScsiRead, ScsiWrite
from agent.mounter.scsi import Command, Outcome, lets_through
from agent.transports.scsi import open_scsi
from contracts.errors import MountError, NoAnswerError, RecorderGoneError, TransportError

INQUIRY = ScsiRead(bytes.fromhex("120000002400"), 36)
REST = bytes(10)


@pytest.mark.parametrize(
    "cdb",
    [
        INQUIRY.cdb,
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
        INQUIRY.cdb + REST,
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


def test_a_node_that_goes_later_is_a_recorder_that_is_gone(tmp_path):
    node = tmp_path / "sg0"
    node.touch()
    way = open_scsi(node)
    node.unlink()
    with pytest.raises(RecorderGoneError):
        way.ask(INQUIRY)


@pytest.mark.parametrize("node", ["/dev/null", "/tmp"], ids=["no SCSI", "a folder"])  # noqa: S108
def test_a_node_that_cannot_be_used_is_named(node):
    way = open_scsi(Path(node))
    with pytest.raises(TransportError, match=node):
        way.ask(INQUIRY)
    way.close()
    way.close()


def test_what_is_not_let_through_never_reaches_the_node():
    way = open_scsi(Path("/dev/null"))
    with pytest.raises(TransportError, match="2a"):
        way.ask(ScsiWrite(bytes.fromhex("2a000000000000000100"), bytes(512)))
    with pytest.raises(TransportError, match="Hear"):
        way.ask(Hear())
    with pytest.raises(TransportError, match="too long"):
        way.ask(ScsiRead(INQUIRY.cdb, 1 << 20))
    assert way.ask(Pause(0.0)) == b""


def test_a_helper_that_refuses_is_told():
    def refuses(node, command):
        raise MountError(reason="sg9 is on no dock")

    with pytest.raises(TransportError, match="sg9 is on no dock"):
        open_scsi(Path("/dev/null"), refuses).ask(INQUIRY)


FIXED = bytes((0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0))
DESCRIPTOR = bytes((0x72, 5, 0x24, 0))


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(b"", 2, 0, FIXED), "5/24/00"),
        (Outcome(b"", 2, 0, DESCRIPTOR), "5/24/00"),
        (Outcome(b"", 8, 0, b""), "status 0x08"),
        (Outcome(b"", 0, 3, b""), "timed out"),
        (Outcome(b"", 0, 7, b""), "host 0x07"),
    ],
)
def test_a_command_that_fails_is_no_answer_and_says_why(outcome, told):
    with pytest.raises(NoAnswerError, match=told):
        open_scsi(Path("/dev/null"), lambda *_: outcome).ask(INQUIRY)


@pytest.mark.parametrize("host", [1, 4])
def test_a_device_that_the_kernel_cannot_reach_is_gone(host):
    with pytest.raises(RecorderGoneError):
        open_scsi(Path("/dev/null"), lambda *_: Outcome(b"", 0, host, b"")).ask(INQUIRY)


def test_a_device_that_says_first_that_it_was_reset_is_asked_again():
    outcomes = [Outcome(b"", 2, 0, b"\x70\0\x06"), Outcome(b"NOVATEK", 0, 0, b"")]
    way = open_scsi(Path("/dev/null"), lambda *_: outcomes.pop(0))
    assert way.ask(INQUIRY) == b"NOVATEK"


def test_who_sends_is_given_all_of_a_request():
    sent = []

    def sends(node, command):
        sent.append((node, command))
        return Outcome(b"", 0, 0, b"")

    cdb = b"\xc5\x07" + bytes(14)
    assert open_scsi(Path("/dev/null"), sends).ask(ScsiWrite(cdb, b"@Battery", 0.5)) == b""
    assert sent == [(Path("/dev/null"), Command(cdb, b"@Battery", 0, 0.5))]
