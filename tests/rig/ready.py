"""A station booted once and kept as it stood: idle, its index connected, nothing plugged in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import base as lower
from tests.rig import guest, project
from tests.rig.guest import Origin
from tests.rig.station import Station
from tests.support.keeping import PROJECT, kept, key_of, said

_HERE = Path(__file__).parent


@contextmanager
def ready() -> Iterator[Origin]:
    """Give what every test's guest goes on from, made if this checkout's is not there."""
    base_key = lower.base_key()
    with kept("base", base_key, lower.build_base) as base:

        def build(folder: Path) -> None:
            project.build_project(base, folder)
            _boot_and_save(base, folder)

        with kept("station", _key(base_key), build) as folder:
            yield Origin(base, folder, folder / "ready.state")


def _key(base_key: str) -> str:
    qemu = said("qemu-system-x86_64", "--version").splitlines()[0]
    command = " ".join(guest.command_line(Path(), Path()))
    recipe = (_HERE / name for name in ("install.sh", "project.py", "ready.py"))
    return key_of(base_key, qemu, command, files=[*recipe, *project.project_files()])


def _boot_and_save(base: Path, folder: Path) -> None:
    began = time.monotonic()
    station = Station(Origin(base, folder), folder)
    try:
        station.start()
        station.sh("systemctl is-system-running --wait || true", seconds=900)
        station.wait_idle()
        station.sh("sync")
        station.save(folder / "ready.state")
    except BaseException:
        if station.is_running:
            station.keep_logs(PROJECT / "build/rig/first-boot")
        raise
    finally:
        station.cut_power()
    seconds = time.monotonic() - began
    (folder / "boot_seconds").write_text(f"{seconds:.1f}\n")


if __name__ == "__main__":
    with ready():
        pass
