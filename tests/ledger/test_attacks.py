"""What somebody with the disk in hand, and at worst with the key, can try; each is named."""

import random
import shutil

import apsw
import pytest

from contracts.entry import decode, encode
from contracts.errors import LedgerBrokenError, LedgerStorageError
from contracts.note import SigningKey
from contracts.tree import Frontier, Node, leaf_hash
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.support.entering import MOMENT, PREFIX, WITNESS_NAME, cosign, draft, filled, opened

SIZE = 6
TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"


@pytest.fixture
def folder(tmp_path):
    filled(tmp_path / "ledger", SIZE).close()
    return tmp_path / "ledger"


def tamper(folder, *statements):
    """Do what the triggers forbid, and put them back: whoever has the disk can do that."""
    connection = apsw.Connection(str(folder / "ledger.db"))
    triggers = connection.execute(TRIGGERS).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for sql, *bindings in statements:
        connection.execute(sql, bindings)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


def body(folder, sequence):
    with LedgerReader(folder) as reader:
        return reader.raw(sequence, sequence + 1)[0]


def forged(folder, sequence):
    """An entry of the right form in the right place that says something else."""
    with LedgerReader(folder) as reader:
        return encode(draft(999), sequence, decode(reader.raw(1, 2)[0]).source, MOMENT)


def rewrite_tables(folder):
    """Make leaf hashes and nodes fit the bodies again, as an attacker would."""
    with LedgerReader(folder) as reader:
        leaves = list(map(leaf_hash, reader.raw(1, reader.size + 1)))
    frontier, rows = Frontier(), list[Node]()
    for leaf in leaves:
        frontier, nodes = frontier.append(leaf)
        rows += nodes
    set_leaf = "UPDATE entry SET leaf_hash = ? WHERE sequence = ?"
    set_node = "INSERT OR REPLACE INTO node VALUES (?, ?, ?)"
    tamper(folder, *((set_leaf, leaf, number) for number, leaf in enumerate(leaves, 1)))
    tamper(folder, *((set_node, node.level, node.index, node.hash) for node in rows))


def codes(folder, key=None):
    return [(problem.code, problem.sequence) for problem in verify(folder, key)]


def refused(folder):
    with pytest.raises(LedgerBrokenError) as caught:
        opened(folder)
    return caught.value.fields["what"]


def test_an_honest_ledger_has_no_problem_and_says_how_far_it_is(folder):
    seen = []
    assert verify(folder, progress=lambda *done: seen.append(done)) == ()
    assert seen == [(SIZE, SIZE)]


@pytest.mark.parametrize("sequence", range(1, SIZE + 1))
def test_any_changed_byte_of_any_entry_is_found_and_its_entry_named(folder, sequence):
    original, sql = body(folder, sequence), "UPDATE entry SET body = ? WHERE sequence = ?"
    for at in range(sequence % 17, len(original), 17):
        changed = original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :]
        tamper(folder, (sql, changed, sequence))
        assert ("entry_changed", sequence) in codes(folder), at
    assert f"entry {sequence}" in refused(folder)
    tamper(folder, (sql, original, sequence))
    assert codes(folder) == []


def test_only_the_changed_entry_is_named_and_not_all_that_follow(folder):
    sql = "UPDATE entry SET body = ? WHERE sequence = 3"
    tamper(folder, (sql, forged(folder, 3)))
    assert codes(folder) == [("entry_changed", 3)]


@pytest.mark.parametrize("sequence", range(2, SIZE + 1))
def test_a_changed_entry_whose_hashes_were_made_to_fit_is_found_by_the_signature(folder, sequence):
    tamper(
        folder, ("UPDATE entry SET body = ? WHERE sequence = ?", forged(folder, sequence), sequence)
    )
    rewrite_tables(folder)
    assert codes(folder)[0] == ("history_differs", sequence)
    assert ("head_differs", SIZE) in codes(folder)
    assert "not what was signed" in refused(folder)


