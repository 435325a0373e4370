"""A Debian with systemd and the packages the project locks, from which tests make machines.

The locked packages are installed by the commands of docs/operating.md, taken from there. Built once
and kept; the container (tests/deployment) and the virtual machine (tests/rig) put theirs on top.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.keeping import PROJECT, kept, key_of, said

STICK = "/root/stick"
_OPERATING = PROJECT / "docs/operating.md"
_LIST = Path(__file__).with_name("debian.txt")
_LOCK = PROJECT / "requirements.lock"


def blocks(section: int) -> list[str]:
    """Return the commands that a section of the operating page tells, block by block."""
    text = _OPERATING.read_text(encoding="utf-8")
    chapter = text.partition(f"\n## {section}. ")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)


def block_with(section: int, words: str) -> str:
    """Return the one block of a section in which these words are."""
    (found,) = (block for block in blocks(section) if words in block)
    return found


def debian_key() -> str:
    """Return the digest of what goes into it."""
    commands = (_download(), _install_locked(), sys.version)
    return key_of(*commands, files=(Path(__file__), _LIST, _LOCK))


@contextmanager
def debian() -> Iterator[Path]:
    """Give its folder, to be read only.

    Raises:
        PermissionError: nobody but root can build it.
    """
    with kept("debian", debian_key(), _build) as folder:
        yield folder / "root"


@contextmanager
def layered(lower: Path, folder: Path) -> Iterator[Path]:
    """Mount what is written into a new folder over one that stays as it is."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    layers = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"
    said("mount", "-t", "overlay", "-o", layers, "overlay", str(folder / "root"))
    try:
        yield folder / "root"
    finally:
        said("umount", "--lazy", str(folder / "root"))


def mask(root: Path, units: Iterable[str]) -> None:
    """Keep units from ever starting: a machine of a test waits for none of them."""
    for unit in units:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _build(folder: Path) -> None:
    if os.geteuid():
        raise PermissionError("machines are built by root: mmdebstrap, chroot and mounts")
    root = folder / "root"
    release = Path("/etc/os-release").read_text()
    suite = release.partition("VERSION_CODENAME=")[2].split()[0]
    listed = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    sources = [
        str(file) for file in listed if file.suffix in (".list", ".sources") and file.exists()
    ]
    packages = ",".join(_LIST.read_text().split())
    without = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "doc", "locale")]
    minimal = ("--quiet", "--mode=root", "--variant=minbase", f"--include={packages}", *without)
    said("mmdebstrap", *minimal, suite, str(root), *sources)
    _add_locked_packages(root)


def _add_locked_packages(root: Path) -> None:
    stick = root / STICK[1:]
    stick.mkdir()
    shutil.copy(_LOCK, stick)
    download = _download().replace("python3", sys.executable).replace("-d stick", f"-q -d {stick}")
    said("sh", "-euc", download, folder=PROJECT)
    commands = f"cd {STICK}\n{_install_locked()}"
    said("unshare", "--net", "chroot", str(root), "sh", "-euc", commands)
    shutil.rmtree(stick)


def _download() -> str:
    return _lines(block_with(2, "pip download"), "pip download")


def _install_locked() -> str:
    return _lines(block_with(2, "python3 -m venv"), "-m venv", "--require-hashes")


def _lines(block: str, *words: str) -> str:
    return "\n".join(line for line in block.splitlines() if any(word in line for word in words))
