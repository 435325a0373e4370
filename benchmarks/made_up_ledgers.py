"""Ledgers of many stations, cheap to make: real entries, tree and signatures, kept in memory.

Each type's entry is encoded once by `contracts.entry`; its copies differ in number, time, recorder
and visit. A day's mix: a recorder comes home, is checked, twenty files are imported, it goes out.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.checkpoint import Checkpoint, WitnessRequest
from contracts.entry import Draft, Entry, Moment, encode, format_time
from contracts.facts import (
    Counts,
    FootageImported,
    Media,
    RecorderChecked,
    RecorderDocked,
    RecorderIssued,
    RecorderReturned,
    VisitCompleted,
    draft_of,
)
from contracts.loading import to_json
from contracts.messages import StationMeta
from contracts.note import SigningKey
from contracts.reading import Identity, Reading
from contracts.tree import Frontier, consistency_proof, leaf_hash

ORGANISATION = "example"
FILES = 20
MIX = 5 + FILES
# So few that each comes home in time: an alert for every issue would be another office's load.
RECORDERS = 4
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBER = 1_111_111_111
_VISIT, _RECORDER, _HANDOVER = "v-sentinel", "r-sentinel", "h-sentinel"
_COUNTS = Counts(listed=FILES, imported=FILES)
_READ = tuple(Reading(kind, 90, "virtual", _AT, "reported") for kind in ("battery_percent",))
_MEDIA = Media("good", "mp4", ("h264", "aac"), 1920, 1080, 61_000, _AT, "")
_FACTS = (
    RecorderDocked(_VISIT, 1, "virtual:1", _RECORDER, Identity("0101"), "virtual"),
    RecorderReturned(_HANDOVER, _RECORDER, "p1", visit=_VISIT),
    RecorderChecked(_VISIT, _RECORDER, _READ, ()),
    *(
        FootageImported(
            _VISIT, _RECORDER, 1, b"DCIM/100MEDIA/A.MP4", "DCIM/100MEDIA/A.MP4", 61_000_000, 1,
            _AT, None, _AT, "modified", None, "0" * 64, "objects/sha256/00/00/0",
            "2026/11/20/A.MP4", held=False, media=_MEDIA,
        )
        for _ in range(FILES)
    ),
    VisitCompleted(_VISIT, _RECORDER, 1, _AT, _COUNTS, 61_000_000, "0" * 64, ()),
    RecorderIssued(_HANDOVER, _RECORDER, "p1", "王五", "d1", ()),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Template:
    type: str
    text: str


class MadeUpLedger:
    """One station's ledger: grows by the mix, signs heads, proves that they extend others."""

    def __init__(self, number: int) -> None:
        self.station = f"s{number}"
        self._key = SigningKey(_seed(self.station))
        self.origin = f"muster/{ORGANISATION}/{self.station}/{self._key.fingerprint}"
        self.key = self._key.verifying(self.origin)
        self.frontier = Frontier()
        self._first = 1
        self._raw: list[bytes] = []
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._templates = [_template(draft_of(fact), self.origin) for fact in _FACTS]

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_key"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._key = SigningKey(_seed(self.station))

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.frontier.size

    @property
    def meta(self) -> bytes:
        """The station's introduction."""
        name, origin = self.station, self.origin
        return to_json(StationMeta(ORGANISATION, name, name, "0", 6, origin, str(self.key)))

    def made(self, count: int, first_at: datetime, step: timedelta) -> Iterator[Entry]:
        """Yield `count` new entries; they are kept only by whoever keeps them."""
        first = self.size + 1
        for place in range(count):
            number, at = first + place, first_at + step * place
            template = self._templates[number % MIX]
            visit = number // MIX
            text = template.text % {
                "n": number,
                "at": format_time(at),
                "recorder": f"R{self.station}-{visit % RECORDERS}",
                "visit": f"{self.station}-{visit}",
            }
            moment = Moment(at, "b", 1, "synchronised")
            raw = text.encode()
            yield Entry(number, self.origin, template.type, "subject", moment, {}, raw)

    def forget_before(self) -> None:
        """Go on from here with the frontier alone: what is before has been stored elsewhere."""
        self._first, self._raw, self._nodes = self.size + 1, [], {}
        start, hashes = 0, iter(self.frontier.hashes)
        for level in reversed(range(self.size.bit_length())):
            if self.size >> level & 1:
                self._nodes[level, start >> level] = next(hashes)
                start += 1 << level

    def append(self, count: int, first_at: datetime, step: timedelta) -> None:
        """Enter more, and keep it for shipping."""
        for entry in self.made(count, first_at, step):
            leaf = leaf_hash(entry.raw)
            self._nodes[0, self.size] = leaf
            self.frontier, nodes = self.frontier.append(leaf)
            self._nodes |= {(node.level, node.index): node.hash for node in nodes}
            self._raw.append(entry.raw)

    def raw(self, start: int, stop: int) -> list[bytes]:
        """Return the bytes of entries `start` to `stop` - 1."""
        return self._raw[start - self._first : stop - self._first]

    def sign(self, frontier: Frontier) -> str:
        """Return a signed head."""
        text = str(Checkpoint(self.origin, frontier.size, frontier.root()))
        return self._key.sign(text, self.origin)

    def request(self, old: int, size: int) -> bytes:
        """Return the witness request for `size`, extending `old`."""
        read = self._node
        hashes, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                hashes.append(read(level, start >> level))
                start += 1 << level
        note = self.sign(Frontier(size, tuple(hashes)))
        return WitnessRequest(old, consistency_proof(old, size, read), note).format()

    def _node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


@dataclass(slots=True)
class Spread:
    """When entries were made: evenly over the days before a moment."""

    until: datetime
    days: int = 100
    first_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.first_at = self.until - timedelta(days=self.days)

    def step(self, count: int) -> timedelta:
        """Return the time between two of `count` entries."""
        return timedelta(days=self.days) / max(count, 1)


def _seed(station: str) -> bytes:
    return hashlib.sha256(station.encode()).digest()


def _template(draft: Draft, origin: str) -> _Template:
    subject = "subject"
    moment = Moment(_AT + timedelta(days=1), "b", 1, "synchronised")
    raw = encode(Draft(draft.type, subject, draft.data), _NUMBER, origin, moment).decode()
    text = raw.replace("%", "%%")
    text = text.replace(f'"id":"{_NUMBER}"', '"id":"%(n)d"')
    text = text.replace(f'"sequence":"{_NUMBER}"', '"sequence":"%(n)010d"')
    text = text.replace(format_time(moment.at), "%(at)s")
    text = text.replace(_RECORDER, "%(recorder)s").replace(_VISIT, "%(visit)s")
    text = text.replace(_AT.isoformat().replace("+00:00", "Z"), "%(at)s")
    return _Template(draft.type, text.replace(_HANDOVER, "h%(visit)s"))
