import fcntl
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.archive import Archive, Sealed
from contracts.errors import ArchiveFullError, ArchiveUnwritableError
from tests.support.loopdisk import MIB, loop_disk
from tests.support.source import MemoryFile, names_in, seal
from tests.support.tracing import injecting, strace

SHUT_DOWN = 0x8004587D  # FS_IOC_SHUTDOWN: the file system behaves as if its disk were gone
WRITES = "fallocate,pwrite64,fsync,preadv2,linkat,unlinkat,mkdirat,openat,close"
FORBIDDEN = "copy_file_range,sendfile,splice"


def incoming(root: Path) -> list[str]:
    return names_in(root / "incoming")


def process(
    root: Path, file: Path, *more: object, trace: Sequence[object] = ()
) -> subprocess.Popen[str]:
    command = [*trace, sys.executable, "-m", "tests.support.sealing_process", root, file, *more]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def said(done: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = done.communicate(timeout=60)
    return json.loads(output) if output else {}


@pytest.fixture
def card_file(tmp_path):
    file = tmp_path / "card.mp4"
    file.write_bytes(os.urandom(2 * MIB + 77))
    return file


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


def test_what_is_read_back_comes_from_the_disk(disk):
    archive = Archive(disk.path)
    archive.prepare()

    def device_bytes() -> int:
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["read_bytes"])

    for size in (100_000, 8 * MIB):
        before = device_bytes()
        sealed = seal(archive, os.urandom(size))
        assert device_bytes() - before >= size
        before = device_bytes()
        archive.verify(sealed.sha256)
        assert device_bytes() - before >= size


def test_a_file_that_finds_no_room_is_refused_before_it_is_read(disk):
    archive = Archive(disk.path)
    archive.prepare()
    source = MemoryFile(bytes(64 * MIB))
    with pytest.raises(ArchiveFullError):
        archive.seal(source, 64 * MIB, "a.mp4", sm3=False, progress=lambda _: pytest.fail("read"))
    assert incoming(disk.path) == []


def test_a_disk_that_is_filled_again_and_again_loses_nothing_it_accepted():
    chance = random.Random(4)
    with loop_disk(20) as disk:
        archive = Archive(disk.path)
        archive.prepare()
        for _ in range(3):
            accepted = fill(archive, chance)
            assert incoming(disk.path) == []
            for sealed in accepted:
                archive.verify(sealed.sha256)
                (disk.path / sealed.object).unlink()


def fill(archive: Archive, chance: random.Random) -> list[Sealed]:
    accepted = []
    refused = 0
    while refused < 3:
        try:
            accepted.append(seal(archive, chance.randbytes(chance.randrange(3 * MIB))))
        except ArchiveFullError:
            refused += 1
    return accepted


def test_a_disk_that_became_read_only_is_an_error_of_the_station():
    with loop_disk(20) as disk:
        archive = Archive(disk.path)
        archive.prepare()
        sealed = seal(archive, b"footage")
        disk.remount("ro")
        for ask in (lambda: seal(archive, b"more"), archive.prepare):
            with pytest.raises(ArchiveUnwritableError):
                ask()
        archive.verify(sealed.sha256)


@pytest.mark.parametrize("size", [100, 6 * MIB])
def test_a_disk_that_fails_while_it_is_written_is_an_error_of_the_station(size):
    with loop_disk(40) as disk:
        archive = Archive(disk.path)
        archive.prepare()
        folder = os.open(disk.path, os.O_RDONLY)

        def fail():
            fcntl.ioctl(folder, SHUT_DOWN, struct.pack("I", 2))
            os.close(folder)

        with pytest.raises(ArchiveUnwritableError):
            seal(archive, bytes(size), at_end=fail)


def test_no_copy_is_left_to_the_kernel(tmp_path, root, card_file):
    trace = strace(f"{FORBIDDEN},pwrite64", log=tmp_path / "trace")
    assert said(process(root, card_file, trace=trace))["size"] == 2 * MIB + 77
    trace = (tmp_path / "trace").read_text()
    assert trace.count("pwrite64(") == 3
    assert not [name for name in FORBIDDEN.split(",") if f"{name}(" in trace]


def test_a_killed_process_leaves_a_part_that_the_next_start_removes(root, card_file):
    child = process(root, card_file, MIB)
    assert child.stdout
    assert child.stdout.readline() == "stopped\n"
    child.kill()
    child.communicate()
    assert len(incoming(root)) == 1
    assert said(process(root, card_file))["already_held"] is False
    assert incoming(root) == []


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        ("fsync", "EIO", "archive_unwritable"),
        ("pwrite64", "EIO", "archive_unwritable"),
        ("pwrite64", "ENOSPC", "archive_full"),
        ("fallocate", "EDQUOT", "archive_full"),
        ("linkat", "ENOSPC", "archive_full"),
        ("preadv2", "EIO", "archive_unwritable"),
    ],
)
def test_whichever_call_fails_nothing_is_reported_sealed(root, card_file, call, error, code):
    Archive(root).prepare()
    for count in range(1, 40):
        trace = injecting(call, f"error={error}:when={count}")
        outcome = said(process(root, card_file, trace=trace))
        assert incoming(root) == []
        if "error" not in outcome:
            assert count > 1, "the call never failed"
            return
        assert outcome["error"] == code
    pytest.fail("the call failed at every count")


def test_six_docks_at_once_stay_small(tmp_path, card_file):
    script = tmp_path / "six.py"
    script.write_text(SIX)
    (tmp_path / "archive").mkdir()
    command = [sys.executable, str(script), str(tmp_path / "archive")]
    peak = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": "."}, capture_output=True, check=False
    )
    assert int(peak.stdout) < 6 * 10 * 1024, peak.stderr


SIX = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from agent.archive import Archive, Sealed

class Endless:
    def __init__(self, size): self.left = size
    def readinto(self, buffer):
        count = min(self.left, len(buffer))
        self.left -= count
        return count
    def unchanged(self): return True
    def close(self): pass

def peak_kib(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
archive = Archive(Path(sys.argv[1]))
archive.prepare()
archive.seal(Endless(9), 9, "a", sm3=True, progress=lambda _: None)
before = peak_kib()
size = 48 << 20
def seal(number):
    whole = size + number
    return archive.seal(Endless(whole), whole, "a", sm3=True, progress=lambda _: None)
with ThreadPoolExecutor(6) as docks: list(docks.map(seal, range(6)))
print(peak_kib() - before)
"""
