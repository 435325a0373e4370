"""The driver of disks as the agent makes it: with the profiles that are shipped."""

from datetime import timedelta, timezone
from pathlib import Path

from agent.families import FAMILIES
from agent.mounting import mount_read_only
from agent.profiles import load
from agent.recorders.massstorage import MassStorage

ZONE = timezone(timedelta(hours=8))
FAMILY_NAMES = {**FAMILIES, "ptp": dict}


def disks(tmp_path: Path, own: Path | None = None) -> MassStorage:
    """Return the driver; `own` are the station's own profiles."""
    profiles = load(own, FAMILY_NAMES).profiles
    return MassStorage(tmp_path / "run", mount_read_only, profiles, ZONE)
