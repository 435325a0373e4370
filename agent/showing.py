"""Puts the snapshot where the kiosk reads it: one file, always whole."""

import logging
from functools import cache
from pathlib import Path

from contracts.loading import to_json
from contracts.snapshot import Snapshot

log = logging.getLogger(__name__)


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Replace `snapshot.json`; not fsynced, since it is made anew every second.

    A folder that cannot be written stops no import: the kiosk sees how old the last one is.
    """
    new = folder / "snapshot.json.new"
    try:
        new.write_bytes(to_json(snapshot))
        new.replace(folder / "snapshot.json")
    except OSError as error:
        _warn(str(error))


@cache
def _warn(what: str) -> None:
    """Log each reason once: it comes four times a second."""
    log.warning("the kiosk is not told: %s", what)
