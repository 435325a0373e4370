"""Objects brought to a second disk: what counts, what does not, and what is left where it ends."""

import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace

import pytest

from agent.archive import Archive
from agent.archive.commissioning import COPY_MARK_NAME, look_at
from agent.archive.grouping import OBJECTS, path_of
from agent.archive.second import SecondCopy, Stored, bring
from contracts.errors import (
    SecondCopyAbsentError,
    SecondCopyFailingError,
    SecondCopyForeignError,
    SecondCopyMisplacedError,
)
from tests.agent.archive.test_disk_faults import SHUT_DOWN
from tests.support.loopdisk import MIB, loop_disk
from tests.support.source import names_in, seal
from tests.support.tracing import injecting

ORIGIN = "muster/example/s1/0"
SIZES = [100, 70_000, 9 * MIB + 5]  # of these the last is brought to the medium by itself


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "archive"
    root.mkdir()
    made = Archive(root)
    made.prepare()
    return made


@pytest.fixture
def other():
    with loop_disk(48) as disk:
        yield disk


@pytest.fixture
def second(source, other):
    """The second copy, commissioned and opened."""
    made = SecondCopy(other.path, source, ORIGIN)
    made.look(made.look(None, writing=True).commissioned, writing=True)
    yield made
    made.close()


def go_on():
    """Nobody ends it."""


def sealed(source, *sizes):
    return [(seal(source, os.urandom(size)).sha256, size) for size in sizes]


def harm(path):
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def names(brought):
    return [one.sha256 for one in brought.proven]


def left(disk):
    return names_in(disk.path / "incoming")


def test_objects_of_all_sizes_are_the_same_on_the_other_disk_and_read_only(source, second, other):
    wanted = sealed(source, *SIZES)
    brought = second.bring(wanted, go_on)
    assert (names(brought), brought.lacking, brought.error) == ([s for s, _ in wanted], (), None)
    for sha256, _ in wanted:
        copy = other.path / path_of(sha256)
        assert copy.read_bytes() == (source.root / path_of(sha256)).read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o444
    assert left(other) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_bit_that_differs_on_the_other_disk_before_it_is_read_back_is_found(
    source, second, other, size
):
    wanted = sealed(source, size)
    good = (source.root / path_of(wanted[0][0])).read_bytes()

    def hurt():
        for part in (other.path / "incoming").iterdir():
            if part.read_bytes() == good:
                harm(part)

    brought = second.bring(wanted, hurt)
    assert (names(brought), brought.error.code) == ([], "second_copy_failing")
    assert "读回" in brought.error.text.zh
    assert not (other.path / path_of(wanted[0][0])).exists()
    assert left(other) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_harmed_object_of_the_archive_is_told_and_never_copied_and_the_next_one_is(
    source, second, other, size
):
    bad, good = sealed(source, size, 500)
    harm(source.root / path_of(bad[0]))
    brought = second.bring([bad, good], go_on)
    assert (names(brought), brought.lacking, brought.error) == ([good[0]], (bad[0],), None)
    copied = [path for path in (other.path / OBJECTS).rglob("*") if path.is_file()]
    assert [path.name for path in copied] == [good[0]]


@pytest.mark.parametrize("how", ["gone", "longer", "shorter"])
def test_an_object_that_is_gone_or_of_another_size_is_told(source, second, how):
    ((sha256, size),) = sealed(source, 70_000)
    path = source.root / path_of(sha256)
    path.chmod(0o644)
    if how == "gone":
        path.unlink()
    else:
        os.truncate(path, size + (1 if how == "longer" else -1))
    brought = second.bring([(sha256, size)], go_on)
    assert (names(brought), brought.lacking, brought.error) == ([], (sha256,), None)


def test_what_is_there_already_is_read_and_what_is_damaged_there_is_replaced_and_kept(
    source, second, other
):
    whole, bad = sealed(source, 70_000, 70_001)
    second.bring([whole, bad], go_on)
    harmed = other.path / path_of(bad[0])
    harm(harmed)
    raw = harmed.read_bytes()
    first, again = second.bring([whole, bad], go_on).proven
    assert (first.already_held, first.kept) == (True, None)
    assert (other.path / again.kept).read_bytes() == raw
    assert harmed.read_bytes() == (source.root / path_of(bad[0])).read_bytes()


def test_a_disk_that_dies_in_the_middle_ends_the_order_and_keeps_what_was_proven(
    source, second, other
):
    small, large, more = sealed(source, 1000, 9 * MIB, 500)

    def die_at_the_large():
        if any(part.stat().st_size == large[1] for part in (other.path / "incoming").iterdir()):
            folder = os.open(other.path, os.O_RDONLY)
            fcntl.ioctl(folder, SHUT_DOWN, struct.pack("I", 2))
            os.close(folder)

    brought = second.bring([small, large, more], die_at_the_large)
    assert (names(brought), brought.lacking) == ([small[0]], ())
    assert brought.error.code == "second_copy_failing"


