"""The programs as users of their own, with the rights that the units and folders give them."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.running_agent import PROGRAM, RunningAgent, World, pin
from tests.support.running_pages import free_port, serving

GROUP = 64_999  # stands for `muster`
STATION = {"user": 65_534, "group": GROUP, "extra_groups": ()}
# The interpreter may be where only root can read, so whatever is imported late is imported first.
AS_STATION = f"""
import asyncio.runners, concurrent.futures.thread, importlib.metadata, importlib.readers
import encodings.ascii, encodings.idna, encodings.latin_1, encodings.unicode_escape
import mimetypes, os, pathlib, queue, sys
import uvicorn.lifespan.on, uvicorn.loops.auto
import uvicorn.protocols.http.auto, uvicorn.protocols.websockets.auto
from station.cli import main, pages_of
pages_of(pathlib.Path(sys.argv[-1]))
os.umask(0o077)
os.setgroups([])
os.setresgid({GROUP}, {GROUP}, {GROUP})
os.setresuid(65_534, 65_534, 65_534)
main()
"""
OTHERS = {"user": 65_534, "group": 65_534, "extra_groups": ()}


class DeployedAgent(RunningAgent):
    """An agent with the group and UMask of muster-agent.service."""

    def launch(self, **environment):
        command = (PROGRAM, "run", "--config", self.world.config)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, group=GROUP, extra_groups=(), umask=0o027
            )


@pytest.fixture
def deployed():
    """A station with folders as systemd makes them, its agent running and a card imported."""
    assert os.geteuid() == 0, "needs root, to be several users"
    world = World(Path(tempfile.mkdtemp(prefix="muster-deployed-")))
    port = free_port()
    world.write(more=f"[pages]\nport = {port}\n")
    world.card("R1", {"DCIM/20261121_083000.mp4": b"footage"})
    _hand_over(world)
    agent = DeployedAgent(world)
    try:
        agent.start()
        world.plug("R1")
        agent.settled()
        yield world, agent, port
    finally:
        agent.kill()
        shutil.rmtree(world.folder)


def _hand_over(world):
    world.folder.chmod(0o755)  # as /var, /run and /etc are
    for folder in (world.state, world.run):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o750)
    for file in (world.config, world.roster):
        file.chmod(0o640)
    for path in (world.state, world.run, world.config, world.roster):
        os.chown(path, 0, GROUP)


def test_the_stations_user_shows_the_ledger_and_issues_a_recorder(deployed, browser):
    world, agent, port = deployed
    with _pages(world, port) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/ledger")
        expect(page.locator("body")).to_contain_text("R1")
        page.goto(f"{address}/issue?person=p1")
        page.fill("#pin", pin("p1"))
        page.check("input[value=R1]")
        page.click("text=确认领用")
        expect(page.locator("h1")).to_have_text("甲 领用记录仪 R1")
    assert agent.wait_entry("recorder.issued")["person"] == "p1"


def test_the_stations_user_changes_nothing_and_does_not_see_the_key(deployed):
    world, _, _ = deployed
    for path in _everything(world):
        assert path.name == "agent.sock" or not _may("-w", path, STATION), path
    assert not _may("-r", world.state / "ledger" / "ledger.key", STATION)
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "head.note"):
        assert _may("-r", world.state / "ledger" / name, STATION), name


def test_other_users_neither_read_the_ledger_nor_ask_the_agent(deployed):
    world, _, _ = deployed
    private = (world.state / "ledger", world.run / "snapshot.json", world.roster)
    for path in (*private, world.run / "agent.sock"):
        assert not _may("-r", path, OTHERS), path
        assert not _may("-w", path, OTHERS), path


def _everything(world):
    folders = (world.archive, world.state, world.run)
    return [path for folder in folders for path in (folder, *folder.rglob("*"))]


def _may(how, path, who):
    return subprocess.run(("test", how, str(path)), check=False, **who).returncode == 0


@contextmanager
def _pages(world, port):
    with serving(world.config, port, (sys.executable, "-c", AS_STATION)) as (address, process):
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "Uid:\t65534\t65534\t65534\t65534\n" in status
        assert "CapEff:\t0000000000000000\n" in status
        yield address
