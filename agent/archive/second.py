"""The second copy: the archive's objects once more, on another disk, by the archive's own seal.

An object is read from the archive's medium, held to its name, written to the other disk, brought
to its medium and read back from there; only then it counts. What is on the other disk under that
name already is read from its medium instead.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent.archive import durable
from agent.archive.archive import Archive
from agent.archive.commissioning import (
    COPY_MARK_NAME,
    Disk,
    Mark,
    Watch,
    check,
    describe_copy,
    look_at,
    write_mark,
)
from agent.archive.expecting import Books, Expected
from agent.archive.grouping import OBJECTS, Group, folder_of
from agent.archive.scrubbing import Scrubbing, Step
from agent.archive.sealing import Sealed
from contracts.archive_facts import ArchiveUnexpected, FootageDamaged, FootageMissing
from contracts.copy_facts import CopyCommissioned, CopyDamaged, CopyMissing
from contracts.errors import (
    ArchiveAbsentError,
    ArchiveForeignError,
    ArchiveFullError,
    ArchiveReadOnlyError,
    ArchiveTakenError,
    ArchiveUnwritableError,
    FileChangedError,
    FileUnreadableError,
    HardLinksMissingError,
    ReadBackError,
    SecondCopyAbsentError,
    SecondCopyError,
    SecondCopyFailingError,
    SecondCopyForeignError,
    SecondCopyMisplacedError,
    StationError,
)
from contracts.fact import Fact

_REASONS: dict[type[StationError], str] = {
    ArchiveFullError: "没有空间 / no room left",
    ArchiveReadOnlyError: "只读 / read-only",
    ArchiveTakenError: "正由另一采集服务使用 / another agent uses it",
    HardLinksMissingError: "文件系统不支持硬链接 / no hard links there",
    ReadBackError: "读回的与写入的不一致 / what was read back is not what was written",
}


class Stored:
    """An object of an archive as a file that is read: from the medium, and held to its name."""

    def __init__(self, archive: Archive, sha256: str) -> None:
        self._sha256 = sha256
        self._running = hashlib.sha256()
        self._offset = 0
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(archive.tree.existing(folder_of(sha256)))
                if folder is None or durable.identity(folder, sha256) is None:
                    raise FileUnreadableError(name=sha256, offset=0, reason="ENOENT")
                self._fd = stack.enter_context(durable.opened(folder, sha256))
                self._size = durable.file_size(self._fd)
            except StationError as error:
                raise self._unreadable(error) from error
            self._open = stack.pop_all()

    def readinto(self, buffer: memoryview) -> int:
        """Read the next bytes.

        Raises:
            FileUnreadableError: the archive's disk does not give them.
        """
        wanted = min(len(buffer), self._size - self._offset)
        try:
            count = durable.read_at(self._fd, self._offset, buffer, wanted)
        except StationError as error:
            raise self._unreadable(error) from error
        self._running.update(buffer[:count])
        self._offset += count
        return count

    def seek(self, offset: int) -> None:
        """Never: an object is read from its beginning to its end, or not at all."""
        raise RuntimeError(f"{self._sha256}: {offset}")

    def unchanged(self) -> bool:
        """Tell whether what was read is what the name says."""
        return self._running.hexdigest() == self._sha256

    def close(self) -> None:
        """Let go of it."""
        self._open.close()

    def _unreadable(self, error: StationError) -> FileUnreadableError:
        reason = error.fields.get("reason", error.code)
        return FileUnreadableError(name=self._sha256, offset=self._offset, reason=reason)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of some objects: proven on the other side, not to be had, or stopped by what."""

    proven: tuple[Sealed, ...]
    lacking: tuple[str, ...] = ()
    error: StationError | None = None


