"""What the agent costs: memory at rest and with six docks copying, seconds from start to ready.

`python -m benchmarks.agent` prints one table; the aims are those of the project.
"""

import argparse
import os
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from demo.media import make_photo
from tests.support.running_agent import HEALTHY, RunningAgent, World, running

DOCKS = 6
_SLOW = HEALTHY + "[faults]\nbytes_per_second = 8_000_000\n"
_FILE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MiB: the agent itself and the processes it started."""

    agent_mib: float
    children_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    starts = parser.parse_args().starts
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as folder:
        world = _world(Path(folder))
        seconds = [_seconds_to_ready(world) for _ in range(starts)]
        at_rest, copying = _memories(world)
    print(f"{'':36}{'measured':>10}{'aim':>8}")
    median = f"start to ready, median of {starts} (s)"
    print(f"{median:36}{statistics.median(seconds):10.2f}{'< 1.5':>8}")
    for name, memory, aim in (
        ("at rest", at_rest, "< 80"),
        (f"{DOCKS} docks copying", copying, "< 150"),
    ):
        print(f"{f'agent, {name} (MiB)':36}{memory.agent_mib:10.1f}{aim:>8}")
        print(f"{'  its children (MiB)':36}{memory.children_mib:10.1f}")


def _world(folder: Path) -> World:
    world = World(folder)
    world.write(*(f"virtual:{number}" for number in range(1, DOCKS + 1)))
    for number in range(1, DOCKS + 1):
        files = {f"{n}.bin": os.urandom(_FILE_BYTES) for n in range(4)}
        make_photo(world.card(f"R{number}", files, _SLOW) / "0.jpg", (1280, 720), number)
    return world


def _seconds_to_ready(world: World) -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        address = str(Path(folder) / "notify")
        systemd.bind(address)
        agent = RunningAgent(world)
        started = time.perf_counter()
        agent.launch(anew=True, NOTIFY_SOCKET=address)
        said = systemd.recv(99)
        seconds = time.perf_counter() - started
        if said != b"READY=1":
            raise RuntimeError(said.decode())
        agent.stop()
        return seconds


def _memories(world: World) -> tuple[Memory, Memory]:
    with running(world, anew=True) as agent:
        agent.wait(lambda shown: shown.archive_free_bytes)
        at_rest = _memory(agent.pid)
        for number in range(1, DOCKS + 1):
            world.plug(f"R{number}", number)
        most = at_rest
        while not all(agent.dock(number).state == "ready" for number in range(1, DOCKS + 1)):
            now = _memory(agent.pid)
            most = max(most, now, key=lambda memory: memory.agent_mib + memory.children_mib)
            time.sleep(0.2)
    return at_rest, most


def _memory(pid: int) -> Memory:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {int(child) for file in children for child in file.read_text().split()}
    return Memory(_resident_mib(pid), sum(map(_resident_mib, pids)))


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main()
