import tempfile
from pathlib import Path

import pytest

from agent.archive import Archive
from tests.support.loopdisk import loop_disk


@pytest.fixture
def archive(tmp_path):
    made = Archive(tmp_path)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def disk():
    with loop_disk(48) as made:
        yield made


@pytest.fixture
def memory_folder():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)
