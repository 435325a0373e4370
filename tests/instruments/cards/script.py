"""What a made-up card holds and does wrong, as values that go to its process as lines of JSON."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

PATTERN_BYTES = 1 << 16
WHEN = ("reads", "opens", "stats", "listings")


@dataclass(frozen=True)
class Bad:
    """Bytes that the card does not give: reads that touch them fail with `errno`.

    Only the first `times` of them, if that is given.
    """

    offset: int
    length: int
    errno: int = 5  # EIO
    times: int | None = None


@dataclass(frozen=True)
class Then:
    """What an item becomes once it was read, opened, looked at or listed so often.

    A program's `stat` of a name is two looks here: the kernel asks for the name, then for its item.
    """

    when: str  # one of WHEN
    count: int
    change: dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One thing on the card; `path` is raw bytes, `/` between.

    What a file holds is made of its `seed` (None: zeros), or read from the file `source`, or is
    `content`. `given_bytes`: the card ends the file there, whatever size it says. `short_bytes`:
    no read gives more. `hangs_at`: a read that touches this byte never returns. A folder's
    `fails_after` and `hangs_after` are of its listing: so many names come, then an error or
    nothing ever. `hides_errno`: the item is listed, and whatever is asked of it fails.
    """

    path: bytes
    kind: str = "file"  # file, folder, symlink, fifo, socket, device
    size: int = 0
    seed: int | None = None
    source: str | None = None
    content: bytes | None = None
    modified_ns: int = 1_700_000_000_000_000_000
    links: int = 1
    target: str = "/etc/passwd"
    gone: bool = False
    bad: tuple[Bad, ...] = ()
    given_bytes: int | None = None
    short_bytes: int | None = None
    hangs_at: int | None = None
    hangs_when_looked_at: bool = False
    hides_errno: int | None = None
    fails_after: int | None = None
    hangs_after: int | None = None
    errno: int = 5
    then: tuple[Then, ...] = ()

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Return what the item holds there, whatever the card makes of it."""
        count = max(0, min(count, self.size - offset))
        if self.content is not None:
            return self.content[offset : offset + count]
        if self.source is not None:
            with open(self.source, "rb") as file:  # noqa: PTH123 - any path the caller has
                return os.pread(file.fileno(), count, offset)
        return made_bytes(self.seed, offset, count)

    def sha256(self) -> str:
        """Return the SHA-256 of all it holds."""
        running = hashlib.sha256()
        for offset in range(0, self.size, 1 << 20):
            running.update(self.bytes_at(offset, 1 << 20))
        return running.hexdigest()


@dataclass(frozen=True)
class Card:
    """All items of a card; folders that are only parts of paths need not be named.

    `bytes_per_second` is the rate of the whole card; from the `gone_after`-th read on nothing is
    answered but ENODEV.
    """

    items: tuple[Item, ...] = ()
    bytes_per_second: int | None = None
    gone_after: int | None = None

    def with_item(self, item: Item) -> "Card":
        """Return the card with this item in the place of that of the same path."""
        others = (one for one in self.items if one.path != item.path)
        return replace(self, items=(*others, item))


@dataclass(frozen=True)
class Counts:
    """What has reached the card so far, by the path as `os.fsdecode` gives it."""

    reads: dict[str, int] = field(default_factory=dict)
    opens: dict[str, int] = field(default_factory=dict)
    stats: dict[str, int] = field(default_factory=dict)
    listings: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    hanging: int = 0
    read_bytes: int = 0


def files_below(folder: str) -> Card:
    """Return a card of a real folder's files, with their times."""
    items = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)  # noqa: PTH118 - raw names
            said = os.stat(path)  # noqa: PTH116
            below = os.fsencode(os.path.relpath(path, folder))
            items.append(Item(below, size=said.st_size, source=path, modified_ns=said.st_mtime_ns))
    return Card(tuple(items))


def made_bytes(seed: int | None, offset: int, count: int) -> bytes:
    """Return what a made-up file holds there: a pattern of the seed, each piece numbered."""
    if seed is None:
        return bytes(count)
    first = offset // PATTERN_BYTES
    last = (offset + count + PATTERN_BYTES - 1) // PATTERN_BYTES
    content = b"".join(_piece(seed, number) for number in range(first, last))
    start = offset - first * PATTERN_BYTES
    return content[start : start + count]


def to_line(card: Card) -> str:
    """Return a card as one line of JSON."""
    return json.dumps(_plain(asdict(card)))


def from_line(line: str) -> Card:
    """Return the card of a line."""
    read = json.loads(line)
    items = tuple(_item(one) for one in read.pop("items"))
    return Card(items, **read)


def became(item: Item, counts: Iterable[tuple[str, int]]) -> Item:
    """Return what an item is after it was read, opened, looked at and listed so often."""
    so_far = dict(counts)
    for change in item.then:
        if so_far[change.when] >= change.count:
            item = replace(item, **change.change)
    return item


_PIECES: dict[int, bytes] = {}


def _piece(seed: int, number: int) -> bytes:
    # One pattern of a seed is made once; the number in front tells its pieces from one another.
    if seed not in _PIECES:
        _PIECES[seed] = hashlib.shake_256(b"%d" % seed).digest(PATTERN_BYTES)
    return number.to_bytes(8, "big") + _PIECES[seed][8:]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _item(read: dict[str, Any]) -> Item:
    read = {key: _bytes(value) for key, value in read.items()}
    read["bad"] = tuple(Bad(**one) for one in read["bad"])
    then = []
    for one in read["then"]:
        change = {key: _bytes(value) for key, value in one["change"].items()}
        if "bad" in change:
            change["bad"] = tuple(Bad(**bad) for bad in change["bad"])
        then.append(Then(one["when"], one["count"], change))
    return Item(**{**read, "then": tuple(then)})


def _bytes(value: Any) -> Any:
    return bytes.fromhex(value["bytes"]) if isinstance(value, dict) and "bytes" in value else value
