"""Bugs between a station and its index, and of the gate before a card is cleared."""

from tests.instruments.mutants.applying import Mutant, tests

_CORE_CLEARING = "agent/core/clearing.py"
_CORE_SHIPPING = "agent/core/shipping.py"
_SHIPPER = "agent/shipper.py"
_INDEX_CORE_RECEIVING = "index/core/receiving.py"
_INDEX_INTAKE = "index/intake.py"
_INDEX_STORE = "index/store.py"

OFFICE = (
    Mutant(
        "root-not-compared",
        _INDEX_CORE_RECEIVING,
        "            if frontier.root() != checkpoint.root:",
        "            if False:",
        "entries nobody signed are stored",
        tests(
            "index/core/test_receiving",
            "forged_waiting_entries_are_dropped_when_the_head_provably_extends_ours",
        ),
    ),
    Mutant(
        "fork-accepted",
        _INDEX_CORE_RECEIVING,
        "        if checkpoint.root != ours:",
        "        if False:",
        "two histories of one station pass",
        tests("index/core/test_receiving", "two_heads_of_one_size_are_a_fork"),
    ),
    Mutant(
        "inconsistency-accepted",
        _INDEX_CORE_RECEIVING,
        ('            return str(error.fields["why"])\n        return None'),
        ("            del error\n        return None"),
        "a rewritten history passes",
        tests(
            "index/core/test_receiving", "a_rewritten_history_is_a_fork_as_soon_as_its_head_is_seen"
        ),
    ),
    Mutant(
        "another-sequence",
        _INDEX_CORE_RECEIVING,
        "            if (entry.sequence, entry.source) != (number, self.key.name):",
        "            if entry.source != self.key.name:",
        "a replayed entry fills another place",
        tests(
            "index/core/test_receiving",
            "a_station_that_signs_what_is_no_entry_of_its_is_not_believed",
        ),
    ),
    Mutant(
        "oversize-accepted",
        _INDEX_CORE_RECEIVING,
        "        if len(payload) > MAX_BATCH_BYTES:",
        "        if False:",
        "one message fills the memory",
        tests("index/core/test_receiving", "what_is_no_entry_of_the_station_is_refused"),
    ),
    Mutant(
        "waiting-without-bound",
        _INDEX_CORE_RECEIVING,
        "        if self.pending_bytes + more > MAX_PENDING_BYTES:",
        "        if False:",
        "one station fills the memory",
        tests(
            "index/core/test_receiving",
            "more_bytes_than_a_station_sends_ahead_make_room_for_what_comes",
        ),
    ),
    Mutant(
        "forked-believed",
        _INDEX_CORE_RECEIVING,
        "        self.is_forked = True\n",
        "",
        "a station that forked is believed on",
        tests("index/core/test_receiving", "a_station_that_forked_is_told_nothing_any_more"),
    ),
    Mutant(
        "believed-unstored",
        _INDEX_INTAKE,
        ("            self._unbelieve(station)\n            return"),
        "            pass",
        "what could not be stored is acknowledged",
        tests("index/test_turns", "a_station_whose_part_cannot_be_stored_does_not_fail_the_others"),
    ),
    Mutant(
        "key-replaced",
        _INDEX_INTAKE,
        "        if str(key) != expected:",
        "        if False:",
        "whoever shows a key is the station",
        tests("index/test_intake", "another_key_of_a_known_station_is_refused_and_said"),
    ),
    Mutant(
        "index-normal",
        _INDEX_STORE,
        '"synchronous": 2',
        '"synchronous": 1',
        "the index forgets what it acknowledged",
        tests("index/test_store", "sqlite_is_set_up_to_survive_a_power_cut"),
    ),
    Mutant(
        "witness-key-changes",
        _SHIPPER,
        "        if state.key != self.witness_key:",
        "        if False:",
        "another index passes for the witness",
        tests("agent/test_shipper", "another_key_of_the_index_is_trouble_and_changes_nothing"),
    ),
    Mutant(
        "index-ahead-ignored",
        _SHIPPER,
        "        if have.size > self._ledger.size:",
        "        if False:",
        "a ledger set back goes unseen",
        tests(
            "agent/test_shipper",
            "an_index_that_has_more_than_the_ledger_is_trouble_and_is_sent_nothing",
        ),
    ),
    Mutant(
        "position-never-falls",
        _CORE_SHIPPING,
        ("    return _from(shipping, size)\n\n\ndef next_window"),
        ("    return shipping\n\n\ndef next_window"),
        "a restored index never gets its entries again",
        tests("agent/core/test_shipping", "an_index_restored_from_a_backup_is_sent_what_it_lost"),
    ),
)
CLEARING = (
    Mutant(
        "cleared-without-second-reading",
        _CORE_CLEARING,
        "(Reason.NOT_READ_AGAIN, lambda case: case.second is None)",
        "(Reason.NOT_READ_AGAIN, lambda case: False)",
        "a card is cleared that was read once",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
    Mutant(
        "cleared-before-witness",
        _CORE_CLEARING,
        "(Reason.NOT_WITNESSED, lambda case: not _is_covered(case.around, case.completed))",
        "(Reason.NOT_WITNESSED, lambda case: False)",
        "a card is cleared on the word of the station alone",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
    Mutant(
        "intent-not-witnessed",
        _CORE_CLEARING,
        ("    if not _is_covered(case.around, clearing.intended):\n        shown"),
        ("    if False:\n        shown"),
        "removing begins before the intent is witnessed",
        tests(
            "agent/core/test_emptying", "the_intent_itself_must_be_witnessed_before_the_last_look"
        ),
    ),
    Mutant(
        "cleared-though-different",
        _CORE_CLEARING,
        "case.second.differing > 0)",
        "case.second.differing > 1)",
        "a file that reads otherwise is removed",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
    Mutant(
        "cleared-though-lacking",
        _CORE_CLEARING,
        "case.second.lacking > 0)",
        "case.second.lacking > 1)",
        "a file the archive lacks is removed",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
    Mutant(
        "cleared-though-unlisted",
        _CORE_CLEARING,
        "listing.error is not None or _unread(listing) for",
        "_unread(listing) for",
        "a card is cleared whose listing failed",
        tests(
            "agent/core/test_clearing",
            "each_reason_alone_bars_the_card",
            "what_could_not_be_listed_bars_the_card",
        ),
    ),
    Mutant(
        "cleared-by-default",
        _CORE_CLEARING,
        "(Reason.NOT_ALLOWED, lambda case: case.rule is None)",
        "(Reason.NOT_ALLOWED, lambda case: False)",
        "cards are cleared that no policy allows",
        tests("agent/core/test_clearing", "each_reason_alone_bars_the_card"),
    ),
)
