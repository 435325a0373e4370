import json
from datetime import UTC, datetime

import pytest

from contracts.checkpoint import Checkpoint, WitnessRequest
from contracts.fork import check_fork
from contracts.note import SigningKey
from contracts.tree import Frontier, Head, leaf_hash
from index.core.receiving import Fork
from index.forks import fork_report

KEY = SigningKey(bytes(32))
NAME = f"muster/example/s1/{KEY.fingerprint}"
LEAVES = [leaf_hash(bytes([number])) for number in range(9)]
OTHERS = [*LEAVES[:3], *(leaf_hash(b"other" + leaf) for leaf in LEAVES[3:])]
TRUSTED = str(KEY.verifying(NAME))


def head(leaves):
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.append(leaf)
    return Head(frontier.size, frontier.root())


def note(leaves, key=KEY):
    return key.sign(str(Checkpoint(NAME, *vars_of(head(leaves)))), NAME)


def vars_of(one):
    return one.size, one.root


def report(presented, accepted=LEAVES):
    had = note(accepted) if accepted else None
    fork = Fork("why", head(accepted), had, WitnessRequest(0, (), note(presented)), ())
    now = datetime(2026, 9, 21, tzinfo=UTC)
    return fork_report("s1", KEY.verifying(NAME), fork, accepted, now).body


def codes(raw, trusted=TRUSTED):
    return [problem.code for problem in check_fork(raw, trusted).problems]


@pytest.mark.parametrize("size", range(4, 10))
def test_a_report_of_two_histories_proves_the_fork_by_itself(size):
    assert check_fork(report(OTHERS[:size]), TRUSTED).holds


def test_a_head_of_the_same_history_is_no_fork():
    assert codes(report(LEAVES[:5])) == ["fork_unproven"]
    assert codes(report(OTHERS[:3])) == ["fork_unproven"]


def test_a_newer_head_alone_proves_nothing_and_says_whom_to_ask():
    (problem,) = check_fork(report(OTHERS, LEAVES[:5])).problems
    assert (problem.code, problem.detail) == (
        "fork_unproven",
        "9 is newer than 5; ask the station's ledger",
    )


def test_nothing_contradicts_nothing():
    assert codes(report(OTHERS, [])) == ["fork_unproven"]


def test_a_proof_that_leads_elsewhere_proves_nothing():
    document = json.loads(report(OTHERS[:5]))
    document["accepted"]["proof"].pop()
    assert codes(json.dumps(document)) == ["fork_unproven"]


@pytest.mark.parametrize("which", ["accepted", "presented"])
def test_a_note_that_another_key_signed_is_named(which):
    document = json.loads(report(OTHERS[:5]))
    document[which]["note"] = note(OTHERS[:5], SigningKey(bytes(range(32))))
    assert codes(json.dumps(document)) == ["signature_wrong"]


def test_a_key_that_is_not_the_enrolled_one_is_named():
    stranger = str(SigningKey(bytes(range(32))).verifying(NAME))
    assert codes(report(OTHERS[:5]), stranger) == ["key_untrusted"]
    assert check_fork(report(OTHERS[:5])).holds


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"station": 1}'])
def test_what_is_no_report_is_said_to_be_none(raw):
    assert codes(raw) == ["report_malformed"]
