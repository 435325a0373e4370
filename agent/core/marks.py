"""What the names and places of a card's files tell: marks, sidecars, parts of one recording; pure.

Nothing here decides what is imported: every file is, and keeps its name. What cannot be told is
left untold. Rules: docs/recorders/profiles.md.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from agent.core.profile import Card
from agent.core.recorder import UNMARKED, CardFile, Importance, Listing, Mark
from contracts.names import split_time

# fmt: off
_RECORDED = frozenset((
    ".3gp", ".aac", ".amr", ".avi", ".h264", ".h265", ".hevc", ".m4a", ".m4v", ".mkv", ".mov",
    ".mp3", ".mp4", ".mpg", ".ts", ".wav",
))
# fmt: on
_NUMBER = re.compile(rb"\d+")
_NUMBERS_MAX = 8  # of a name with more, none may count up
_KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class _Name:
    """A file's name taken apart, letters small; the stem is without an ending that marks it."""

    file: CardFile
    folder: str
    stem: str
    extension: str
    is_marked: bool

    @classmethod
    def of(cls, file: CardFile, endings: Iterable[str]) -> "_Name":
        folder, _, name = file.path.decode("utf-8", "surrogateescape").lower().rpartition("/")
        stem, dot, extension = name.rpartition(".")
        stem, extension = (stem, f".{extension}") if dot else (name, "")
        ending = next((one for one in endings if stem.endswith(one)), "")
        return cls(file, folder, stem.removesuffix(ending), extension, bool(ending))

    @property
    def place(self) -> str:
        """Its folder and extension, whatever the numbers: 100MEDIA and 101MEDIA are one place."""
        return _place(self.folder) + "\0" + self.extension


@lru_cache(maxsize=64)
def _place(folder: str) -> str:
    return re.sub(r"\d+", "#", folder)


_Group = list[_Name]


def marked(listing: Listing, card: Card, roots: Sequence[str] = ("",)) -> Listing:
    """Return the listing with what is known of each file's name and place.

    `roots` are what stands before the paths of each volume.
    """
    endings = tuple(one.lower() for one in card.important if one)
    names = [_Name.of(file, endings) for file in listing.files]
    beside = _sidecars(names, card)
    known = _parts(names, card)
    for owner in beside.values():
        known.setdefault(owner.file.path, Mark(recording=_key(owner)))
    own = {(root + mark.file).lower().encode() for root in roots for mark in card.identity}
    important = _Important.of(card)
    files = []
    for name in names:
        path = name.file.path
        mark = known.get(path, UNMARKED)
        if path in beside:
            main = beside[path].file.path
            mark = Mark(recording=known[main].recording, sidecar_of=main)
        found, is_identity = important.by(name), path.lower() in own
        if found or is_identity:
            mark = replace(mark, important=found, is_identity=is_identity)
        files.append(name.file if mark is UNMARKED else replace(name.file, mark=mark))
    return replace(listing, files=tuple(files))


