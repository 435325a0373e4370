"""A station's machine in a container: Debian with systemd, no network, the project installed in it.

The commands are those of docs/operating.md, taken from there.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.debian import STICK, block_with, debian, layered, mask
from tests.support.keeping import PROJECT, said

PATIENCE_SECONDS = 120
LATEST = "journalctl --no-pager -n 60"
# Nothing of the machine it runs on is its business, and it waits for none of these.
MASKED = (
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udev-settle.service"),
    *("systemd-timesyncd.service", "systemd-firstboot.service", "console-getty.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("systemd-networkd-wait-online.service", "mosquitto.service"),
)


class Container:
    """A running container; its root is at `root`, seen from here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._process: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def boot(self, *devices: Path) -> None:
        """Start it, and wait until systemd has started all it is to start."""
        binds = [f"--bind={device}" for device in devices]
        command = ("systemd-nspawn", "-q", "-D", str(self.root), "--register=no", "--keep-unit",
                   "-b", "--console=read-only", "--private-network", *binds)  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.until(self._find_leader)
        self.until(lambda: self.sh("systemctl is-system-running", check=False).strip() in
                   ("running", "degraded"))  # fmt: skip

    def sh(self, command: str, *, check: bool = True) -> str:
        """Run a command in it, and return what it said."""
        inside = ("nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C")
        home = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
        }
        done = subprocess.run(
            (*inside, "sh", "-euc", command),
            capture_output=True, text=True, check=False, env=home, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}"
            raise AssertionError(f"{command}\n{said}\n{self.sh(LATEST, check=False)}")
        return done.stdout + done.stderr

    def until(self, true: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain\n{self.sh(LATEST, check=False)}")
            time.sleep(0.1)

    def shown(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.sh(f"systemctl show -P {name} {unit}").strip()

    def journal(self, unit: str) -> str:
        """Return what a unit has said."""
        return self.sh(f"journalctl --no-pager -o cat -u {unit}")

    def off(self) -> None:
        """Switch it off."""
        if self._process is None:
            return
        if self.leader and self._process.poll() is None:
            os.kill(self.leader, signal.SIGRTMIN + 4)
        try:
            self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()

    def _find_leader(self) -> int:
        assert self._process is not None
        assert self._process.poll() is None, "systemd-nspawn does not run here"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.leader = int((children.read_text().split() or [0])[0])
        return self.leader and Path(f"/proc/{self.leader}/root/run/systemd/system").exists()


@contextmanager
def machine(folder: Path) -> Iterator[Container]:
    """Give a machine on which nothing but Debian and the locked packages are installed yet."""
    assert os.geteuid() == 0, "containers need root"
    with ExitStack() as stack:
        root = stack.enter_context(layered(stack.enter_context(debian()), folder))
        mask(root, MASKED)
        container = Container(root)
        stack.callback(container.off)
        yield container


def put_on_stick(root: Path, version: str | None = None) -> None:
    """Gather what an installation needs into the machine's folder, as section 2 tells."""
    source = root.parent / "source"
    shutil.rmtree(source, ignore_errors=True)
    listed = said("git", "-C", str(PROJECT), "ls-files", "-co", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file() and not name.startswith(("tests/", "docs/images/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, source / name)
    if version:
        text = (source / "pyproject.toml").read_text()
        text = re.sub(r'(?m)^version = ".*"', f'version = "{version}"', text)
        (source / "pyproject.toml").write_text(text)
    commands = block_with(2, "pip download").replace(
        "python3 -m pip", f"{sys.executable} -m pip -q"
    )
    # The locked packages are in the kept layer already, put there by the same commands.
    commands = re.sub(r"(?m)^.* pip -q download .*$", "", commands)
    commands = commands.replace("--no-deps", "--no-deps --no-build-isolation")
    said("sh", "-euc", commands, folder=source)
    shutil.rmtree(root / STICK[1:], ignore_errors=True)
    shutil.move(source / "stick", root / STICK[1:])
