"""A few files' way into the archive together: each is written to a part, then all become footage.

What is brought to the medium file by file costs several fsyncs each. Here small files are brought
there together, read back, named, and their folders brought there together; nothing is returned
before. The files stay apart all the same: what is wrong with one keeps none of the others.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass

from agent.archive import durable, replacing, sealing
from agent.archive.sealing import BLOCK_BYTES, Incoming, Reading, Ring, Sealed
from agent.core.recorder import OpenFile
from contracts.errors import ArchiveUnwritableError, ReadBackError, StationError

INCOMING = "incoming"
OBJECTS = "objects/sha256"
GROUP_FILES = 256
GROUP_BYTES = 32 << 20
SMALL_BYTES = 8 << 20  # from here on a file is worth an fsync of its own
READERS = 2  # that read back: each waits for the disk most of the time
_ROW = 16  # files that one of them takes at a time


@dataclass(slots=True)
class _Copied:
    """A file that is written and not proven; `fd` is open until it is brought to the medium."""

    name: str
    part: str
    fd: int | None
    reading: Reading


class Group:
    """Files that are sealed in one go; filled by one thread, then settled by one, then closed.

    `alone`: every file is brought to the medium by itself.
    """

    def __init__(self, tree: durable.Tree, *, alone: bool = False) -> None:
        self._tree = tree
        self._together = tree.syncs_as_one and not alone
        self._files: list[_Copied] = []
        self._bytes = 0
        self._cached = False
        self._ring: Ring | None = None
        with ExitStack() as stack:
            # The handle that is asked to sync is opened before the first byte is written: whatever
            # the disk refuses from here on is told to it, though files and folders be forgotten.
            self._root = stack.enter_context(tree.root())
            self._incoming = stack.enter_context(tree.folder(INCOMING))
            self._objects = stack.enter_context(tree.folder(OBJECTS))
            stack.callback(self._drop)
            self._open = stack.pop_all()

    def has_room(self, size: int) -> bool:
        """Tell whether a file of this size may still go with these."""
        if not self._files:
            return True
        is_small = size < SMALL_BYTES and self._bytes + size <= GROUP_BYTES
        return is_small and len(self._files) < GROUP_FILES

    def copy(
        self,
        source: OpenFile,
        size: int,
        name: str,
        *,
        sm3: bool,
        progress: Callable[[int], None],
    ) -> None:
        """Write one file of a recorder into a part; if that fails, the group is as before.

        `name` is the file's name as people read it; `progress` is told how many bytes have been
        read so far.

        Raises:
            RecorderError: as the source raises it.
            FileChangedError: the file is not as listed, or changed while it was read.
            ArchiveFullError: there is no room.
            ArchiveUnwritableError: the disk refuses.
        """
        is_large = size >= SMALL_BYTES
        cached = self._together and not is_large
        with ExitStack() as undo:
            part = durable.create_part(self._incoming, cached=cached)
            undo.callback(durable.unlink, self._incoming, part.name)
            undo.callback(durable.close, part.fd)
            incoming = Incoming(source, size, name, progress)
            reading = sealing.copy(incoming, part.fd, self._ring_for(size), sm3=sm3)
            copied = _Copied(name, part.name, part.fd, reading)
            if not is_large:
                if not cached:
                    durable.sync_data(part.fd)
                durable.close(part.fd)
                copied.fd = None
            undo.pop_all()
        self._cached = self._cached or cached
        self._bytes += size
        self._files.append(copied)

    def settle(self, go_on: Callable[[], None]) -> list[Sealed | StationError] | None:
        """Prove and name every file; return in their order what became of each.

        `go_on` is asked at every block and may raise. None: the disk refused something and does
        not say of which file, so that none is kept and each is to be sealed alone, from the card.

        Raises:
            ArchiveUnwritableError: a large file or the names of all could not be made durable.
        """
        go_on()
        if not self._bring():
            return None
        outcomes = self._prove(go_on)
        if self._cached:
            durable.sync_all(self._root)
        return outcomes

    def close(self) -> None:
        """Let go of everything and remove what was not named; may be called twice."""
        self._open.close()

    def _ring_for(self, size: int) -> Ring:
        if size >= BLOCK_BYTES:
            return Ring(size)
        if self._ring is None:
            self._ring = Ring.of_one()
        return self._ring

    def _bring(self) -> bool:
        for copied in self._files:
            if copied.fd is not None:
                durable.sync_data(copied.fd)
                durable.close(copied.fd)
                copied.fd = None
        if self._cached:
            try:
                durable.sync_all(self._root)
            except StationError:
                return False  # never again: the kernel has forgotten what it could not write
        return True

    def _prove(self, go_on: Callable[[], None]) -> list[Sealed | StationError]:
        """Read back and name every file; a few one after the other, many while others are read."""
        ring, files = Ring.of_one(), self._files
        if len(files) <= _ROW:
            return [self._seal(one, self._wrong(one, ring, go_on), ring) for one in files]
        rows = [files[at : at + _ROW] for at in range(0, len(files), _ROW)]
        with ThreadPoolExecutor(READERS, "read-back") as readers:
            begun = [readers.submit(self._wrong_of, row, go_on) for row in rows]
            return [
                self._seal(one, wrong, ring)
                for row, answer in zip(rows, begun, strict=True)
                for one, wrong in zip(row, answer.result(), strict=True)
            ]

    def _wrong_of(
        self, row: Sequence[_Copied], go_on: Callable[[], None]
    ) -> list[StationError | None]:
        ring = Ring.of_one()
        return [self._wrong(one, ring, go_on) for one in row]

    def _wrong(self, copied: _Copied, ring: Ring, go_on: Callable[[], None]) -> StationError | None:
        """Return what is wrong with a file as the medium has it."""
        go_on()
        try:
            if not sealing.fits(self._incoming, copied.part, copied.reading, ring, go_on):
                return ReadBackError(name=copied.name)
        except StationError as error:
            return error
        return None

    def _seal(
        self, copied: _Copied, wrong: StationError | None, ring: Ring
    ) -> Sealed | StationError:
        try:
            if wrong is not None:
                raise wrong
            return self._place(copied, ring)
        except StationError as error:
            self._remove(copied)  # on a full disk its room serves the others' folders
            return error

    def _remove(self, copied: _Copied) -> None:
        # On a disk that refuses, the next start removes what is left.
        with suppress(StationError):
            durable.unlink(self._incoming, copied.part)

    def _place(self, copied: _Copied, ring: Ring) -> Sealed:
        reading = copied.reading
        sha256 = reading.sha256
        path = folder_of(sha256)
        with self._folder(path) as folder:
            is_new = durable.link_new(self._incoming, copied.part, folder, sha256)
            kept = None
            if not is_new and not _is_held(folder, sha256, ring, synced=not self._cached):
                kept = replacing.set_aside(self._tree, folder, sha256)
                durable.replace(self._incoming, copied.part, folder, sha256)
            if not self._cached:
                durable.sync(folder)
        is_held = not is_new and kept is None
        return Sealed(sha256, reading.sm3, reading.size, f"{path}/{sha256}", is_held, kept)

    def _folder(self, path: str) -> AbstractContextManager[int]:
        if self._cached:  # its name is brought to the medium with all others
            return self._tree.below(self._objects, OBJECTS, path.removeprefix(f"{OBJECTS}/"))
        return self._tree.folder(path)

    def _drop(self) -> None:
        for copied in self._files:
            if copied.fd is not None:
                durable.close(copied.fd)
            self._remove(copied)


def folder_of(sha256: str) -> str:
    """Return where an object of this digest belongs, below the root."""
    return f"{OBJECTS}/{sha256[:2]}/{sha256[2:4]}"


def path_of(sha256: str) -> str:
    """Return where an object of this digest is, below the root."""
    return f"{folder_of(sha256)}/{sha256}"


def _is_held(folder: int, sha256: str, ring: Ring, *, synced: bool) -> bool:
    """Tell whether what has this name already is whole; it is brought to the medium again."""
    try:
        if sealing.digest(folder, sha256, ring) != sha256:
            return False
    except ArchiveUnwritableError:
        return False  # what cannot be read is damaged too; a dead disk refuses the next step
    if synced:
        with durable.opened(folder, sha256) as fd:
            durable.sync(fd)
    return True
