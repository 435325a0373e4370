"""The Merkle tree over a ledger's entries (RFC 9162, 2.1): hashes, growth, proofs and their checks.

Nodes are named as they are stored: (level, index) is the root of the complete subtree over the
leaves index * 2^level to (index + 1) * 2^level - 1. Where nodes are kept is left to the caller.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from contracts.errors import ProofError

HASH_BYTES = 32
MAX_PROOF_HASHES = 63
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
Proof = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Size and root of a tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Node:
    """The root of one complete subtree."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be known of a tree to make it grow: the roots of its largest complete subtrees.

    `hashes` has one root for each set bit of `size`, the largest subtree first.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> tuple["Frontier", tuple[Node, ...]]:
        """Return the frontier with one more leaf hash, and the nodes that this completed.

        The nodes are of level 1 and above, the lowest first; the leaf itself is not among them.
        """
        hashes, node, nodes = list(self.hashes), leaf, []
        level, index = 0, self.size
        while index % 2:
            node = node_hash(hashes.pop(), node)
            level, index = level + 1, index // 2
            nodes.append(Node(level, index, node))
        return Frontier(self.size + 1, (*hashes, node)), tuple(nodes)

    def grown(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier with more leaf hashes; `append`, without the nodes, for many."""
        hashes, size = list(self.hashes), self.size
        for leaf in leaves:
            node, index = leaf, size
            while index & 1:
                node, index = node_hash(hashes.pop(), node), index >> 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf hash of an entry's bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def frontier_at(size: int, read: NodeReader) -> Frontier:
    """Return the frontier of the first `size` leaves of a stored tree."""
    hashes, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            hashes.append(read(level, start >> level))
            start += 1 << level
    return Frontier(size, tuple(hashes))


def inclusion_proof(index: int, size: int, read: NodeReader) -> Proof:
    """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 9162, 2.1.3.1).

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(why=f"leaf {index} of {size}")
    return _path(index, 0, size, read)


def consistency_proof(old: int, new: int, read: NodeReader) -> Proof:
    """Return the proof that the tree of `new` leaves begins with that of `old` (RFC 9162, 2.1.4.1).

    Raises:
        ProofError: `old` is larger than `new`.
    """
    if not 0 <= old <= new:
        raise ProofError(why=f"from {old} to {new}")
    if old in (0, new):
        return ()
    return _subproof(old, (0, new), read, whole=True)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash is in a tree (RFC 9162, 2.1.3.2).

    Raises:
        ProofError: it is not, or the proof has the wrong length.
    """
    if not 0 <= index < size:
        raise ProofError(why=f"leaf {index} of {size}")
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise ProofError(why="proof too long")
        if position % 2 or position == last:
            node = node_hash(sibling, node)
            position, last = _skip_single(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position // 2, last // 2
    if last:
        raise ProofError(why="proof too short")
    if node != root:
        raise ProofError(why=f"leaf {index} does not lead to the root of size {size}")


def verify_consistency(old: Head, new: Head, proof: Sequence[bytes]) -> None:
    """Check that the newer tree begins with the older one (RFC 9162, 2.1.4.2).

    Raises:
        ProofError: it does not, or the proof has the wrong length.
    """
    if old.size > new.size:
        raise ProofError(why=f"size went from {old.size} to {new.size}")
    if old.size in (0, new.size):
        _verify_trivial(old, new, proof)
        return
    if not proof:
        raise ProofError(why="proof too short")
    first, *rest = proof if old.size & (old.size - 1) else (old.root, *proof)
    position, last = _skip_odd(old.size - 1, new.size - 1)
    old_root = new_root = first
    for sibling in rest:
        if last == 0:
            raise ProofError(why="proof too long")
        if position % 2 or position == last:
            old_root, new_root = node_hash(sibling, old_root), node_hash(sibling, new_root)
            position, last = _skip_single(position, last)
        else:
            new_root = node_hash(new_root, sibling)
        position, last = position // 2, last // 2
    if last or old_root != old.root or new_root != new.root:
        raise ProofError(why=f"the tree of size {new.size} does not begin with that of {old.size}")


def _verify_trivial(old: Head, new: Head, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofError(why="proof too long")
    expected = EMPTY_ROOT if old.size == 0 else new.root
    if old.root != expected:
        raise ProofError(why=f"two roots for size {old.size}")


def _skip_odd(position: int, last: int) -> tuple[int, int]:
    while position % 2:
        position, last = position // 2, last // 2
    return position, last


def _skip_single(position: int, last: int) -> tuple[int, int]:
    """Climb to where the node is a right child: a subtree's lone last node has no sibling."""
    while position % 2 == 0 and position:
        position, last = position // 2, last // 2
    return position, last


def _split(count: int) -> int:
    """Return the largest power of two below `count` (RFC 9162, 2.1.1)."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(start: int, stop: int, read: NodeReader) -> bytes:
    """Return the root over leaves start to stop - 1; start is a multiple of the split's power."""
    count = stop - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(count)
    return node_hash(_root(start, middle, read), _root(middle, stop, read))


def _path(index: int, start: int, stop: int, read: NodeReader) -> Proof:
    if stop - start == 1:
        return ()
    middle = start + _split(stop - start)
    if index < middle:
        return (*_path(index, start, middle, read), _root(middle, stop, read))
    return (*_path(index, middle, stop, read), _root(start, middle, read))


def _subproof(old: int, span: tuple[int, int], read: NodeReader, *, whole: bool) -> Proof:
    """RFC 9162, 2.1.4.1: `whole` while the old tree's root is known to the verifier."""
    start, stop = span
    if old == stop:
        return () if whole else (_root(start, stop, read),)
    middle = start + _split(stop - start)
    if old <= middle:
        left = _subproof(old, (start, middle), read, whole=whole)
        return (*left, _root(middle, stop, read))
    right = _subproof(old, (middle, stop), read, whole=False)
    return (*right, _root(start, middle, read))