def bring(
    wanted: Sequence[tuple[str, int]], source: Archive, target: Archive, go_on: Callable[[], None]
) -> Brought:
    """Bring objects (digest, size) from one archive to another, and prove them there.

    `go_on` is asked at every block; what it raises ends it, and nothing half done stays.
    """
    proven: list[Sealed] = []
    lacking: list[str] = []
    rest = deque(wanted)
    try:
        while rest:
            with closing(target.begin()) as group:
                names: list[str] = []
                while rest and group.has_room(rest[0][1]):
                    sha256, size = rest.popleft()
                    is_taken = _take(group, source, sha256, size, go_on)
                    (names if is_taken else lacking).append(sha256)
                _settle(group, names, go_on, proven)
    except StationError as error:
        return Brought(tuple(proven), tuple(lacking), error)
    return Brought(tuple(proven), tuple(lacking))


def _take(group: Group, source: Archive, sha256: str, size: int, go_on: Callable[[], None]) -> bool:
    """Write an object into a part; False when the archive does not give it whole."""
    try:
        with closing(Stored(source, sha256)) as stored:
            group.copy(stored, size, sha256, sm3=False, progress=lambda _: go_on())
    except (FileUnreadableError, FileChangedError):
        return False
    return True


def _settle(
    group: Group, names: Sequence[str], go_on: Callable[[], None], proven: list[Sealed]
) -> None:
    """Prove the group's files; what is proven stays so, whatever is wrong with the next one."""
    outcomes = group.settle(go_on)
    if outcomes is None:
        raise ArchiveUnwritableError(reason="syncfs")
    for sha256, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, StationError):
            raise outcome
        if outcome.sha256 != sha256:  # memory changed it after it was held to its name
            raise ReadBackError(name=sha256)
        proven.append(outcome)


@dataclass(frozen=True, slots=True)
class Room:
    """The second copy's disk, as it was seen; `commissioned`: it became that just now."""

    free_bytes: int
    total_bytes: int
    commissioned: CopyCommissioned | None


class SecondCopy:
    """The second copy's disk: looked at, written, given back; used by one thread."""

    def __init__(self, root: Path, source: Archive, origin: str) -> None:
        self.archive = Archive(root, folders=(OBJECTS,))
        self._root = root
        self._source = source
        self._origin = origin
        self._watch: Watch | None = None
        self._held = ExitStack()

    def look(self, known: CopyCommissioned | None, *, writing: bool) -> Room:
        """Return what is there; without a commissioned disk, make this one the second copy's.

        Raises:
            StationError: as `told` words it.
        """
        with told(self._root):
            disk = look_at(self._root, COPY_MARK_NAME)
            if known is None:
                news = self._commission(disk, disk.mark)
                return Room(disk.free_bytes, disk.total_bytes, news)
            self.check(known)
            if self._watch is None:
                self._open(known)
            else:
                self._watch.look(writing=writing)
        return Room(disk.free_bytes, disk.total_bytes, None)

    def check(self, known: CopyCommissioned) -> None:
        """Make sure that the disk is the one commissioned, and not the archive's own.

        Raises:
            StationError: as `told` words it.
        """
        with told(self._root):
            disk = look_at(self._root, COPY_MARK_NAME)
            check(self._root, disk, known)
            self._check_place(disk)

    def commission(self) -> CopyCommissioned:
        """Make what is there the second copy's disk, whosever it was, with a mark of its own.

        Raises:
            StationError: as `told` words it.
        """
        with told(self._root):
            return self._commission(look_at(self._root, COPY_MARK_NAME), None)

    def adopted(self, known: CopyCommissioned | None) -> Archive:
        """Return what is there, to be read by hand.

        Raises:
            StationError: as `told` words it.
        """
        if known is None:
            raise SecondCopyAbsentError(where=self._root)
        self.check(known)
        with told(self._root):
            self.archive.adopt()
        return self.archive

    def bring(self, wanted: Sequence[tuple[str, int]], go_on: Callable[[], None]) -> Brought:
        """Bring these objects of the archive here; `error` is worded by `told`."""
        brought = bring(wanted, self._source, self.archive, go_on)
        if brought.error is None:
            return brought
        return replace(brought, error=worded(brought.error, self._root))

    def scrubbing(
        self,
        books: Books,
        known: CopyCommissioned | None,
        is_confirmed: Callable[[str], bool],
        read: Callable[[int], None],
    ) -> "CopyScrubbing":
        """Return a pass over what is confirmed here.

        Raises:
            SecondCopyAbsentError: it is not there, or none is commissioned.
        """
        if known is None or self._watch is None:
            raise SecondCopyAbsentError(where=self._root)
        expected = _Confirmed(books, is_confirmed)
        scrubbing = Scrubbing(self.archive, expected, lambda: self.check(known), read)
        return CopyScrubbing(scrubbing, known.copy)

    def close(self) -> None:
        """Give back what was locked."""
        self._held.close()

    def _commission(self, disk: Disk, mark: Mark | None) -> CopyCommissioned:
        if mark is not None and mark.origin != self._origin:
            raise ArchiveForeignError(where=self._root, found=mark.id, known="-")
        self._check_place(disk)
        if disk.is_system:  # most likely what is below a mount that is not there
            raise SecondCopyMisplacedError(where=self._root)
        mark = mark or Mark.new(self._origin)
        write_mark(self._root, mark, COPY_MARK_NAME)
        return describe_copy(self._root, disk, mark)

    def _check_place(self, disk: Disk) -> None:
        with suppress(OSError):  # an archive that is gone is told of elsewhere
            if self._source.root.stat().st_dev == disk.device:
                raise SecondCopyMisplacedError(where=self._root)

    def _open(self, known: CopyCommissioned) -> None:
        with ExitStack() as stack:
            stack.callback(self.archive.take())
            self.archive.prepare()
            self._watch = Watch(self.archive, self._root, known, COPY_MARK_NAME)
            stack.callback(self._watch.close)
            self._held = stack.pop_all()


