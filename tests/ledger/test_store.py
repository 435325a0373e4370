import stat
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest
from cloudevents.http import from_json

from contracts.checkpoint import Checkpoint, WitnessRequest, verify_checkpoint
from contracts.entry import MAX_ENTRY_BYTES, Draft
from contracts.errors import (
    EntryError,
    LedgerBrokenError,
    LedgerLockedError,
    LedgerNewerError,
    LedgerStorageError,
    NoteError,
    ProofError,
)
from contracts.facts import LedgerOpened, fact_of
from contracts.note import SigningKey
from contracts.proof import check
from contracts.tree import Head, leaf_hash, verify_consistency, verify_inclusion
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.support.entering import (
    MOMENT,
    PREFIX,
    WITNESS,
    WITNESS_KEY,
    WITNESS_NAME,
    cosign,
    draft,
    filled,
    opened,
)


@pytest.fixture
def ledger(tmp_path):
    with filled(tmp_path / "ledger", 5) as made:
        yield made


def checkpoint(ledger, note=None):
    return verify_checkpoint(note or ledger.checkpoint, ledger.verifying_key)


def test_a_new_ledger_begins_with_whose_it_is(ledger):
    fact = fact_of(ledger.get(1), LedgerOpened)
    assert fact.origin == ledger.origin == f"{PREFIX}/{ledger.origin[-8:]}"
    assert (fact.organisation, fact.station) == ("example", "s1")
    assert fact.public_key == str(ledger.verifying_key)


def test_the_key_is_made_once_and_only_its_owner_may_read_it(ledger):
    key = ledger.folder / "ledger.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert SigningKey(key.read_bytes()).verifying(ledger.origin) == ledger.verifying_key


def test_a_key_that_others_may_read_is_not_used(ledger):
    ledger.close()
    (ledger.folder / "ledger.key").chmod(0o644)
    with pytest.raises(LedgerStorageError, match="644"):
        opened(ledger.folder)


def test_what_is_appended_is_there_after_reopening(ledger):
    entries = ledger.append([draft(6), draft(7)], MOMENT)
    origin = ledger.origin
    ledger.close()
    with opened(ledger.folder) as again:
        assert again.entries(6, 8) == entries
        assert (again.size, again.origin) == (7, origin)
        assert checkpoint(again).size == 7


def test_every_append_is_signed_and_kept_outside_the_database_too(ledger):
    assert checkpoint(ledger).size == 5
    assert (ledger.folder / "head.note").read_text(encoding="utf-8") == ledger.checkpoint


def test_of_a_batch_with_one_bad_draft_nothing_is_entered(ledger):
    too_long = Draft("x", "y", {"text": "x" * MAX_ENTRY_BYTES})
    with pytest.raises(EntryError):
        ledger.append([draft(6), too_long], MOMENT)
    with pytest.raises(EntryError):
        ledger.append([draft(6), Draft("x", "y", {"number": 2**53})], MOMENT)
    assert (ledger.size, checkpoint(ledger).size) == (5, 5)
    assert ledger.append([draft(6)], MOMENT)[0].sequence == 6


def test_nothing_appended_is_nothing_signed(ledger):
    assert ledger.append([], MOMENT) == ()
    assert ledger.checkpoint_count == 5


def test_every_entry_is_an_event_to_the_cloudevents_library(ledger):
    for raw in ledger.raw(1, 6):
        event = from_json(raw)
        assert event["id"] == str(int(event["sequence"]))
        assert (event["source"], event["bootid"]) == (ledger.origin, "example-boot")


def test_every_entry_is_proven_in_every_checkpoint_from_its_own_on(ledger):
    for size in range(1, 6):
        head = checkpoint(ledger, ledger.checkpoint_at(size))
        for number, raw in enumerate(ledger.raw(1, size + 1), 1):
            proof = ledger.inclusion(number, size)
            verify_inclusion(leaf_hash(raw), number - 1, size, proof, head.root)


def test_every_checkpoint_is_proven_to_extend_the_earlier_ones(ledger):
    heads = [checkpoint(ledger, ledger.checkpoint_at(size)).head for size in range(1, 6)]
    for new in heads:
        for old in heads[: new.size]:
            verify_consistency(old, new, ledger.consistency(old.size, new.size))


def test_a_checkpoint_signed_again_is_the_same_note(ledger):
    assert ledger.checkpoint_at(5) == ledger.checkpoint


def test_nothing_is_proven_or_signed_of_entries_that_are_not_there(ledger):
    for ask in (ledger.checkpoint_at, ledger.prove, lambda size: ledger.consistency(1, size)):
        with pytest.raises(ProofError):
            ask(6)
    with pytest.raises(ProofError):
        ledger.inclusion(6, 6)


def test_entries_are_selected_by_subject_type_and_place(ledger):
    ledger.append([draft(6, "R0002"), draft(7, "R0002", "recorder.docked")], MOMENT)
    numbers = [entry.sequence for entry in ledger.select("R0002")]
    assert numbers == [6, 7]
    assert [entry.sequence for entry in ledger.select(types=["recorder.docked"])] == [7]
    assert [entry.sequence for entry in ledger.select("R0001", after=3)] == [4, 5]


def test_a_selection_goes_on_beyond_one_page(ledger):
    ledger.append([draft(number) for number in range(6, 1_207)], MOMENT)
    assert [entry.sequence for entry in ledger.select()] == list(range(1, 1_207))


