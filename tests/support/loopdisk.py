"""Disks made of a file: a real file system on a loop device, small enough to fill and to break."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LoopDisk:
    """A mounted loop device: `path` is where, `device` what, `image` the file behind it."""

    path: Path
    device: Path
    image: Path

    def remount(self, option: str) -> None:
        """Mount again with another option ("ro", "rw")."""
        run("mount", "-o", f"remount,{option}", str(self.path))


@contextmanager
def loop_disk(size_mib: int, *, file_system: str = "ext4") -> Iterator[LoopDisk]:
    """Make, mount and in the end remove a disk; needs root."""
    if os.geteuid() != 0:
        raise PermissionError("tests with real disks need root")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loopdisk-")))
        image = folder / "image"
        make_image(image, size_mib, file_system)
        device = stack.enter_context(attached(image))
        path = folder / "mount"
        path.mkdir()
        stack.enter_context(mounted(device, path))
        yield LoopDisk(path, device, image)


def make_image(image: Path, size_mib: int, file_system: str = "ext4") -> None:
    """Make a file that holds an empty file system."""
    with image.open("wb") as file:
        file.truncate(size_mib * MIB)
    quiet = {"ext4": ["-q", "-m", "0"], "xfs": ["-q"]}.get(file_system, [])
    run(f"mkfs.{file_system}", *quiet, str(image))


@contextmanager
def attached(image: Path, *options: str) -> Iterator[Path]:
    """Attach a file to a free loop device; detach it in the end."""
    device = run("losetup", "--find", "--show", *options, str(image)).strip()
    try:
        if "--read-only" not in options:
            run("blockdev", "--setrw", device)  # whatever its last user left it as
        yield Path(device)
    finally:
        run("losetup", "--detach", device)


@contextmanager
def mounted(device: Path, path: Path, *options: str) -> Iterator[Path]:
    """Mount a device; unmount it in the end, even if something still looks at it."""
    run("mount", *options, str(device), str(path))
    try:
        yield path
    finally:
        if os.path.ismount(path) and subprocess.run(["umount", str(path)], check=False).returncode:
            run("umount", "--lazy", str(path))


def run(*command: str) -> str:
    """Run a program and return what it says; raise with its complaint when it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()} {done.stdout.strip()}")
    return done.stdout
