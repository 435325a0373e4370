"""Reads the archive again: all its files from the medium, every name against the ledger.

It changes nothing but the views, which are only names. What it finds it says as facts; whether
they are news, and how fast to read, is decided elsewhere.
"""

import hashlib
import mmap
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from agent.archive import durable, views
from agent.archive.archive import Archive
from agent.archive.commissioning import MARK_NAME
from agent.archive.expecting import Books, Expected
from agent.archive.grouping import INCOMING, OBJECTS
from agent.archive.replacing import DAMAGED
from contracts.archive_facts import (
    ArchiveSettled,
    ArchiveUnexpected,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    ScrubCounts,
    Unexpected,
    ViewRemade,
)
from contracts.errors import ArchiveUnwritableError
from contracts.facts import Fact
from contracts.names import shown

PARTIAL = "partial"  # what could be read of files that cannot be read whole
OUTER, VIEWS = "outer", "views"
SHELVES = tuple(f"{number:02x}" for number in range(256))
PARTS = (OUTER, *SHELVES, VIEWS)
_BLOCK_BYTES = 1 << 20
_HEX = re.compile("[0-9a-f]{2}")
_ROOT_FOLDERS = frozenset(
    {"objects", views.VIEWS, views.MANIFESTS, INCOMING, PARTIAL, DAMAGED, "lost+found"}
)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Step:
    """One thing was looked at; `suspect`: nothing names it yet, which an import may still do."""

    path: str
    counts: ScrubCounts
    facts: tuple[Fact, ...] = ()
    suspect: bool = False


