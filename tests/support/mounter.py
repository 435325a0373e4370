"""The root helper as systemd would start it: its socket is there first, its mounts are unseen."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.mounting import HelpedMount, Mount

PATIENCE_SECONDS = 60


@contextmanager
def helper(
    *ports: str, user: str = "root", own: str = "", before: Sequence[str] = ()
) -> Iterator[Path]:
    """Serve the helper's socket for these docks; yield its path. `before` starts the helper."""
    assert os.geteuid() == 0, "the helper needs root"
    with tempfile.TemporaryDirectory(prefix="muster-mounter-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        docks = "".join(f'[[dock]]\nnumber = {n}\nport = "{p}"\n' for n, p in enumerate(ports, 1))
        (folder / "station.toml").write_text(f'own_ports = ["{own}"]\n{docks}')
        (folder / "card").mkdir()
        path = folder / "socket"
        serve = (sys.executable, "-m", "agent.mounter.serve", "--user", user)
        where = ("--config", f"{folder}/station.toml", "--folder", f"{folder}/card")
        command = ("systemd-socket-activate", f"--listen={path}", "--inetd")
        log = (folder / "log").open("wb")
        with (
            log,
            subprocess.Popen((*command, *before, *serve, *where), stderr=log) as process,
        ):
            try:
                _wait_for(path, process)
                path.chmod(0o666)
                yield path
            finally:
                process.terminate()


@contextmanager
def let_go(mount: Mount | HelpedMount) -> Iterator[Mount | HelpedMount]:
    """Let a card go when the block ends, however it ends."""
    try:
        yield mount
    finally:
        mount.unmount()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _listens(path):
        assert process.poll() is None, "the helper's socket is not served"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _listens(path: Path) -> bool:
    accepts = "00010000"  # of /proc/net/unix: __SO_ACCEPTCON; the name is there a little earlier
    lines = Path("/proc/net/unix").read_text().splitlines()
    return any(line.endswith(f" {path}") and line.split()[3] == accepts for line in lines)
