"""Mounting cards so that nothing, not even a journal replay, is written to them.

Only `writable` lets anything write, for as long as its block lasts. Root mounts by itself; the
agent of a station is not root, and asks `muster-mounter` (`Helper`).
"""

import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.mounter.cards import (
    Card,
    CardError,
    UnsoundError,
    disk_sequence,
    give_back,
    open_card,
)
from agent.mounter.scsi import Command, Outcome
from contracts.errors import CardUnsoundError, MountError

_ANSWER_SECONDS = 200.0  # the helper's own commands end after 60 s each
_LINE_MAX_BYTES = 256 * 1024
_DEV = Path("/dev")


@dataclass(frozen=True, slots=True)
class Mount:
    """A card that this process has mounted read-only itself, which only root can."""

    card: Card

    @property
    def node(self) -> Path:
        """The disk."""
        return self.card.node

    @property
    def target(self) -> Path:
        """Where it is mounted."""
        return self.card.target

    def is_gone(self) -> bool:
        """Tell whether the disk was taken out, or another one put in its place."""
        sequence = disk_sequence(self.node)
        return sequence is None or sequence != self.card.sequence

    @property
    def is_mounted(self) -> bool:
        """Whether it is mounted now."""
        return self.target.is_mount()

    def renew(self) -> None:
        """Mount it anew, so that nothing of it is left in memory and all is read from the medium.

        In between its file system is checked.

        Raises:
            MountError: the kernel keeps it, or it is another disk by now.
            CardUnsoundError: its file system is damaged; it is mounted again all the same.
        """
        with _in_words(), self.card.pinned():
            self.card.close()
            try:
                self.card.look_over()
            finally:
                self.card.open("ro")

    @contextmanager
    def writable(self) -> Iterator[Path]:
        """Mount it so that it can be written to, and read-only again when the block ends.

        Raises:
            MountError: the kernel keeps or refuses it, or it is another disk by now.
        """
        with _in_words(), self.card.pinned():
            self.card.close()
            try:
                self.card.open("rw")
                try:
                    yield self.target
                finally:
                    self.card.close()
            finally:
                self.card.open("ro")

    def unmount(self) -> None:
        """Unmount the card; does nothing if it is unmounted already.

        Raises:
            MountError: the kernel keeps it.
        """
        if self.target.is_mount():
            with _in_words():
                self.card.let_go()
            self.target.rmdir()
            give_back(self.node)


def mount_read_only(node: Path, file_system: str | None, target: Path) -> Mount:
    """Mount a block device read-only at a folder, which is made if it is not there.

    The device itself is set read-only first, so that no file system can write to it.

    Raises:
        MountError: an unknown file system, or one the kernel refuses.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _in_words():
            return Mount(open_card(node, file_system, target))
    except MountError:
        target.rmdir()
        raise


def unmount_leftovers(root: Path) -> tuple[Path, ...]:
    """Unmount what a crashed agent left mounted below a folder; return what that was.

    Raises:
        MountError: the kernel keeps one.
    """
    folder = root.resolve()
    table = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    mounts = dict(_mount_and_node(line) for line in table.splitlines())
    left = sorted((target for target in mounts if folder in target.parents), reverse=True)
    for target in left:
        with _in_words():
            Card(mounts[target], target, "", None).let_go()
        target.rmdir()
        give_back(mounts[target])
    return tuple(left)


class HelpedMount:
    """A card that the helper has mounted where nobody else sees it, and passed on as a folder.

    `target` leads to that folder and stays the same when the card is mounted anew.
    """

    def __init__(self, line: "_Line", node: Path, file_system: str | None) -> None:
        self._line = line
        self._node = node
        try:
            said, folder = line.ask(verb="mount", node=_named(node), file_system=file_system)
        except MountError:
            line.close()
            raise
        self._sequence = said["sequence"]
        self._folder: int | None = folder

    @property
    def target(self) -> Path:
        """Where its files are found."""
        return Path(f"/proc/self/fd/{self._folder}")

    def is_gone(self) -> bool:
        """Tell whether the disk was taken out, or another one put in its place."""
        sequence = disk_sequence(self._node)
        return sequence is None or sequence != self._sequence

    @property
    def is_mounted(self) -> bool:
        """Whether it is mounted now."""
        return self._folder is not None and stat.S_ISDIR(os.fstat(self._folder).st_mode)

    def renew(self) -> None:
        """Mount it anew, so that nothing of it is left in memory and all is read from the medium.

        In between its file system is checked.

        Raises:
            MountError: the kernel keeps it, or it is another disk by now.
            CardUnsoundError: its file system is damaged; it is mounted again all the same.
        """
        damage = self._renew("ro", check=True)
        if damage is not None:
            raise CardUnsoundError(reason=damage)

    @contextmanager
    def writable(self) -> Iterator[Path]:
        """Mount it so that it can be written to, and read-only again when the block ends.

        Raises:
            MountError: the kernel keeps or refuses it, or it is another disk by now.
        """
        try:
            self._renew("rw")
            try:
                yield self.target
            finally:
                self._put(None)
                self._line.ask(verb="seal")
        finally:
            self._renew("ro")

    def unmount(self) -> None:
        """Let the card go; does nothing if that was done already."""
        if self._folder is None:
            return
        os.close(self._folder)
        self._folder = None
        try:
            self._line.ask(verb="unmount")
        finally:
            self._line.close()  # the helper's process ends, and with it all it has mounted

    def _renew(self, mode: str, *, check: bool = False) -> str | None:
        self._put(None)
        said, folder = self._line.ask(verb="renew", mode=mode, check=check)
        self._put(folder)
        return None if said["damage"] is None else str(said["damage"])

    def _put(self, folder: int | None) -> None:
        """Have the number by which the card's files are found lead to this folder, or nowhere."""
        if self._folder is None:
            raise MountError(reason="unmounted")
        new = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if folder is None else folder
        os.dup2(new, self._folder, inheritable=False)
        os.close(new)


