"""A station in a guest: what its docks show and its ledger says; recorders come and go."""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.dock import DockState
from contracts.loading import from_json
from contracts.snapshot import DockView, Snapshot
from tests.rig.guest import Guest, Origin
from tests.rig.recorders import Card

SNAPSHOT = "/run/muster/snapshot.json"
UNITS = ("mosquitto", "muster-index", "muster-agent", "muster-station")
SETTLED = frozenset({DockState.READY, DockState.ATTENTION, DockState.REFUSED, DockState.FAILED})
FIRST_PORT = 4  # of dock 1; ports 1 to 3 are the kiosk's own


@dataclass(frozen=True)
class Plugged:
    """Something in a port: QEMU's names of the device and of the disks behind it."""

    device: str
    disks: tuple[str, ...] = ()


class Station(Guest):
    """A guest that the project is installed in."""

    def __init__(self, origin: Origin, folder: Path | None = None) -> None:
        super().__init__(origin, folder)
        self._numbers = itertools.count(1)
        self._plugged: list[Plugged] = []
        self._read: list[dict[str, Any]] = []
        self._read_to = 0

    def snapshot(self) -> Snapshot | None:
        """Return what the agent shows, or None before it shows anything."""
        shown = self.get(SNAPSHOT)
        return None if shown is None else from_json(shown, Snapshot)

    def wait(self, condition: Callable[[Snapshot], Any], seconds: float = 400) -> Snapshot:
        """Wait until the snapshot is as wanted, and return it."""
        last: list[Snapshot | None] = [None]

        def wanted() -> Snapshot | None:
            last[0] = shown = self.snapshot()
            return shown if shown is not None and condition(shown) else None

        try:
            return self.until(wanted, seconds)
        except Exception as error:
            error.add_note(f"shown: {last[0]!r}"[:6000])
            raise

    def wait_dock(
        self, number: int, condition: Callable[[DockView], Any], seconds: float = 400
    ) -> DockView:
        """Wait until a dock is shown as wanted, and return it."""

        def of(shown: Snapshot) -> DockView:
            return next(dock for dock in shown.docks if dock.number == number)

        return of(self.wait(lambda shown: condition(of(shown)), seconds))

    def settled(self, number: int, seconds: float = 400) -> DockView:
        """Wait until a dock's visit has ended one way or another."""
        return self.wait_dock(number, lambda dock: dock.state in SETTLED, seconds)

    def empty(self, number: int) -> DockView:
        """Wait until nothing is in a dock."""
        return self.wait_dock(number, lambda dock: dock.state is DockState.EMPTY)

    def said(self, *kinds: str) -> list[Mapping[str, Any]]:
        """Return what this scenario's entries of these types say; none is read twice."""
        new = self.entries(self._read_to)
        self._read += new
        self._read_to += len(new)
        wanted = (entry for entry in self._read if entry["type"] in kinds)
        return [entry["data"] for entry in wanted]

    def wait_said(self, kind: str, count: int = 1, seconds: float = 400) -> Mapping[str, Any]:
        """Wait until the ledger has so many entries of a type; return what the last says."""

        def enough() -> list[Mapping[str, Any]] | None:
            found = self.said(kind)
            return found if len(found) >= count else None

        return self.until(enough, seconds, f"{count} {kind}")[-1]

    def object(self, sha256: str) -> bytes:
        """Return an object of the archive."""
        content = self.get(
            f"/srv/muster/archive/objects/sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        )
        assert content is not None, f"no object {sha256}"
        return content

    def plug(self, dock: int, card: Card, **fault: Any) -> Plugged:
        """Put a recorder that is a disk into a dock."""
        name = f"r{next(self._numbers)}"
        self.add_disk(name, card, **fault)
        try:
            device = {"driver": "usb-storage", "removable": True, "serial": card.serial}
            return self.add_device(dock, name, disks=(name,), drive=name, **device)
        except Exception:  # whatever it was: the next plug must find the name free
            self.qmp("blockdev-del", **{"node-name": name})
            raise

    def add_disk(self, name: str, card: Card, **fault: Any) -> None:
        """Tell QEMU of a card."""
        for command, arguments in card.behind(name, **fault):
            self.qmp(command, **arguments)

    def add_device(self, dock: int, name: str, disks: Iterable[str] = (), **device: Any) -> Plugged:
        """Plug any USB device into a dock's port."""
        port = str(FIRST_PORT + dock - 1)
        self.qmp("device_add", id=name, bus="xhci.0", port=port, **device)
        self._plugged.append(Plugged(name, tuple(disks)))
        return self._plugged[-1]

    def unplug(self, plugged: Plugged) -> None:
        """Pull it out."""
        self._plugged.remove(plugged)
        self.qmp("device_del", id=plugged.device)
        self.event("DEVICE_DELETED", device=plugged.device)
        for name in plugged.disks:
            self.qmp("blockdev-del", **{"node-name": name})

    def hand_on(self) -> None:
        """Pull everything out: what is entered from now on is the next scenario's."""
        for plugged in tuple(self._plugged):
            self.unplug(plugged)
        self.wait(lambda shown: not shown.refused and _are_empty(shown.docks))
        self.said()
        self._read.clear()

    def wait_idle(self) -> None:
        """Wait until the station has started and its index has witnessed all that it entered."""

        def is_idle(shown: Snapshot) -> bool:
            return shown.index_connected and shown.witnessed == shown.ledger_size

        self.wait(is_idle, seconds=900)

    def keep_logs(self, folder: Path) -> None:
        """Leave what a failed test's reader needs."""
        folder.mkdir(parents=True, exist_ok=True)
        commands = {"journal.txt": "journalctl --no-pager -o short-precise", "dmesg.txt": "dmesg"}
        for name, command in commands.items():
            (folder / name).write_text(self.sh(command, check=False))
        (folder / "snapshot.json").write_bytes(self.get(SNAPSHOT) or b"")


def _are_empty(docks: Iterable[DockView]) -> bool:
    return all(dock.state is DockState.EMPTY for dock in docks)


class Watch:
    """How long something took, in seconds, by the machine that runs the rig."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since it was made."""
        return time.monotonic() - self._began
