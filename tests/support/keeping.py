"""Where machines that tests need are kept once built, and how the programs that build them are run.

A layer's folder is named after the digest of all that went into it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parents[2]
KEPT = 2  # of each layer: this checkout's, and the one before


def cache() -> Path:
    """Return where images are kept, outside of any checkout."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "muster-machines"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def kept(name: str, key: str, build: Callable[[Path], None]) -> Iterator[Path]:
    """Give the folder of a layer, built if it is not there; nobody removes it meanwhile.

    One that was not finished is built anew; of each layer the newest are kept.
    """
    folder = cache() / f"{name}-{key}"
    with (cache() / f"{name}-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not (folder / "finished").exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            _build(folder, build)
            fcntl.flock(lock, fcntl.LOCK_SH)
        (folder / "finished").touch()
        _remove_older(name)
        yield folder


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    if (folder / "finished").exists():  # somebody else was first
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    build(folder)
    (folder / "finished").touch()


def _remove_older(name: str) -> None:
    folders = [lock.with_suffix("") for lock in cache().glob(f"{name}-*.lock")]
    for old in sorted(folders, key=_finished_at)[:-KEPT]:
        with old.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody works with it
            shutil.rmtree(old, ignore_errors=True)


def _finished_at(folder: Path) -> float:
    """Return when a layer was last used; one that was never finished is older than all."""
    finished = folder / "finished"
    return finished.stat().st_mtime if finished.exists() else 0.0


def key_of(*parts: str | bytes, files: Iterable[Path] = ()) -> str:
    """Return a short digest of texts and of files, by name and content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update((part.encode() if isinstance(part, str) else part) + b"\0")
    for file in sorted(files):
        name = file.relative_to(PROJECT)  # the same in every checkout
        digest.update(f"{name}\0{file.stat().st_mode & 0o111}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def said(*command: str, folder: Path | None = None) -> str:
    """Run a program and return what it says; raise with its complaint when it fails."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def make_ext4(image: Path, size_bytes: int, label: str, source: Path | None = None) -> None:
    """Make an image with a file system of the contents of a folder, if one is given."""
    with image.open("wb") as file:
        file.truncate(size_bytes)
    filled = ("-d", str(source)) if source else ()
    lazy = ("-E", "lazy_itable_init=1,lazy_journal_init=1", "-J", "size=16", "-m", "0")
    said("mke2fs", "-q", "-t", "ext4", *lazy, "-L", label, *filled, str(image))
