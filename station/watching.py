"""The newest snapshot that the agent left in its file; how old is too old is decided here."""

from datetime import datetime, timedelta
from pathlib import Path

from contracts.loading import from_json
from contracts.snapshot import Snapshot

STALE_AFTER = timedelta(seconds=5)


class SnapshotFile:
    """Reads the file again only when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._snapshot: Snapshot | None = None

    def newest(self) -> Snapshot | None:
        """Return the agent's last word, or None where there is none that can be read."""
        try:
            status = self._path.stat()
            mark = (status.st_ino, status.st_mtime_ns, status.st_size)
            if mark != self._mark:
                self._snapshot = from_json(self._path.read_bytes(), Snapshot)
                self._mark = mark
        except (OSError, ValueError):
            # The board then says that the agent does not answer: nothing is hidden by this.
            self._mark, self._snapshot = None, None
        return self._snapshot


def is_stale(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether the agent has fallen silent since it wrote this."""
    return now - snapshot.at > STALE_AFTER
