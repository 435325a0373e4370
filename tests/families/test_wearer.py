"""Who wears a recorder is masked by its place, whatever the letters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.families.wearer import BARE, PADDED, in_frames, in_info, in_json

WHO = ("031", "LI SI", "0007", "Unit 7")


def upper(said):
    """A change that can be seen."""
    return said.upper()


def info(fields, behind=b"\0left"):
    told = zip(("dsj0042", *WHO), fields, strict=True)
    return b"".join((one.encode() + behind).ljust(size, b"\0")[:size] for one, size in told)


def frame(payload, order="little"):
    return len(payload).to_bytes(4, order) + payload


@pytest.mark.parametrize("fields", [PADDED, BARE])
def test_of_an_info_the_number_is_changed_and_all_else_masked(fields):
    made = in_info(info(fields), fields, upper)
    told = (b"DSJ0042", b"000", b"XXXXX", b"0000", b"XXXXX0")
    wanted = [one.ljust(size, b"\0")[:size] for one, size in zip(told, fields, strict=True)]
    assert made == b"".join(wanted)


@pytest.mark.parametrize("order", ["little", "big"])
def test_of_frames_those_as_long_as_an_info_are_one(order):
    said = frame(b"e12datr880", order) + frame(info(BARE), order) + frame(b"87", order)
    made = in_frames(said, order, upper)
    assert made.startswith(frame(b"E12DATR880", order))
    assert made.endswith(frame(b"87", order))
    assert (len(made), b"LI SI" in made, b"DSJ0042" in made) == (len(said), False, True)


def test_what_follows_a_frame_without_a_length_is_changed_all_the_same():
    assert in_frames(frame(b"a") + bytes(4) + b"dsj0042", "little", upper)[5:] == b"\0\0\0\0DSJ0042"


def test_of_lines_the_values_that_name_somebody_are_masked_in_any_writing():
    body = {"serial": "dsj0042", "policeNo": "031", "policeName": '\u674e S"i', "groupName": "U 7"}
    made = in_json(json.dumps({"body": body, "groupNo": ""}).encode(), lambda said: said)
    told = json.loads(made)
    masked = {"policeNo": "000", "policeName": "XX000XXXXXX", "groupName": "XX0"}
    assert told["groupNo"] == ""
    assert told["body"] == {"serial": "dsj0042", **masked}


@given(st.binary(max_size=300))
def test_whatever_was_heard_keeps_its_length(said):
    for order in ("little", "big"):
        assert len(in_frames(said, order, upper)) == len(said)
    assert len(in_json(said, upper)) == len(said)
