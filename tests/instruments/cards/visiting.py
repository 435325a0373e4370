"""One random card at one real dock: its faults, its visit, and what must hold of the outcome."""

import hashlib
import queue
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.archive import Archive
from agent.core.dock import Around, Dock, step
from agent.core.effect import Enter
from agent.core.event import Docked, FromDock, RetryAsked
from agent.core.plan import Proven
from agent.core.recorder import Device, MediaFacts, Spoken
from agent.recorders.virtual import Virtual
from agent.worker import Tools, Worker
from contracts.dock import DockState
from contracts.facts import Fact, FootageImported, FootageUnreadable, VisitCompleted
from tests.instruments.cards.mounted import MountedCard
from tests.instruments.cards.script import Bad, Card, Item, Then
from tests.support.made_up import around

SECONDS = 120
_ENDED = (DockState.READY, DockState.ATTENTION, DockState.FAILED, DockState.REFUSED)
_SIZES = (0, 1, 4095, 4096, 4097, 40_960, 70_000, 1 << 20, (1 << 20) + 7, 3 << 20)
_LATE = b"late"
_ZONE = ZoneInfo("Asia/Shanghai")


def drawn(seed: int) -> Card:
    """Return the card of a seed."""
    draw = random.Random(seed)
    items = [_item(draw, number) for number in range(draw.randint(2, 9))]
    if draw.random() < 0.2:
        items.append(Item(b"d0", "folder", fails_after=draw.randint(0, 2)))
    if draw.random() < 0.3:
        items.append(Item(_LATE, size=9, seed=9, gone=True,
                          then=(Then("listings", 2, {"gone": False}),)))  # fmt: skip
    gone_after = draw.randint(1, 60) if draw.random() < 0.1 else None
    return Card(tuple(items), gone_after=gone_after)


def mended(card: Card) -> Card:
    """Return the card without faults, each file as what it has become in the end."""
    files = []
    for item in card.items:
        if item.kind == "file" and item.links == 1:
            last = list(_versions(item))[-1]
            files.append(
                replace(last, bad=(), given_bytes=None, short_bytes=None, then=(), gone=False)
            )
    return Card(tuple(files))


class Station:
    """One dock with its real table, worker and archive; its recorder's card is given."""

    def __init__(self, folder: Path, card: MountedCard) -> None:
        self._card = card
        self._events: queue.SimpleQueue[FromDock] = queue.SimpleQueue()
        self._dock = Dock(1, "", datetime.now(UTC))
        self._device = Device("virtual:1", "virtual", card.folder.parent, "card")
        self.root = folder
        self.facts: list[Fact] = []
        archive = Archive(folder)
        archive.prepare()
        tools = Tools(
            attach=Virtual().attach,
            speak=lambda _: Spoken(),
            archive=archive,
            look=lambda *_: MediaFacts("not_media"),
            archive_root=folder,
            proven=lambda _: self._proven(),
            deliver=self._events.put,
            now=lambda: datetime.now(UTC),
            zone=_ZONE,
        )
        self._worker = Worker(1, tools)
        self._worker.start()

    def visit(self, card: Card) -> list[Fact]:
        """Have the dock visit the card to the end; return what was entered."""
        self._card.become(card)
        before = len(self.facts)
        number = f"v{before}"
        is_new = self._dock.state is DockState.EMPTY
        self._take(Docked(self._device, number) if is_new else RetryAsked(number))
        while self._dock.state not in _ENDED:
            self._take(self._events.get(timeout=SECONDS).event)
        return self.facts[before:]

    def close(self) -> bool:
        """End the dock; tell whether it ended."""
        return self._worker.stop(SECONDS)

    def _take(self, event: Any) -> None:
        world: Around = replace(around(), now=datetime.now(UTC))
        self._dock, effects = step(self._dock, event, world)
        for effect in effects:
            if isinstance(effect, Enter):
                self.facts.append(effect.fact)
            else:
                self._worker.give(effect)  # type: ignore[arg-type]  # only orders are left

    def _proven(self) -> Iterable[Proven]:
        return [
            Proven(fact.path, fact.size, fact.modified_us, fact.sha256, fact.view)
            for fact in self.facts
            if isinstance(fact, FootageImported)
        ]


@contextmanager
def station(folder: Path, card: MountedCard) -> Iterator[Station]:
    """Open a station of one dock; close it whatever happens."""
    made = Station(folder, card)
    try:
        yield made
    finally:
        made.close()