def test_several_threads_may_append_read_and_prove_at_once(ledger):
    def work(number):
        (entry,) = ledger.append([draft(number)], MOMENT)
        return entry.sequence, check(ledger.prove(entry.sequence), f"{number:064x}").holds

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, range(100)))
    assert sorted(done) == [(sequence, True) for sequence in range(6, 106)]
    assert verify(ledger.folder) == ()


def test_a_fraction_is_not_entered(ledger):
    with pytest.raises(EntryError, match="not an integer"):
        ledger.append([Draft("x", "y", {"number": 0.5})], MOMENT)
    assert ledger.size == 5


def test_a_second_writer_is_refused(ledger):
    with pytest.raises(LedgerLockedError):
        opened(ledger.folder)
    ledger.close()
    opened(ledger.folder).close()


def test_what_the_witness_signed_is_kept_and_put_into_proofs(ledger):
    assert ledger.witnessed_size == 0
    note = cosign(ledger)
    ledger.append([draft(6)], MOMENT)
    assert ledger.witnessed_size == 5
    assert (ledger.folder / "witness.note").read_text(encoding="utf-8") == note
    witnessed, alone = (check(ledger.prove(n), f"{n:064x}") for n in (5, 6))
    assert witnessed.holds
    assert witnessed.witnessed_at is not None
    assert alone.holds
    assert alone.witnessed_at is None


def test_an_older_cosignature_is_kept_but_takes_nothing_back(ledger):
    early = WITNESS_KEY.cosign(ledger.checkpoint_at(3), WITNESS_NAME, 1)
    note = cosign(ledger)
    assert ledger.accept_cosignature(early, WITNESS) == 5
    assert ledger.accept_cosignature(early, WITNESS) == 5
    assert (ledger.folder / "witness.note").read_text(encoding="utf-8") == note


def test_a_cosignature_of_somebody_else_is_refused(ledger):
    note = SigningKey.generate().cosign(ledger.checkpoint, WITNESS_NAME, 1)
    with pytest.raises(NoteError):
        ledger.accept_cosignature(note, WITNESS)
    assert ledger.witnessed_size == 0


def test_a_witness_that_saw_another_history_stops_everything(ledger):
    key = SigningKey((ledger.folder / "ledger.key").read_bytes())
    for size in (4, 9):
        text = str(Checkpoint(ledger.origin, size, leaf_hash(b"another history")))
        note = WITNESS_KEY.cosign(key.sign(text, ledger.origin), WITNESS_NAME, 1)
        with pytest.raises(LedgerBrokenError):
            ledger.accept_cosignature(note, WITNESS)


def test_the_request_to_a_witness_can_be_made_of_what_the_ledger_gives(ledger):
    body = WitnessRequest(2, ledger.consistency(2, 5), ledger.checkpoint).format()
    request = WitnessRequest.parse(body)
    old = checkpoint(ledger, ledger.checkpoint_at(2)).head
    verify_consistency(old, checkpoint(ledger, request.note).head, request.proof)


def test_a_backup_taken_while_the_ledger_is_open_verifies_by_itself(ledger, tmp_path):
    cosign(ledger)
    target = tmp_path / "backup"
    target.mkdir()
    ledger.back_up(target)
    assert verify(target, str(ledger.verifying_key)) == ()
    assert not (target / "ledger.key").exists()
    with pytest.raises(LedgerStorageError):
        ledger.back_up(target)


@pytest.mark.parametrize("table", ["entry", "node", "checkpoint", "cosignature"])
def test_the_tables_refuse_to_be_changed_or_emptied(ledger, table):
    cosign(ledger)
    connection = apsw.Connection(str(ledger.folder / "ledger.db"))
    column = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).get[0]
    for sql in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):  # noqa: S608
        with pytest.raises(apsw.ConstraintError):
            connection.execute(sql)
    connection.close()


def test_an_entry_can_neither_be_replaced_nor_put_anywhere_but_at_the_end(ledger):
    connection = apsw.Connection(str(ledger.folder / "ledger.db"))
    for sequence in (3, 9):
        row = (sequence, "t", "s", "at", b"body", bytes(32))
        with pytest.raises(apsw.ConstraintError):
            connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()


def test_a_database_of_a_newer_version_is_left_alone(ledger):
    ledger.close()
    connection = apsw.Connection(str(ledger.folder / "ledger.db"))
    connection.pragma("user_version", 99)
    connection.close()
    before = (ledger.folder / "ledger.db").read_bytes()
    for attempt in (opened, verify, LedgerReader):
        with pytest.raises(LedgerNewerError) as caught:
            attempt(ledger.folder)
        assert caught.value.fields["found"] == 99
    assert (ledger.folder / "ledger.db").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_an_error_with_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerStorageError):
        opened(tmp_path / "file" / "ledger")


def test_the_same_head_is_the_same_whether_entered_singly_or_together(tmp_path):
    roots = set()
    for name, batches in (("a", [[1], [2], [3]]), ("b", [[1, 2, 3]])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ledger.key").write_bytes(bytes(32))
        (tmp_path / name / "ledger.key").chmod(0o600)
        with opened(tmp_path / name) as made:
            for batch in batches:
                made.append([draft(number) for number in batch], MOMENT)
            roots.add(Head(made.size, checkpoint(made).root))
    assert len(roots) == 1
