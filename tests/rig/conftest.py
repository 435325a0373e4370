"""The rig's guests, each gone on from the same saved state: one a file, or one a test."""

import shutil
import time

import pytest

from tests.rig.ready import ready
from tests.rig.station import Station
from tests.support.keeping import PROJECT, said

_figures = {}


@pytest.fixture(scope="session")
def origin():
    """The saved station."""
    with ready() as made:
        yield made


@pytest.fixture(scope="module")
def handed_on():
    """The one guest that the tests of a file hand on to each other, if any."""
    stations = []
    yield stations
    for made in stations:
        made.close()


@pytest.fixture
def station(origin, handed_on, request):
    """A running station, nothing plugged in; what a failed test leaves is kept in build/rig.

    Other tests of the file may have been in it: of what it entered only the new counts. A test
    marked `alone` gets one as it was saved, and it or one that failed hands nothing on.
    """
    is_alone = request.node.get_closest_marker("alone") is not None
    made = handed_on.pop() if handed_on and not is_alone else Station(origin)
    try:
        if not made.is_running:
            made.start()
            made.set_clock(time.time())
        yield made
        if request.node.stash.get(_FAILED, False):
            keep(made, request.node.funcargs.get("tmp_path"), request.node.name)
        elif not is_alone:
            made.hand_on()
            handed_on.append(made)
    finally:
        if made not in handed_on:
            made.close()


@pytest.fixture
def figures():
    """Where a test writes what it measured, in seconds, for the summary."""
    return _figures


def keep(station, cards, name):
    """Keep logs, disks and cards of a failure; an image takes the room of what is in it."""
    folder = PROJECT / "build/rig" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if station.is_running:
        station.keep_logs(folder)
    station.cut_power()
    for sockets in station.folder.glob("*.sock"):
        sockets.unlink()
    for source in filter(None, (station.folder, cards)):
        said("cp", "--recursive", "--sparse=always", f"{source}/.", str(folder))


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


def pytest_configure(config):
    marker = "alone: in a guest that no other test has been in or will be"
    config.addinivalue_line("markers", marker)


def pytest_terminal_summary(terminalreporter):
    passed = len(terminalreporter.stats.get("passed", ()))
    terminalreporter.write_line(f"rig: {passed} scenarios passed")
    for name, seconds in _figures.items():
        told = ", ".join(f"{one:.2f}" for one in seconds)
        terminalreporter.write_line(f"rig: {name}: {told} s")
