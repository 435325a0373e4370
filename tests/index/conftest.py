import pytest

from tests.support.joined import Office


@pytest.fixture(autouse=True)
def _offices_are_closed():
    yield
    Office.close_all()
