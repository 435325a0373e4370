"""The share of mutated media in every test run, and that an escape would be noticed."""

import os
import signal
import time
from contextlib import closing

from demo.media import make_video
from tests.instruments.counts import Share
from tests.instruments.media.__main__ import FILES, run
from tests.instruments.media.media import Examination
from tests.support.footage import STARTED_AT


def test_no_mutant_escapes_is_lost_or_costs_the_child():
    assert run(Share(seed=20261122, amount=FILES)) == 0


def test_an_opened_canary_is_an_escape(tmp_path):
    with closing(Examination(tmp_path)) as examination:
        examination.canary.path.read_bytes()
        deadline = time.monotonic() + 10
        while not examination.canary.opened and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "opened" in examination.violations[-1]


def test_a_child_that_stands_still_is_a_violation(tmp_path):
    make_video(tmp_path / "video.mp4", 2, (320, 180), STARTED_AT, 1)
    with closing(Examination(tmp_path)) as examination:
        os.kill(examination._probe._child.process.pid, signal.SIGSTOP)
        examination.look("flip", (tmp_path / "video.mp4").read_bytes())
        assert len(examination.violations) == 1
