"""The driver for recorders that show their card as a USB disk."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from agent.core.recorder import INFO_DAT, PARAM_INI, CardFile, Device, Listing, OpenFile
from agent.recorders.folder import CardFolder
from agent.recorders.removing import remove_files
from contracts.errors import MountError, RecorderError, RecorderGoneError
from contracts.reading import Confidence, Identity, Reading

_MARK_BYTES = 64 * 1024
_MARK_LETTERS = 64
_SECTIONS = frozenset({"zfy", "zhy"})


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
    """Any recorder that is a disk with a file system; `mount` mounts below the run folder."""

    name = "massstorage"

    def __init__(self, run_folder: Path, mount: Mounter) -> None:
        self._run_folder = run_folder
        self._mount = mount

    def recognise(self, device: Device) -> bool:
        """Tell whether it is a disk."""
        return device.kind == "block"

    def attach(self, device: Device) -> "MassStorageRecorder":
        """Mount the card.

        Raises:
            MountError: it has no file system we know, or the kernel refuses it.
        """
        target = self._run_folder / re.sub(r"[^A-Za-z0-9.:_-]", "_", device.port)
        mounted = self._mount(device.node, device.file_system, target)
        try:
            return MassStorageRecorder(device, mounted)
        except RecorderError:
            mounted.unmount()
            raise


class MassStorageRecorder:
    """A mounted card."""

    def __init__(self, device: Device, mounted: Mounted) -> None:
        self._device = device
        self._mounted = mounted
        self._card = CardFolder(mounted.target, mounted.is_gone)

    def identify(self) -> Identity:
        """Return what the card's marks, the plug and the file system say."""
        number, how = self._device_number()
        marks = (how, self._device.serial and "USB", self._device.volume and "UUID")
        return Identity(
            device_number=number,
            serial=self._device.serial,
            volume=self._device.volume,
            model=self._device.description,
            how=", ".join(mark for mark in marks if mark),
        )

    def readings(self, now: datetime) -> tuple[Reading, ...]:
        """Return the storage; a disk says nothing of battery and clock."""
        space = self._card.space()
        free, total = space or (None, None)
        sure: Confidence = "measured" if space else "unknown"
        return (
            Reading("battery_percent", None, "", now, "unknown"),
            Reading("clock_offset_ms", None, "", now, "unknown"),
            Reading("free_bytes", free, "statvfs", now, sure),
            Reading("total_bytes", total, "statvfs", now, sure),
        )

    def list_files(self) -> Listing:
        """List every file on the card.

        Raises:
            MountError: a clearing left it unmounted.
        """
        if not self._mounted.is_mounted:  # below the empty folder everything would look cleared
            raise RecorderGoneError if self._mounted.is_gone() else MountError(reason="unmounted")
        return self._card.list_files()

    def open_file(self, file: CardFile) -> OpenFile:
        """Open a listed file for reading."""
        return self._card.open_file(file)

    def expect(self, files: Sequence[CardFile]) -> None:
        """Have these fetched while others are read."""
        self._card.expect(files)

    def look_again(self, file: CardFile) -> CardFile | None:
        """Return what a listed file is now."""
        return self._card.look_again(file)

    def set_clock(self, now: datetime) -> bool:
        """Return False: a disk has no clock to set."""
        return False

    @property
    def can_clear(self) -> bool:
        """Return True: files can be removed from a disk."""
        return True

    def take_afresh(self) -> None:
        """Mount the card anew.

        Raises:
            RecorderGoneError: it was taken out.
            MountError: the kernel keeps it.
        """
        with self._remounting():
            self._mounted.renew()

    def clear(self, files: Sequence[CardFile], go_on: Callable[[], None]) -> None:
        """Remove these files, the card being writable for just as long.

        Raises:
            RecorderGoneError: it was taken out.
            MountError: the kernel keeps or refuses it.
            ClearingError: the card refuses.
        """
        with self._remounting(), self._mounted.writable() as root:
            remove_files(root, files, go_on)

    def release(self) -> None:
        """Unmount the card; may be called twice."""
        self._card.close()
        self._mounted.unmount()

    @contextmanager
    def _remounting(self) -> Iterator[None]:
        self._card.close()
        try:
            yield
        except RecorderError as error:
            if self._mounted.is_gone():
                raise RecorderGoneError from error
            raise
        finally:
            if self._mounted.is_mounted:
                self._card = CardFolder(self._mounted.target, self._mounted.is_gone)

    def _device_number(self) -> tuple[str | None, str]:
        number = number_in_param_ini(self._card.read_small(PARAM_INI, _MARK_BYTES) or b"")
        if number:
            return number, "PARAM.INI"
        mark = self._card.read_small(INFO_DAT, _MARK_BYTES)
        number = number_in_info_dat(mark or b"")
        return number, "Info.dat" if number else ""


def number_in_param_ini(raw: bytes) -> str | None:
    """Return the device number in a `PARAM.INI`: key `DevNo` in section `[ZFY]` or `[ZHY]`."""
    section = ""
    for line in _decoded(raw).splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]").strip().lower()
        key, equals, value = text.partition("=")
        if equals and section in _SECTIONS and key.strip().lower() == "devno":
            return _number(value)
    return None


def number_in_info_dat(raw: bytes) -> str | None:
    """Return the device number in an `Info.dat`: first of the first line's fields, `;` between."""
    return _number(_decoded(raw).partition("\n")[0].partition(";")[0])


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _number(text: str) -> str | None:
    number = text.strip().strip('"').strip()
    return number if number.isprintable() and 0 < len(number) <= _MARK_LETTERS else None
