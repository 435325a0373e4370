"""The attacks' share of every test run, and that a party that sees nothing would be noticed."""

import random
from collections import Counter

import pytest

from tests.instruments.attacks.__main__ import ATTACKS_IN_A_TEST, one, run
from tests.instruments.attacks.attacks import ATTACKS, Attack, cut_tail, edit_column, fork
from tests.instruments.attacks.judging import PARTIES, judge
from tests.instruments.attacks.world import Attacked, make
from tests.instruments.counts import Share


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make(tmp_path_factory.mktemp("world") / "w", random.Random(7), 9)


@pytest.fixture
def target(tmp_path):
    (tmp_path / "attacked").mkdir()
    return tmp_path / "attacked"


def wrong(world, target, attack, party):
    return list(judge(world, attack, target, party))


@pytest.mark.parametrize("party", PARTIES)
def test_an_honest_ledger_is_accused_by_nobody(world, target, party):
    assert wrong(world, target, Attack(Attacked(world.newest)), party) == []


@pytest.mark.parametrize("party", PARTIES)
def test_a_party_that_does_not_see_what_it_must_is_a_violation(world, target, party):
    seen = {"verify": (("entry_changed", 3),), "kept": (("head_differs", 3),)}
    expected = seen.get(party, "entry 3 was changed")
    assert wrong(world, target, Attack(Attacked(world.newest), **{party: expected}), party)


def test_the_wrong_place_is_a_violation(world, target):
    attack = edit_column(world, random.Random(1))
    (code, at) = attack.verify[0]
    attack.verify = ((code, at % world.size + 1),)
    assert wrong(world, target, attack, "verify")


def test_what_should_be_invisible_and_is_seen_is_a_violation(world, target):
    attack = cut_tail(world, random.Random(1))
    attack.verify, attack.opening = (), ""
    assert wrong(world, target, attack, "verify")
    assert wrong(world, target, attack, "opening")


def test_a_fork_is_seen_by_the_index_alone_and_its_report_stands_alone(world, target):
    attack = fork(world, random.Random(1))
    assert [wrong(world, target, attack, party) for party in PARTIES] == [[]] * len(PARTIES)
    assert attack.index.startswith("two roots")


def test_every_kind_of_attack_can_be_made(world):
    chance = random.Random(3)
    assert [kind.__name__ for kind in ATTACKS if not _made(kind, world, chance)] == []


def _made(kind, world, chance):
    return any(kind(world, chance) for _ in range(50))


def test_a_name_always_means_the_same_attack(world, target):
    counts = [Counter(), Counter()]
    for count in counts:
        for number in range(9):
            assert one([world], target, f"7/{number}", count) == []
    assert counts[0] == counts[1]


def test_every_attack_is_seen_by_those_who_can_with_what_and_where():
    assert run(Share(seed=20261122, amount=ATTACKS_IN_A_TEST)) == 0
