"""Builds the guest's upper layer: the project, installed as docs/operating.md tells."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.keeping import PROJECT, make_ext4, said

HERE = Path(__file__).parent
INSTALLED = ("contracts", "ledger", "look", "outside", "agent", "station", "index", "config")


def project_files() -> list[Path]:
    """Return the files of the checkout that a station is installed from, as they are now."""
    listed = said("git", "ls-files", "-co", "--exclude-standard", "-z", folder=PROJECT).split("\0")
    tops = (*INSTALLED, "systemd", "pyproject.toml", "README.md", "LICENSE", "requirements.lock")
    wanted = (name for name in listed if name.startswith((*tops, "tests/rig/overlay")))
    files = (PROJECT / name for name in wanted)
    return [file for file in files if file.is_file()]


def build_project(base: Path, folder: Path) -> None:
    """Make the upper layer: `root.img` with the project installed, `state.img`, `archive.img`."""
    source = folder / "source"
    for file in (*project_files(), HERE / "install.sh"):
        target = source / file.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    pip = (sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation")
    said(*pip, "-w", str(source / "dist"), str(source))
    said("cp", "--sparse=always", "--reflink=auto", str(base / "root.img"), str(folder))
    with _mounted(folder / "root.img", folder / "mount") as root:
        said("cp", "-r", f"{HERE}/overlay/.", str(root))
        shutil.move(source, root / "root/source")
        said("chroot", str(root), "sh", "/root/source/tests/rig/install.sh", "/root/source")
        said("chroot", str(root), "systemctl", "enable", "--quiet", "rig-channel")
        _pin_witness(root)
        for name in ("srv/muster", "var/lib/muster"):
            (root / name).mkdir(exist_ok=True)
        shutil.rmtree(root / "root/source")
        owner = said("chroot", str(root), "id", "-u", "muster-agent").strip()
        group = said("chroot", str(root), "id", "-g", "muster-agent").strip()
    _make_disks(folder, int(owner), int(group))


def _pin_witness(root: Path) -> None:
    """Start the index once, and write the key it prints into the station's settings."""
    run = "timeout 60 /opt/muster/bin/muster-index run --config /etc/muster/index.toml 2>&1"
    key = "sed -un '/witness key: /{s///p;q}' | grep -o 'muster/.*'"
    folder = "install -d -o muster-index -g muster-index -m 0700 /var/lib/muster-index"
    as_index = (
        f"unshare --net setpriv --reuid=muster-index --regid=muster-index --clear-groups {run}"
    )
    found = said("chroot", str(root), "sh", "-c", f"{folder}; {as_index} | {key}").strip()
    settings = root / "etc/muster/station.toml"
    settings.write_text(f'witness_key = "{found}"\n{settings.read_text()}')


def _make_disks(folder: Path, owner: int, group: int) -> None:
    """Make the station's disks; the agent begins only where the archive's folder is."""
    filled = folder / "filled"
    for name, mode in (("archive", 0o750), ("inbox", 0o2770)):
        (filled / name).mkdir(parents=True)
        os.chown(filled / name, owner, group)
        (filled / name).chmod(mode)
    make_ext4(folder / "archive.img", 1 << 30, "archive", filled)
    make_ext4(folder / "state.img", 256 << 20, "state")
    shutil.rmtree(filled)


@contextmanager
def _mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir()
    device = said("losetup", "--find", "--show", str(image)).strip()
    try:
        said("blockdev", "--setrw", device)  # whoever had it before may have left it read-only
        said("mount", device, str(folder))
        for name in ("proc", "dev"):
            said("mount", "--bind", f"/{name}", str(folder / name))
        yield folder
    finally:
        if folder.is_mount():
            said("umount", "--recursive", str(folder))
        said("losetup", "--detach", device)
        folder.rmdir()
