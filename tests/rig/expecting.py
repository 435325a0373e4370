"""What every scenario expects in the end: footage that was on a card is proven in the archive."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ledger.verifying import Problem, verify
from tests.rig.guest import copy
from tests.rig.station import Station
from tests.support.loopdisk import attached, mounted


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return each file's SHA-256."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def imported(station: Station, expected: Mapping[str, str]) -> bool:
    """Tell whether files of these digests are entered, and their objects hold what they say."""
    entered = {(said["name"], said["sha256"]) for said in station.said("footage.imported")}
    assert set(expected.items()) <= entered, sorted(set(expected.items()) - entered)
    listed = station.sh("cd /srv/muster/archive/objects/sha256 && find . -type f | xargs sha256sum")
    found = [line.split() for line in listed.splitlines()]
    assert all(name.endswith(digest) for digest, name in found), listed
    assert set(expected.values()) <= {digest for digest, _ in found}
    return True


def ledger_problems(station: Station, folder: Path) -> list[Problem]:
    """Return what is wrong with the ledger, as the disk has it now; verified on this machine."""
    station.qmp("stop")
    copy(station.folder / "state.img", folder)
    station.qmp("cont")
    (folder / "state").mkdir()
    with (
        attached(folder / "state.img") as device,
        mounted(device, folder / "state") as state,
    ):
        return list(verify(state / "ledger"))
