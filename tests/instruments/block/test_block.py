"""The share of every test run, and that a device that forgets is found."""

import json
import tempfile
from pathlib import Path
from random import Random

import pytest

from tests.instruments import counts
from tests.instruments.block.__main__ import SCENARIOS, STATES, run
from tests.instruments.block.exploring import (
    Device,
    Explorer,
    Tally,
    copy_sparse,
    without_flushes,
)
from tests.instruments.block.recording import IMAGE, Run, record
from tests.instruments.counts import Share
from tests.instruments.crash.disk import LOST, TORN, WHOLE
from tests.instruments.crash.scenarios import made_card
from tests.instruments.crash.trace import Mark, Sync, Write


@pytest.fixture
def memory():
    with tempfile.TemporaryDirectory(prefix="block-test-", dir="/dev/shm") as folder:
        yield Path(folder)


def test_no_power_cut_on_a_real_file_system_loses_what_was_promised():
    assert run(Share(20261122, STATES)) == 0
    found = json.loads((counts.FOLDER / "block.json").read_text(encoding="utf-8"))
    assert found["states"] >= STATES
    assert (found["scenarios"], found["kills"]) == (len(SCENARIOS), 2)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_device_that_forgets_what_it_was_told_to_flush_is_found(memory, kind):
    cards = [made_card(memory / "cards" / "R1")]
    trace, before = record("test", memory, [Run(cards)], kind)
    assert {type(op) for op in trace.ops} == {Write, Sync, Mark}
    good, bad = Tally(), Tally()
    explorer = Explorer(trace, before, cards, memory / "states", kind)
    explorer.explore(Random(1), good, 5)
    explorer.trace = without_flushes(trace)
    explorer.explore(Random(1), bad, 20)
    assert (good.states, good.violations) == (5, [])
    assert bad.violations


def test_what_was_flushed_is_there_and_what_was_not_may_come_in_part(memory):
    (memory / "before").write_bytes(bytes(4096))
    device = Device(memory / "before", memory / "device")
    for op in (Write(IMAGE, 0, b"a"), Sync(IMAGE), Write(IMAGE, 512, b"b" * 1024)):
        device.apply(op)
    images = {}
    for fate in (LOST, WHOLE, TORN + 0b10):
        device.lay_out((fate,), memory / "image")
        images[fate] = (memory / "image").read_bytes()[:1537].rstrip(b"\0")
    sectors = b"a" + bytes(511), b"b" * 512
    assert images == {
        LOST: b"a",
        WHOLE: sectors[0] + sectors[1] * 2,
        TORN + 0b10: sectors[0] + bytes(512) + sectors[1],
    }


def test_a_copy_of_a_sparse_file_is_equal_and_as_sparse(memory):
    with (memory / "old").open("wb") as file:
        file.truncate(64 << 20)
        file.seek(40 << 20)
        file.write(b"here")
    copy_sparse(memory / "old", memory / "new")
    assert (memory / "new").stat().st_size == 64 << 20
    assert (memory / "new").stat().st_blocks < 100
    with (memory / "new").open("rb") as file:
        file.seek(40 << 20)
        assert file.read(5) == b"here\0"
