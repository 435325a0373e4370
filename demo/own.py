"""The demo with the user's own files or card: dock, check, import, prove, verify.

Neither is written to: the files are reached through a link, the card is mounted read-only by the
agent, and both are compared afterwards with what they were before.
"""

import os
import re
import subprocess
from pathlib import Path

from contracts.dock import DockState
from contracts.facts import FootageUnreadable, RecorderChecked, VisitCompleted
from demo.card import Card, fingerprint, sha256_of
from demo.counting import Check, Known, count_footage, count_proofs
from demo.programs import DemoError
from demo.scene import SETTLED, Scene
from demo.world import Registered

NUMBER = "OWN-0001"
DOCK = 1
_DAY_SECONDS = 86_400
_HASHED_BYTES_MAX = 4 << 30
_SECTOR_BYTES = 512
_WRITTEN_SECTORS = 6  # its place in /sys/class/block/*/stat
_USB_PORT = re.compile(r"(.*-usb-\d+:[\d.]+)(:.*)?")


def import_folder(scene: Scene, folder: Path) -> tuple[Check, ...]:
    """Import a folder as if it were a recorder's card.

    Raises:
        DemoError: there is no such folder.
    """
    if not folder.is_dir():
        raise DemoError(f"没有这个文件夹 / there is no folder {folder}")
    card = Card(NUMBER, scene.world.folder / "recorders" / NUMBER, scene.world.ports)
    card.write_script("battery_percent = 90", "clock_offset_seconds = 0")
    card.files.symlink_to(folder.resolve())
    scene.world.write(
        (Registered(NUMBER, "cases", ("device_number", NUMBER)),), (f"virtual:dock{DOCK}",)
    )
    scene.start_programs()
    scene.tell_urls()
    card.dock(DOCK)
    scene.cards[NUMBER] = card
    _import(scene)
    checks = _count(scene, folder)
    card.look()
    return (*checks, Check("files_unchanged", True, card.unchanged))


def import_device(scene: Scene, device: Path) -> tuple[Check, ...]:
    """Import a block device: a real card, or a loop device.

    Raises:
        DemoError: it cannot be used.
    """
    if os.geteuid() != 0:
        raise DemoError("挂载存储卡需要 root / mounting a card needs root")
    if not device.is_block_device():
        raise DemoError(f"不是块设备 / not a block device: {device}")
    scene.world.write((_registered(device),), (_port(device),))
    before = _fingerprint(device)
    scene.start_programs()
    scene.tell_urls()
    _import(scene)
    checks = _count(scene, _mounted_below(scene.world.run))
    return (*checks, Check("device_unchanged", before, _fingerprint(device)))


def _import(scene: Scene) -> None:
    states = (*SETTLED, DockState.FAILED, DockState.REFUSED)
    view = scene.wait_dock(DOCK, *states, seconds=_DAY_SECONDS)
    if view.state not in SETTLED:
        said = f"{view.error_zh} / {view.error_en} [{view.error_code}]"
        raise DemoError(f"{said}\n{scene.programs.tails()}")
    for finding in scene.facts(RecorderChecked)[-1].findings:
        scene.tell(f"检查: {finding.sentence.zh}", f"checked: {finding.sentence.en}")
    counts = scene.facts(VisitCompleted)[-1].counts
    scene.tell(
        f"文件 {counts.listed}: 采集 {counts.imported}, 已有 {counts.held}, "
        f"读不出 {counts.unreadable}, 非普通文件 {counts.refused}",
        f"files {counts.listed}: imported {counts.imported}, held {counts.held}, "
        f"unreadable {counts.unreadable}, refused as no regular file {counts.refused}",
    )


def _count(scene: Scene, folder: Path) -> tuple[Check, ...]:
    marks = fingerprint(folder)
    # A file of several names is refused, as is a link: a card's file system has neither.
    plain = {path: mark[2] for path, mark in marks.items() if (folder / path).stat().st_nlink == 1}
    bad = {(f.recorder, _text(f.path)) for f in scene.facts(FootageUnreadable)}
    readable = {path: sha256 for path, sha256 in plain.items() if (NUMBER, path) not in bad}
    wanted: set[Known] = {(NUMBER, path, sha256) for path, sha256 in readable.items()}
    sources = {sha256: folder / path for path, sha256 in readable.items()}
    return (*count_footage(scene, wanted, sources), *count_proofs(scene, sources))


def _registered(device: Path) -> Registered:
    said = _properties("blkid", "-p", "-o", "export", "--", str(device))
    if "UUID" in said:
        return Registered(NUMBER, "cases", ("volume", said["UUID"]))
    serial = _udev(device).get("ID_SERIAL_SHORT")
    if serial is None:
        raise DemoError(f"{device}: 没有文件系统 / holds no file system that blkid knows")
    return Registered(NUMBER, "cases", ("serial", serial))


def _port(device: Path) -> str:
    name = device.resolve().name
    if name.startswith("loop"):
        return f"loop:{name}"
    found = _USB_PORT.fullmatch(_udev(device).get("ID_PATH", ""))
    if found is None:
        raise DemoError(f"{device}: 不在 USB 上, 也不是 loop / neither on USB nor a loop device")
    return found[1]


def _udev(device: Path) -> dict[str, str]:
    return _properties("udevadm", "info", "--query=property", f"--name={device}")


def _properties(*command: str) -> dict[str, str]:
    try:
        done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise DemoError(f"找不到 / there is no {command[0]}") from error
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _fingerprint(device: Path) -> tuple[int, str]:
    """Return the sectors ever written to a device, and its SHA-256 unless it is large."""
    folder = Path("/sys/class/block") / device.resolve().name
    written = int((folder / "stat").read_text().split()[_WRITTEN_SECTORS])
    size_bytes = int((folder / "size").read_text()) * _SECTOR_BYTES
    return written, sha256_of(device) if size_bytes <= _HASHED_BYTES_MAX else "not hashed"


def _mounted_below(folder: Path) -> Path:
    mounted = mounts_below(folder)
    if not mounted:
        raise DemoError(f"{folder}: 没有挂载 / nothing is mounted")
    return mounted[0]


def mounts_below(folder: Path) -> list[Path]:
    """Return what is mounted below a folder."""
    table = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    targets = (Path(line.split(" ")[4]) for line in table.splitlines())
    return [target for target in targets if folder in target.parents]


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
