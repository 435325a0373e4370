"""The driver for recorders that show their card as a USB disk, or their cards as several."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol

from agent.core.marks import marked, stamp
from agent.core.profile import PLAIN, NumberMark, Profile, chosen
from agent.core.recorder import CardFile, Device, Listing, OpenFile, RefusedItem, Volume
from agent.recorders.folder import CardFolder
from agent.recorders.removing import remove_files
from agent.recorders.telling import MARK_BYTES, number_in, percent_in, why_unknown
from contracts.errors import (
    IdentityConflictError,
    MountError,
    RecorderError,
    RecorderGoneError,
)
from contracts.names import shown
from contracts.reading import Confidence, Identity, Reading

_READ_ONLY = frozenset({"ntfs"})
_YEARS = range(2010, 2100)
_FRESH = timedelta(hours=1)  # a battery told longer before docking is an estimate

# Their stamps have no zone, and are mounted as they stand (agent.mounter.cards); a file takes as
# much room as it is long.
_FAT = frozenset({"vfat", "exfat"})


class Mounted(Protocol):
    """A card mounted read-only."""

    @property
    def target(self) -> Path:
        """Where it is mounted."""

    @property
    def is_mounted(self) -> bool:
        """Whether it is mounted now."""

    def is_gone(self) -> bool:
        """Tell whether the disk was taken out."""

    def renew(self) -> None:
        """Mount it anew, so that all is read from the medium."""

    def writable(self) -> AbstractContextManager[Path]:
        """Mount it so that it can be written to, as long as the block lasts."""

    def unmount(self) -> None:
        """Unmount it; may be called twice."""


Mounter = Callable[[Path, str | None, Path], Mounted]


class MassStorage:
    """Any recorder that is a disk with a file system; `mount` mounts below the run folder.

    Of the `profiles` the first that fits the device and what is on its cards says how they are
    read. `zone` is that of the recorders' clocks.
    """

    name = "massstorage"

    def __init__(
        self, run_folder: Path, mount: Mounter, profiles: Sequence[Profile], zone: tzinfo
    ) -> None:
        self._run_folder = run_folder
        self._mount = mount
        self._profiles = profiles
        self._zone = zone

    def recognise(self, device: Device) -> bool:
        """Tell whether it is a disk."""
        return device.kind == "block"

    def attach(self, device: Device) -> "MassStorageRecorder":
        """Mount every volume; those that cannot be are missing from a listing, which says so.

        Raises:
            MountError: none has a file system we know, or the kernel refuses them all.
        """
        known = device.volumes or (
            Volume(device.node, device.volume, device.file_system, device.label),
        )
        volumes: list[_Mounted] = []
        missing: list[RefusedItem] = []
        try:
            for number, volume in enumerate(known, 1):
                root = f"{number}:/" if len(known) > 1 else ""
                try:
                    volumes.append(self._mounted(device.port, number, volume, root))
                except MountError as error:
                    if not root or (number == len(known) and not volumes):
                        raise
                    reason = str(error.fields["reason"])
                    missing.append(RefusedItem(root.encode(), "unreadable", reason))
            profile = self._profile(device, volumes)
        except RecorderError:
            for one in volumes:
                one.release()
            raise
        return MassStorageRecorder(device, volumes, missing, profile, self._zone)

    def _mounted(self, port: str, number: int, volume: Volume, root: str) -> "_Mounted":
        name = re.sub(r"[^A-Za-z0-9.:_-]", "_", port)
        target = self._run_folder / (f"{name}.{number}" if number > 1 else name)
        one = _Mounted(volume, root, self._mount(volume.node, volume.file_system, target))
        try:
            one.open()
        except RecorderError:
            one.release()
            raise
        return one

    def _profile(self, device: Device, volumes: Sequence["_Mounted"]) -> Profile:
        def holds(folder: str) -> bool:
            return any(one.folder.has_folder(folder) for one in volumes)

        return chosen(device, self._profiles, holds) or PLAIN


class _Mounted:
    """One mounted volume; `root` is what stands before its files' paths."""

    def __init__(self, volume: Volume, root: str, mounted: Mounted) -> None:
        self.volume = volume
        self.root = root.encode()
        self.mounted = mounted
        self._folder: CardFolder | None = None

    @property
    def folder(self) -> CardFolder:
        """Its files."""
        if self._folder is None:  # a clearing left it unmounted
            raise RecorderGoneError if self.mounted.is_gone() else MountError(reason="unmounted")
        return self._folder

    def open(self) -> None:
        """Take hold of its files."""
        self._folder = CardFolder(
            self.mounted.target,
            self.mounted.is_gone,
            is_local_time=self.volume.file_system in _FAT,
        )

    def release(self) -> None:
        """Unmount it; may be called twice."""
        if self._folder is not None:
            self._folder.close()
        self.mounted.unmount()

    @contextmanager
    def remounting(self) -> Iterator[None]:
        """Let go of its files while it is mounted anew."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None
        try:
            yield
        except RecorderError as error:
            if self.mounted.is_gone():
                raise RecorderGoneError from error
            raise
        finally:
            if self.mounted.is_mounted:  # below the empty folder everything would look cleared
                self.open()

    def within(self, files: Iterable[CardFile]) -> list[CardFile]:
        """Return those of the files that are its own, as they are named on it."""
        own = (file for file in files if file.path.startswith(self.root))
        return [replace(file, path=file.path.removeprefix(self.root)) for file in own]

    def listing(self) -> Listing:
        """List every file on it; one larger than the card itself is refused, whatever it claims."""
        said = self.folder.list_files()
        if self.volume.file_system in _FAT:
            said = possible(said, self.folder.space())
        if not self.root:
            return said
        named = f"{self.root.decode()} {said.error}"
        return Listing(
            tuple(replace(file, path=self.root + file.path) for file in said.files),
            tuple(replace(item, path=self.root + item.path) for item in said.refused),
            said.error and named,
        )


def possible(listing: Listing, space: tuple[int, int] | None) -> Listing:
    """Return a listing without the files that are larger than the card, each refused.

    What a crafted card claims must not be asked of the archive's disk (fault A04).
    """
    total = space[1] if space else None
    beyond = {f.path for f in listing.files if total is not None and f.size > total}
    if not beyond:
        return listing
    refused = [
        RefusedItem(f.path, "unreadable", f"{f.size} bytes on a card of {total}")
        for f in listing.files
        if f.path in beyond
    ]
    first = f"{shown(refused[0].path)}: {refused[0].detail}"
    return Listing(
        tuple(file for file in listing.files if file.path not in beyond),
        tuple(sorted((*listing.refused, *refused), key=lambda item: item.path)),
        "; ".join(filter(None, (listing.error, first))),
    )


class MassStorageRecorder:
    """A recorder's mounted cards."""

    def __init__(
        self,
        device: Device,
        volumes: Sequence[_Mounted],
        missing: Sequence[RefusedItem],
        profile: Profile,
        zone: tzinfo,
    ) -> None:
        self._device = device
        self._volumes = tuple(volumes)
        self._missing = tuple(missing)
        self._zone = zone
        self._docked_at: datetime | None = None
        self._listed = Listing(())
        self.profile = profile

    @property
    def profile_name(self) -> str:
        """The profile its cards are read by."""
        return self.profile.name

    def identify(self) -> Identity:
        """Return what the cards' marks, the plug and the first file system say.

        Raises:
            IdentityConflictError: two cards tell different numbers.
        """
        told = [found for one in self._volumes if (found := self._number_on(one))]
        numbers = sorted({number for number, _ in told})
        if len(numbers) > 1:
            raise IdentityConflictError(recorders=", ".join(numbers))
        number, how = told[0] if told else (None, "")
        uuid = self._volumes[0].volume.uuid
        marks = (how, self._device.serial and "USB", uuid and "UUID")
        return Identity(
            device_number=number,
            serial=self._device.serial,
            volume=uuid,
            model=self._device.description,
            how=", ".join(mark for mark in marks if mark),
        )

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return the storage of all cards, and the battery where a file tells it."""
        spaces = [space for one in self._volumes if (space := one.folder.space())]
        is_known = len(spaces) == len(self._volumes)
        sure: Confidence = "measured" if is_known else "unknown"
        free, total = (sum(one) for one in zip(*spaces, strict=True)) if is_known else (None, None)
        return (
            self._battery(now),
            Reading("clock_offset_ms", None, "", now, "unknown"),
            Reading("free_bytes", free, "statvfs", now, sure),
            Reading("total_bytes", total, "statvfs", now, sure),
        )

    def list_files(self) -> Listing:
        """List every file on every card.

        Raises:
            MountError: a clearing left one unmounted.
        """
        parts = [one.listing() for one in self._volumes]
        refused = [*self._missing, *(item for part in parts for item in part.refused)]
        errors = [f"{item.path.decode()} {item.detail}" for item in self._missing]
        errors += [part.error for part in parts if part.error]
        whole = Listing(
            tuple(sorted((f for part in parts for f in part.files), key=lambda f: f.path)),
            tuple(sorted(refused, key=lambda item: item.path)),
            "; ".join(errors) or None,
        )
        # A card of 20,000 files is listed several times in a visit, and is mostly the same.
        if whole != self._listed:
            roots = [one.root.decode() for one in self._volumes]
            self._listed = marked(whole, self.profile.card, roots)
        return self._listed

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading."""
        volume, own = self._whose(file)
        return volume.folder.open_file(own)

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have these fetched while others are read."""
        for one in self._volumes:
            one.folder.expect(one.within(files))

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now."""
        volume, own = self._whose(file)
        found = volume.folder.look_again(own)
        return found and replace(found, path=file.path)

    def set_clock(self, now: datetime) -> bool:
        """Return False: a disk has no clock to set."""
        return False

    @property
    def can_clear(self) -> bool:
        """Whether its model's cards may be cleared, and all its file systems can be written to."""
        kinds = {one.volume.file_system for one in self._volumes}
        is_whole = not self._missing
        return self.profile.clearing and is_whole and kinds.isdisjoint(_READ_ONLY)

    def take_afresh(self) -> None:
        """Mount the cards anew.

        Raises:
            RecorderGoneError: it was taken out.
            MountError: the kernel keeps one.
        """
        for one in self._volumes:
            with one.remounting():
                one.mounted.renew()

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Remove these files, each card being writable for just as long.

        Raises:
            RecorderGoneError: it was taken out.
            MountError: the kernel keeps or refuses one.
            ClearingError: a card refuses.
        """
        for one in self._volumes:
            own = one.within(files)
            if own:
                with one.remounting(), one.mounted.writable() as root:
                    remove_files(root, own, go_on)

    def release(self) -> None:
        """Unmount the cards; may be called twice."""
        for one in self._volumes:
            one.release()

    def _whose(self, file: CardFile) -> tuple[_Mounted, CardFile]:
        for one in self._volumes:
            own = one.within([file])
            if own:
                return one, own[0]
        raise ValueError(file.path)

    def _number_on(self, one: _Mounted) -> tuple[str, str] | None:
        card = self.profile.card
        for mark in card.identity:
            number = number_in(one.folder.read_small(_steps(mark), MARK_BYTES) or b"", mark)
            if number:
                return number, mark.file.rpartition("/")[2]
        label = one.volume.label
        return (label, "label") if card.label_is_number and label else None

    def _battery(self, now: datetime) -> Reading:
        self._docked_at = self._docked_at or now
        file, key = self.profile.card.battery or ("", "")
        why = why_unknown(None, file, key) if file else ""
        for one in self._volumes if file else ():
            found = one.folder.read_dated(tuple(map(str.encode, file.split("/"))), MARK_BYTES)
            percent = percent_in(found[0], key) if found else None
            if found and percent is not None:
                written = stamp(CardFile(b"", 0, found[1])).replace(tzinfo=self._zone)
                is_told = abs(self._docked_at - written) <= _FRESH
                confidence: Confidence = "reported" if is_told else "estimated"
                at = min(written, now) if written.year in _YEARS else now
                return Reading("battery_percent", percent, file, at, confidence)
            why = why_unknown(found[0], file, key) if found else why
        return Reading("battery_percent", None, why, now, "unknown")


def _steps(mark: NumberMark) -> tuple[bytes, ...]:
    return tuple(map(str.encode, mark.file.split("/")))
