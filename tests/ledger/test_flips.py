"""A bit that flips in memory or on the way to the disk is refused before anything is signed."""

import pytest

from contracts.errors import LedgerBrokenError, LedgerCommitError
from contracts.tree import Frontier
from ledger.verifying import verify
from tests.support.entering import MOMENT, draft, filled, opened

SIZE = 6
# Whoever changes a row after it was inserted: within the append's own transaction.
ON_THE_WAY = {
    "a byte of the entry": (
        "entry",
        "UPDATE entry SET body = jsonb(body) WHERE sequence = NEW.sequence",
        "entry 7 changed",
    ),
    "the leaf hash": (
        "entry",
        "UPDATE entry SET leaf_hash = zeroblob(32) WHERE sequence = NEW.sequence",
        "entry 7 changed",
    ),
    "a node": (
        "node",
        "UPDATE node SET hash = zeroblob(32) WHERE level = NEW.level AND position = NEW.position",
        "the tree changed",
    ),
}


@pytest.fixture
def ledger(tmp_path):
    with filled(tmp_path / "ledger", SIZE) as made:
        yield made


def refusal(ledger):
    with pytest.raises(LedgerBrokenError) as caught:
        ledger.append([draft(7), draft(8)], MOMENT)
    return caught.value.fields["what"]


def assert_nothing_was_signed(ledger, note):
    assert ledger.checkpoint == note
    with pytest.raises(LedgerCommitError):
        ledger.append([draft(7)], MOMENT)
    ledger.close()
    assert verify(ledger.folder) == ()
    with opened(ledger.folder) as again:
        assert (again.size, again.checkpoint) == (SIZE, note)


@pytest.mark.parametrize("what", ON_THE_WAY)
def test_what_changes_between_insert_and_signature_is_refused(ledger, what):
    table, change, said = ON_THE_WAY[what]
    note = ledger.checkpoint
    connection = ledger._database._connection
    removed = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE name = ?", (f"{table}_no_update",)
    ).fetchall()
    connection.execute(f"DROP TRIGGER {table}_no_update")
    connection.execute(f"CREATE TEMP TRIGGER flip AFTER INSERT ON {table} BEGIN {change}; END")
    assert said in refusal(ledger)
    connection.execute("DROP TRIGGER flip")
    connection.execute(removed[0][1])
    assert_nothing_was_signed(ledger, note)


@pytest.mark.parametrize("which", range(2))
def test_a_bit_that_flips_in_the_remembered_tree_is_refused(ledger, which):
    note, hashes = ledger.checkpoint, list(ledger._frontier.hashes)
    hashes[which] = bytes([hashes[which][0] ^ 1]) + hashes[which][1:]
    ledger._frontier = Frontier(SIZE, tuple(hashes))
    assert refusal(ledger) == f"entries 1 to {SIZE} are not what was signed last"
    assert_nothing_was_signed(ledger, note)


def test_no_checkpoint_is_signed_of_a_tree_that_was_changed_behind_our_back(ledger):
    connection = ledger._database._connection
    connection.execute("DROP TRIGGER node_no_update")
    connection.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 2")
    with pytest.raises(LedgerBrokenError):
        ledger.checkpoint_at(4)
    with pytest.raises(LedgerBrokenError):
        ledger.append([draft(7)], MOMENT)
