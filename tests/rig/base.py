"""Builds the guest's lower layer: Debian, its generic kernel, and the packages Muster locks."""

import hashlib
import lzma
import os
import shutil
import sys
from pathlib import Path

from tests.rig.keeping import HERE, PROJECT, key_of, make_ext4, said

ROOT_BYTES = 3 << 30


def kernel_package() -> str:
    """Return the package of Debian's generic kernel; the cloud one has no USB."""
    lines = said("apt-cache", "depends", "linux-image-amd64").splitlines()
    return next(line.split()[-1] for line in lines if "Depends:" in line)


def base_key() -> str:
    """Return the digest of what goes into the lower layer."""
    listed = [HERE / name for name in ("packages.txt", "masked.txt", "modules.txt")]
    recipe = Path(__file__).read_bytes()
    return key_of(kernel_package(), recipe, files=[*listed, PROJECT / "requirements.lock"])


def build_base(folder: Path) -> None:
    """Make the lower layer: `vmlinux`, `initrd.img` and `root.img`."""
    if os.geteuid():
        raise PermissionError("the rig is built by root: mmdebstrap, chroot and loop mounts")
    root = folder / "root"
    _bootstrap(root)
    release = _add_kernel(folder, root)
    _configure(root)
    _add_python_packages(folder, root)
    _make_initrd(folder, root, release)
    make_ext4(folder / "root.img", ROOT_BYTES, "root", root)
    shutil.rmtree(root)


def _bootstrap(root: Path) -> None:
    release = Path("/etc/os-release").read_text()
    suite = release.partition("VERSION_CODENAME=")[2].split()[0]
    listed = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    sources = [
        str(file) for file in listed if file.suffix in (".list", ".sources") and file.exists()
    ]
    packages = ",".join((HERE / "packages.txt").read_text().split())
    without = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "doc", "locale")]
    minimal = ("--quiet", "--mode=root", "--variant=minbase", f"--include={packages}", *without)
    said("mmdebstrap", *minimal, suite, str(root), *sources)


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
    for unit in (HERE / "masked.txt").read_text().split():
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    said("chroot", str(root), "systemd-hwdb", "update")


def _add_python_packages(folder: Path, root: Path) -> None:
    """Install what the project locks, from files: the guest has no network."""
    wheels = root / "root/wheels"
    lock = PROJECT / "requirements.lock"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    asked = ("--only-binary=:all:", "--require-hashes", "-r", str(lock))
    version = said("chroot", str(root), "python3", "-c", _VERSION).strip()
    said(*pip, "download", *asked, "--python-version", version, "-d", str(wheels))
    shutil.copy(lock, wheels)
    said("chroot", str(root), "python3", "-m", "venv", "/opt/muster")
    offline = ("--no-index", "--find-links", "/root/wheels", "--require-hashes")
    there = ("chroot", str(root), "/opt/muster/bin/pip", "install", "--quiet", *offline)
    said(*there, "-r", "/root/wheels/requirements.lock")
    shutil.rmtree(wheels)


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


_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
_INIT = """#!/bin/sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev; $bb mount -t proc proc /proc; $bb mount -t sysfs sys /sys
for module in MODULES; do $bb insmod /m/$module; done
until [ -b /dev/vda ]; do $bb usleep 20000; done
$bb mount -t ext4 -o noatime /dev/vda /new
for name in dev proc sys; do $bb mount --move /$name /new/$name; done
exec $bb switch_root /new /lib/systemd/systemd
"""
