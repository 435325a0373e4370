import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from agent.archive import Archive, authenticating
from agent.archive.sealing import BLOCK_BYTES, Ring
from contracts.errors import ReadBackError
from tests.support.source import MemoryFile, files_below, seal

CHANCE = random.Random(8)
SIZES = [100, 40_960, 2 * BLOCK_BYTES + 77]


def hurt_seal(archive, root, content, hurt):
    """Seal with what was written changed by `hurt` before it is brought to the medium."""

    def damage():
        (part,) = (root / "incoming").iterdir()
        held = bytearray(part.read_bytes())
        assert held == content
        hurt(held)
        part.write_bytes(held)

    with pytest.raises(ReadBackError):
        seal(archive, content, at_end=damage)
    assert files_below(root) == []


def flip(held, bit):
    held[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("size", SIZES)
def test_any_single_bit_that_differs_on_the_medium_is_found(archive, tmp_path, size):
    content = os.urandom(size)
    ends = [0, 8 * size - 1]
    for bit in [*ends, *(CHANCE.randrange(8 * size) for _ in range(10))]:
        hurt_seal(archive, tmp_path, content, lambda held, bit=bit: flip(held, bit))


@pytest.mark.parametrize("size", SIZES)
def test_bytes_of_another_file_of_the_same_size_are_found(archive, tmp_path, size):
    other = os.urandom(size)

    def mix(held):
        held[:BLOCK_BYTES] = other[:BLOCK_BYTES]

    hurt_seal(archive, tmp_path, os.urandom(size), mix)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 2), (0, 2)])
def test_whole_blocks_that_changed_places_are_found(archive, tmp_path, first, second):
    def swap(held):
        one, other = (slice(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES) for at in (first, second))
        held[one], held[other] = held[other], held[one]

    hurt_seal(archive, tmp_path, os.urandom(3 * BLOCK_BYTES), swap)


@pytest.mark.parametrize("size", SIZES)
def test_more_or_less_than_was_written_is_found(archive, tmp_path, size):
    content = os.urandom(size)
    hurt_seal(archive, tmp_path, content, lambda held: held.pop())
    hurt_seal(archive, tmp_path, content, lambda held: held.append(0))
    hurt_seal(archive, tmp_path, content, lambda held: held.extend(bytes(4096)))
    hurt_seal(archive, tmp_path, content, lambda held: held.clear())


class FailingMemory(MemoryFile):
    """Has a bit of its first block change in memory, a moment after the block was handed over."""

    def __init__(self, content, at, seconds):
        super().__init__(content)
        self._at, self._seconds = at, seconds
        self._blocks = []

    def readinto(self, buffer):
        if len(buffer) == BLOCK_BYTES:
            self._blocks.append(buffer)
            if len(self._blocks) == 2:
                time.sleep(self._seconds)
                self._blocks[0][self._at] ^= 1
        return super().readinto(buffer)


def test_a_bit_that_changes_in_memory_never_parts_a_file_from_its_name(memory_folder):
    archive = Archive(memory_folder)
    archive.prepare()
    for at, wait in product((0, BLOCK_BYTES - 1), range(25)):
        content = os.urandom(2 * BLOCK_BYTES)
        source = FailingMemory(content, at, wait / 5000)
        try:
            sealed = archive.seal(source, len(content), "a", sm3=False, progress=lambda _: None)
        except ReadBackError:
            continue
        archive.verify(sealed.sha256)


@pytest.mark.parametrize("size", [100, 3 * BLOCK_BYTES])
def test_the_last_work_gets_a_block_when_the_others_are_done_with_it(size):
    content = os.urandom(size)
    hashed, late = [], []

    def fill(offset, buffer):
        piece = content[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def first(offset, _content):
        time.sleep(0.01)
        hashed.append(offset)

    def last(offset, _content):
        if hashed.count(offset) < 2:
            late.append(offset)

    assert Ring(size).pump(fill, last, [first, first]) == size
    assert (len(hashed), late) == (2 * max(1, size // BLOCK_BYTES), [])


def test_a_mark_fits_its_block_and_no_other():
    content = bytearray(os.urandom(5000))
    mark = authenticating.mark(memoryview(content))
    assert mark.fits(memoryview(content))
    assert not mark.fits(memoryview(content)[:-1])
    assert not mark.fits(memoryview(content + b"\0"))
    flip(content, 77)
    assert not mark.fits(memoryview(content))


def test_every_mark_has_a_key_of_its_own_and_shows_nothing_of_it():
    with ThreadPoolExecutor(4) as pool:
        marks = list(pool.map(authenticating.mark, [memoryview(b"block")] * 100))
    assert len({mark._key for mark in marks}) == len({mark._tag for mark in marks}) == 100
    assert repr(marks[0]) == "Mark()"
