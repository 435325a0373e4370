"""What tests of several packages share: one browser, since a process can drive only one."""

import pytest

from tests.support.running_pages import browsing


@pytest.fixture(scope="session")
def browser():
    """The browser that the kiosk uses."""
    with browsing() as browser:
        yield browser
