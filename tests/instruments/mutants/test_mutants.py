"""Every seeded bug is caught; and what says so can be trusted."""

import pytest

from tests.instruments.counts import Share, conclude
from tests.instruments.mutants import applying
from tests.instruments.mutants.applying import Copy, Mutant, MutantError, check, mutated
from tests.instruments.mutants.catalogue import MUTANTS, SHARE
from tests.instruments.mutants.running import hunt, table

ADDS = "def add(a, b):\n    return a + b\n"
TESTS = "from adding import add\ndef test_one_and_one():\n    assert add(1, 1) == 2\n"


@pytest.fixture
def small(tmp_path):
    """A tree of one module and its test."""
    (tmp_path / "adding.py").write_text(ADDS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_adding.py").write_text(TESTS)
    return tmp_path


def ask(catcher, root):
    with Copy(root) as copy:
        return copy.ask(catcher)


def bug(new, old="a + b", caught_by=("tests/test_adding.py::test_one_and_one",)):
    return Mutant("wrong", "adding.py", old, new, "sums", caught_by)


def test_a_bug_that_fails_a_test_is_caught_and_the_test_is_named(small):
    with mutated(bug("a - b"), small):
        verdict = ask(bug("a - b").caught_by, small)
    assert (verdict.caught, verdict.by) == (True, "test_one_and_one")
    assert (small / "adding.py").read_text() == ADDS
    assert not ask(bug("").caught_by, small).caught


def test_a_bug_that_no_test_notices_is_not_caught(small):
    with mutated(bug("b + a"), small):
        assert not ask(bug("").caught_by, small).caught


@pytest.mark.parametrize("new", ["a + b\nimport nowhere", "a + b\nraise SystemExit(1)"])
def test_a_tree_that_cannot_be_imported_catches_nothing(small, new):
    with mutated(bug(new), small):
        assert not ask(bug("").caught_by, small).caught


def test_a_catcher_that_is_not_there_catches_nothing(small):
    assert not ask(("tests/test_adding.py::test_nothing",), small).caught
    assert not ask(("no_instrument",), small).caught


@pytest.mark.parametrize(("old", "new"), [("a * b", "a"), ("a", "b"), ("a + b", "a +")])
def test_a_bug_that_does_not_fit_the_code_is_an_error(small, old, new):
    with pytest.raises(MutantError):
        check(bug(new, old=old), small)


def test_a_catcher_that_fails_without_any_bug_is_an_error(small, monkeypatch):
    (small / "adding.py").write_text(ADDS.replace("+", "*"))
    monkeypatch.setattr(applying, "ROOT", small)
    monkeypatch.setattr(applying, "COPIED", ("adding.py", "tests"))
    with pytest.raises(MutantError, match="without any bug"):
        hunt([bug("a", old="a * b")], jobs=1)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_every_bug_can_be_put_into_the_tree(mutant):
    check(mutant, applying.ROOT)


def test_every_seeded_bug_of_the_share_is_caught():
    share = Share(0, len(SHARE))
    found = hunt(SHARE)
    table(found)
    missed = [mutant.id for mutant, verdict in found if not verdict.caught]
    counts = {"mutants": len(found), "caught": len(found) - len(missed), "violations": len(missed)}
    conclude("mutants", share, counts)
    assert len(found) >= 30
    assert missed == []
