"""The shipped units: well formed, closed as far as they can be, and no tighter than they may."""

import itertools
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

from agent.mounting import Helper
from contracts.settings import parse_station
from tests.support.footage import make_every_kind
from tests.support.loopdisk import attached, make_image
from tests.support.mounter import helper
from tests.support.running_agent import RunningAgent, World
from tests.support.running_pages import free_port

ROOT = Path(__file__).parents[2]
FOREIGN_OWNERS = ROOT / "systemd/muster-agent-foreign-owners.conf"
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
BIN = Path(sys.executable).parent
EXPOSURE_MAX = 3.0  # what `systemd-analyze security` may say at most
MADE_EXECUTABLE = re.compile(r"mmap\([^)]*PROT_WRITE\|PROT_EXEC|mprotect\([^)]*PROT_EXEC")
PATIENCE_SECONDS = 60


def setting(unit, name):
    """Return every value that a unit gives to a setting."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def analyzed(*words):
    done = subprocess.run(("systemd-analyze", *words), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(params=UNITS, ids=lambda unit: unit.stem)
def unit(request, tmp_path):
    """One unit, its program replaced by one that every machine has."""
    program = "ExecStart=/opt/muster/bin/"
    text = request.param.read_text(encoding="utf-8")
    assert program in text
    for socket in (ROOT / "systemd").glob("*.socket"):
        shutil.copy(socket, tmp_path)
    copy = tmp_path / request.param.name
    copy.write_text(re.sub(rf"{program}\S+", "ExecStart=/usr/bin/env", text), encoding="utf-8")
    return copy


def test_systemd_finds_nothing_to_complain_of(unit):
    assert analyzed("verify", "--man=no", str(unit)) == (0, "")


def test_the_agent_stays_closed_where_it_may_read_cards_that_have_owners(tmp_path):
    text = (ROOT / "systemd/muster-agent.service").read_text("utf-8")
    copy = tmp_path / "muster-agent.service"
    copy.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/usr/bin/env", text), encoding="utf-8")
    added = copy.with_name(f"{copy.name}.d")
    added.mkdir()
    (added / "owners.conf").write_text(FOREIGN_OWNERS.read_text("utf-8"), encoding="utf-8")
    assert analyzed("verify", "--man=no", str(copy)) == (0, "")
    assert exposure(copy) < EXPOSURE_MAX


def test_a_unit_is_closed_as_far_as_it_is_said_to_be(unit):
    figure = exposure(unit)
    print(f"{unit.stem}: {figure}")  # noqa: T201  # read with -s
    assert figure < EXPOSURE_MAX


def exposure(unit):
    code, said = analyzed("security", "--offline=true", "--no-pager", str(unit))
    assert code == 0
    return float(re.search(r"exposure level for \S+: ([0-9.]+)", said)[1])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_there_is(unit):
    (command,) = setting(unit, "ExecStart")
    program, *words = command.split()
    module, _, function = SCRIPTS[Path(program).name].partition(":")
    begin = f"from {module} import {function}; {function}()"
    before = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
    usage = subprocess.run(
        (sys.executable, "-c", begin, *before, "--help"), capture_output=True, text=True, check=True
    )
    options = [word for word in words if word.startswith("--")]
    assert options
    assert all(option in usage.stdout for option in options)


def test_the_helper_listens_where_the_sample_settings_look_for_it_and_for_the_agent_alone():
    socket = ROOT / "systemd/muster-mounter.socket"
    folders = parse_station((ROOT / "config/station.toml").read_text(), "station.toml").folders
    assert setting(socket, "ListenStream") == [str(folders.mounter)]
    assert setting(socket, "SocketUser") == setting(ROOT / "systemd/muster-agent.service", "User")
    assert setting(socket, "SocketMode") == ["0600"]


def test_the_agent_may_write_where_the_sample_settings_keep_things():
    unit = ROOT / "systemd/muster-agent.service"
    folders = parse_station((ROOT / "config/station.toml").read_text(), "station.toml").folders
    (writable,), (state,), (run,) = (
        setting(unit, name) for name in ("ReadWritePaths", "StateDirectory", "RuntimeDirectory")
    )
    assert str(folders.archive).startswith(f"{writable}/")
    assert (str(folders.state), str(folders.run)) == (f"/var/lib/{state}", f"/run/{run}")


def test_every_user_and_group_of_the_units_is_made_by_the_sysusers_file():
    code, said = _dry_run(ROOT / "systemd/muster.sysusers")
    assert code == 0
    for unit in UNITS:
        for name in (*setting(unit, "User"), *setting(unit, "Group")):
            assert f"'{name}'" in said or name == "root"


def _dry_run(file):
    command = ("systemd-sysusers", "--dry-run", "--root=/nowhere", str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def allowed(unit):
    """Return the system calls a unit allows, as systemd sums them up."""
    calls = set()
    for value in setting(unit, "SystemCallFilter"):
        named = _expanded(value.removeprefix("~").split())
        calls = calls - named if value.startswith("~") else calls | named
    return calls


def _expanded(words):
    found = set()
    for word in words:
        if not word.startswith("@"):
            found.add(word)
            continue
        code, said = analyzed("syscall-filter", "--no-pager", word)
        assert code == 0, said
        lines = [line.strip() for line in said.splitlines()[1:]]
        found |= _expanded([line for line in lines if line and not line.startswith("#")])
    return found


def watching(unit, log):
    """Return how to start a program so that what its unit forbids is written to a file."""
    # What makes memory executable is allowed by name and forbidden by MemoryDenyWriteExecute=.
    # SQLite gives files away only while it is root, which these tests are and the units are not.
    harmless = sorted((allowed(unit) | {"fchown"}) - {"mmap", "mprotect"})
    names = ",".join(f"?{name}" for name in harmless)
    return ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", str(log), "-e", f"trace=!{names}")


def forbidden(log):
    """Return what was called although it is forbidden."""
    lines = log.read_text("utf-8", "replace").splitlines()
    assert any("mmap(" in line for line in lines), "nothing was watched"
    mapping = re.compile(r"^\d+ +(<\.\.\. )?(mmap|mprotect)\b")
    calls = [line for line in lines if re.match(r"^\d+ +(<\.\.\. )?\w+", line)]
    return [c for c in calls if MADE_EXECUTABLE.search(c) or not mapping.match(c)]


def test_the_index_calls_nothing_that_its_unit_forbids(tmp_path):
    unit, log, port = ROOT / "systemd/muster-index.service", tmp_path / "calls", free_port()
    (tmp_path / "roster.toml").write_text((ROOT / "config/roster.toml").read_text())
    (tmp_path / "index.toml").write_text(
        f'organisation = "example"\nname = "x"\ndatabase = "sqlite:///{tmp_path}/index.db"\n'
        f'state = "{tmp_path}/state"\nroster = "{tmp_path}/roster.toml"\n'
        f"[pages]\nport = {port}\n"
    )
    command = (BIN / "muster-index", "run", "--config", tmp_path / "index.toml")
    _served((*watching(unit, log), *command), port)
    assert forbidden(log) == []


def test_the_agent_and_the_station_call_nothing_that_their_units_forbid(tmp_path):
    world, port = World(tmp_path), free_port()
    world.write(more=f"[pages]\nport = {port}\n")
    make_every_kind(world.card("R1", {}))
    agent_log, station_log = tmp_path / "agent.calls", tmp_path / "station.calls"
    agent = Watched(world, watching(ROOT / "systemd/muster-agent.service", agent_log))
    agent.start()
    world.plug("R1")
    agent.settled()
    station = (BIN / "muster-station", "serve", "--config", world.config)
    unit = ROOT / "systemd/muster-station.service"
    _served((*watching(unit, station_log), *station), port, "ledger")
    agent.stop()
    assert world.data("footage.imported")[0]["media"]
    assert forbidden(agent_log) == []
    assert forbidden(station_log) == []


def test_the_helper_calls_nothing_that_its_unit_forbids(tmp_path):
    unit, log = ROOT / "systemd/muster-mounter.service", tmp_path / "calls"
    make_image(tmp_path / "image", 16)
    with attached(tmp_path / "image") as node:
        port = f"loop:{node.name}"
        with helper(port, before=watching(unit, log)) as path:
            held = Helper(path).mount(node, "ext4", Path("unused"))
            with held.writable() as folder:
                (folder / "lost+found").rmdir()
            held.unmount()
    assert forbidden(log) == []


class Watched(RunningAgent):
    """An agent started by another program."""

    def __init__(self, world, before):
        super().__init__(world)
        self._before = before

    def launch(self, **environment):
        command = (*self._before, BIN / "muster-agent", "run", "--config", self.world.config)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)


def _served(command, port, page=""):
    """Start a program, have it show a page, and end it."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _shows(f"http://127.0.0.1:{port}/{page}"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()


def _shows(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # http, ours
            return answer.status == 200
    except OSError:
        return False
