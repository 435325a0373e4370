"""The files beside the ledger's database: the key, the lock, and the notes kept outside of it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from contracts.errors import LedgerLockedError, LedgerStorageError
from contracts.note import SEED_BYTES, SigningKey

KEY_NAME = "ledger.key"
LOCK_NAME = "ledger.lock"
HEAD_NAME = "head.note"
WITNESS_NAME = "witness.note"
# Each file outside the database repeats the newest row of a table.
KEPT: dict[str, Literal["checkpoint", "cosignature"]] = {
    HEAD_NAME: "checkpoint",
    WITNESS_NAME: "cosignature",
}


def make(folder: Path) -> None:
    """Make the ledger's folder; the names in it, and those that lead to it, are on disk on return.

    Also where it was there before: who made it, or the key in it, may have been killed in between.

    Raises:
        OSError: it cannot be made or read.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in (folder, *(one.parent for one in missing or [folder])):
        _sync_folder(one)


def load_or_create_key(path: Path) -> SigningKey:
    """Return the key whose seed is in a file, made (0600, on disk on return) if there is none.

    Raises:
        LedgerStorageError: the file is not 32 bytes that only its owner may read, or I/O failed.
    """
    try:
        if not path.exists():
            write_durably(path, SigningKey.generate().seed, mode=0o600)
        seed, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise LedgerStorageError(where=path, what=str(error)) from error
    if len(seed) != SEED_BYTES or mode & 0o077:
        raise LedgerStorageError(where=path, what=f"{len(seed)} bytes, mode {mode & 0o777:o}")
    return SigningKey(seed)


def has_key(folder: Path) -> bool:
    """Tell whether there is a key.

    Raises:
        LedgerStorageError: the folder does not say.
    """
    try:
        return (folder / KEY_NAME).exists()
    except OSError as error:
        raise LedgerStorageError(where=folder, what=str(error)) from error


def lock(folder: Path) -> int:
    """Take the folder's writing lock and return its descriptor, which holds it until closed.

    The lock is on a file of its own: a lock on the database would be dropped as soon as anything
    in this process opened and closed that file.

    Raises:
        LedgerLockedError: another process, or another ledger in this one, holds it.
        LedgerStorageError: there can be no lock file.
    """
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LedgerStorageError(where=folder, what=str(error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LedgerLockedError(where=folder) from error
    except OSError as error:
        os.close(descriptor)
        raise LedgerStorageError(where=folder, what=str(error)) from error
    return descriptor


def unlock(descriptor: int) -> None:
    """Give the lock up; the kernel does so even where it then says that closing failed."""
    with suppress(OSError):
        os.close(descriptor)


def read_note(path: Path) -> str | None:
    """Return the note in a file, or None where there is no such file.

    Raises:
        LedgerStorageError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerStorageError(where=path, what=str(error)) from error


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file so that after a power cut it has the old or the new content, whole."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