class Helper:
    """`muster-mounter`, behind its socket: mounts, and whatever else only root may do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mount(self, node: Path, file_system: str | None, target: Path) -> HelpedMount:
        """Have a card mounted read-only; where, the helper decides.

        Raises:
            MountError: the helper or the kernel refuses it.
        """
        return HelpedMount(_Line(self._path), node, file_system)

    def admit(self, device: str) -> None:
        """Have the kernel bind its drivers to a USB device ("2-5").

        Raises:
            MountError: the helper refuses.
        """
        self._once(verb="admit", device=device)

    def shut_out(self, device: str) -> None:
        """Have the kernel take its drivers from a USB device ("2-5").

        Raises:
            MountError: the helper refuses.
        """
        self._once(verb="shut_out", device=device)

    def lend(self, node: Path) -> None:
        """Have a recorder's plug or line made ours to open (/dev/bus/usb/…, /dev/ttyUSB0).

        Raises:
            MountError: the helper refuses.
        """
        self._once(verb="lend", node=_named(node))

    def scsi(self, node: Path, command: Command) -> Outcome:
        """Have one SCSI command sent to /dev/sg… and return what came of it.

        Raises:
            MountError: the helper refuses it.
        """
        told = self._once(
            verb="scsi",
            node=_named(node),
            cdb=command.cdb.hex(),
            payload=command.payload.hex(),
            size=command.size,
            seconds=command.seconds,
        )
        data, sense = (bytes.fromhex(str(told[name])) for name in ("data", "sense"))
        return Outcome(data, int(str(told["status"])), int(str(told["host"])), sense)

    def _once(self, **asked: object) -> dict[str, object]:
        line = _Line(self._path)
        try:
            return line.ask(**asked)[0]
        finally:
            line.close()


class _Line:
    """A connection to the helper."""

    def __init__(self, path: Path) -> None:
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._link.settimeout(_ANSWER_SECONDS)
        try:
            self._link.connect(str(path))
        except OSError as error:
            self._link.close()
            raise MountError(reason=f"muster-mounter: {error}") from error

    def ask(self, **asked: object) -> tuple[dict[str, object], int]:
        """Ask, and return the answer and the folder that came with it, -1 where none did.

        Raises:
            MountError: it is refused, or there is no answer.
        """
        try:
            self._link.sendall(json.dumps(asked).encode() + b"\n")
            raw, folder = self._heard()
        except OSError as error:
            raise MountError(reason=f"muster-mounter: {error}") from error
        said = json.loads(raw or b"{}")
        if not raw or "refused" in said:
            raise MountError(reason=said.get("refused") or "muster-mounter: no answer")
        return said, folder

    def close(self) -> None:
        """Close it."""
        self._link.close()

    def _heard(self) -> tuple[bytes, int]:
        raw, folders = b"", []
        while not raw.endswith(b"\n"):
            more, passed, _, _ = socket.recv_fds(self._link, _LINE_MAX_BYTES, 1)
            folders += passed
            raw += more
            if not more:
                return b"", -1
        for folder in folders:
            os.set_inheritable(folder, False)
        return raw, folders[0] if folders else -1


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except UnsoundError as error:
        raise CardUnsoundError(reason=str(error)) from error
    except CardError as error:
        raise MountError(reason=str(error)) from error


def _named(node: Path) -> str:
    return str(node.relative_to(_DEV)) if node.is_relative_to(_DEV) else str(node)


def _mount_and_node(line: str) -> tuple[Path, Path]:
    mount, _, device = line.partition(" - ")
    return Path(_unescaped(mount.split()[4])), Path(_unescaped(device.split()[1]))


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
