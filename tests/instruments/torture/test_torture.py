"""The torture's share of every test run, and that it would notice."""

import sqlite3
from contextlib import ExitStack, closing

import pytest

from tests.instruments.counts import Share
from tests.instruments.torture.__main__ import KILLS, run
from tests.instruments.torture.lossy import acknowledgement
from tests.instruments.torture.torture import Torture


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A station at rest that has imported and shipped everything."""
    with ExitStack() as stack:
        made = Torture(tmp_path_factory.mktemp("torture"), 3, None, stack)
        made.lossy.be_honest()  # what is planted here is all that is to be found
        made.start()
        for number in ("R1", "R2"):
            made._record(number)
        made.settle()
        yield made


def test_a_world_at_rest_has_no_violation_and_each_planted_fault_is_one(world):
    some = next(p for p in (world.world.archive / "objects").rglob("*") if p.is_file())
    kept = some.read_bytes()
    assert list(world.violations()) == []
    world.office.start()
    some.unlink()
    assert any("is missing" in said for said in world.violations())
    some.write_bytes(kept[:-1] + b"?")
    assert any("holds something else" in said for said in world._archive_violations())
    some.write_bytes(kept)
    with closing(sqlite3.connect(world.office.folder / "index.db")) as database:
        database.execute("DELETE FROM entry WHERE sequence = (SELECT max(sequence) FROM entry)")
        database.commit()
    assert world.office.stored() != world._entered()


def test_only_an_acknowledged_publish_is_swallowed():
    publish = bytes((0x32, 9, 0, 3)) + b"a/b" + b"\x12\x34" + b"\x00x"
    assert acknowledgement(publish) == b"\x40\x02\x12\x34"
    assert acknowledgement(bytes((0x30, 7, 0, 3)) + b"a/b" + b"\x00x") is None
    assert acknowledgement(b"\x40\x02\x12\x34") is None


def test_nothing_is_lost_however_often_the_programs_are_killed():
    assert run(Share(seed=20261122, amount=KILLS)) == 0