def test_whoever_ends_it_leaves_nothing_half_done(source, second, other):
    class Ended(Exception):  # noqa: N818
        pass

    def end():
        raise Ended

    wanted = sealed(source, 1000, 9 * MIB)
    for one in wanted:
        with pytest.raises(Ended):
            second.bring([one], end)
    assert left(other) == []


def test_a_disk_without_room_ends_the_order(source, second, other):
    wanted = sealed(source, 9 * MIB)
    status = os.statvfs(other.path)
    (other.path / "ballast").write_bytes(bytes(status.f_bavail * status.f_frsize - MIB))
    brought = second.bring(wanted, go_on)
    assert (names(brought), "没有空间" in brought.error.text.zh) == ([], True)
    assert left(other) == []


def test_a_stored_object_is_read_from_its_beginning_only(source):
    ((sha256, _),) = sealed(source, 10)
    stored = Stored(source, sha256)
    with pytest.raises(RuntimeError):
        stored.seek(0)
    stored.close()


def test_the_systems_and_the_archives_disk_are_refused_and_not_written(source, tmp_path):
    (tmp_path / "second").mkdir()
    second = SecondCopy(tmp_path / "second", source, ORIGIN)
    with pytest.raises(SecondCopyMisplacedError):
        second.look(None, writing=True)
    assert names_in(tmp_path / "second") == []


def test_the_systems_disk_is_refused_though_the_archive_is_on_another(other, tmp_path):
    (tmp_path / "second").mkdir()
    second = SecondCopy(tmp_path / "second", Archive(other.path), ORIGIN)
    with pytest.raises(SecondCopyMisplacedError):
        second.look(None, writing=True)
    assert names_in(tmp_path / "second") == []


def test_another_stations_second_copy_is_refused_but_by_a_persons_order(source, other):
    theirs = SecondCopy(other.path, source, "muster/example/s2/0")
    assert theirs.look(None, writing=True).commissioned is not None
    ours = SecondCopy(other.path, source, ORIGIN)
    with pytest.raises(SecondCopyForeignError):
        ours.look(None, writing=True)
    fact = ours.commission()
    assert look_at(other.path, COPY_MARK_NAME).mark.id == fact.copy
    with pytest.raises(SecondCopyForeignError):
        theirs.check(replace(fact, copy="0" * 32))
    with pytest.raises(SecondCopyAbsentError):
        ours.adopted(None)


def test_a_mark_that_was_written_and_not_entered_is_found_again(source, other):
    first = SecondCopy(other.path, source, ORIGIN).look(None, writing=True).commissioned
    assert SecondCopy(other.path, source, ORIGIN).look(None, writing=True).commissioned == first


def test_two_agents_do_not_share_a_second_copy(source, second, other):
    known = SecondCopy(other.path, source, ORIGIN).look(None, writing=True).commissioned
    with pytest.raises(SecondCopyFailingError) as refused:
        SecondCopy(other.path, source, ORIGIN).look(known, writing=True)
    assert "另一采集服务" in refused.value.text.zh


def outcome(source, disk, wanted, call, fault):
    """Bring objects in a process that a fault is put into; return what it reports as proven."""
    command = [*injecting(call, fault), sys.executable, "-c", BRINGS]
    told = [f"{sha256}:{size}" for sha256, size in wanted]
    done = subprocess.run(
        [*command, str(source.root), str(disk.path), *told],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.split()


def check_whole(disk, reported):
    """Whatever has an object's name is whole, and what was reported is there."""
    found = {path.name: path for path in (disk.path / OBJECTS).rglob("*") if path.is_file()}
    for sha256, path in found.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert found.keys() >= set(reported)


@pytest.mark.parametrize("call", ["fallocate", "pwrite64", "fsync", "syncfs", "linkat"])
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO"])
def test_whichever_call_ends_it_what_has_a_name_is_whole_and_the_next_run_finishes(
    source, other, call, fault
):
    wanted = sealed(source, 1000, 9 * MIB)
    target = Archive(other.path, folders=(OBJECTS,))
    for count in range(1, 40):
        target.prepare()
        code, reported = outcome(source, other, wanted, call, f"{fault}:when={count}")
        check_whole(other, reported)
        if code == 0 and len(reported) == len(wanted):
            break
        shutil.rmtree(other.path / "objects")
    else:
        pytest.fail("it ended early at every count")
    assert count > 1, "it never ended early"
    target.prepare()
    assert len(bring(wanted, source, target, go_on).proven) == len(wanted)
    assert left(other) == []


BRINGS = """
import sys
from pathlib import Path
from agent.archive import Archive
from agent.archive.second import bring
source, target = (Archive(Path(one)) for one in sys.argv[1:3])
source.adopt()
target.adopt()
wanted = [(one.partition(":")[0], int(one.partition(":")[2])) for one in sys.argv[3:]]
print(*(one.sha256 for one in bring(wanted, source, target, lambda: None).proven))
"""


def test_objects_come_back_the_same_way(source, second, other):
    (one,) = sealed(source, 70_000)
    second.bring([one], go_on)
    harm(source.root / path_of(one[0]))
    (back,) = bring([one], second.archive, source, go_on).proven
    assert back.kept is not None
    source.verify(one[0])
