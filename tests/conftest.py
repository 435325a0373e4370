"""What tests of several packages share: one browser, since a process can drive only one."""

import hypothesis
import pytest

# No test asserts a time: on a busy machine any example takes long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def browser():
    """The browser that the kiosk uses."""
    from tests.support.running_pages import browsing  # noqa: PLC0415  # few tests need its weight

    with browsing() as browser:
        yield browser