def stamp(file: CardFile) -> datetime:
    """Return a file's time as the recorder wrote it, without a zone; the year 1 for no such day."""
    try:
        return datetime.fromtimestamp(file.modified_ns // 10**9, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return datetime.min  # noqa: DTZ901 - a recorder's clock has no zone


@dataclass(frozen=True, slots=True)
class _Important:
    """By what a model marks a recording."""

    folders: frozenset[str]
    is_read_only: bool

    @classmethod
    def of(cls, card: Card) -> "_Important":
        folders = frozenset(one.lower() for one in card.important_folders)
        return cls(folders, card.read_only_is_important)

    def by(self, name: _Name) -> Importance | None:
        """Return by what a file is marked, None where it is not."""
        if name.is_marked:
            return "name"
        if self.folders and not self.folders.isdisjoint(name.folder.split("/")):
            return "folder"
        return "read_only" if self.is_read_only and name.file.is_read_only else None


def _sidecars(names: Sequence[_Name], card: Card) -> dict[bytes, _Name]:
    """Return which recording each sidecar goes with, the one in its own folder first."""
    extensions = {one.lower() for one in card.sidecars}
    if not any(name.extension in extensions for name in names):
        return {}
    near: dict[tuple[str, str], _Name] = {}
    far: dict[str, list[_Name]] = defaultdict(list)
    for name in names:
        if name.extension in _RECORDED - extensions:
            near.setdefault((name.folder, name.stem), name)
            far[name.stem].append(name)
    found = {}
    for name in names:
        if name.extension in extensions:
            others = far.get(name.stem, [])
            owner = near.get((name.folder, name.stem)) or (others[0] if len(others) == 1 else None)
            if owner is not None:
                found[name.file.path] = owner
    return found


def _parts(names: Iterable[_Name], card: Card) -> dict[bytes, Mark]:
    recorded = [name for name in names if name.extension in _RECORDED]
    chapters = list(_chapters(recorded, card.chapters))
    taken = {name.file.path for group in chapters for name in group}
    left = [name for name in recorded if name.file.path not in taken]
    gap = timedelta(seconds=card.segment_gap_seconds)
    groups = [*chapters, *_segments(left, gap)]
    return {
        name.file.path: Mark(recording=_key(group[0]), part=number)
        for group in groups
        for number, name in enumerate(group, 1)
    }


def _chapters(names: Iterable[_Name], pattern: str) -> Iterator[_Group]:
    """Yield the recordings whose files are numbered by their names."""
    groups: dict[tuple[str, str], list[tuple[int, _Name]]] = defaultdict(list)
    for name in names if pattern else ():
        found = re.fullmatch(pattern, name.stem, re.IGNORECASE)
        part = found["part"] if found else None
        if found and part and part.isdecimal():
            groups[name.place, found["recording"] or ""].append((int(part), name))
    for group in groups.values():
        if len(group) > 1:
            yield [name for _, name in sorted(group, key=lambda one: (one[0], one[1].file.path))]


@dataclass(frozen=True, slots=True)
class _Timed:
    """A recording whose name tells when it began."""

    name: _Name
    began: datetime
    kind: tuple[str, bytes]
    numbers: tuple[int, ...]

    def before(self) -> Iterator[tuple[int, ...]]:
        """Yield what the numbers in the name before it may be: the same, or one of them less."""
        yield self.numbers
        for at, number in enumerate(self.numbers if len(self.numbers) <= _NUMBERS_MAX else ()):
            yield (*self.numbers[:at], number - 1, *self.numbers[at + 1 :])


def _segments(names: Iterable[_Name], gap: timedelta) -> Iterator[_Group]:
    """Yield the recordings of which one file begins when the one before it was written last."""
    last: dict[tuple[tuple[str, bytes], tuple[int, ...]], _Timed] = {}
    groups: dict[bytes, _Group] = {}
    for one in sorted(_timed(names), key=lambda one: (one.began, one.name.file.path)):
        group = [one.name]
        for numbers in one.before():
            former = last.get((one.kind, numbers))
            if former and former.began < one.began and _gap(former, one) <= gap:
                group = groups[former.name.file.path]
                group.append(one.name)
                del last[one.kind, numbers]
                break
        groups[one.name.file.path] = group
        last[one.kind, one.numbers] = one
    yield from {id(group): group for group in groups.values() if len(group) > 1}.values()


def _timed(names: Iterable[_Name]) -> Iterator[_Timed]:
    for name in names:
        found = split_time(name.stem.encode("utf-8", "surrogateescape"))
        if found:
            rest = found[0] + b"\0" + found[2]
            numbers = tuple(int(number) for number in _NUMBER.findall(rest))
            yield _Timed(name, found[1], (name.place, _NUMBER.sub(b"#", rest)), numbers)


def _gap(former: _Timed, later: _Timed) -> timedelta:
    return abs(later.began - stamp(former.name.file))


def _key(first: _Name) -> str:
    file = first.file
    told = b"%s\0%d" % (file.path, file.modified_ns // 1000)
    return hashlib.sha256(told).hexdigest()[:_KEY_DIGITS]
