from datetime import UTC, datetime, timedelta

import pytest

from contracts.batch import MAX_AHEAD_ENTRIES, MAX_BATCH_BYTES, batches
from contracts.checkpoint import Checkpoint, WitnessRequest
from contracts.entry import MAX_ENTRY_BYTES, Draft, Moment, encode
from contracts.note import SigningKey
from contracts.tree import Frontier, consistency_proof, leaf_hash, node_hash
from index.core.receiving import (
    MAX_PENDING_BYTES,
    Commit,
    Fork,
    Refused,
    SayHave,
    SayWitnessed,
    StationMirror,
)

NOW = datetime(2026, 9, 21, 8, tzinfo=UTC)
LATER = NOW + timedelta(seconds=2)
ORIGIN = "muster/example/s1/0badcafe"
KEY = SigningKey(bytes(32))
OTHER_KEY = SigningKey(bytes([1]) * 32)


class History:
    """A ledger of a station that may lie."""

    def __init__(self, count, word="true"):
        moment = Moment(NOW, "boot", 1, "unknown")
        self.raw = [
            encode(Draft("t", "s", {"word": word if n == count else "true"}), n, ORIGIN, moment)
            for n in range(1, count + 1)
        ]
        self.leaves = [leaf_hash(raw) for raw in self.raw]

    def root(self, size):
        frontier = Frontier()
        for leaf in self.leaves[:size]:
            frontier, _ = frontier.append(leaf)
        return frontier.root()

    def node(self, level, index):
        if level == 0:
            return self.leaves[index]
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def request(self, old, size, key=KEY):
        text = str(Checkpoint(ORIGIN, size, self.root(size)))
        proof = consistency_proof(old, size, self.node)
        return WitnessRequest(old, proof, key.sign(text, ORIGIN)).format()


TRUE = History(9)


def mirror(have=0):
    """Return a mirror that holds the first entries of the true history."""
    found = StationMirror(KEY.verifying(ORIGIN), Frontier(), None, TRUE.root)
    if have:
        give(found, TRUE, 1, have)
        (commit,) = found.take_checkpoint(TRUE.request(0, have), NOW)
        found.settle(commit)
    return found


def give(found, history, first, last, now=NOW):
    return [
        out
        for payload in batches(history.raw[first - 1 : last])
        for out in found.take_entries(payload, now)
    ]


def test_entries_covered_by_a_signed_head_are_committed():
    found = mirror()
    give(found, TRUE, 1, 5)
    (commit,) = found.take_checkpoint(TRUE.request(0, 5), NOW)
    assert [entry.raw for entry in commit.entries] == TRUE.raw[:5]
    assert (commit.old_size, commit.checkpoint.root) == (0, TRUE.root(5))


def test_nothing_is_believed_before_it_is_stored():
    found = mirror()
    give(found, TRUE, 1, 5)
    found.take_checkpoint(TRUE.request(0, 5), NOW)
    assert found.have == 0
    assert found.is_behind


def test_a_stored_commit_moves_the_position():
    found = mirror(5)
    assert (found.have, found.head.root, found.is_behind) == (5, TRUE.root(5), False)


def test_entries_alone_are_not_committed():
    assert give(mirror(), TRUE, 1, 5) == []


def test_entries_in_any_order_are_committed_once_a_head_covers_them():
    found = mirror()
    found.take_checkpoint(TRUE.request(0, 3), NOW)
    outcomes = [out for n in (3, 1, 2) for out in found.take_entries(TRUE.raw[n - 1], LATER)]
    assert isinstance(outcomes[-1], Commit)


def test_entries_beyond_the_head_wait_for_the_next():
    found = mirror()
    give(found, TRUE, 1, 7)
    (commit,) = found.take_checkpoint(TRUE.request(0, 5), NOW)
    assert len(commit.entries) == 5


def test_an_older_head_does_not_push_aside_a_newer_one_that_waits():
    found = mirror()
    found.take_checkpoint(TRUE.request(0, 5), NOW)
    found.take_checkpoint(TRUE.request(0, 3), NOW)
    assert give(found, TRUE, 1, 5, LATER)[-1].checkpoint.size == 5


