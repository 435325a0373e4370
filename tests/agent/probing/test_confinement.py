import platform
import subprocess
import sys
from pathlib import Path

import pytest

from agent.probing.probe import Probe

ROOT = Path(__file__).parents[3]
CONFINED = """
import ctypes, os, socket, subprocess, sys, threading
from agent.probing import confinement
import multiprocessing.shared_memory
attempts = {
    "open": lambda: open("/etc/hostname"),
    "list": lambda: os.listdir("/"),
    "create": lambda: open("/tmp/.confined", "w"),
    "remove": lambda: os.unlink("/tmp/.absent"),
    "status": lambda: os.stat("/etc/hostname"),
    "inet": lambda: socket.socket(),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "pair": lambda: socket.socketpair(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": lambda: os.fork(),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "kill": lambda: os.kill(os.getppid(), 0),
    "memory": lambda: os.memfd_create("m"),
    "priority": lambda: os.nice(1),
}
walls = confinement.confine(30)
for name, attempt in attempts.items():
    try:
        attempt()
        print(name, "possible")
    except PermissionError:
        print(name, "refused")
try:
    bytearray(2 << 30)
    print("gigabytes possible")
except MemoryError:
    print("gigabytes refused")
print(*walls)
"""
# A kernel or container without Landlock and without the way to seccomp, made by a filter.
WALLLESS = """
import ctypes, struct
from agent.probing.probe import Probe
libc = ctypes.CDLL(None)
step = lambda code, value, yes=0, no=0: struct.pack("HBBI", code, yes, no, value)
code = b"".join([step(0x20, 0), step(0x15, {prctl}, 2), step(0x15, 444, 1), step(6, 0x7FFF0000),
    step(6, 0x00050026)])
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code)), 0, 0) == 0
from pathlib import Path
with Probe() as probe:
    print(probe.walls())
    print(probe.look(Path({path!r}), "video.mp4"))
"""


def _run(program: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.fixture(scope="module")
def confined():
    return _run(CONFINED)


def test_nothing_forbidden_is_possible_in_a_confined_process(confined):
    assert [line for line in confined if line.endswith("possible")] == []
    assert sum(line.endswith("refused") for line in confined) == 15


def test_the_walls_in_force_are_named(confined):
    assert {"limits", "no_new_privs", "seccomp"} <= set(confined[-1].split())


def test_the_proof_fails_where_there_is_no_wall():
    program = """
from agent import walls
from contracts.errors import ConfinementError
try:
    walls.prove()
except ConfinementError as error:
    print(error.code)
"""
    assert _run(program) == ["probe_unconfined"]


def test_a_process_with_threads_is_not_confined():
    program = """
import threading
from agent.probing import confinement
from contracts.errors import ConfinementError
stop = threading.Event()
threading.Thread(target=stop.wait).start()
try:
    confinement.confine(30)
except ConfinementError as error:
    print(error.code)
stop.set()
"""
    assert _run(program) == ["probe_unconfined"]


def test_a_child_that_cannot_be_confined_parses_nothing(media):
    prctl = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    program = WALLLESS.format(prctl=prctl, path=str(media / "video.mp4"))
    walls, facts = _run(program)
    assert walls == "()"
    assert "'unparsed'" in facts
    assert "cannot be confined" in facts


def test_the_running_child_is_confined(media):
    with Probe() as probe:
        probe.look(media / "video.mp4", "video.mp4")
        assert probe._child is not None
        process = Path(f"/proc/{probe._child.process.pid}")
        status = process.joinpath("status").read_text()
        descriptors = sorted(int(path.name) for path in process.joinpath("fd").iterdir())
    assert "Seccomp:\t2\n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert "Threads:\t1\n" in status
    assert descriptors == [0, 1, 2]
