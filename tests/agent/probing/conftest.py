"""Real media and a running probe for the tests of looking inside."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.probing.probe import Probe
from tests.support.footage import make_every_kind


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A folder with one whole file of each kind."""
    folder = tmp_path_factory.mktemp("media")
    make_every_kind(folder)
    return folder


@pytest.fixture(scope="session")
def shared_probe():
    """One probe for the tests that do it no harm."""
    with Probe() as probe:
        yield probe


@pytest.fixture
def look(shared_probe):
    return lambda path: shared_probe.look(path, path.name)


@pytest.fixture
def cut(media: Path, tmp_path: Path) -> Callable[[str, float], Path]:
    """Return a function that gives a file's beginning under the same name."""

    def beginning(name: str, length: float) -> Path:
        raw = (media / name).read_bytes()
        path = tmp_path / name
        path.write_bytes(raw[: int(len(raw) * length)])
        return path

    return beginning