def violations(one: Station, card: Card, facts: list[Fact]) -> Iterator[str]:
    """Yield what a visit broke."""
    versions = {item.path: list(_versions(item)) for item in card.items}
    for fact in facts:
        if isinstance(fact, FootageImported):
            yield from _broken_import(one.root, fact, versions[fact.path])
        if isinstance(fact, FootageUnreadable) and fact.partial is not None:
            yield from _broken_partial(one.root, fact, versions[fact.path])
        if isinstance(fact, VisitCompleted) and fact.counts.settled != fact.counts.listed:
            yield f"{fact.counts} do not add up"
    tried = {
        fact.path for fact in one.facts if isinstance(fact, FootageImported | FootageUnreadable)
    }
    if _LATE in versions and isinstance(facts[-1], VisitCompleted) and _LATE not in tried:
        yield "complete without the file that appeared meanwhile"
    entered = {fact.sha256 for fact in one.facts if isinstance(fact, FootageImported)}
    stored = {path.name for path in (one.root / "objects").rglob("*") if path.is_file()}
    if stored != entered:
        yield f"objects that no entry names: {stored - entered}, or missing: {entered - stored}"
    for path in (one.root / "incoming").iterdir():
        yield f"left in incoming: {path.name}"


def unfinished(card: Card, facts: list[Fact]) -> Iterator[str]:
    """Yield what is not in the archive after a mended card was visited."""
    ends = [fact for fact in facts if isinstance(fact, VisitCompleted)]
    if not ends:
        yield "the mended card's visit is not complete"
    elif ends[0].counts.unreadable or ends[0].counts.listed != len(card.items):
        yield f"the mended card: {ends[0].counts}, {len(card.items)} files"


def _broken_import(root: Path, fact: FootageImported, versions: list[Item]) -> Iterator[str]:
    held = (root / fact.object).read_bytes()
    if hashlib.sha256(held).hexdigest() != fact.sha256 or not fact.object.endswith(fact.sha256):
        yield f"{fact.name}: the object is not what its name says"
    if not any(one.size == len(held) and one.bytes_at(0, one.size) == held for one in versions):
        yield f"{fact.name}: the object is nothing that was on the card"
    if not (root / fact.view).samefile(root / fact.object):
        yield f"{fact.name}: the view leads elsewhere"


def _broken_partial(root: Path, fact: FootageUnreadable, versions: list[Item]) -> Iterator[str]:
    held = (root / str(fact.partial)).read_bytes()
    if hashlib.sha256(held).hexdigest() != fact.partial_sha256:
        yield f"{fact.name}: the partial is not what the ledger says"
    if fact.bad_ranges == len(fact.bad) and not any(
        _agrees(held, one, fact.bad) for one in versions
    ):
        yield f"{fact.name}: the partial does not agree with the card"


def _agrees(held: bytes, item: Item, bad: Iterable[tuple[int, int]]) -> bool:
    expected = bytearray(item.bytes_at(0, item.size))
    for offset, length in bad:
        expected[offset : offset + length] = bytes(len(expected[offset : offset + length]))
    return held == bytes(expected[: len(held)])


def _versions(item: Item) -> Iterator[Item]:
    yield item
    for change in item.then:
        item = replace(item, **change.change)
        yield item


def _item(draw: random.Random, number: int) -> Item:
    folder = draw.choice((b"", b"d0/", b"d1/"))
    path = (
        folder + draw.choice((b"%d.mp4", b"\xff%d", b"\n%d \x1b[2J", b"%d" + b"n" * 250)) % number
    )
    item = Item(path, size=draw.choice(_SIZES), seed=draw.randint(1, 99),
                modified_ns=10**18 + number)  # fmt: skip
    return draw.choice(_FAULTS)(draw, item)


def _bad(draw: random.Random, item: Item) -> Item:
    ranges = tuple(
        Bad(draw.randint(0, max(0, item.size - 1)), draw.choice((1, 5000, 1 << 20)),
            draw.choice((5, 5, 5, 61)), draw.choice((None, None, 1, 4, 9)))
        for _ in range(draw.randint(1, 4))
    )  # fmt: skip
    return replace(item, bad=ranges)


def _changing(draw: random.Random, item: Item) -> Item:
    other = {"seed": 100, "modified_ns": 6}
    grown, shrunk = {"size": item.size + 5000}, {"size": item.size // 2}
    changes = (grown, shrunk, other, other, {"gone": True}, {"modified_ns": 5}, {"kind": "fifo"})
    return replace(item, then=(Then("reads", draw.randint(1, 9), draw.choice(changes)),))


_FAULTS = (
    lambda _draw, item: item,
    lambda _draw, item: item,
    _bad,
    _bad,
    _changing,
    lambda draw, item: replace(item, short_bytes=draw.choice((4096, 5000, 70_001))),
    lambda draw, item: replace(item, given_bytes=draw.randint(0, item.size)),
    lambda _draw, item: replace(item, then=(Then("opens", 2, {"seed": 100}),)),
    lambda draw, item: replace(item, kind=draw.choice(("symlink", "fifo", "socket", "device"))),
    lambda _draw, item: replace(item, links=2),
)