def test_a_cut_tail_is_found_by_the_head_outside_the_database(folder):
    tamper(
        folder,
        ("DELETE FROM entry WHERE sequence > 4",),
        ("DELETE FROM checkpoint WHERE size > 4",),
        ("DELETE FROM node WHERE (position + 1) << level > 4",),
    )
    assert codes(folder) == [("tail_missing", 4)]
    assert refused(folder) == "head.note was signed at entry 6, the ledger ends at 4"


def test_a_carelessly_cut_tail_is_found_by_its_signatures_and_nodes(folder):
    tamper(folder, ("DELETE FROM entry WHERE sequence > 4",))
    found = [code for code, _ in codes(folder)]
    assert found == ["tail_missing", "tail_missing", "node_surplus"]
    assert "not what was signed" in refused(folder)


def test_a_tail_cut_together_with_its_head_is_found_by_the_witness(tmp_path):
    with filled(tmp_path / "ledger", 4) as ledger:
        early = tmp_path / "early"
        early.mkdir()
        ledger.back_up(early)
        ledger.append([draft(5)], MOMENT)
        cosign(ledger)
    for name in ("ledger.db", "head.note"):
        shutil.copy(early / name, tmp_path / "ledger" / name)
    (tmp_path / "ledger" / "ledger.db-wal").unlink()
    assert codes(tmp_path / "ledger") == [("tail_missing", 4)]
    assert refused(tmp_path / "ledger").startswith("witness.note was signed at entry 5")


def test_two_swapped_entries_are_both_named(folder):
    third, fifth = body(folder, 3), body(folder, 5)
    sql = "UPDATE entry SET body = ?, leaf_hash = ? WHERE sequence = ?"
    tamper(folder, (sql, third, leaf_hash(third), 5), (sql, fifth, leaf_hash(fifth), 3))
    found = codes(folder)
    assert {("entry_misplaced", 3), ("entry_misplaced", 5)} < set(found)
    assert "tree node" in refused(folder)


def test_an_entry_taken_out_of_the_middle_is_named(folder):
    tamper(folder, ("DELETE FROM entry WHERE sequence IN (3, 4)",))
    problem = verify(folder)[0]
    assert (problem.code, problem.sequence, problem.detail) == ("entry_missing", 3, "3-4")
    assert "no node" in refused(folder) or "missing" in refused(folder)


def test_an_older_copy_of_the_database_is_found(folder, tmp_path):
    old = shutil.copytree(folder, tmp_path / "old")
    with opened(folder) as ledger:
        ledger.append([draft(7)], MOMENT)
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        shutil.copy(old / name, folder / name)
    assert codes(folder) == [("tail_missing", SIZE)]
    assert refused(folder) == "head.note was signed at entry 7, the ledger ends at 6"


def test_a_database_taken_away_is_not_simply_begun_anew(folder):
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink()
    assert refused(folder) == "head.note was signed at entry 6, the ledger ends at 0"


def test_history_signed_again_with_the_real_key_is_found_by_the_witness(folder, tmp_path):
    with opened(folder) as ledger:
        cosign(ledger)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "ledger.key", other)
    with opened(other) as ledger:
        ledger.append([draft(number + 100) for number in range(SIZE)], MOMENT)
    assert codes(other) == []
    shutil.copy(folder / "witness.note", other)
    assert codes(other) == [("head_differs", SIZE)]
    assert "witness.note" in refused(other)


def test_another_key_put_in_place_of_the_ledgers_is_refused(folder):
    (folder / "ledger.key").write_bytes(bytes(32))
    assert "entry 1 is of" in refused(folder)


def test_a_ledger_without_its_key_gets_no_new_one(folder):
    (folder / "ledger.key").unlink()
    assert refused(folder) == "ledger.key is missing"
    assert not (folder / "ledger.key").exists()


