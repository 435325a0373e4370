"""What the medium may hold when the power goes: files, names, and what is still in flight.

Adversarial: a file's bytes are certain only after its own fsync, a name only after its folder's;
whatever is in flight may have arrived or not, each by itself, a write also in part, by sectors.
Ordered: names arrive in the order they were made, and every fsync brings those before it along, as
a journal does; bytes are as uncertain as before. A move within one folder is one step in both.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.instruments.crash.trace import (
    ROOT,
    Chmod,
    Drop,
    Node,
    Op,
    Put,
    Resize,
    Sync,
    SyncAll,
    Write,
)

SECTOR_BYTES = 512
LOST, WHOLE, HOLLOW = 0, 1, 2  # what may become of one op; HOLLOW: the size came, the bytes did not
TORN = 4  # from here on: 4 + a mask of the sectors that came
Choice = tuple[int, ...]  # what became of each op in flight, in their order
Flying = Write | Resize | Chmod | Put | Drop


class Entry(NamedTuple):
    """A file as found by path: which, the SHA-256 of its bytes, its mode."""

    node: int
    sha256: str
    mode: int


@dataclass
class _Inode:
    """A file: what is certain of it, and what was worked out of what is not."""

    mode: int
    content: bytes = b""
    settled: int = 0  # how many of its ops are certain: with a choice, this names its content
    sha256: str = hashlib.sha256().hexdigest()
    entries: dict[tuple[int, Choice], tuple[str, int]] = field(default_factory=dict)
    prefixes: dict[int, "hashlib._Hash"] = field(default_factory=dict)

    def settle(self, content: bytes, mode: int, count: int) -> None:
        """Take what has become certain."""
        self.content, self.mode = content, mode
        self.settled += count
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.entries.clear()
        self.prefixes.clear()

    def prefix(self, end: int) -> "hashlib._Hash":
        """Return the running hash of the certain bytes before an offset."""
        if end not in self.prefixes:
            self.prefixes[end] = hashlib.sha256(self.content[:end])
        return self.prefixes[end].copy()


class Disk:
    """A medium and what is on its way to it; `apply` takes the next op of a trace."""

    def __init__(self, nodes: dict[int, Node], *, ordered: bool) -> None:
        self._nodes = nodes
        self._ordered = ordered
        self._inodes: dict[int, _Inode] = {}
        self._names: dict[int, dict[str, int]] = {ROOT: {}}
        self._tops: dict[int, str] = {}
        self._paths: dict[tuple[int, Choice], dict[str, int]] = {}
        self.flying: list[Flying] = []
        self._by_node: dict[int, list[int]] = {}  # which of `flying` are about a file's inside
        self._about_names: list[int] = []

    def apply(self, op: Op) -> None:
        """Take the next op in."""
        match op:
            case Put():
                self._learn(op)
                if op.folder == ROOT:  # mount points, there before the run
                    self._names[ROOT][op.name] = op.node
                else:
                    self.flying.append(op)
            case Write() | Resize() | Chmod() | Drop():
                self.flying.append(op)
            case Sync():
                self._settle(op.node)
            case SyncAll():
                self._land([o for o in self.flying if self.top_of(o) == op.top])
        self._paths.clear()
        self._sort()

    def top_of(self, op: Flying) -> str:
        """Return the folder below the root that an op in flight is in."""
        return self._tops[op.folder if isinstance(op, Put | Drop) else op.node]

    def files(
        self, choice: Choice, *, only: str = "", but: str | tuple[str, ...] = "/"
    ) -> dict[str, Entry]:
        """Return every file that can be found by a path, under a choice; folders are left out.

        `only` and `but` say how its path begins, and how not.
        """
        flying = {
            node: tuple(choice[at] for at in numbers) for node, numbers in self._by_node.items()
        }
        found = {}
        for path, node in self._found_paths(choice).items():
            is_wanted = path.startswith(only) and not path.startswith(but)
            if is_wanted and not self._nodes[node].is_folder:
                fates = flying.get(node)
                if fates is None:
                    inode = self._inodes[node]
                    found[path] = Entry(node, inode.sha256, inode.mode)
                else:
                    found[path] = Entry(node, *self._entry(node, fates))
        return found

    def folders(self, choice: Choice) -> list[str]:
        """Return every folder that can be found by a path, parents first."""
        found = self._found_paths(choice).items()
        return sorted(path for path, node in found if self._nodes[node].is_folder)

    def content(self, node: int, choice: Choice) -> bytes:
        """Return a file's bytes under a choice."""
        start, tail, _ = self._tail(node, self._fates_of(node, choice))
        return self._inodes[node].content[:start] + tail

    def certain(self, node: int) -> bytes:
        """Return the bytes of a file that no cut can take."""
        return self._inodes[node].content

    def tail(self, node: int, choice: Choice) -> tuple[int, bytes]:
        """Return from where on a file may differ from what is certain, and its bytes there."""
        return self._tail(node, self._fates_of(node, choice))[:2]

    def standing(self, node: int, choice: Choice) -> tuple[int, Choice]:
        """Return what a file's bytes depend on: how many ops are certain, the others' fates."""
        return self._inodes[node].settled, self._fates_of(node, choice)

    def _fates_of(self, node: int, choice: Choice) -> Choice:
        return tuple(choice[at] for at in self._by_node.get(node, ()))

    def _found_paths(self, choice: Choice) -> dict[str, int]:
        key = tuple(choice[at] for at in self._about_names)
        if key not in self._paths:
            self._paths[key] = self._walk(key)
        return self._paths[key]

    def _walk(self, fates: Choice) -> dict[str, int]:
        changed: dict[int, dict[str, int]] = {}

        def names(folder: int) -> dict[str, int]:
            if folder not in changed:
                changed[folder] = dict(self._names.get(folder, {}))
            return changed[folder]

        for at, fate in zip(self._about_names, fates, strict=True):
            op = self.flying[at]
            if fate and isinstance(op, Put | Drop):
                _rename(op, names)
        found: dict[str, int] = {}
        todo = [("", ROOT)]
        for prefix, folder in todo:
            for name, node in changed.get(folder, self._names.get(folder, {})).items():
                found[f"{prefix}{name}"] = node
                if self._nodes[node].is_folder:
                    todo.append((f"{prefix}{name}/", node))
        return found

    def _entry(self, node: int, fates: Choice) -> tuple[str, int]:
        inode = self._inodes[node]
        key = (inode.settled, fates)
        if key not in inode.entries:
            start, tail, mode = self._tail(node, fates)
            running = inode.prefix(start)
            running.update(tail)
            inode.entries[key] = running.hexdigest(), mode
        return inode.entries[key]

    def _tail(self, node: int, fates: Choice) -> tuple[int, bytes, int]:
        inode = self._inodes[node]
        ops = [self.flying[at] for at in self._by_node.get(node, ())]
        return _applied(inode, list(zip(ops, fates, strict=True)))

    def _settle(self, node: int) -> None:
        landed = [op for op in self.flying if _is_of(op, node)]
        if self._ordered:
            top = self._tops.get(node)
            names = [o for o in self.flying if isinstance(o, Put | Drop) and self.top_of(o) == top]
            landed += [op for op in names if op not in landed]
        self._land(landed)

    def _land(self, landed: Sequence[Flying]) -> None:
        gone = {id(op) for op in landed}
        for op in self.flying:
            if id(op) in gone and isinstance(op, Put | Drop):
                _rename(op, lambda folder: self._names.setdefault(folder, {}))
        for node in {op.node for op in landed if not isinstance(op, Put | Drop)}:
            mine = [o for o in landed if not isinstance(o, Put | Drop) and o.node == node]
            inode = self._inodes[node]
            start, tail, mode = _applied(inode, [(op, WHOLE) for op in mine])
            inode.settle(inode.content[:start] + tail, mode, len(mine))
        self.flying = [op for op in self.flying if id(op) not in gone]

    def _sort(self) -> None:
        self._by_node = {}
        self._about_names = []
        for at, op in enumerate(self.flying):
            if isinstance(op, Put | Drop):
                self._about_names.append(at)
            else:
                self._by_node.setdefault(op.node, []).append(at)

    def _learn(self, op: Put) -> None:
        top = op.name if op.folder == ROOT else self._tops.get(op.folder, "")
        self._tops.setdefault(op.node, top)
        node = self._nodes[op.node]
        if node.is_folder:
            self._names.setdefault(op.node, {})
        else:
            self._inodes.setdefault(op.node, _Inode(node.mode))


