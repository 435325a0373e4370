"""Seeing what is plugged in: notices are hints, a full enumeration is the truth.

Objects of pyudev become `Device`s here and go no further. Nothing is opened but disks on bound
ports, and those only to read which file system they hold.
"""

import logging
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pyudev

from agent.core.admission import as_foreseen
from agent.core.event import DevicesSeen
from agent.core.recorder import Device, Volume
from agent.mounter.ports import interface_classes

ENUMERATE_SECONDS = 30.0
POLL_SECONDS = 0.3
SETTLE_SECONDS = 0.2
SETTLE_SECONDS_MAX = 2.0
RECEIVE_BUFFER_BYTES = 32 * 1024 * 1024

_UDEVD = Path("/run/udev/control")
_PROBE_SECONDS = 20
_STORAGE = "08"
_HUB = "09"
_VENDOR_SPECIFIC = "ff"
_USB_PORT = re.compile(r"(.*-usb-\d+:[\d.]+)(:.*)?")
_log = logging.getLogger(__name__)


class Source(Protocol):
    """Somewhere devices appear."""

    def open(self) -> None:
        """Begin to listen for notices."""

    def fileno(self) -> int | None:
        """Return what becomes readable when there is a notice, or None if one must ask."""

    def noticed(self) -> bool:
        """Take all notices in; tell whether anything may have changed."""

    def devices(self) -> tuple[Device, ...]:
        """Return everything that is there."""


class Detector:
    """Delivers everything that is plugged in: at the start, on each change, and regularly."""

    def __init__(
        self,
        sources: Sequence[Source],
        deliver: Callable[[DevicesSeen], None],
        *,
        enumerate_seconds: float = ENUMERATE_SECONDS,
    ) -> None:
        self._sources = sources
        self._enumerate_seconds = enumerate_seconds
        self._deliver = deliver
        self._last: DevicesSeen | None = None
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopping = False
        self._thread = threading.Thread(target=self._detect, name="detector", daemon=True)

    def start(self) -> None:
        """Start detecting."""
        for source in self._sources:
            source.open()
        self._thread.start()

    def stop(self) -> None:
        """Stop detecting; returns when the thread has ended."""
        self._stopping = True
        os.write(self._waker, b"x")
        self._thread.join()
        os.close(self._wake)
        os.close(self._waker)

    def _detect(self) -> None:
        while not self._stopping:
            try:
                self._look()
            except OSError:
                _log.exception("devices cannot be enumerated; trying again")
                select.select([self._wake], [], [], SETTLE_SECONDS_MAX)

    def _look(self) -> None:
        self._enumerate(regular=True)
        until = time.monotonic() + self._enumerate_seconds
        while not self._stopping and time.monotonic() < until:
            if self._noticed(POLL_SECONDS):
                self._settle()
                self._enumerate(regular=False)

    def _enumerate(self, *, regular: bool) -> None:
        seen = DevicesSeen(tuple(device for source in self._sources for device in source.devices()))
        if regular or seen != self._last:
            self._deliver(seen)
        self._last = seen

    def _noticed(self, seconds: float) -> bool:
        files = [fd for source in self._sources if (fd := source.fileno()) is not None]
        select.select([self._wake, *files], [], [], seconds)
        noticed = [source.noticed() for source in self._sources]  # each takes its notices in
        return any(noticed)

    def _settle(self) -> None:
        until = time.monotonic() + SETTLE_SECONDS_MAX
        while not self._stopping and time.monotonic() < until and self._noticed(SETTLE_SECONDS):
            pass


