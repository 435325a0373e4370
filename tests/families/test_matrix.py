"""A shipped profile claims what its language does with the emulated recorder, no more, no less."""

import pytest

from tests.families.matrix import ASKED, MET, rows, shipped

TOLD = dict(rows())
ON_THE_DISK = "statvfs"  # learnt once it is a disk, without its language


def claimed(profile):
    asked = {fact: known for fact, known in profile.facts.items() if fact in ASKED}
    return {
        fact
        for fact, known in asked.items()
        if not known.estimated and not known.how.endswith(ON_THE_DISK)
    }


def test_every_language_that_is_shipped_has_an_emulated_recorder():
    assert MET.keys() == shipped().keys()


@pytest.mark.parametrize("name", MET)
def test_a_profile_claims_what_its_language_does(name):
    assert claimed(shipped()[name]) == TOLD[name]


def test_a_declared_line_can_do_everything():
    assert TOLD["serial (declared)"] == set(ASKED)
