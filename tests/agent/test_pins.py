"""PINs, and how guessing is slowed down."""

from dataclasses import replace

import pytest

from agent.pins import FREE_TRIES, LONGEST_LOCK_SECONDS, Pins, hash_pin
from contracts.errors import PinLockedError
from tests.support.made_up import ROSTER

HASH = hash_pin("2468")


class Desk:
    """Pins of a roster with one real hash, and a clock that a test moves."""

    def __init__(self):
        first, *others = ROSTER.person
        roster = replace(ROSTER, person=(replace(first, pin_hash=HASH), *others))
        self.now = 1000.0
        self.pins = Pins(roster, lambda: self.now)

    def try_pin(self, pin, person="1001"):
        return self.pins.prove(person, pin)

    def fail(self, times):
        for _ in range(times):
            assert not self.try_pin("0000")


def test_the_right_pin_proves_and_a_wrong_one_does_not():
    desk = Desk()
    assert desk.try_pin("2468")
    assert not desk.try_pin("1357")


def test_nobody_is_proved_by_a_hash_that_is_none():
    assert not Desk().try_pin("-", person="1002")


def test_who_is_not_in_the_roster_is_not_proved():
    assert not Desk().try_pin("2468", person="9999")


def test_too_many_wrong_pins_lock_even_the_right_one_out_for_a_while():
    desk = Desk()
    desk.fail(FREE_TRIES)
    with pytest.raises(PinLockedError) as caught:
        desk.try_pin("2468")
    assert caught.value.fields["seconds"] == 30
    desk.now += 30
    assert desk.try_pin("2468")


def test_each_further_wrong_pin_locks_for_longer_up_to_a_limit():
    desk = Desk()
    desk.fail(FREE_TRIES)
    for _ in range(8):
        desk.now += LONGEST_LOCK_SECONDS
        desk.fail(1)
    with pytest.raises(PinLockedError) as caught:
        desk.try_pin("2468")
    assert caught.value.fields["seconds"] == LONGEST_LOCK_SECONDS


def test_a_right_pin_forgives_the_wrong_ones_before():
    desk = Desk()
    desk.fail(FREE_TRIES - 1)
    assert desk.try_pin("2468")
    desk.fail(FREE_TRIES - 1)
    assert desk.try_pin("2468")


def test_one_person_locked_out_does_not_lock_another():
    desk = Desk()
    for _ in range(FREE_TRIES):
        desk.try_pin("0000", person="1002")
    assert desk.try_pin("2468")