class Scrubbing:
    """A pass over one archive, part by part and in each part by path.

    `read` is told of every block that was read and may wait or raise; `check_disk` raises if the
    disk is not the archive's or does not work: a disk that is gone is no damaged footage.
    """

    def __init__(
        self,
        archive: Archive,
        books: Books,
        check_disk: Callable[[], object],
        read: Callable[[int], None],
    ) -> None:
        self._archive = archive
        self._tree = archive.tree
        self._books = books
        self._check_disk = check_disk
        self._read = read
        self._unreadable: list[str] = []
        self._made: set[str] = set()  # views, which may be entered only when the pass has ended

    def steps(self, part: str, after: str = "") -> Iterator[Step]:
        """Look at everything in a part that comes after a path.

        Raises:
            StationError: the disk does not work, or is not the archive's.
        """
        self._unreadable.clear()
        if part == OUTER:
            yield from self._outer(after)
        elif part == VIEWS:
            yield from self._views(after)
        else:
            yield from self._shelf(part, after)
        for path in self._unreadable:
            raw = os.fsencode(path)
            fact = ArchiveUnexpected(raw, shown(raw), "unreadable", 0)
            yield Step(path, ScrubCounts(unexpected=1), (fact,))

    def look(self, sha256: str) -> tuple[Fact, ...]:
        """Return what is to be said of one object now; nothing if it may be on an earlier disk.

        Raises:
            StationError: the disk does not work, or is not the archive's.
        """
        one = self._books.objects(sha256[:2]).get(sha256)
        facts = self._file(one).facts if one is not None else ()
        is_elsewhere = one is not None and one.earlier and isinstance(facts[0], FootageMissing)
        return () if is_elsewhere else facts

    def unexpected(self, path: str) -> ArchiveUnexpected | None:
        """Return what is to be said of a path that nothing names; None if it is gone."""
        with self._tree.root() as root, durable.archive_errors():
            try:
                status = os.stat(path, dir_fd=root, follow_symlinks=False)
            except FileNotFoundError:
                return None
        raw = os.fsencode(path)
        return ArchiveUnexpected(raw, shown(raw), _kind(status), status.st_size)

    def unnamed(self, paths: Collection[str]) -> list[ArchiveUnexpected]:
        """Return those of the suspects that are there still and that no entry names by now."""
        named = self._books.named(paths)
        found = [self.unexpected(path) for path in paths if path not in named]
        return [fact for fact in found if fact is not None]

    def settled(self, paths: Collection[bytes]) -> list[Fact]:
        """Return those of the reported paths that are gone, or that an entry names by now."""
        named = self._books.named({os.fsdecode(path) for path in paths})
        named |= self._books.kept().keys() | self._made
        return [
            ArchiveSettled(path, shown(path))
            for path in sorted(paths)
            if os.fsdecode(path) in named or self.unexpected(os.fsdecode(path)) is None
        ]

    def _shelf(self, shelf: str, after: str) -> Iterator[Step]:
        expected = {one.path: one for one in self._books.objects(shelf).values()}
        top = f"{OBJECTS}/{shelf}"
        found: set[str] = set()
        for name in self._names(top):
            path = f"{top}/{name}"
            if _HEX.fullmatch(name) and self._is_folder(path):
                found.update(f"{path}/{file}" for file in self._names(path))
            else:
                found.add(path)
        for path in sorted(expected.keys() | found):
            if path <= after:
                continue
            one = expected.get(path)
            if one is not None and (path in found or not one.earlier):
                yield self._file(one)
            elif one is None:
                digest = path.rpartition("/")[2]
                is_named = path == f"{top}/{digest[2:4]}/{digest}"
                is_suspect = is_named and re.fullmatch("[0-9a-f]{64}", digest) is not None
                yield self._stray(path, suspect=is_suspect)

    def _file(self, one: Expected) -> Step:
        fact, seen = self._examine(one)
        if isinstance(fact, FootageDamaged):
            # Read again: it may have been replaced under our hands, or the bus may have lied.
            fact, again = self._examine(one)
            seen += again
        if isinstance(fact, FootageMissing):
            return Step(one.path, ScrubCounts(expected=1, missing=1), (fact,))
        if isinstance(fact, FootageDamaged):
            return Step(one.path, ScrubCounts(expected=1, damaged=1, bytes_read=seen), (fact,))
        remade = tuple(self.remade(one))
        counts = ScrubCounts(
            expected=1,
            intact=1,
            views=len(one.views),
            views_remade=len(remade),
            bytes_read=seen,
        )
        return Step(one.path, counts, (fact, *remade))

    def _examine(self, one: Expected) -> tuple[Fact, int]:
        """Return what a file is, and how many bytes were read for it."""
        where = (one.recorder, one.sha256, one.path)
        with self._tree.root() as root:
            with durable.archive_errors():
                try:
                    status = os.stat(one.path, dir_fd=root, follow_symlinks=False)
                except (FileNotFoundError, NotADirectoryError):
                    status = None
                except OSError as error:
                    self._check_disk()
                    reason = error.strerror
                    return FootageDamaged(*where, one.shown, one.size, 0, reason=reason), 0
            if status is None:
                self._check_disk()
                return FootageMissing(*where, one.shown, one.size), 0
            damage = (*where, one.shown, one.size, status.st_size)
            if not stat.S_ISREG(status.st_mode):
                return FootageDamaged(*damage, reason="not a regular file"), 0
            try:
                digest = self._digest(root, one.path)
            except ArchiveUnwritableError as error:
                self._check_disk()
                return FootageDamaged(*damage, reason=str(error.fields.get("reason", error))), 0
        if digest != one.sha256 or one.size not in (None, status.st_size):
            return FootageDamaged(*damage, digest), status.st_size
        return FootageIntact(*where), status.st_size

    def _digest(self, root: int, path: str) -> str:
        running = hashlib.sha256()
        buffer = memoryview(mmap.mmap(-1, _BLOCK_BYTES))
        with durable.opened(root, path) as fd:
            offset, size = 0, durable.file_size(fd)
            while offset < size:
                count = durable.read_at(fd, offset, buffer, min(_BLOCK_BYTES, size - offset))
                if not count:
                    break
                running.update(buffer[:count])
                offset += count
                self._read(count)
        return running.hexdigest()

    def remade(self, one: Expected) -> Iterator[ViewRemade]:
        """Link an object under each of its names that is gone or leads elsewhere; yield which."""
        with self._tree.root() as root:
            own = durable.identity(root, one.path)
            for view in one.views:
                found = _identity(root, view)
                if found == own:
                    continue
                made = self._archive.link_view(view.partition("/")[2], one.sha256)
                self._made.add(made)
                yield ViewRemade(
                    one.recorder, one.sha256, view, made, "elsewhere" if found else "gone"
                )

    def _outer(self, after: str) -> Iterator[Step]:
        expected = self._books.beside() | self._books.kept()
        kept = {f"{PARTIAL}/{name}" for name in self._names(PARTIAL)}
        for path in sorted(expected.keys() | kept | set(self._strays())):
            if path <= after:
                continue
            one = expected.get(path)
            if one is None:
                yield self._stray(path, suspect=path in kept)
            elif self._can_be_judged(one):
                yield self._file(one)

    def _can_be_judged(self, one: Expected) -> bool:
        """Tell whether a file may be missing, or may be compared with what was entered of it."""
        if one.sha256 and not one.earlier:
            return True
        is_there = self.unexpected(one.path) is not None
        return bool(one.sha256) if is_there else not one.earlier

    def _strays(self) -> Iterator[str]:
        """Yield what is not in its place above the shelves and beside them."""
        for name in self._names(""):
            if name != MARK_NAME and not (name in _ROOT_FOLDERS and self._is_folder(name)):
                yield name
        yield from (f"objects/{name}" for name in self._names("objects") if name != "sha256")
        for name in self._names(OBJECTS):
            path = f"{OBJECTS}/{name}"
            if not (_HEX.fullmatch(name) and self._is_folder(path)):
                yield path
        kept = self._books.kept()
        found = (f"{DAMAGED}/{name}" for name in self._names(DAMAGED))
        yield from (path for path in found if path not in kept)
        manifests = self._books.manifests()
        for name in self._names(views.MANIFESTS):
            if name not in manifests:
                yield f"{views.MANIFESTS}/{name}"

    def _views(self, after: str) -> Iterator[Step]:
        for year in self._names(views.VIEWS):
            top = f"{views.VIEWS}/{year}"
            months = [f"{top}/{month}" for month in self._names(top)]
            for path in months if self._is_folder(top) else [top]:
                yield from self._month(path, after)

    def _month(self, top: str, after: str) -> Iterator[Step]:
        expected = self._books.views(f"{top}/") | self._made
        for path in sorted(self._below(top)):
            if path > after and path not in expected:
                yield self._stray(path, suspect=True)

    def _below(self, path: str) -> Iterator[str]:
        if not self._is_folder(path):
            yield path
            return
        for name in self._names(path):
            yield from self._below(f"{path}/{name}")

    def _stray(self, path: str, *, suspect: bool) -> Step:
        fact = self.unexpected(path)
        if fact is None or suspect:
            return Step(path, ScrubCounts(), suspect=fact is not None)
        return Step(path, ScrubCounts(unexpected=1), (fact,))

    def _names(self, path: str) -> list[str]:
        """Return the names in a folder in order; none where there is no such folder."""
        with self._tree.root() as root, durable.archive_errors():
            try:
                return _listed(root, path or ".")
            except (FileNotFoundError, NotADirectoryError):
                return []
            except (OSError, ArchiveUnwritableError):
                self._check_disk()
                self._unreadable.append(path)
                return []

    def _is_folder(self, path: str) -> bool:
        with self._tree.root() as root, durable.archive_errors():
            try:
                mode = os.stat(path, dir_fd=root, follow_symlinks=False).st_mode
            except FileNotFoundError:
                return False
        return stat.S_ISDIR(mode)


def _listed(root: int, path: str) -> list[str]:
    folder = os.open(path, _FOLDER, dir_fd=root)
    try:
        return sorted(durable.names(folder))
    finally:
        os.close(folder)


def _identity(root: int, path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path, dir_fd=root, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _kind(status: os.stat_result) -> Unexpected:
    if stat.S_ISREG(status.st_mode):
        return "file"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "link" if stat.S_ISLNK(status.st_mode) else "special"
