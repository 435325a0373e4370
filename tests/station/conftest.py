"""The made-up station's pages, its stand-in agent, and the program itself."""

import shutil
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from station.cli import pages_of
from station.rendering import renderer as renderer_of
from tests.support import madeup_station
from tests.support.agent_socket import AgentSocket
from tests.support.running_pages import free_port, serving


@pytest.fixture
def folder(tmp_path):
    madeup_station.write_station(tmp_path)
    madeup_station.write_snapshot(tmp_path, madeup_station.snapshot())
    return tmp_path


@pytest.fixture(scope="session")
def renderer():
    """Keeps its compiled templates from test to test."""
    return renderer_of(ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def pages(folder, renderer):
    made = replace(pages_of(folder / "station.toml"), renderer=renderer)
    made.desk = replace(made.desk, clock=lambda: madeup_station.NOW)
    return made


@pytest.fixture
def client(pages):
    with TestClient(pages.app(), base_url="http://localhost:8640") as client:
        client.get("/")
        client.token = pages.guard.token(client.cookies["muster"])
        yield client


@pytest.fixture
def agent(folder):
    with AgentSocket(folder / "run" / "agent.sock") as agent:
        yield agent


@pytest.fixture(scope="session")
def written_ledger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    return folder / "state", madeup_station.write_ledger(folder)


@pytest.fixture
def ledger(folder, written_ledger):
    """How many entries the station's ledger has."""
    source, size = written_ledger
    shutil.copytree(source, folder / "state", dirs_exist_ok=True)
    return size


@pytest.fixture
def served(tmp_path):
    """The real program on a free port: its address and its process."""
    port = free_port()
    config = madeup_station.write_station(tmp_path, port)
    madeup_station.write_snapshot(tmp_path, madeup_station.snapshot())
    with serving(config, port) as running:
        yield running


@pytest.fixture
def agent_at():
    """Start a stand-in agent for a station's folder."""
    return lambda folder: AgentSocket(folder / "run" / "agent.sock")
