"""The broker as it is shipped: config/mosquitto.conf and .acl, with certificates of its own."""

from pathlib import Path

import pytest

from contracts.messages import Topics
from tests.support.certificates import Authority
from tests.support.joined import Office
from tests.support.lines import Lines
from tests.support.mosquitto import Mosquitto

CONFIG = Path(__file__).parents[2] / "config"
TOPICS = Topics("muster", "example")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture
def broker(authority, tmp_path):
    with Mosquitto(settings=shipped(authority, tmp_path)) as running:
        yield running


@pytest.fixture
def lines(authority, broker):
    """Connections to the broker, all ended after the test."""
    with Lines(authority, broker.port) as made:
        yield made


@pytest.fixture
def index_reads(tmp_path):
    """What the index subscribes to."""
    office = Office(f"sqlite:///{tmp_path / 'index.db'}")
    yield office.intake.subscriptions
    office.store.close()


@pytest.fixture
def index(lines, index_reads):
    """The index's own connection."""
    return lines.index(*index_reads)


def shipped(authority, folder):
    """Return the shipped configuration as a function of the port, its paths pointing here."""
    certificate, key = authority.certificate("broker", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    acl = folder / "acl"
    acl.write_text((CONFIG / "mosquitto.acl").read_text())
    acl.chmod(0o644)  # mosquitto gives up its rights before it reads it again
    there = {
        "/etc/mosquitto/muster/ca.pem": authority.file,
        "/etc/mosquitto/muster/broker.pem": certificate,
        "/etc/mosquitto/muster/broker.key": key,
        "/etc/mosquitto/muster/acl": acl,
    }

    def settings(port):
        text = (CONFIG / "mosquitto.conf").read_text()
        assert "listener 8883" in text
        text = text.replace("listener 8883", f"listener {port}")
        for shown, real in there.items():
            assert f" {shown}\n" in text
            text = text.replace(f" {shown}\n", f" {real}\n")
        # Run by root, mosquitto would become a user who may not read this test's folders.
        return (*text.splitlines(), "user root")

    return settings
