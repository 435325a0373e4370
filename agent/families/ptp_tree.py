"""A PTP recorder's objects as a card's files: each is listed, or it is said why not.

Objects are told apart by their handles, so that two of one name, or a name that is none, are still
read; the listing then says that it is not as it should be, and the card is not cleared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from agent.core.dialogue import Dialogue
from agent.core.recorder import CardFile, Listing, RefusedItem
from agent.families import ptp_packets as packets
from agent.families.ptp import PictureTransfer
from agent.families.ptp_packets import ObjectInfo
from contracts.errors import NoAnswerError
from contracts.names import shown

MAX_DEPTH = 64
MAX_ITEMS = 250_000
MAX_PATH_BYTES = 4096  # what an entry has room for

_SHOWN_ERRORS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNNAMED = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class Found:
    """What a recorder lists, and which object each listed file is in this session."""

    listing: Listing
    objects: Mapping[bytes, tuple[int, ObjectInfo]]


def list_objects(ptp: PictureTransfer, zone: ZoneInfo) -> Dialogue[Found]:
    """List every file of every store, with the times of `zone`.

    Raises:
        NoAnswerError: the session is out of step.
    """
    tree = _Tree()
    for store in (yield from ptp.stores()):
        yield from tree.read(ptp, store)
    return tree.found(zone)


def card_file(path: bytes, info: ObjectInfo, zone: ZoneInfo) -> CardFile:
    """Return what an object is as a file of a card.

    As on any card the time is the recorder's own, taken as if it were UTC: one with a zone is that
    of `zone`, an unknown one is 1970.
    """
    told = packets.moment(info.modified) or _EPOCH.replace(tzinfo=None)
    local = told.astimezone(zone) if told.tzinfo else told
    modified_us = max(0, (local.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1))
    return CardFile(path, info.size, modified_us * 1000, is_local_time=True)


class _Tree:
    """All objects of a recorder by handle, and the folder each was listed in."""

    def __init__(self) -> None:
        self._infos: dict[int, ObjectInfo] = {}
        self._above: dict[int, int] = {}
        self._store: dict[int, int] = {}
        self._refused: list[RefusedItem] = []
        self._errors: list[str] = []
        self._seen: set[int] = set()
        self._entered: set[int] = set()

    def read(self, ptp: PictureTransfer, store: int) -> Dialogue[None]:
        """Ask folder by folder, and for all at once: some recorders list only one way (or half)."""
        everywhere = yield from ptp.handles(store, 0)
        folders = [packets.ALL]
        while folders:
            folder = folders.pop()
            handles = yield from ptp.handles(store, folder)
            if handles is None and not (folder == packets.ALL and everywhere is not None):
                self._unlistable(store, folder)
            for handle in handles or ():
                yield from self._load(ptp, store, handle, 0 if folder == packets.ALL else folder)
                if self._is_new_folder(handle):
                    folders.append(handle)
        for handle in everywhere or ():
            yield from self._load(ptp, store, handle, 0)

    def found(self, zone: ZoneInfo) -> Found:
        """Return all of it, in byte order of the path."""
        files: dict[bytes, tuple[CardFile, int]] = {}
        for handle, info in sorted(self._infos.items()):
            path = self._path(handle)
            if path is None or info.format == packets.FOLDER:
                continue
            if path in files:
                self._errors.append(f"{shown(path)}: a name listed twice")
                path += b"~%08x" % handle
            if info.size < 0:
                self._refuse(path, "unreadable", "a size that is not told")
            else:
                files[path] = card_file(path, info, zone), handle
        more = len(self._errors) - _SHOWN_ERRORS
        said = [*self._errors[:_SHOWN_ERRORS], *([f"(+{more})"] if more > 0 else [])]
        listing = Listing(
            tuple(files[path][0] for path in sorted(files)),
            tuple(sorted(self._refused, key=lambda item: item.path)),
            "; ".join(said) or None,
        )
        return Found(
            listing, {p: (handle, self._infos[handle]) for p, (_, handle) in files.items()}
        )

    def _load(self, ptp: PictureTransfer, store: int, handle: int, above: int) -> Dialogue[None]:
        if handle in self._seen or handle in packets.NO_HANDLES:
            return
        if len(self._seen) == MAX_ITEMS:
            self._errors.append(f"more than {MAX_ITEMS} items")
        self._seen.add(handle)
        if len(self._seen) > MAX_ITEMS:
            return
        try:
            info = yield from ptp.object_info(handle)
        except NoAnswerError as error:
            if not ptp.is_in_step:
                raise
            self._refuse(_top(store) + b"/~%08x" % handle, "unreadable", str(error))
            return
        if info is not None:  # else it went since it was listed
            self._infos[handle], self._above[handle], self._store[handle] = info, above, store

    def _is_new_folder(self, handle: int) -> bool:
        """Tell, once, whether an object is a folder."""
        info = self._infos.get(handle)
        if info is None or info.format != packets.FOLDER or handle in self._entered:
            return False
        self._entered.add(handle)
        return True

    def _path(self, handle: int) -> bytes | None:
        """Return where an object is; None, once it is refused, where that leads in a circle."""
        names: list[bytes] = []
        at = handle
        while at:
            if len(names) == MAX_DEPTH:
                path = _top(self._store[handle]) + b"/~%08x" % handle
                self._refuse(path, "unlistable_folder", f"deeper than {MAX_DEPTH} folders")
                return None
            names.append(self._name(at))
            at = self._parent(at)
        path = b"/".join((_top(self._store[handle]), *reversed(names)))
        if len(path) <= MAX_PATH_BYTES:
            return path
        self._refuse(path, "unreadable", f"a path of more than {MAX_PATH_BYTES} bytes")
        return None

    def _name(self, handle: int) -> bytes:
        name = self._infos[handle].name
        if name not in _UNNAMED and "/" not in name:
            return name.encode("utf-8", "surrogatepass")
        said = f"~{handle:08x}: a name that is none"
        if said not in self._errors:
            self._errors.append(said)
        return b"~%08x" % handle

    def _parent(self, handle: int) -> int:
        """Return the folder an object is in, 0 for the root.

        Some recorders name the store, the object itself or a root that they do not list.
        """
        parent = self._infos[handle].parent
        return parent if parent in self._infos and parent != handle else self._above[handle]

    def _unlistable(self, store: int, folder: int) -> None:
        path = _top(store) if folder == packets.ALL else self._path(folder)
        self._refuse(path or _top(store), "unlistable_folder", "")

    def _refuse(
        self, path: bytes, reason: Literal["unreadable", "unlistable_folder"], detail: str
    ) -> None:
        self._refused.append(RefusedItem(path, reason, detail))
        self._errors.append(f"{shown(path)}: {detail or reason}")


def _top(store: int) -> bytes:
    """Return the name of a store's folder."""
    return b"store_%08x" % store
