"""The largest entry that a ledger takes reaches the index through the broker as it is shipped."""

import pytest

from contracts.entry import MAX_ENTRY_BYTES, Draft
from contracts.errors import EntryError
from outside.clock import moment
from tests.support.index_program import IndexProgram, LiveStation, until

NOW = moment()


@pytest.fixture
def index(tmp_path, authority, broker):
    found = IndexProgram(tmp_path / "index", authority.settings("index", broker.port))
    found.start()
    yield found
    found.close()


@pytest.fixture
def station(tmp_path, authority, broker, index):
    found = LiveStation(tmp_path / "s1", authority.settings("s1", broker.port))
    yield found
    found.close()


def enter(station, *lengths):
    """Enter so much at one moment: all else in these entries is of the same length."""
    return station.ledger.append([Draft("t", "s", {"x": "x" * length}) for length in lengths], NOW)


def all_is_witnessed(station, index):
    until(lambda: station.ledger.witnessed_size == station.ledger.size, index.log())


def test_the_largest_entries_are_witnessed_and_one_byte_more_never_enters_the_queue(station, index):
    room = MAX_ENTRY_BYTES - len(enter(station, *[0] * 10)[-1].raw)
    (largest,) = enter(station, room)
    assert len(largest.raw) == MAX_ENTRY_BYTES
    all_is_witnessed(station, index)
    enter(station, *[room] * 40)  # messages and windows as full as they may be
    all_is_witnessed(station, index)
    size = station.ledger.size
    with pytest.raises(EntryError, match=f"{MAX_ENTRY_BYTES + 1} bytes, at most {MAX_ENTRY_BYTES}"):
        enter(station, 1, room + 1)
    assert station.ledger.size == size
    enter(station, room)
    all_is_witnessed(station, index)
    assert station.ledger.size == size + 1
