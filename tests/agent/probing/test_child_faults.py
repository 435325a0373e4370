import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from agent.core.recorder import MediaFacts
from agent.probing.probe import TOO_LONG, Probe

ROOT = Path(__file__).parents[3]


def _until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline, "it did not happen"
        sleep(0.01)


@pytest.fixture
def probe():
    with Probe() as probe:
        probe.walls()
        yield probe


def _pid(probe: Probe) -> int:
    assert probe._child is not None
    return probe._child.process.pid


def test_a_child_that_hangs_is_given_up_and_replaced(media):
    with Probe(look_seconds=0.5) as probe:
        probe.walls()
        os.kill(_pid(probe), signal.SIGSTOP)
        facts = probe.look(media / "video.mp4", "video.mp4")
        assert (facts.verdict, facts.detail) == ("unparsed", str(TOO_LONG.fill(seconds=0.5)))
        assert probe.look(media / "video.mp4", "video.mp4").verdict == "readable"


def test_a_child_killed_in_mid_look_costs_one_look(probe, media):
    verdicts = []
    os.kill(_pid(probe), signal.SIGSTOP)
    video = media / "video.mp4"
    looking = Thread(target=lambda: verdicts.append(probe.look(video, video.name).verdict))
    looking.start()
    _until(lambda: probe._child.looks == 1)
    os.kill(_pid(probe), signal.SIGKILL)
    looking.join()
    verdicts.append(probe.look(video, video.name).verdict)
    assert verdicts == ["unparsed", "readable"]


def test_a_child_killed_between_looks_costs_nothing(probe, media):
    os.kill(_pid(probe), signal.SIGKILL)
    _until(lambda: probe._child.process.poll() is not None)
    assert probe.look(media / "video.mp4", "video.mp4").verdict == "readable"


def test_a_child_outlives_the_thread_that_first_looked(media):
    with Probe() as probe:
        first = Thread(target=probe.look, args=(media / "video.mp4", "video.mp4"))
        first.start()
        first.join()
        child = _pid(probe)
        assert probe.look(media / "video.mp4", "video.mp4").verdict == "readable"
        assert _pid(probe) == child


def test_looks_from_several_threads_are_all_answered(probe, media):
    verdicts = []
    names = ["video.mp4", "photo.jpg", "sound.m4a", "video.avi"] * 5
    threads = [
        Thread(target=lambda name=name: verdicts.append(probe.look(media / name, name).verdict))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["readable"] * len(names)


def test_the_child_dies_with_the_agent_even_when_stopped():
    program = (
        "from agent.probing.probe import Probe; import sys, time; p = Probe(); p.walls();"
        "print(p._child.process.pid, 'av' in sys.modules, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT
    ) as agent:
        assert agent.stdout is not None
        child, has_av = agent.stdout.readline().split()
        os.kill(int(child), signal.SIGSTOP)
        agent.kill()
    assert has_av == b"False"
    _until(lambda: _gone(int(child)))


def _gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b'{"verdict": "splendid"}',
        b'{"verdict": "readable", "started_at": "2026-08-01T08:00:00"}',
        b'{"verdict": "readable", "width": "wide"}',
    ],
)
def test_an_answer_that_makes_no_sense_is_unparsed_and_ends_the_child(probe, media, answer):
    facts = _answered(probe, media, answer)
    assert (facts.verdict, probe._child) == ("unparsed", None)


def test_an_answer_beyond_all_bounds_is_brought_within(probe, media):
    answer = (
        b'{"verdict": "readable", "width": 1e15, "height": -1, "duration_ms": 9e18,'
        b'"codecs": ["a\\u001b[2J"], "detail": "' + b"x" * 60_000 + b'"}'
    )
    facts = _answered(probe, media, answer)
    assert (facts.width, facts.height, facts.duration_ms) == (None, None, None)
    assert (facts.codecs, len(facts.detail)) == (("a?[2J",), 300)


def _answered(probe: Probe, media: Path, answer: bytes) -> MediaFacts:
    """Let a process under foreign control answer in the child's place."""
    child = probe._child
    assert child is not None
    child.process.kill()
    child.process.wait()
    program = (
        f"import socket; s = socket.socket(fileno=0); s.recv(64); s.send({answer!r}); s.recv(1)"
    )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        child.process = subprocess.Popen([sys.executable, "-c", program], stdin=theirs.fileno())
    child.link.close()
    child.link = ours
    return probe.look(media / "video.mp4", "video.mp4")