def test_an_entry_that_is_stored_already_changes_nothing():
    assert mirror(5).take_entries(TRUE.raw[2], LATER) == ()


def test_a_gap_is_answered_with_the_position():
    assert mirror(2).take_entries(TRUE.raw[4], LATER) == (SayHave(2),)


def test_answers_do_not_echo():
    found = mirror(2)
    found.take_entries(TRUE.raw[4], LATER)
    assert found.take_entries(TRUE.raw[6], LATER + timedelta(milliseconds=900)) == ()
    assert found.take_entries(TRUE.raw[8], LATER + timedelta(seconds=1)) == (SayHave(2),)


def test_a_clock_set_back_does_not_silence_the_index():
    found = mirror(2)
    found.take_entries(TRUE.raw[4], LATER)
    assert found.take_entries(TRUE.raw[6], LATER - timedelta(hours=1)) == (SayHave(2),)


def test_what_waits_is_bounded():
    found = mirror()
    moment = Moment(NOW, "boot", 1, "unknown")
    far = encode(Draft("t", "s", {}), MAX_AHEAD_ENTRIES + 1, ORIGIN, moment)
    assert found.take_entries(far, NOW) == (SayHave(0),)
    assert not found.is_behind


def test_more_bytes_than_a_station_sends_ahead_make_room_for_what_comes():
    found = mirror()
    large = b"x" * (MAX_ENTRY_BYTES - 1)
    for first in range(2, 400, 7):
        found.take_entries(b"\n".join([entry_at(first), *[large] * 6]), NOW)
        assert found.pending_bytes <= MAX_PENDING_BYTES
    give(found, TRUE, 1, 5)
    assert isinstance(found.take_checkpoint(TRUE.request(0, 5), NOW)[0], Commit)


def entry_at(number):
    return encode(Draft("t", "s", {}), number, ORIGIN, Moment(NOW, "boot", 1, "unknown"))


def test_entries_sent_again_take_no_more_room():
    found = mirror()
    give(found, TRUE, 1, 9)
    waiting = found.pending_bytes
    give(found, TRUE, 3, 9)
    assert found.pending_bytes == waiting == sum(map(len, TRUE.raw))


def test_what_is_beyond_a_commit_waits_for_the_next_head():
    found = mirror()
    give(found, TRUE, 1, 7)
    found.settle(found.take_checkpoint(TRUE.request(0, 5), NOW)[0])
    assert found.pending_bytes == sum(map(len, TRUE.raw[5:7]))
    (commit,) = found.take_checkpoint(TRUE.request(5, 7), NOW)
    assert [entry.sequence for entry in commit.entries] == [6, 7]


def test_a_newer_head_goes_on_waiting_when_an_older_one_is_stored():
    found = mirror()
    give(found, TRUE, 1, 3)
    (commit,) = found.take_checkpoint(TRUE.request(0, 3), NOW)
    found.take_checkpoint(TRUE.request(3, 9), NOW)
    found.settle(commit)
    assert isinstance(give(found, TRUE, 4, 9, LATER)[-1], Commit)


def test_a_mirror_goes_back_to_what_was_stored():
    found = mirror(2)
    before = found.frontier, found.note
    give(found, TRUE, 3, 9)
    found.settle(found.take_checkpoint(TRUE.request(2, 5), NOW)[0])
    found.retreat(*before)
    assert (found.have, found.note, found.is_behind) == (2, before[1], False)


@pytest.mark.parametrize(
    ("raw", "fault"), [(b"{}", "malformed"), (TRUE.raw[4], "foreign"), (b"", "malformed")]
)
def test_a_station_that_signs_what_is_no_entry_of_its_is_not_believed(raw, fault):
    lie = History(3)
    lie.raw[1] = raw
    lie.leaves = [leaf_hash(one) for one in lie.raw]
    found = mirror()
    assert give(found, lie, 1, 3) == []
    (refused,) = found.take_checkpoint(lie.request(0, 3), NOW)
    assert (refused.fault, found.have, found.is_behind) == (fault, 0, False)


def test_the_same_head_again_is_answered_with_what_is_signed():
    found = mirror(5)
    assert found.take_checkpoint(TRUE.request(0, 5), LATER) == (SayHave(5), SayWitnessed(5))


