"""Puts the snapshot where the kiosk reads it: one file, always whole."""

from pathlib import Path

from contracts.loading import to_json
from contracts.snapshot import Snapshot


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Replace `snapshot.json`; not fsynced, since it is made anew every second."""
    new = folder / "snapshot.json.new"
    new.write_bytes(to_json(snapshot))
    new.replace(folder / "snapshot.json")
