import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ProofError
from contracts.tree import (
    EMPTY_ROOT,
    MAX_PROOF_HASHES,
    Frontier,
    Head,
    consistency_proof,
    frontier_at,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

SIZES = st.integers(1, 200)


def defined_root(leaves):
    """The recursive definition of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def defined_path(index, leaves):
    """The recursive definition of RFC 9162, 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return ()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return (*defined_path(index, leaves[:k]), defined_root(leaves[k:]))
    return (*defined_path(index - k, leaves[k:]), defined_root(leaves[:k]))


def leaves_of(size):
    return [leaf_hash(str(number).encode()) for number in range(size)]


def grown(leaves):
    """Append every leaf; return the frontier and a reader of what was stored on the way."""
    frontier, stored = Frontier(), {}
    for index, leaf in enumerate(leaves):
        stored[0, index] = leaf
        frontier, nodes = frontier.append(leaf)
        stored |= {(node.level, node.index): node.hash for node in nodes}
    return frontier, lambda level, index: stored[level, index]


LEAVES = leaves_of(200)
READ = grown(LEAVES)[1]


def head(size):
    return Head(size, defined_root(LEAVES[:size]))


def place(data, size):
    return data.draw(st.integers(0, size - 1))


def flipped(proof, at):
    return (*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :])


def test_leaf_and_node_hashes_cannot_be_taken_for_one_another():
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()


@given(st.integers(0, 200))
def test_the_frontier_gives_the_root_of_the_definition(size):
    frontier, _ = grown(LEAVES[:size])
    assert frontier.root() == defined_root(LEAVES[:size])
    assert frontier_at(size, READ) == frontier


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_a_frontier_grown_by_many_is_the_one_grown_one_by_one(leaves, half):
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one, _ = one_by_one.append(leaf)
    assert Frontier().grown(leaves[:half]).grown(leaves[half:]) == one_by_one


def test_an_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root() == EMPTY_ROOT == defined_root([])


@pytest.mark.parametrize("size", range(1, 10))
def test_every_proof_of_a_small_tree_holds_as_it_is_and_not_shorter_or_longer(size):
    root = Frontier().grown(LEAVES[:size]).root()
    assert frontier_at(size, READ).root() == root == head(size).root
    for index, leaf in enumerate(LEAVES[:size]):
        proof = inclusion_proof(index, size, READ)
        verify_inclusion(leaf, index, size, proof, root)
        for wrong in {(*proof, EMPTY_ROOT), proof[:-1]} - {proof}:
            with pytest.raises(ProofError):
                verify_inclusion(leaf, index, size, wrong, root)
        with pytest.raises(ProofError):
            verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
    for old in range(size):
        proof = consistency_proof(old, size, READ)
        verify_consistency(head(old), head(size), proof)
        for wrong in {(*proof, EMPTY_ROOT), proof[:-1]} - {proof}:
            with pytest.raises(ProofError):
                verify_consistency(head(old), head(size), wrong)


@given(SIZES, st.data())
def test_an_inclusion_proof_is_that_of_the_definition_and_verifies(size, data):
    index = place(data, size)
    proof = inclusion_proof(index, size, READ)
    assert proof == defined_path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, head(size).root)


@given(SIZES, st.data())
def test_an_inclusion_proof_holds_for_no_other_leaf_place_or_length(size, data):
    index, other = place(data, size), place(data, size)
    proof, root = inclusion_proof(index, size, READ), head(size).root
    wrong = [(leaf_hash(b"other"), index, proof), (LEAVES[index], index, (*proof, EMPTY_ROOT))]
    wrong += [(LEAVES[index], index, flipped(proof, at)) for at in range(len(proof))]
    wrong += [(LEAVES[index], index, proof[:-1])] if proof else []
    wrong += [(LEAVES[index], other, proof)] if other != index else []
    for leaf, position, hashes in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, position, size, hashes, root)


@given(SIZES, st.data())
def test_a_consistency_proof_verifies(size, data):
    old = data.draw(st.integers(0, size))
    verify_consistency(head(old), head(size), consistency_proof(old, size, READ))


@given(SIZES, st.data())
def test_a_consistency_proof_holds_for_no_other_history(size, data):
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, size, READ)
    forged = Head(size, leaf_hash(b"another root"))
    rewritten = Head(old, leaf_hash(b"another history"))
    cases = [(rewritten, head(size), proof), (head(old), head(size), (*proof, EMPTY_ROOT))]
    cases += [(head(old), forged, proof)]
    cases += [(head(old), head(size), flipped(proof, at)) for at in range(len(proof))]
    cases += [(head(old), head(size), proof[:-1])] if proof else []
    for older, newer, hashes in cases:
        with pytest.raises(ProofError):
            verify_consistency(older, newer, hashes)


def test_every_size_has_nothing_before_it_only_with_the_empty_root():
    verify_consistency(Head(0, EMPTY_ROOT), head(5), ())
    with pytest.raises(ProofError):
        verify_consistency(Head(0, LEAVES[0]), head(5), ())


def test_a_history_never_gets_shorter():
    with pytest.raises(ProofError):
        verify_consistency(head(5), head(4), ())
    with pytest.raises(ProofError):
        consistency_proof(5, 4, READ)


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_a_leaf_that_is_not_there_is_neither_proven_nor_verified(index, size):
    with pytest.raises(ProofError):
        inclusion_proof(index, size, READ)
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[0], index, size, (), LEAVES[0])


@pytest.mark.parametrize("size", [2**40, 2**53 - 1])
def test_proofs_of_huge_trees_are_short_and_read_few_nodes(size):
    asked = []

    def read(level, index):
        asked.append((level, index))
        return EMPTY_ROOT

    assert len(inclusion_proof(size - 2, size, read)) <= MAX_PROOF_HASHES
    assert len(consistency_proof(size // 3, size, read)) <= MAX_PROOF_HASHES
    assert len(asked) < 40 * 64


def test_a_consistency_proof_that_is_empty_or_goes_on_too_long_is_refused():
    with pytest.raises(ProofError, match="too short"):
        verify_consistency(head(3), head(5), ())
    proof = consistency_proof(3, 5, READ)
    with pytest.raises(ProofError, match="too long"):
        verify_consistency(head(3), head(5), (*proof, EMPTY_ROOT))
