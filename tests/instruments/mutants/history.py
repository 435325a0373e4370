"""Bugs of the ledger, and of the index that believes it."""

from tests.instruments.mutants.applying import Mutant, power_cut, tests

_CONTRACTS_NOTE = "contracts/note.py"
_LEDGER_DATABASE = "ledger/database.py"
_LEDGER_FOLDER = "ledger/folder.py"
_LEDGER_OPENING = "ledger/opening.py"
_LEDGER_STORE = "ledger/store.py"

LEDGER = (
    Mutant(
        "wal-normal",
        _LEDGER_DATABASE,
        '    "synchronous": 2,  # FULL',
        '    "synchronous": 1,  # FULL',
        "a commit is lost by a cut",
        power_cut(),
    ),
    Mutant(
        "pragma-not-read-back",
        _LEDGER_DATABASE,
        "        if actual != wanted:",
        "        if False:",
        "a setting that did not take goes unseen",
        tests("ledger/test_database", "a_setting_that_sqlite_took_and_did_not_keep_is_an_error"),
    ),
    Mutant(
        "migrated-piecemeal",
        _LEDGER_DATABASE,
        (
            "            with self.transaction(), _translated(self._folder):\n"
            "                self._connection.execute(script)\n"
        ),
        (
            "            with _translated(self._folder):\n"
            "                self._connection.execute(script)\n"
        ),
        "a cut in a migration leaves a ledger that nobody opens",
        power_cut(),
    ),
    Mutant(
        "commit-error-forgiven",
        _LEDGER_DATABASE,
        ("            raise LedgerCommitError(where=self._folder, what=_reason(error)) from error"),
        "            del error",
        "an entry is reported that was not entered",
        tests(
            "ledger/test_disk_faults",
            "a_commit_whose_sync_failed_is_unknown_and_after_the_restart_there_is_one_entry",
        ),
    ),
    Mutant(
        "goes-on-after-failure",
        _LEDGER_STORE,
        "                self._failed = True\n",
        "",
        "entries follow one of which nobody knows",
        tests("ledger/test_crash", "after_a_commit_of_unknown_outcome_nothing_more_is_taken"),
    ),
    Mutant(
        "signed-before-commit",
        _LEDGER_STORE,
        "        note = self._sign(again)\n",
        ("        note = self._sign(again)\n        self._keep(HEAD_NAME, note)\n"),
        "a head is signed of entries that are not there",
        power_cut(),
    ),
    Mutant(
        "not-read-back",
        _LEDGER_STORE,
        "            if leaf != stored:",
        "            if False:",
        "what is signed is not what the tables hold",
        tests("ledger/test_flips", "what_changes_between_insert_and_signature_is_refused"),
    ),
    Mutant(
        "head-not-kept",
        _LEDGER_STORE,
        ("        self._keep(HEAD_NAME, note)\n        return entries"),
        "        return entries",
        "nothing outside the database says how far it was",
        tests("ledger/test_store", "every_append_is_signed_and_kept_outside_the_database_too"),
    ),
    Mutant(
        "head-not-synced",
        _LEDGER_FOLDER,
        "        os.fsync(file.fileno())",
        "        pass",
        "the head kept outside is empty after a cut",
        power_cut(),
    ),
    Mutant(
        "kept-notes-not-checked",
        _LEDGER_OPENING,
        "            _check_kept(records, name, note, key)",
        "            pass",
        "a ledger shorter than signed is opened",
        tests("ledger/test_attacks", "a_cut_tail_is_found_by_the_head_outside_the_database"),
    ),
    Mutant(
        "missing-note-forgiven",
        _LEDGER_OPENING,
        "        elif len(records.latest_notes(KEPT[name])) > 1:",
        "        elif False:",
        "who takes the head away hides a cut tail",
        tests("ledger/test_attacks", "a_ledger_whose_note_was_taken_away_is_not_opened"),
    ),
    Mutant(
        "witness-note-not-kept",
        _LEDGER_STORE,
        "            if newest:\n",
        "            if False:\n",
        "what the witness signed is only in the database",
        (
            *tests("ledger/test_store", "what_the_witness_signed_is_kept_and_put_into_proofs"),
            *tests(
                "ledger/test_attacks", "a_tail_cut_together_with_its_head_is_found_by_the_witness"
            ),
        ),
    ),
    Mutant(
        "cosignature-not-verified",
        _CONTRACTS_NOTE,
        "        _verify(key, stamped[8:], _cosigned(text, timestamp))\n",
        "",
        "anybody can play the witness",
        tests("contracts/test_note", "a_cosignature_on_one_note_does_not_fit_another"),
    ),
    Mutant(
        "signature-not-verified",
        _CONTRACTS_NOTE,
        "        _verify(key, signature, text.encode())\n",
        "        pass\n",
        "anybody can sign",
        tests("contracts/test_note", "no_character_of_a_note_can_be_changed"),
    ),
    Mutant(
        "ledger-not-locked",
        _LEDGER_FOLDER,
        "        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "        pass",
        "two writers make two histories",
        tests("ledger/test_store", "a_second_writer_is_refused"),
    ),
    Mutant(
        "new-key-for-old-ledger",
        _LEDGER_STORE,
        "    if records.size and not has_key(folder):",
        "    if False:",
        "a lost key makes a second ledger",
        tests("ledger/test_attacks", "a_ledger_without_its_key_gets_no_new_one"),
    ),
    Mutant(
        "witness-of-other-history",
        _LEDGER_STORE,
        "        if self.frontier(checkpoint.size).root() != checkpoint.root:",
        "        if False:",
        "a witness that saw another history goes unheard",
        tests("ledger/test_store", "a_witness_that_saw_another_history_stops_everything"),
    ),
)