class VirtualPorts:
    """A folder of ports; an entry that is or leads to a folder with a script is a recorder."""

    def __init__(self, folder: Path, script: str = "recorder.toml") -> None:
        self._folder = folder
        self._script = script
        self._seen: tuple[Device, ...] = ()

    def open(self) -> None:
        """Do nothing: a folder of links is asked, not heard."""

    def fileno(self) -> None:
        """Return None: one must ask."""

    def noticed(self) -> bool:
        """Tell whether the folder differs from when it was last asked."""
        before = self._seen
        return self.devices() != before

    def devices(self) -> tuple[Device, ...]:
        """Return the recorders plugged into the folder."""
        self._seen = tuple(filter(None, map(self._device, self._names())))
        return self._seen

    def _names(self) -> list[str]:
        try:
            return sorted(entry.name for entry in self._folder.iterdir())
        except FileNotFoundError:
            return []

    def _device(self, name: str) -> Device | None:
        port = self._folder / name
        try:
            if not (port / self._script).is_file():
                return None
            link, there = port.lstat(), port.stat()
        except OSError:  # pulled out just now: the next look will not see it
            return None
        arrival = f"{link.st_ino}.{link.st_ctime_ns}" if port.is_symlink() else f"{there.st_ino}"
        return Device(f"virtual:{name}", "virtual", port, name, arrival=arrival)


class Keep(Protocol):
    """Who lets the kernel bind drivers to a device; see `agent.admitting.Doorkeeper.keep`."""

    def __call__(self, plug: Device, name: str, *, is_in: bool) -> Device | None:
        """Return a device as it is to be shown now, None if it is not."""


