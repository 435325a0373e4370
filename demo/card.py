"""A virtual recorder in people's hands: recorded on, put into a dock, taken out."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Docking:
    """One time a recorder was put into a dock, and the digest of every file it held then."""

    recorder: str
    dock: int
    files: dict[str, str]


@dataclass
class Card:
    """One virtual recorder: its folder, and every docking of it."""

    number: str
    folder: Path
    ports: Path
    dockings: list[Docking] = field(default_factory=list)
    unchanged: bool = True
    _dock: int | None = None
    _mark: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    @property
    def files(self) -> Path:
        """The folder that plays the memory card."""
        return self.folder / "files"

    def write_script(self, *lines: str) -> None:
        """Say what the recorder says of itself, and what is wrong with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join((f'number = "{self.number}"', 'model = "VR-6"', *lines))
        (self.folder / "recorder.toml").write_text(f"{text}\n", encoding="utf-8")

    def dock(self, dock: int) -> None:
        """Put it into a dock."""
        self._mark = fingerprint(self.files)
        digests = {path: mark[2] for path, mark in self._mark.items()}
        self.dockings.append(Docking(self.number, dock, digests))
        self._dock = dock
        (self.ports / f"dock{dock}").symlink_to(self.folder)

    def take_out(self) -> None:
        """Take it out, if it did not come out by itself, and see whether anything was written."""
        if self._dock is not None:
            (self.ports / f"dock{self._dock}").unlink(missing_ok=True)
            self.look()
        self._dock = None

    def look(self) -> None:
        """Compare the files with what they were when it was put into the dock."""
        if self._dock is not None:
            self.unchanged = self.unchanged and fingerprint(self.files) == self._mark


def fingerprint(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return size, modification time and SHA-256 of every regular file below a folder."""
    marks = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                continue
            said = path.stat()
            marks[str(path.relative_to(folder))] = (said.st_size, said.st_mtime_ns, sha256_of(path))
    return marks


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