def test_the_same_head_at_once_is_not_answered_again():
    assert mirror(5).take_checkpoint(TRUE.request(0, 5), NOW) == ()


def test_an_older_head_of_the_same_history_is_no_fork():
    found = mirror(5)
    assert found.take_checkpoint(TRUE.request(0, 3), LATER) == (SayHave(5), SayWitnessed(5))


def test_a_head_whose_entries_are_missing_asks_for_them():
    assert mirror(2).take_checkpoint(TRUE.request(2, 5), LATER) == (SayHave(2),)


def test_forged_waiting_entries_are_dropped_when_the_head_provably_extends_ours():
    found = mirror(2)
    give(found, History(3, "forged"), 3, 3)
    assert found.take_checkpoint(TRUE.request(2, 3), LATER) == (SayHave(2),)
    assert not found.is_behind
    give(found, TRUE, 3, 3)
    assert isinstance(found.take_checkpoint(TRUE.request(2, 3), LATER)[0], Commit)


def test_a_proof_from_another_position_proves_nothing_and_is_asked_for_anew():
    found = mirror(2)
    give(found, History(3, "forged"), 3, 3)
    assert found.take_checkpoint(TRUE.request(1, 3), LATER) == (SayHave(2),)
    assert not found.is_forked


def test_two_heads_of_one_size_are_a_fork():
    found = mirror(5)
    (fork,) = found.take_checkpoint(History(5, "lie").request(0, 5), LATER)
    assert isinstance(fork, Fork)
    assert (fork.accepted.size, fork.why) == (5, "two roots for size 5")
    assert fork.accepted_note is not None


def test_a_shorter_head_of_another_history_is_a_fork():
    (fork,) = mirror(5).take_checkpoint(History(3, "lie").request(0, 3), LATER)
    assert isinstance(fork, Fork)


def rewritten():
    """Return a history whose third entry was changed after the office saw five."""
    lie = History(9)
    lie.raw[2] = History(3, "lie").raw[2]
    lie.leaves[2] = leaf_hash(lie.raw[2])
    return lie


def test_a_rewritten_history_is_a_fork_as_soon_as_its_head_is_seen():
    (fork,) = mirror(5).take_checkpoint(rewritten().request(5, 9), LATER)
    assert "does not begin" in fork.why


def test_a_fork_keeps_the_entries_that_came_with_it():
    found, lie = mirror(5), rewritten()
    give(found, lie, 6, 9)
    (fork,) = found.take_checkpoint(lie.request(5, 9), LATER)
    assert fork.entries == tuple(lie.raw[5:9])


def test_a_station_that_forked_is_told_nothing_any_more():
    found = mirror(5)
    found.take_checkpoint(History(5, "lie").request(0, 5), LATER)
    assert found.take_checkpoint(TRUE.request(0, 5), LATER + timedelta(hours=1)) == ()
    assert found.take_entries(TRUE.raw[5], LATER + timedelta(hours=1)) == ()
    assert found.answer(LATER + timedelta(hours=1), at_once=True) == ()


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"x" * (MAX_BATCH_BYTES + 1), "oversized"),
        (b"x" * (MAX_ENTRY_BYTES + 1), "malformed"),
        (b"\n".join(TRUE.raw * 12), "malformed"),
        (b"", "malformed"),
        (b'{"a": 1}', "malformed"),
        (b"[" * 9000, "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"a":NaN}', "malformed"),
        (TRUE.raw[0].replace(b"0badcafe", b"0badcaff"), "foreign"),
    ],
)
def test_what_is_no_entry_of_the_station_is_refused(raw, fault):
    (refused,) = mirror().take_entries(raw, NOW)
    assert isinstance(refused, Refused)
    assert refused.fault == fault


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n\nx",
        b"\xff",
        TRUE.request(0, 3, OTHER_KEY),
        TRUE.request(0, 3).replace(b"\n3\n", b"\n4\n"),
        b"old 0\n\n" + b"x" * 200_000,
    ],
)
def test_what_the_station_did_not_sign_is_refused(body):
    found = mirror(2)
    (refused,) = found.take_checkpoint(body, LATER)
    assert refused.fault == "unsigned"
    assert (found.have, found.is_forked) == (2, False)
