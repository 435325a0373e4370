"""Messages of entries, and the example in docs/messages.md byte by byte."""

import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.batch import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, batches, split_batch
from contracts.entry import MAX_ENTRY_BYTES, decode
from contracts.errors import EntryError

PAGE = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")
LINES = st.binary(min_size=1, max_size=300).filter(lambda raw: b"\n" not in raw)


def test_the_example_is_the_message_that_the_page_says_it_is():
    payload = re.search(r"```text entry\n(.*?)\n```", PAGE, re.DOTALL)[1].encode()
    assert (len(payload), payload[290:291]) == (583, b"\n")
    assert hashlib.sha256(payload).hexdigest() in PAGE
    entries = split_batch(payload)
    assert [decode(raw).sequence for raw in entries] == [41, 42]
    assert list(batches(entries)) == [payload]


@given(st.lists(LINES, max_size=250))
def test_entries_come_out_as_they_went_in(entries):
    messages = list(batches(entries))
    assert [raw for message in messages for raw in split_batch(message)] == entries


@given(st.lists(st.integers(1, MAX_ENTRY_BYTES), max_size=250))
def test_every_message_is_within_the_limits_and_none_could_hold_the_next_entry(sizes):
    messages = list(batches([b"x" * size for size in sizes]))
    assert all(len(message) <= MAX_BATCH_BYTES for message in messages)
    assert all(message.count(b"\n") < MAX_BATCH_ENTRIES for message in messages)
    for message, following in pairwise(messages):
        with_next = len(message) + 1 + following.find(b"\n")
        is_full = message.count(b"\n") == MAX_BATCH_ENTRIES - 1
        assert is_full or b"\n" not in following or with_next > MAX_BATCH_BYTES


def test_entries_of_the_greatest_size_fit_seven_to_a_message():
    messages = list(batches([b"x" * MAX_ENTRY_BYTES] * 8))
    assert [message.count(b"\n") + 1 for message in messages] == [7, 1]


def test_no_entries_make_no_message():
    assert list(batches([])) == []


def test_a_message_of_one_entry_is_that_entry():
    assert list(batches([b"{}"])) == [b"{}"]


@pytest.mark.parametrize(
    "payload",
    [
        b"\n" * MAX_BATCH_ENTRIES,
        b"x" * (MAX_ENTRY_BYTES + 1),
        b"\n".join([b"x" * MAX_ENTRY_BYTES] * 9),
    ],
)
def test_a_message_beyond_the_limits_is_refused(payload):
    with pytest.raises(EntryError):
        split_batch(payload)
