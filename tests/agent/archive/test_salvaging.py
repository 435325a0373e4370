"""Keeping what can be read of a damaged file beside the footage."""

import hashlib

import pytest

from agent.archive import durable, salvaging
from agent.archive.salvaging import BLOCK_BYTES, FAILURES, FINE_FAILURES, salvage
from agent.core.recorder import Salvaged
from agent.recorders.folder import CardFolder
from contracts.errors import RecorderGoneError
from tests.instruments.cards import Bad, Card, Item, mounted
from tests.support.source import files_below, names_in

KIB = 1 << 10


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("card"), Card()) as card:
        yield card


@pytest.fixture
def kept(made, tmp_path):
    """What a test calls to have one item salvaged; the archive's root is `tmp_path`."""
    tree = durable.Tree(tmp_path)
    tree.adopt()

    def salvaged(item, **more):
        made.become(Card((item,), **more))
        card = CardFolder(made.folder, lambda: False)
        source = card.open_file(card.list_files().files[0])
        try:
            return salvage(tree, source, item.size, lambda _: None)
        finally:
            source.close()
            card.close()

    return salvaged


def damaged(size, *bad, **more):
    return Item(b"a", size=size, seed=1, bad=tuple(Bad(*one) for one in bad), **more)


def zeroed(item, *ranges):
    content = bytearray(item.bytes_at(0, item.size))
    for offset, length in ranges:
        content[offset : offset + length] = bytes(length)
    return bytes(content)


def test_all_but_the_bad_pieces_is_kept_with_zeros_in_their_place(kept, tmp_path):
    item = damaged(3 * BLOCK_BYTES + 77, (5000, 10), (2 * BLOCK_BYTES + 9, 1))
    found = kept(item)
    assert found.bad == ((4096, 4096), (2 * BLOCK_BYTES, 4096))
    content = (tmp_path / str(found.partial)).read_bytes()
    assert content == zeroed(item, *found.bad)
    assert (found.size, found.sha256) == (item.size, hashlib.sha256(content).hexdigest())


def test_it_is_kept_beside_and_never_among_the_footage(kept, tmp_path):
    found = kept(damaged(9000, (0, 1)))
    assert files_below(tmp_path) == [tmp_path / "partial" / found.sha256]
    assert (tmp_path / str(found.partial)).stat().st_mode & 0o777 == 0o444


def test_bad_pieces_side_by_side_are_one_range(kept):
    assert kept(damaged(64 * KIB, (8 * KIB, 20 * KIB))).bad == ((8 * KIB, 20 * KIB),)


def test_a_range_over_two_blocks_is_one(kept):
    assert kept(damaged(2 * BLOCK_BYTES, (BLOCK_BYTES - 1, 2))).bad == (
        (BLOCK_BYTES - 4 * KIB, 8 * KIB),
    )


def test_what_is_missing_at_the_end_is_left_off(kept, tmp_path):
    found = kept(damaged(3 * BLOCK_BYTES, (8 * KIB, 3 * BLOCK_BYTES)))
    assert (found.bad, found.size) == (((8 * KIB, 3 * BLOCK_BYTES - 8 * KIB),), 8 * KIB)
    assert (tmp_path / str(found.partial)).stat().st_size == 8 * KIB


def test_a_bad_block_between_good_ones_is_zeros_in_the_digest(kept, tmp_path):
    item = damaged(3 * BLOCK_BYTES, (BLOCK_BYTES, BLOCK_BYTES))
    found = kept(item)
    assert (tmp_path / str(found.partial)).read_bytes() == zeroed(item, *found.bad)


def test_a_file_shorter_than_listed_is_kept_as_far_as_it_goes(kept, tmp_path):
    item = damaged(10_000, given_bytes=6000)
    found = kept(item)
    assert (found.bad, found.size) == (((6000, 4000),), 6000)
    assert (tmp_path / str(found.partial)).read_bytes() == item.bytes_at(0, 6000)


def test_a_file_that_can_be_read_this_time_is_not_kept_apart(kept, tmp_path):
    assert kept(damaged(9000)).bad == ()
    assert files_below(tmp_path) == []


def test_a_file_of_which_nothing_can_be_read_leaves_nothing(kept, tmp_path):
    assert kept(damaged(9000, (0, 9000))) == Salvaged(
        ((0, 9000),), sha256=hashlib.sha256(b"").hexdigest()
    )
    assert files_below(tmp_path) == []


def test_the_same_damage_found_again_is_kept_once(kept, tmp_path):
    first, second = kept(damaged(9000, (0, 1))), kept(damaged(9000, (0, 1)))
    assert first == second
    assert len(names_in(tmp_path / "partial")) == 1


def test_a_card_pulled_out_leaves_nothing(kept, tmp_path):
    with pytest.raises(RecorderGoneError):
        kept(damaged(5 * BLOCK_BYTES, (0, 1)), gone_after=30)
    assert files_below(tmp_path) == []


def test_how_often_a_ruined_file_is_asked_for_is_bounded(kept, made):
    size = (FAILURES + 10) * BLOCK_BYTES
    found = kept(damaged(size, (4 * KIB, size)))
    assert found.bad == ((4 * KIB, size - 4 * KIB),)
    assert made.counts().failed <= FAILURES * 6


def test_when_too_many_pieces_fail_whole_blocks_are_given_up(kept, monkeypatch):
    monkeypatch.setattr(salvaging, "FINE_FAILURES", 2)
    every_other = [(n * 8 * KIB, 1) for n in range(64)]
    found = kept(damaged(2 * BLOCK_BYTES, *every_other))
    assert found.bad == ((0, 4 * KIB), (8 * KIB, 4 * KIB), (16 * KIB, BLOCK_BYTES - 16 * KIB))
    assert FINE_FAILURES > 2
