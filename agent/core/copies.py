"""The second copy: what is owed to it, what is confirmed on it, and what is ordered next.

What is confirmed is a fold over the ledger's entries, so that a restart owes what the last run
owed. Reading and writing disks is left to `agent.copyist` and `agent.archive`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.core.effect import BringCopies, Effect, Enter, Owed
from agent.core.event import SecondCopied, SecondCopyMoved, SecondCopySeen, Trouble
from agent.core.storage import FIRST_SCRUB_AFTER, least, scrub_seconds, show_gigabytes
from contracts.archive_facts import FootageDamaged, FootageIntact, FootageMissing, FootageReplaced
from contracts.copy_facts import (
    COPIED_MAX,
    CopyCommissioned,
    CopyDamaged,
    CopyFaulted,
    CopyMissing,
    CopyRecovered,
    CopyScrubbed,
    FootageCopied,
    FootageRestored,
)
from contracts.entry import Entry
from contracts.errors import SecondCopyFailingError, SecondCopyFullError
from contracts.facts import Fact, FootageImported, fact_of
from contracts.settings import StorageSettings

ORDER_BYTES = 256 << 20  # of one order; a larger file goes alone
HELD = timedelta(minutes=10)  # what ended an order stands for as long
SILENT_TICKS = 120  # seconds, but no clock that is set makes it silent
_NO_ANSWER = SecondCopyFailingError(reason="无响应 / no answer")
CopyEvent = SecondCopySeen | SecondCopied | SecondCopyMoved


@dataclass(slots=True)
class Copies:
    """One station's second copy; where none is set up, nothing is owed to it.

    `owed` and `confirmed` are sizes by digest, the oldest first; `lacking` are those of the owed
    that the archive cannot give now.
    """

    is_set_up: bool
    settings: StorageSettings
    commissioned: CopyCommissioned | None = None
    commissioned_at: datetime | None = None
    owed: dict[bytes, int] = field(default_factory=dict)
    owed_bytes: int = 0
    confirmed: dict[bytes, int] = field(default_factory=dict)
    confirmed_bytes: int = 0
    lacking: set[bytes] = field(default_factory=set)
    damaged: set[bytes] = field(default_factory=set)
    missing: set[bytes] = field(default_factory=set)
    faulted: str | None = None  # the code of the fault that is on record and not over
    trouble: Trouble | None = None
    seen: SecondCopySeen | None = None
    scrubbed: CopyScrubbed | None = None
    scrubbed_at: datetime | None = None
    _unheard: int = 0  # ticks
    _failed: tuple[Trouble, datetime] | None = None
    _is_ordered: bool = False

    @property
    def is_reachable(self) -> bool:
        """Whether what is confirmed can be relied on to be there; a full disk has it still."""
        is_good = self.trouble is None or self.trouble.code == SecondCopyFullError.code
        return self.seen is not None and is_good

    @property
    def scrub_due_at(self) -> datetime | None:
        """When the next pass over it begins: a period after the last one did."""
        if self.scrubbed is not None:
            return self.scrubbed.began_at + timedelta(seconds=scrub_seconds(self.settings))
        if self.commissioned_at is not None:
            return self.commissioned_at + FIRST_SCRUB_AFTER
        return None

    def is_confirmed(self, sha256: str) -> bool:
        """Tell whether an object was read back from the second copy, and not lost there since."""
        return bytes.fromhex(sha256) in self.confirmed

    def decide(self, event: CopyEvent, now: datetime, *, may_copy: bool) -> list[Effect]:
        """Take in what the copyist says; return what is to be entered and what it does next."""
        self._unheard = 0
        facts: list[Fact] = []
        if isinstance(event, SecondCopied):
            facts += self._copied(event, now)
        if isinstance(event, SecondCopySeen):
            facts += self._see(event)
        facts += self._tell(now)
        is_looked_at = isinstance(event, SecondCopySeen) and event.commissioned is None
        # A disk is used from the look after the one that made it ours, with what is free just now.
        return [*map(Enter, facts), *(self._order() if may_copy and is_looked_at else ())]

    def watch(self, now: datetime) -> list[Effect]:
        """Take in that a second went by; return what is to be entered about a long silence."""
        if not self.is_set_up:
            return []
        self._unheard += 1
        return [Enter(fact) for fact in self._tell(now)]

    def find(self, fact: CopyDamaged | CopyMissing | CopyScrubbed) -> list[Fact]:
        """Return what a pass found if it is news; what is owed already is none."""
        if isinstance(fact, CopyScrubbed) or self.is_confirmed(fact.sha256):
            self._take(fact)
            return [fact]
        return []

    def noted(self, fact: Fact) -> Fact:
        """Return a finding; of one about the archive it says whether the second copy has it."""
        if self.is_set_up and isinstance(fact, FootageDamaged | FootageMissing):
            return replace(fact, second_copy=self.is_confirmed(fact.sha256))
        return fact

    def fold(self, entry: Entry) -> None:
        """Take in an entry the ledger holds."""
        if not self.is_set_up:
            return
        if entry.type == FootageImported.TYPE:
            self.prove(str(entry.data["sha256"]), int(entry.data["size"]))
            return
        kind = _KINDS.get(entry.type)
        if kind is not None:
            fact = fact_of(entry, kind)
            self._take(fact)
            if isinstance(fact, CopyCommissioned):
                self.commissioned_at = entry.moment.at
            if isinstance(fact, CopyScrubbed):
                self.scrubbed_at = entry.moment.at

    def prove(self, sha256: str, size: int) -> None:
        """Take in that an object is proven in the archive; also before all other entries."""
        digest = bytes.fromhex(sha256)
        if digest not in self.confirmed:
            self.pay(digest)  # the newest go first, and this one is wanted again
            self.owe(digest, size)

    def owe(self, digest: bytes, size: int) -> None:
        """Take an object among those that are owed, as the newest."""
        self.owed[digest] = size
        self.owed_bytes += size

    def pay(self, digest: bytes) -> int | None:
        """Take an object from those that are owed; return its size, None if it was not."""
        size = self.owed.pop(digest, None)
        self.owed_bytes -= size or 0
        return size

    def _copied(self, event: SecondCopied, now: datetime) -> list[Fact]:
        self._is_ordered = False
        self.lacking.update(map(bytes.fromhex, event.lacking))
        if event.trouble is not None:
            self._failed = event.trouble, now
        if not event.copied or self.commissioned is None:
            return []
        size = sum(self.owed.get(bytes.fromhex(sha256), 0) for sha256 in event.copied)
        fact = FootageCopied(self.commissioned.copy, event.copied, size)
        self._take(fact)
        return [fact]

    def _see(self, seen: SecondCopySeen) -> list[Fact]:
        self.seen = seen
        if seen.trouble is not None:
            self._failed = None  # it says more than what ended the order
        news = seen.commissioned
        if news is None or self.commissioned is not None:
            return []
        self._take(news)
        return [news]

    def _tell(self, now: datetime) -> list[Fact]:
        """Judge how the second copy is; return a fault that is news, and the end of one."""
        self.trouble = self._judge(now)
        code = self.trouble.code if self.trouble else None
        if code == self.faulted:
            return []
        facts: list[Fact] = [CopyRecovered(self.faulted)] if self.faulted else []
        if self.trouble is not None:
            sentence = self.trouble.sentence
            facts.append(CopyFaulted(self.trouble.code, sentence.zh, sentence.en))
        self.faulted = code
        return facts

    def _judge(self, now: datetime) -> Trouble | None:
        if self._unheard > SILENT_TICKS:
            return Trouble.of(_NO_ANSWER)
        if self.seen is None or self.seen.trouble is not None:
            return self.seen.trouble if self.seen else None
        if self._failed is not None and abs(now - self._failed[1]) < HELD:
            return self._failed[0]
        self._failed = None
        wanted = next(self._wanted(), None)
        if wanted is None or next(self._fitting(), None) is not None:
            return None
        free, kept = show_gigabytes(self.seen.free_bytes), show_gigabytes(self._reserve)
        return Trouble.of(SecondCopyFullError(free_gb=free, limit_gb=kept))

    def _order(self) -> list[Effect]:
        if self._is_ordered or self.trouble is not None or self.commissioned is None:
            return []
        chosen: list[Owed] = []
        total = 0
        for one in self._fitting():
            if chosen and (len(chosen) == COPIED_MAX or total + one.size > ORDER_BYTES):
                break
            chosen.append(one)
            total += one.size
        self._is_ordered = bool(chosen)
        return [BringCopies(tuple(chosen))] if chosen else []

    def _wanted(self) -> Iterator[Owed]:
        """Yield what is owed and can be had, the newest first: a docked card may wait for it."""
        return (
            Owed(digest.hex(), size)
            for digest, size in reversed(self.owed.items())
            if digest not in self.lacking
        )

    def _fitting(self) -> Iterator[Owed]:
        """Yield of these what finds room beside the reserve and what was chosen before."""
        room = (self.seen.free_bytes if self.seen else 0) - self._reserve
        for one in self._wanted():
            if one.size <= room:
                room -= one.size
                yield one

    @property
    def _reserve(self) -> int:
        total = self.seen.total_bytes if self.seen else 0
        return least(total, self.settings.stop_percent, self.settings.stop_mib)

    def _take(self, fact: Fact) -> None:
        _TAKERS[type(fact)](self, fact)


def _commission(copies: Copies, fact: CopyCommissioned) -> None:
    if copies.commissioned is None or copies.commissioned.copy != fact.copy:
        copies.owed = {**copies.confirmed, **copies.owed}
        copies.owed_bytes += copies.confirmed_bytes
        copies.confirmed, copies.confirmed_bytes = {}, 0
        copies.damaged.clear()
        copies.missing.clear()
    copies.commissioned = fact


def _copy(copies: Copies, fact: FootageCopied) -> None:
    if copies.commissioned is None or copies.commissioned.copy != fact.copy:
        return
    for digest in map(bytes.fromhex, fact.sha256s):
        size = copies.pay(digest)
        copies.damaged.discard(digest)
        copies.missing.discard(digest)
        if size is not None:
            copies.confirmed[digest] = size
            copies.confirmed_bytes += size


def _lose(copies: Copies, fact: CopyDamaged | CopyMissing) -> None:
    digest = bytes.fromhex(fact.sha256)
    size = copies.confirmed.pop(digest, None)
    if size is not None:
        copies.confirmed_bytes -= size
        copies.owe(digest, size)
        (copies.damaged if isinstance(fact, CopyDamaged) else copies.missing).add(digest)


def _lack(copies: Copies, fact: FootageDamaged | FootageMissing) -> None:
    if fact.object.endswith(f"/{fact.sha256}"):  # a manifest is no object
        copies.lacking.add(bytes.fromhex(fact.sha256))


def _give(copies: Copies, fact: FootageIntact | FootageReplaced | FootageRestored) -> None:
    copies.lacking.discard(bytes.fromhex(fact.sha256))


def _fault(copies: Copies, fact: CopyFaulted) -> None:
    copies.faulted = fact.code


def _recover(copies: Copies, fact: CopyRecovered) -> None:
    copies.faulted = None


def _scrub(copies: Copies, fact: CopyScrubbed) -> None:
    copies.scrubbed = fact


_TAKERS: dict[type[Fact], Callable[..., None]] = {
    CopyCommissioned: _commission,
    FootageCopied: _copy,
    CopyDamaged: _lose,
    CopyMissing: _lose,
    FootageDamaged: _lack,
    FootageMissing: _lack,
    FootageIntact: _give,
    FootageReplaced: _give,
    FootageRestored: _give,
    CopyFaulted: _fault,
    CopyRecovered: _recover,
    CopyScrubbed: _scrub,
}
_KINDS: dict[str, type[Fact]] = {kind.TYPE: kind for kind in _TAKERS}
FOLDED = tuple(_KINDS)  # besides what was imported, of which there is far more
