"""Recorders that are disks: cards as image files, and what QEMU puts between them and the guest."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loopdisk import attached, mounted, run

MIB = 1 << 20
CARD_BYTES = 64 * MIB


def number_mark(number: str) -> bytes:
    """Return a PARAM.INI by which a recorder tells its number."""
    return f"[ZFY]\r\nDevNo={number}\r\n".encode()


def footage(count: int = 3, size_bytes: int = 300_000) -> dict[str, bytes]:
    """Return so many files that look like nothing in particular, all different."""
    return {
        f"DCIM/100MEDIA/{number:02}.mp4": os.urandom(size_bytes) for number in range(1, count + 1)
    }


@dataclass(frozen=True)
class Card:
    """A card's image; `serial` is that of the plug it is behind."""

    image: Path
    serial: str
    kind: str = "vfat"

    @classmethod
    def of(
        cls,
        folder: Path,
        number: str,
        files: Mapping[str, bytes],
        *,
        kind: str = "vfat",
        serial: str = "",
    ) -> "Card":
        """Make a card with a recorder's mark and these files."""
        made = cls(folder / f"{number}-{kind}.img", serial or f"BWC{number}", kind)
        with made.image.open("wb") as file:
            file.truncate(CARD_BYTES)
        run(f"mkfs.{kind}", *_QUICKLY[kind], str(made.image))
        made.write({"PARAM.INI": number_mark(number), **files})
        return made

    def write(self, files: Mapping[str, bytes]) -> None:
        """Add files; a folder that is missing is made."""
        if self.kind == "vfat":
            self._write_with_mtools(files)
            return
        with self.opened() as root:
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)

    def names(self) -> list[str]:
        """Return the files that are on it now."""
        if self.kind == "vfat":
            listed = run("mdir", "-i", str(self.image), "-/", "-b", "-a", "::").splitlines()
            return sorted(name.removeprefix("::/") for name in listed if not name.endswith("/"))
        with self.opened("-o", "ro") as root:
            files = (path for path in root.rglob("*") if path.is_file())
            return sorted(str(path.relative_to(root)) for path in files)

    def check(self) -> None:
        """Have the file system's own check look at it; raises where that finds anything."""
        run(f"fsck.{self.kind}", "-n", str(self.image))

    @contextmanager
    def opened(self, *options: str) -> Iterator[Path]:
        """Mount it here; this machine's kernel need not know exFAT."""
        folder = self.image.with_suffix(".mounted")
        folder.mkdir()
        how = {"exfat": ("-t", "exfat-fuse"), "ntfs": ("-t", "ntfs-3g")}.get(self.kind, ())
        try:
            with attached(self.image) as device, mounted(device, folder, *how, *options) as root:
                yield root
        finally:
            folder.rmdir()

    def sectors(self, name: str) -> tuple[int, int]:
        """Return the first sector of a file on FAT32, and how many it has in its first run."""
        shown = run("mshowfat", "-i", str(self.image), f"::{name}")
        first, _, last = shown.partition("<")[2].partition(">")[0].partition("-")
        boot = self.image.read_bytes()[:512]
        per_cluster = boot[13]
        reserved = int.from_bytes(boot[14:16], "little")
        tables = boot[16] * int.from_bytes(boot[36:40], "little")
        start = reserved + tables + (int(first) - 2) * per_cluster
        return start, (int(last or first) - int(first) + 1) * per_cluster

    def behind(
        self,
        name: str,
        *,
        read_only: bool = False,
        bytes_per_second: int = 0,
        bad_sectors: Sequence[int] = (),
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what QEMU must be told to have this card under a name, with its faults."""
        node: dict[str, Any] = {
            "driver": "file",
            "filename": str(self.image),
            "read-only": read_only,
            "locking": "off",
        }
        node = {"driver": "raw", "file": node, "read-only": read_only}
        if bad_sectors:
            broken = {"event": "none", "iotype": "read", "errno": 5}
            errors = [{**broken, "sector": sector} for sector in bad_sectors]
            node = {"driver": "blkdebug", "image": node, "inject-error": errors}
        if bytes_per_second:
            limits = {"bps-total": bytes_per_second}
            group = {"qom-type": "throttle-group", "id": f"{name}-rate", "limits": limits}
            yield "object-add", group
            node = {"driver": "throttle", "throttle-group": f"{name}-rate", "file": node}
        yield "blockdev-add", {**node, "node-name": name}

    def _write_with_mtools(self, files: Mapping[str, bytes]) -> None:
        folders = {str(parent) for name in files for parent in Path(name).parents}
        present = os.environ | {"MTOOLS_SKIP_CHECK": "1", "TZ": "UTC"}
        for folder in sorted(folders - {"."}):
            command = ("mmd", "-D", "s", "-i", str(self.image), f"::{folder}")
            subprocess.run(command, check=False, capture_output=True, env=present)
        for name, content in files.items():
            command = ("mcopy", "-o", "-i", str(self.image), "-", f"::{name}")
            subprocess.run(command, check=True, input=content, capture_output=True, env=present)


_QUICKLY = {
    "vfat": ("-F", "32", "-s", "1"),
    "exfat": (),
    "ntfs": ("-q", "-F", "-f"),
    "ext4": ("-q",),
}