class KernelDevices:
    """USB devices, and the loop devices that are bound to docks, as kernel and udev show them.

    `keep` is asked about each USB device; without it whatever the kernel lets in is in.

    Where no udevd runs the kernel's own notices are heard, and what udev would have found out is
    read from sysfs and from the disk itself.
    """

    def __init__(self, bound_ports: Collection[str], keep: Keep | None = None) -> None:
        self._bound_ports = frozenset(bound_ports)
        self._keep = keep
        self._context = pyudev.Context()
        self._udevd = _UDEVD.exists()
        self._monitor = _monitor(self._context, "udev" if self._udevd else "kernel")
        self._probed: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._seen: tuple[Device, ...] = ()

    def open(self) -> None:
        """Listen to udev, or to the kernel where no udevd runs."""
        self._monitor.start()

    def fileno(self) -> int:
        """Return the monitor's socket."""
        return int(self._monitor.fileno())

    def noticed(self) -> bool:
        """Take all notices in; a monitor that fails is replaced, and may have missed something."""
        found = False
        try:
            while self._monitor.poll(timeout=0) is not None:
                found = True
        except OSError as error:
            _log.warning("the device monitor failed and is replaced: %s", error)
            self._udevd = _UDEVD.exists()
            self._monitor = _monitor(self._context, "udev" if self._udevd else "kernel")
            self._monitor.start()
            return True
        return found

    def devices(self) -> tuple[Device, ...]:
        """Return everything on USB but hubs, and the bound loop devices that hold an image."""
        try:
            self._seen = (*self._usb_devices(), *self._loop_devices())
        except pyudev.DeviceNotFoundError as error:
            # It went while it was looked at, so there is a notice of it, and another look.
            _log.info("a device went while devices were enumerated: %s", error)
        return self._seen

    def _usb_devices(self) -> Iterator[Device]:
        for usb in self._context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
            below = list(usb.children)
            is_in = _attribute(usb, "authorized") != "0"
            # The kernel shows interfaces one after another; what is described is there at once.
            classes = _described_classes(usb) | _interface_classes(usb, below)
            disks = sorted(filter(_is_disk, below), key=_by_unit)
            found = _usb_device(usb, _port(usb, *disks), classes, below)
            plug = self._keep(found, usb.sys_name, is_in=is_in) if self._keep else found
            is_hub = _attribute(usb, "bDeviceClass") == _HUB and classes <= {_HUB}
            if plug is None or is_hub:
                continue
            if not is_in:
                yield as_foreseen(plug)
                continue
            is_ready = all(map(self._is_ready, disks))
            if is_ready and any(map(_has_medium, disks)):
                yield self._showing(plug, disks, _arrival(usb, *disks))
            elif is_ready and disks:
                yield replace(plug, kind="drive", node=Path(disks[0].device_node))
            elif _STORAGE not in classes:
                yield plug
            # A disk takes a second to appear behind its plug; what is beside it is shown at once.
            elif classes - {_STORAGE, _VENDOR_SPECIFIC}:
                yield replace(plug, kind="drive")

    def _loop_devices(self) -> Iterator[Device]:
        for disk in self._context.list_devices(subsystem="block", DEVTYPE="disk"):
            port = f"loop:{disk.sys_name}"
            if port not in self._bound_ports:
                continue
            image = _attribute(disk, "loop/backing_file")
            # One that clears itself at its last closing was detached, only somebody holds it yet.
            if image and _attribute(disk, "loop/autoclear") != "1":
                device = Device(port, "block", Path(), f"{disk.sys_name} {image}")
                yield self._showing(device, [disk], _arrival(disk))

    def _is_ready(self, disk: pyudev.Device) -> bool:
        whole = (disk, *_partitions(disk))
        return not self._udevd or all(part.is_initialized for part in whole)

    def _showing(self, plug: Device, disks: Sequence[pyudev.Device], arrival: str) -> Device:
        """Return a plug with every volume its disks hold; a drive without a medium holds none."""
        filled = [disk for disk in disks if _has_medium(disk)]
        volumes = [one for disk in filled for one in self._volumes(disk, plug.port, arrival)]
        first = volumes[0]
        return replace(
            plug,
            kind="block",
            node=first.node,
            serial=filled[0].properties.get("ID_SERIAL_SHORT") or plug.serial,
            volume=first.uuid,
            file_system=first.file_system,
            label=first.label,
            volumes=tuple(volumes),
            arrival=arrival,
        )

    def _volumes(self, disk: pyudev.Device, port: str, arrival: str) -> list[Volume]:
        whole, *parts = (self._volume(part, port, arrival) for part in (disk, *_partitions(disk)))
        holding = [part for part in parts if part.file_system]
        return [whole] if whole.file_system else holding or [whole]

    def _volume(self, part: pyudev.Device, port: str, arrival: str) -> Volume:
        said: Mapping[str, str] = part.properties
        if "ID_FS_TYPE" not in said and port in self._bound_ports:
            said = {**said, **self._probe(part, arrival)}
        return Volume(
            Path(part.device_node),
            said.get("ID_FS_UUID"),
            said.get("ID_FS_TYPE"),
            said.get("ID_FS_LABEL"),
        )

    def _probe(self, volume: pyudev.Device, arrival: str) -> Mapping[str, str]:
        known = self._probed.get(volume.sys_path)
        if known is None or known[0] != arrival:
            found = _probe_file_system(Path(volume.device_node))
            if not found:
                return {}
            self._probed[volume.sys_path] = known = (arrival, found)
        return known[1]


def _monitor(context: pyudev.Context, source: str) -> pyudev.Monitor:
    monitor = pyudev.Monitor.from_netlink(context, source=source)
    for subsystem in ("block", "scsi_generic", "tty", "usb"):
        monitor.filter_by(subsystem)
    try:
        monitor.set_receive_buffer_size(RECEIVE_BUFFER_BYTES)
    except OSError as error:  # only root may; when it runs over everything is looked at again
        _log.info("the receive buffer stays small: %s", error)
    return monitor


def _interface_classes(usb: pyudev.Device, below: Iterable[pyudev.Device]) -> frozenset[str]:
    own = (part for part in below if part.device_type == "usb_interface" and part.parent == usb)
    return frozenset(_attribute(part, "bInterfaceClass") or "?" for part in own)


def _described_classes(usb: pyudev.Device) -> frozenset[str]:
    """Return the classes in a device's descriptors, which it shows before it is let in, too."""
    try:  # libudev gives attributes as text, up to their first NUL
        return interface_classes(Path(usb.sys_path, "descriptors").read_bytes())
    except OSError:  # gone, and there is a notice of it
        return frozenset()


