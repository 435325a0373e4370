"""A shipped profile claims what its language does with the emulated recorder, no more, no less."""

from pathlib import Path

import pytest

from agent.families import FAMILIES
from agent.profiles import load
from tests.families.matrix import ASKED, MET, rows, shipped, table

TOLD = dict(rows())
PAGE = Path(__file__).parents[2] / "docs/recorders/fixtures.md"
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


@pytest.mark.parametrize("name", ["ptp", "mtp"])
def test_cameras_and_players_claim_what_their_session_does(name):
    known = load(None, {**FAMILIES, "ptp": dict}).profiles
    assert claimed(next(one for one in known if one.name == name)) == TOLD["ptp"]


def test_a_vendors_library_does_what_the_standard_has_functions_for():
    assert TOLD["vendor library"] == set(ASKED) - {"clock_read", "storage"}


def test_the_manual_shows_this_very_table():
    assert "\n".join(table()) in PAGE.read_text(encoding="utf-8")
