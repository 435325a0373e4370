"""The simulation's share of every test run, and that it would notice."""

import shutil

import pytest

from contracts.errors import MusterError
from tests.instruments.counts import Share
from tests.instruments.simulation.__main__ import SEEDS, run
from tests.instruments.simulation.office import Database
from tests.instruments.simulation.simulation import Simulation, simulate

SOME_SEEDS = range(40)


def test_nothing_is_lost_whatever_the_dice_do():
    assert run(Share(seed=1, amount=SEEDS)) == 0


def test_a_seed_is_the_same_story_each_time(tmp_path):
    first, again = (simulate(7, tmp_path).counts for _ in range(2))
    assert first == again


class Rotten(Simulation):
    """Its archive spoils a file, and keeps its size, whenever the station dies."""

    def _born(self):
        if self.disk.objects:
            sha256, content = next(iter(self.disk.objects.items()))
            self.disk.objects[sha256] = bytes(len(content))
        return super()._born()


class Liar(Database):
    """Says yes to an entry that it does not store."""

    def _commit(self, one, now):
        super()._commit(one, now)
        del self.rows.bodies[one.station_id][-1:]


class Credulous(Simulation):
    """Its office is a liar."""

    def _kill_office(self):
        super()._kill_office()
        self.office.database = Liar(self.office.database.rows, self.office.life)
        self.office.intake._store = self.office.database


class RolledBack(Simulation):
    """Its ledger is an older copy of itself whenever the station dies."""

    def _born(self):
        older = self._folder.with_suffix(".older")
        if older.exists():
            for file in older.iterdir():
                shutil.copy(file, self._folder)
        elif (self._folder / "ledger.db").exists():
            older.mkdir()
            for file in self._folder.glob("ledger.db*"):
                shutil.copy(file, older)
        return super()._born()


class Forgetful(Simulation):
    """Its second copy's disk is empty again whenever the station dies."""

    def _born(self):
        self.disk.second.disks["first"].clear()
        return super()._born()


@pytest.mark.parametrize("planted", [Rotten, Credulous, RolledBack, Forgetful])
def test_a_planted_fault_is_found(planted, tmp_path):
    found = 0
    for seed in SOME_SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            found += bool(planted(seed, folder).run().violations)
        except MusterError:
            found += 1
    assert found
