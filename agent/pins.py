"""Proves people by their PIN against the roster's argon2id hashes."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.roster import Roster

# The kiosk's parameters: 19 MiB, two passes (OWASP's minimum for argon2id).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _HASHER.hash("nobody")


def hash_pin(pin: str) -> str:
    """Return the hash to put into the roster."""
    return _HASHER.hash(pin)


def is_proved(roster: Roster, person_id: str, pin: str) -> bool:
    """Tell whether the PIN is this person's; takes as long for an unknown person."""
    person = roster.find_person(person_id)
    try:
        _HASHER.verify(person.pin_hash if person else _NOBODY, pin)
    except (VerificationError, InvalidHashError):
        return False
    return person is not None