def _applied(inode: _Inode, fates: Sequence[tuple[Flying, int]]) -> tuple[int, bytes, int]:
    """Return from where on a file's bytes may differ, those bytes, and its mode."""
    start, mode = len(inode.content), inode.mode
    for op, _ in fates:
        if isinstance(op, Write | Resize):
            start = min(start, op.offset if isinstance(op, Write) else op.size)
    tail = bytearray(inode.content[start:])
    for op, fate in fates:
        if fate and isinstance(op, Chmod):
            mode = op.mode
        elif fate and isinstance(op, Resize):
            _resize(tail, op, start)
        elif fate and isinstance(op, Write):
            _write(tail, op, fate, start)
    return start, bytes(tail), mode


def _is_of(op: Flying, node: int) -> bool:
    if isinstance(op, Put):
        return node == op.folder or (op.old is not None and node == op.old[0])
    return node == (op.folder if isinstance(op, Drop) else op.node)


def _rename(op: Put | Drop, names) -> None:
    if isinstance(op, Drop):
        if names(op.folder).get(op.name) == op.node:
            del names(op.folder)[op.name]
        return
    names(op.folder)[op.name] = op.node
    if op.old is not None and names(op.old[0]).get(op.old[1]) == op.node:
        del names(op.old[0])[op.old[1]]


def _resize(tail: bytearray, op: Resize, start: int) -> None:
    size = op.size - start
    if size > len(tail):
        tail.extend(bytes(size - len(tail)))
    elif not op.grows:
        del tail[size:]


def _write(tail: bytearray, op: Write, fate: int, start: int) -> None:
    begin = op.offset - start
    end = begin + len(op.content)
    if end > len(tail):
        tail.extend(bytes(end - len(tail)))
    if fate == WHOLE:
        tail[begin:end] = op.content
    elif fate >= TORN:
        mask = fate - TORN
        for number, (first, stop) in enumerate(sectors(op)):
            if mask >> number & 1:
                came = op.content[first - op.offset : stop - op.offset]
                tail[first - start : stop - start] = came


def sectors(op: Write) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a write that a cut cannot divide, as offsets in the file."""
    start, end = op.offset, op.offset + len(op.content)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield start, stop
        start = stop