def _is_disk(part: pyudev.Device) -> bool:
    return bool(part.subsystem == "block" and part.device_type == "disk")


def _has_medium(disk: pyudev.Device) -> bool:
    return _attribute(disk, "size") not in (None, "0")


def _partitions(disk: pyudev.Device) -> list[pyudev.Device]:
    parts = (part for part in disk.children if part.device_type == "partition")
    return sorted(parts, key=_by_name)


def _by_name(part: pyudev.Device) -> tuple[int, str]:
    return len(part.sys_name), part.sys_name  # sda2 before sda10


def _by_unit(part: pyudev.Device) -> tuple[tuple[int, ...], int, str]:
    """Sort as the recorder numbers its cards; the kernel names disks in the order they answer."""
    unit = part.find_parent("scsi", "scsi_device")
    address = tuple(map(int, unit.sys_name.split(":"))) if unit else ()
    return address, *_by_name(part)


def _usb_device(
    usb: pyudev.Device, port: str, classes: Collection[str], below: Iterable[pyudev.Device]
) -> Device:
    parts = sorted(below, key=_by_unit)
    nodes = [(part.subsystem, Path(part.device_node)) for part in parts if part.device_node]
    logical_unit = next((part for part in parts if part.device_type == "scsi_device"), None)
    vendor_id, model_id = _attribute(usb, "idVendor"), _attribute(usb, "idProduct")
    names = filter(None, (_attribute(usb, "manufacturer"), _attribute(usb, "product")))
    return Device(
        port=port,
        kind="other",
        node=Path(usb.device_node or usb.sys_path),
        description=" ".join(names) or f"{vendor_id}:{model_id}",
        serial=_attribute(usb, "serial"),
        vendor_id=vendor_id,
        model_id=model_id,
        classes=tuple(sorted(classes)),
        arrival=_arrival(usb),
        usb=Path(usb.device_node) if usb.device_node else None,
        generic=next((node for subsystem, node in nodes if subsystem == "scsi_generic"), None),
        lines=tuple(node for subsystem, node in nodes if subsystem == "tty"),
        inquiry=_inquiry(logical_unit) if logical_unit else "",
    )


def _inquiry(logical_unit: pyudev.Device) -> str:
    said = (_attribute(logical_unit, "vendor"), _attribute(logical_unit, "model"))
    return " ".join(filter(None, said))


def _port(*devices: pyudev.Device) -> str:
    """Return the physical port as udev's `ID_PATH` writes it, without interface and disk."""
    usb = devices[0]
    for device in devices:
        found = _USB_PORT.fullmatch(device.properties.get("ID_PATH", ""))
        if found:
            return found[1]
    path = f"usb-0:{usb.sys_name.partition('-')[2]}"
    subsystem = ""
    for parent in usb.ancestors:
        if parent.subsystem in ("pci", "platform") and parent.subsystem != subsystem:
            path = f"{parent.subsystem}-{parent.sys_name}-{path}"
        subsystem = parent.subsystem
    return path


def _arrival(*devices: pyudev.Device) -> str:
    marks = ("busnum", "devnum", "diskseq")
    said = (_attribute(device, mark) for device in devices for mark in marks)
    return ".".join(mark for mark in said if mark)


def _attribute(device: pyudev.Device, name: str) -> str | None:
    raw = device.attributes.get(name)
    if raw is None:
        return None
    text = raw.decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _probe_file_system(node: Path) -> dict[str, str]:
    """Return what udev would say of the file system on a disk; nothing if there is none."""
    try:
        done = subprocess.run(
            ("blkid", "-p", "-o", "export", "--", str(node)),
            check=False,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.warning("%s cannot be probed: %s", node, error)
        return {}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    words = {"TYPE": "ID_FS_TYPE", "UUID": "ID_FS_UUID", "LABEL": "ID_FS_LABEL"}
    return {words[key]: value for key, value in said.items() if key in words}