def test_a_whole_ledger_of_another_key_is_found_where_the_key_is_known(folder, tmp_path):
    with filled(tmp_path / "other", 2) as other:
        stranger = str(other.verifying_key)
    assert codes(folder, stranger)[0] == ("key_differs", 1)
    assert ("checkpoint_malformed", SIZE) in codes(folder, stranger)


@pytest.mark.parametrize("name", ["head.note", "witness.note"])
def test_a_note_file_taken_away_or_spoilt_is_found(folder, name):
    with opened(folder) as ledger:
        cosign(ledger)
        ledger.append([draft(7)], MOMENT)
        cosign(ledger)
    note = (folder / name).read_text(encoding="utf-8")
    (folder / name).unlink()
    assert codes(folder) == [("head_missing", None)]
    for spoilt in ("", "\0", note.replace("\n7\n", "\n8\n"), note[:-3] + "A==\n"):
        (folder / name).write_text(spoilt, encoding="utf-8")
        assert codes(folder)[0][0] in {"head_malformed", "tail_missing"}
        assert name in refused(folder)


@pytest.mark.parametrize("name", ["head.note", "witness.note"])
def test_a_note_file_of_long_ago_is_found(folder, name):
    with opened(folder) as ledger:
        cosign(ledger)
        old = (folder / name).read_text(encoding="utf-8")
        for number in (7, 8, 9):
            ledger.append([draft(number)], MOMENT)
            cosign(ledger)
    (folder / name).write_text(old, encoding="utf-8")
    assert verify(folder)[0].code == "head_stale"
    assert f"{name}, of entry" in refused(folder)


@pytest.mark.parametrize("name", ["head.note", "witness.note"])
def test_a_ledger_whose_note_was_taken_away_is_not_opened(folder, name):
    with opened(folder) as ledger:
        for number in (7, 8):
            ledger.append([draft(number)], MOMENT)
            cosign(ledger)
    (folder / name).unlink()
    assert refused(folder) == f"{name} is missing"


def test_a_cosignature_taken_out_of_the_database_is_found_by_the_file(folder):
    with opened(folder) as ledger:
        cosign(ledger)
    tamper(folder, ("DELETE FROM cosignature",))
    assert codes(folder) == [("head_unrecorded", SIZE)]
    assert "not one of the last two cosignatures" in refused(folder)


def test_a_head_that_no_witness_signed_is_no_witness_note(folder):
    with opened(folder) as ledger:
        cosign(ledger)
        alone = ledger.checkpoint
    (folder / "witness.note").write_text(alone, encoding="utf-8")
    assert codes(folder) == [("head_unrecorded", SIZE)]
    assert "witness.note" in refused(folder)


def test_a_note_kept_elsewhere_shows_a_whole_folder_put_back(folder, tmp_path):
    old = shutil.copytree(folder, tmp_path / "old")
    with opened(folder) as ledger:
        ledger.append([draft(7)], MOMENT)
        kept = cosign(ledger)
    assert verify(folder, kept={"index": kept}) == ()
    assert verify(old) == ()
    (problem,) = verify(old, kept={"index": kept})
    assert (problem.code, problem.sequence, problem.detail) == ("tail_missing", SIZE, "index: 7")
    (problem,) = verify(old, kept={"index": "no note"})
    assert problem.code == "head_malformed"


