"""A station's machine in a container: Debian with systemd, no network, the project installed in it.

The commands are those of docs/operating.md, taken from there. Debian and the locked packages are
built once and kept below ${XDG_CACHE_HOME:-~/.cache}/muster-nspawn, named after all that went in.
"""

import fcntl
import hashlib
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

PROJECT = Path(__file__).parents[2]
OPERATING = PROJECT / "docs/operating.md"
PATIENCE_SECONDS = 120
PACKAGES = ("systemd-sysv", "dbus", "udev", "kmod", "python3-venv", "util-linux", "procps")
STICK = "/root/stick"
LATEST = "journalctl --no-pager -n 60"
# Nothing of the machine it runs on is its business, and it waits for none of these.
MASKED = ("systemd-udevd", "systemd-udev-trigger", "systemd-udev-settle", "systemd-timesyncd",
          "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer",
          "systemd-firstboot", "console-getty", "systemd-networkd-wait-online")  # fmt: skip


def blocks(section: int) -> list[str]:
    """Return the commands that a section of the operating page tells, block by block."""
    text = OPERATING.read_text(encoding="utf-8")
    chapter = text.partition(f"\n## {section}. ")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)


def block_with(section: int, words: str) -> str:
    """Return the one block of a section in which these words are."""
    (found,) = (block for block in blocks(section) if words in block)
    return found


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
        base = stack.enter_context(_kept_base())
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
        _run("mount", "-t", "overlay", "-o", layers, "overlay", str(folder / "root"))
        stack.callback(_run, "umount", "--lazy", str(folder / "root"))
        container = Container(folder / "root")
        stack.callback(container.off)
        yield container


def put_on_stick(root: Path, version: str | None = None) -> None:
    """Gather what an installation needs into the machine's folder, as section 2 tells."""
    source = root.parent / "source"
    shutil.rmtree(source, ignore_errors=True)
    listed = _run("git", "-C", str(PROJECT), "ls-files", "-co", "--exclude-standard", "-z")
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
    _run("sh", "-euc", commands, folder=source)
    shutil.rmtree(root / STICK[1:], ignore_errors=True)
    shutil.move(source / "stick", root / STICK[1:])


@contextmanager
def _kept_base() -> Iterator[Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "muster-nspawn"
    home.mkdir(parents=True, exist_ok=True)
    lock = (PROJECT / "requirements.lock").read_bytes()
    parts = (PACKAGES, MASKED, _download(), _install_locked(), lock, sys.version)
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    with (home / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (home / key / "finished").exists():
            for older in home.iterdir():
                if older.is_dir():
                    shutil.rmtree(older)
            _build(home / key)
            (home / key / "finished").touch()
        yield home / key / "root"


def _build(folder: Path) -> None:
    folder.mkdir()
    root = folder / "root"
    codename = re.search(r"(?m)^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())[1]
    listed = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    sources = [str(f) for f in listed if f.suffix in (".list", ".sources") and f.is_file()]
    leave_out = "--dpkgopt=path-exclude=/usr/share/{}/*"
    small = ("--variant=minbase", *(leave_out.format(one) for one in ("man", "doc", "locale")))
    packages = f"--include={','.join(PACKAGES)}"
    _run("mmdebstrap", "--quiet", "--mode=root", *small, packages, codename, str(root), *sources)
    for unit in MASKED:
        name = unit if "." in unit else f"{unit}.service"
        (root / "etc/systemd/system" / name).symlink_to("/dev/null")
    stick = root / STICK[1:]
    stick.mkdir()
    shutil.copy(PROJECT / "requirements.lock", stick)
    download = _download().replace("python3", sys.executable).replace("-d stick", f"-q -d {stick}")
    _run("sh", "-euc", download, folder=PROJECT)
    commands = f"cd {STICK}\n{_install_locked()}"
    _run("unshare", "--net", "chroot", str(root), "sh", "-euc", commands)
    shutil.rmtree(stick)


def _download() -> str:
    return _lines(block_with(2, "pip download"), "pip download")


def _install_locked() -> str:
    return _lines(block_with(2, "python3 -m venv"), "-m venv", "--require-hashes")


def _lines(block: str, *words: str) -> str:
    return "\n".join(line for line in block.splitlines() if any(word in line for word in words))


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:300]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