class CopyScrubbing:
    """A pass over the second copy: what is confirmed on it, and nothing else."""

    def __init__(self, scrubbing: Scrubbing, copy: str) -> None:
        self._copy = copy
        self._scrubbing = scrubbing

    def steps(self, part: str, after: str) -> Iterator[Step]:
        """Look at what is in a part after a path; what no entry names is left out.

        Raises:
            StationError: the disk does not work, or is not the second copy's.
        """
        for step in self._scrubbing.steps(part, after):
            facts = tuple(self._said(step.facts))
            yield Step(step.path, replace(step.counts, unexpected=0), facts)

    def unnamed(self, paths: Collection[str]) -> list[ArchiveUnexpected]:
        """Return nothing: there are no suspects."""
        return []

    def settled(self, paths: Collection[bytes]) -> list[Fact]:
        """Return nothing: nothing unexpected is reported."""
        return []

    def _said(self, facts: Sequence[Fact]) -> Iterator[Fact]:
        for fact in facts:
            match fact:
                case FootageDamaged():
                    yield CopyDamaged(
                        copy=self._copy,
                        sha256=fact.sha256,
                        object=fact.object,
                        size=fact.size or 0,
                        found_size=fact.found_size,
                        found_sha256=fact.found_sha256,
                        reason=fact.reason,
                    )
                case FootageMissing():
                    yield CopyMissing(self._copy, fact.sha256, fact.object, fact.size or 0)


class _Confirmed(Books):
    """Of the books, what the second copy must hold: objects, without their views."""

    def __init__(self, books: Books, is_confirmed: Callable[[str], bool]) -> None:
        self._books = books
        self._is_confirmed = is_confirmed

    def objects(self, prefix: str) -> dict[str, Expected]:
        return {
            sha256: replace(one, views=(), earlier=False)
            for sha256, one in self._books.objects(prefix).items()
            if self._is_confirmed(sha256)
        }


@contextmanager
def told(root: Path) -> Iterator[None]:
    """Word the errors of the second copy's disk as such: none of them stops an import."""
    try:
        yield
    except StationError as error:
        raise worded(error, root) from error


def worded(error: StationError, root: Path) -> StationError:
    """Return an error of the archive's kind as what it means for the second copy."""
    match error:
        case ArchiveAbsentError():
            return SecondCopyAbsentError(where=root)
        case ArchiveForeignError():
            return SecondCopyForeignError(**error.fields)
        case SecondCopyError():
            return error
    reason = _REASONS.get(type(error)) or error.fields.get("reason") or error.text
    return SecondCopyFailingError(reason=reason)
