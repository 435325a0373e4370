import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.entry import MAX_ENTRY_BYTES, Draft, Moment, decode, encode, format_time
from contracts.errors import EntryError

MOMENT = Moment(datetime(2026, 9, 21, 8, 0, 0, 1, tzinfo=UTC), "boot", 61_005, "unknown")
RAW = encode(Draft("t", "s", {"n": 1}), 7, "muster/example/s1/00000000", MOMENT)
EXACT = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | EXACT | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
DATA = st.dictionaries(st.text(max_size=5), JSON, max_size=5)


def changed(**members):
    """The entry with members of other values, or without those that are None, still canonical."""
    document = {**json.loads(RAW), **members}
    return rfc8785.dumps({name: value for name, value in document.items() if value is not None})


@given(DATA)
def test_whatever_can_be_entered_is_read_back_unchanged(data):
    entry = decode(encode(Draft("t", "s", data), 7, "origin", MOMENT))
    assert (entry.data, entry.moment, entry.sequence) == (data, MOMENT, 7)
    assert entry.raw == encode(Draft("t", "s", data), 7, "origin", entry.moment)


@given(DATA)
def test_the_same_said_in_another_way_is_refused(data):
    document = json.loads(encode(Draft("t", "s", data), 7, "origin", MOMENT))
    for other in (json.dumps(document), json.dumps(dict(reversed(document.items())))):
        with pytest.raises(EntryError):
            decode(other.encode())


def test_members_are_in_the_order_of_utf_16_even_where_code_points_say_otherwise():
    first, second = "\U0001f600", "\uff21"  # by code point the other way round
    raw = encode(Draft("t", "s", {first: 1, second: 2}), 7, "origin", MOMENT)
    assert raw.index(first.encode()) < raw.index(second.encode())
    assert decode(raw).data == {first: 1, second: 2}
    swapped = raw.replace(
        f'"{first}":1,"{second}":2'.encode(), f'"{second}":2,"{first}":1'.encode()
    )
    assert swapped != raw
    with pytest.raises(EntryError):
        decode(swapped)


def test_time_is_written_in_utc_wherever_it_was_measured():
    shanghai = MOMENT.at.astimezone(timezone(timedelta(hours=8)))
    assert format_time(shanghai) == format_time(MOMENT.at) == "2026-09-21T08:00:00.000001Z"


@pytest.mark.parametrize(
    "members",
    [
        {"specversion": "1.1"},
        {"id": "8"},
        {"id": 7},
        {"sequence": "7"},
        {"sequence": "0000000000", "id": "0"},
        {"sequence": "x"},
        {"sequence": [1]},
        {"data": []},
        {"data": None},
        {"bootid": ""},
        {"source": 1},
        {"type": None},
        {"subject": ""},
        {"time": "2026-09-21T08:00:00Z"},
        {"time": "2026-09-21T08:00:00.000001+00:00"},
        {"time": "yesterday"},
        {"time": 1},
        {"uptime": "1.5"},
        {"uptime": "1"},
        {"uptime": 1},
        {"uptime": "x.000"},
        {"clock": "wrong"},
        {"clock": {}},
    ],
    ids=str,
)
def test_a_malformed_attribute_makes_it_no_entry(members):
    with pytest.raises(EntryError):
        decode(changed(**members))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[" * 9_000,
        b"{" * 9_000,
        RAW + b"\n",
        RAW.decode().encode("utf-16"),
        RAW.replace(b'"n":1', b'"n":1.5'),
        RAW.replace(b'"n":1', b'"n":1.0'),
        RAW.replace(b'"n":1', b'"n":1e3'),
        RAW.replace(b'"n":1', b'"n":-0'),
        RAW.replace(b'"n":1', b'"n":NaN'),
        RAW.replace(b'"n":1', b'"n":9007199254740992'),
        RAW.replace(b'"n":1', b'"n":"\\ud800"'),
        RAW.replace(b'"n":1', b'"n":"\\u0041"'),
        RAW + b" " * MAX_ENTRY_BYTES,
    ],
)
def test_bytes_that_are_not_canonical_are_no_entry(raw):
    with pytest.raises(EntryError):
        decode(raw)


@given(st.data())
def test_what_is_canonical_is_judged_as_writing_it_again_would(data):
    place = data.draw(st.integers(0, len(RAW)))
    put = data.draw(
        st.sampled_from([b"", b" ", b"\n", b'"', b"-0", b"0", b",", b"\\u0041", b"\xf0"])
    )
    cut = data.draw(st.integers(0, 3))
    spoiled = RAW[:place] + put + RAW[place + cut :]
    try:
        is_canonical = rfc8785.dumps(json.loads(spoiled)) == spoiled
    except (ValueError, rfc8785.CanonicalizationError):
        is_canonical = False
    try:
        is_entry = decode(spoiled).raw == spoiled
    except EntryError:
        is_entry = False
    assert is_canonical or not is_entry


@pytest.mark.parametrize(
    "members",
    ['"b":1,"a":2', '"a":1,"a":2', '"a":-0', '"a":{"c":1,"b":1}', '"a":[{"c":1,"b":1}]', '"a":NaN'],
)
def test_data_without_any_spaces_can_be_uncanonical_too(members):
    with pytest.raises(EntryError):
        decode(RAW.replace(b'"n":1', members.encode()))


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", b"bytes", {1: 2}])
def test_what_canonical_json_cannot_hold_is_not_encoded(value):
    with pytest.raises(EntryError):
        encode(Draft("t", "s", {"value": value}), 1, "origin", MOMENT)


def test_an_entry_is_at_most_16_kib():
    with pytest.raises(EntryError, match="16384"):
        encode(Draft("t", "s", {"text": "甲" * 6_000}), 1, "origin", MOMENT)


def test_an_attribute_of_a_newer_version_is_kept_in_the_bytes():
    assert decode(changed(newer="x")).raw == changed(newer="x")


def test_every_state_of_the_clock_survives():
    for state in ("synchronised", "unsynchronised", "unknown"):
        moment = replace(MOMENT, clock=state)
        assert decode(encode(Draft("t", "s", {}), 1, "o", moment)).moment == moment