def test_a_refusal_holds_both_notes_as_evidence(folder, tmp_path):
    old = shutil.copytree(folder, tmp_path / "old")
    with opened(folder) as ledger:
        older = ledger.checkpoint
        ledger.append([draft(7)], MOMENT)
        newer = ledger.checkpoint
    shutil.copy(folder / "head.note", old)
    with pytest.raises(LedgerBrokenError) as caught:
        opened(old)
    assert caught.value.fields["evidence"] == (newer, older)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TRIGGER entry_no_update", "trigger entry_no_update"),
        ("DROP INDEX entry_by_type", "index entry_by_type"),
        ("CREATE TABLE more (x)", "table more"),
        ("ALTER TABLE node RENAME COLUMN hash TO other", "table node"),
    ],
)
def test_a_database_rebuilt_by_another_hand_is_found(folder, statement, what):
    connection = apsw.Connection(str(folder / "ledger.db"))
    connection.execute(statement)
    connection.close()
    assert ("schema_differs", what) in [(p.code, p.detail) for p in verify(folder)]
    assert f"by another hand: {what}" in refused(folder)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE entry SET subject = 'R9' WHERE sequence = 3", ("column_differs", 3)),
        ("UPDATE entry SET type = 'x' WHERE sequence = 3", ("column_differs", 3)),
        ("UPDATE entry SET at = '2020' WHERE sequence = 3", ("column_differs", 3)),
        ("UPDATE entry SET leaf_hash = zeroblob(32) WHERE sequence = 3", ("entry_changed", 3)),
        (
            "UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND position = 1",
            ("node_differs", 4),
        ),
        ("DELETE FROM node WHERE level = 1 AND position = 1", ("node_missing", 4)),
        ("INSERT INTO node VALUES (9, 9, zeroblob(32))", ("node_surplus", None)),
        ("UPDATE checkpoint SET note = 'x' WHERE size = 3", ("checkpoint_malformed", 3)),
        ("UPDATE checkpoint SET size = 99 WHERE size = 6", ("checkpoint_missing", 6)),
        ("DELETE FROM checkpoint WHERE size = 6", ("checkpoint_missing", 6)),
        ("UPDATE cosignature SET timestamp = 1", ("cosignature_wrong", 6)),
        ("UPDATE cosignature SET witness = 'x'", ("cosignature_wrong", 6)),
        ("UPDATE cosignature SET size = 5", ("cosignature_wrong", 5)),
        ("UPDATE entry SET body = x'ff' WHERE sequence = 1", ("key_missing", 1)),
    ],
)
def test_every_column_that_is_changed_is_found_and_named(folder, statement, expected):
    with opened(folder) as ledger:
        cosign(ledger)
    tamper(folder, (statement,))
    assert expected in codes(folder)


def test_an_entry_of_another_ledger_is_named(folder):
    foreign = encode(draft(3), 3, PREFIX, MOMENT)
    tamper(folder, ("UPDATE entry SET body = ? WHERE sequence = 3", foreign))
    assert ("entry_foreign", 3) in codes(folder)


def test_an_emptied_ledger_is_found(folder):
    tamper(folder, *((f"DELETE FROM {table}",) for table in ("entry", "node", "checkpoint")))  # noqa: S608
    assert codes(folder) == [("ledger_empty", None), ("tail_missing", 0)]
    assert "the ledger ends at 0" in refused(folder)


def test_a_signature_of_a_stranger_in_place_of_the_witness_is_found(folder):
    with opened(folder) as ledger:
        note = SigningKey.generate().cosign(ledger.checkpoint, WITNESS_NAME, 1)
        cosign(ledger)
    tamper(folder, ("UPDATE cosignature SET note = ?", note))
    assert ("cosignature_wrong", SIZE) in codes(folder)


def test_a_flipped_byte_anywhere_in_the_file_is_found_or_changed_no_entry(folder, tmp_path):
    backup = tmp_path / "backup"
    backup.mkdir()
    with opened(folder) as ledger:
        ledger.back_up(backup)
        honest = ledger.raw(1, SIZE + 1)
    original = (backup / "ledger.db").read_bytes()
    chance = random.Random(20260921)
    for at in (chance.randrange(len(original)) for _ in range(150)):
        flipped = original[:at] + bytes([original[at] ^ 0x41]) + original[at + 1 :]
        (backup / "ledger.db").write_bytes(flipped)
        try:
            if verify(backup) == ():
                assert LedgerReader(backup).raw(1, SIZE + 1) == honest
        except LedgerStorageError:
            continue  # SQLite itself refused the file, which is as good
