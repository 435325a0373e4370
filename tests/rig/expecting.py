"""What every scenario expects in the end: footage that was on a card is proven in the archive."""

import hashlib
from collections.abc import Mapping

from tests.rig.station import Station


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
