"""Builds the guest's lower layer: Debian with the packages Muster locks, and its generic kernel."""

import hashlib
import lzma
import shutil
from pathlib import Path

from tests.support.debian import debian, debian_key, layered, mask
from tests.support.keeping import key_of, make_ext4, said

HERE = Path(__file__).parent
ROOT_BYTES = 3 << 30


def kernel_package() -> str:
    """Return the package of Debian's generic kernel; the cloud one has no USB."""
    lines = said("apt-cache", "depends", "linux-image-amd64").splitlines()
    return next(line.split()[-1] for line in lines if "Depends:" in line)


def base_key() -> str:
    """Return the digest of what goes into the lower layer."""
    recipe = (HERE / name for name in ("base.py", "masked.txt", "modules.txt"))
    return key_of(debian_key(), kernel_package(), files=recipe)


def build_base(folder: Path) -> None:
    """Make the lower layer: `vmlinux`, `initrd.img` and `root.img`."""
    work = folder / "work"
    work.mkdir()
    with debian() as lower, layered(lower, work) as root:
        release = _add_kernel(folder, root)
        _configure(root)
        _make_initrd(folder, root, release)
        make_ext4(folder / "root.img", ROOT_BYTES, "root", root)
    shutil.rmtree(work)


def _add_kernel(folder: Path, root: Path) -> str:
    package = kernel_package()
    release = package.removeprefix("linux-image-")
    unpacked = folder / "kernel"
    unpacked.mkdir()
    said("apt-get", "-qq", "download", package, folder=unpacked)
    said("dpkg-deb", "-x", str(next(unpacked.glob("*.deb"))), str(unpacked))
    (folder / "vmlinux").write_bytes(_uncompressed(unpacked / "boot" / f"vmlinuz-{release}"))
    modules, there = unpacked / "lib/modules" / release, root / "usr/lib/modules" / release
    there.mkdir(parents=True)
    for file in modules.glob("modules.*"):
        shutil.copy(file, there)
    for name in (HERE / "modules.txt").read_text().split():
        _copy(modules / "kernel" / name, there / "kernel" / name)
    shutil.rmtree(unpacked)
    said("chroot", str(root), "depmod", release)
    return release


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():  # what this kernel has built in is no module
        shutil.copy(source, target)


def _uncompressed(image: Path) -> bytes:
    """Return the kernel inside a bzImage: it is booted directly, seconds sooner."""
    content = image.read_bytes()
    start = content.find(b"\xfd7zXZ\x00")
    if start >= 0:
        return lzma.LZMADecompressor().decompress(content[start:])
    return content


def _configure(root: Path) -> None:
    (root / "etc/hostname").write_text("rig\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost rig\n")
    (root / "etc/machine-id").write_text(hashlib.md5(b"rig").hexdigest() + "\n")  # noqa: S324
    mask(root, (HERE / "masked.txt").read_text().split())
    said("chroot", str(root), "systemd-hwdb", "update")


def _make_initrd(folder: Path, root: Path, release: str) -> None:
    tree = folder / "initrd"
    for name in ("bin", "dev", "proc", "sys", "new", "m"):
        (tree / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
    (tree / "bin/sh").symlink_to("busybox")
    modules = []
    for name in ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4"):
        show = ("modprobe", "-S", release, "--show-depends", name)
        lines = said("chroot", str(root), *show).splitlines()
        modules += [line.split()[1] for line in lines if line.startswith("insmod")]
    for file in modules:
        shutil.copy(root / file.lstrip("/"), tree / "m")
    names = " ".join(dict.fromkeys(Path(file).name for file in modules))
    (tree / "init").write_text(_INIT.replace("MODULES", names))
    (tree / "init").chmod(0o755)
    packing = "find . | cpio --quiet -o -H newc > ../initrd.img"
    said("sh", "-c", packing, folder=tree)
    shutil.rmtree(tree)


_INIT = """#!/bin/sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev; $bb mount -t proc proc /proc; $bb mount -t sysfs sys /sys
for module in MODULES; do $bb insmod /m/$module; done
until [ -b /dev/vda ]; do $bb usleep 20000; done
$bb mount -t ext4 -o noatime /dev/vda /new
for name in dev proc sys; do $bb mount --move /$name /new/$name; done
exec $bb switch_root /new /lib/systemd/systemd
"""
