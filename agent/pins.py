"""Proves people by their PIN against the roster's argon2id hashes, and slows guessing down."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import PinLockedError
from contracts.roster import Person, Roster

SHORTEST = 4
FREE_TRIES = 5
FIRST_LOCK_SECONDS = 30
LONGEST_LOCK_SECONDS = 15 * 60
# The kiosk's parameters: 19 MiB, two passes (OWASP's minimum for argon2id).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int = 0
    locked_until: float = 0.0


class Pins:
    """Everyone's PIN. After `FREE_TRIES` wrong ones in a row each further one locks for longer.

    `uptime` gives seconds that no wall clock can turn back. A restart forgets the failures.
    """

    def __init__(self, roster: Roster, uptime: Callable[[], float]) -> None:
        self._roster = roster
        self._uptime = uptime
        self._failures: dict[str, _Failures] = {}
        # One guess at a time: many at once would all be judged by the same count.
        self._turn = threading.Lock()

    def prove(self, person_id: str, pin: str) -> bool:
        """Tell whether the PIN is this person's.

        Raises:
            PinLockedError: too many wrong ones; says for how long.
        """
        person = self._roster.find_person(person_id)
        if person is None:
            return False
        with self._turn:
            return self._prove(person, pin)

    def _prove(self, person: Person, pin: str) -> bool:
        failures = self._failures.get(person.id, _Failures())
        left = failures.locked_until - self._uptime()
        if left > 0:
            raise PinLockedError(person=person.name, seconds=round(left) or 1)
        is_right = _is_right(person.pin_hash, pin)
        if is_right:
            self._failures.pop(person.id, None)
        else:
            self._failures[person.id] = self._after(failures.count + 1)
        return is_right

    def _after(self, count: int) -> _Failures:
        if count < FREE_TRIES:
            return _Failures(count)
        seconds = min(FIRST_LOCK_SECONDS * 2 ** (count - FREE_TRIES), LONGEST_LOCK_SECONDS)
        return _Failures(count, self._uptime() + seconds)


def hash_pin(pin: str) -> str:
    """Return the hash to put into the roster."""
    return _HASHER.hash(pin)


def _is_right(pin_hash: str, pin: str) -> bool:
    try:
        return _HASHER.verify(pin_hash, pin)
    except (VerificationError, InvalidHashError):
        return False
