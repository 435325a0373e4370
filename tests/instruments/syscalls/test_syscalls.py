"""Every system call of three scenarios, killed and failed; and that the injector would see."""

import os

import pytest

from agent.archive import durable
from agent.copyist import Copyist
from agent.core.event import SecondCopied
from contracts.errors import LedgerCommitError
from ledger.store import Ledger
from tests.instruments.counts import Share, conclude
from tests.instruments.syscalls.injecting import KILL, Point, opened, points_of, removed
from tests.instruments.syscalls.running import NAME, Wanted, counts_of, inject_all


@pytest.fixture
def injector(request):
    made, root = opened(request.param)
    yield made
    removed(root)


def found(injector, call, kind, *, until=lambda wrong: wrong):
    """Inject at one call after the other until something is found wrong."""
    for point in points_of(injector.scenario.name, injector.count(), kind, whole=False):
        if point.call == call:
            _, wrong = injector.inject(point)
            if until(wrong):
                return wrong
    return []


@pytest.mark.parametrize("injector", ["first"], indirect=True)
def test_an_agent_that_does_not_heed_a_failed_fsync_is_seen(injector, monkeypatch):
    def careless(fd):
        try:
            os.fsync(fd)
        except OSError:
            return

    monkeypatch.setattr(durable, "sync", careless)
    assert any("success was reported" in one for one in found(injector, "fsync", "EIO"))


@pytest.mark.parametrize("injector", ["signing"], indirect=True)
def test_a_ledger_that_goes_on_after_an_unknown_commit_is_seen(injector, monkeypatch):
    append = Ledger.append

    def obstinate(ledger, drafts, moment):
        try:
            return append(ledger, drafts, moment)
        except LedgerCommitError:
            ledger._failed = False
            return append(ledger, drafts, moment)

    monkeypatch.setattr(Ledger, "append", obstinate)
    assert found(injector, "fsync", "EIO")


@pytest.mark.parametrize("injector", ["copying"], indirect=True)
def test_a_copyist_that_tells_of_copies_before_they_are_proven_is_seen(injector, monkeypatch):
    def hasty(copyist, order):
        wanted = [(one.sha256, one.size) for one in order.objects]
        copyist.desk.deliver(SecondCopied(tuple(sha256 for sha256, _ in wanted)))
        copyist.desk.second.bring(wanted, lambda: None)

    monkeypatch.setattr(Copyist, "_bring", hasty)
    assert any("second copy's" in one for one in found(injector, "linkat", KILL))


@pytest.mark.parametrize("injector", ["copying"], indirect=True)
def test_a_second_copy_whose_failed_sync_is_not_heeded_is_seen(injector, monkeypatch):
    monkeypatch.setattr(durable, "sync_all", durable._LIBC.syncfs)
    assert any("success was reported" in one for one in found(injector, "syncfs", "EIO"))


def test_a_point_is_printed_as_it_is_asked_for():
    point = Point("first", "fsync", 12, KILL)
    assert Point.parse(str(point)) == point
    assert point.injection == "inject=fsync:signal=KILL:when=12"


OBJECT = "5</dev/shm/syscalls-first/here/archive/incoming/1.part>"
CALLS = {
    "pread64": [f"pread64({OBJECT}, ...", "pread64(3</proc/stat>, ..."],
    "pwrite64": [f"pwrite64({OBJECT}, ...", "pwrite64(6</dev/shm/syscalls-first/here/run/s>, ..."],
    "openat": [f"openat({OBJECT}, O_RDONLY)", f"openat({OBJECT}, O_RDWR|O_CREAT)"],
    "unlinkat": [f"unlinkat({OBJECT})"],
    "fsync": [f"fsync({OBJECT})"],
    "fcntl": [f"fcntl({OBJECT})"],
}


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        ("EIO", "fsync:1 openat:1 openat:2 pread64:1 pread64:2 pwrite64:1 pwrite64:2 unlinkat:1"),
        ("ENOSPC", "fsync:1 openat:2 pwrite64:1"),
        ("EROFS", "fsync:1 openat:2 pwrite64:1 unlinkat:1"),
        (KILL, "openat:2 pwrite64:1 unlinkat:1"),
    ],
)
def test_each_call_gets_what_a_kernel_can_answer_it(kind, share):
    points = [str(point) for point in points_of("first", CALLS, kind, whole=False)]
    assert points == [f"first:{place}:{kind}" for place in share.split()]
    assert len([*points_of("first", CALLS, kind, whole=True)]) >= len(points)


def test_every_system_call_of_three_scenarios_is_killed_and_failed_without_a_violation():
    share = Share(0, 0)
    tally = inject_all(share, Wanted())
    conclude(NAME, share, counts_of(tally, Wanted()))
    assert tally.killed > 300
    assert tally.failed > 1_500
    assert tally.missed * 100 <= tally.points
    assert tally.violations == []
