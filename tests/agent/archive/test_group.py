"""Small files sealed together: in which order, and what is left when the disk fails."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.archive import Archive, durable
from agent.archive.grouping import GROUP_BYTES, GROUP_FILES, SMALL_BYTES, Group
from tests.support.loopdisk import MIB, attached, loop_disk, make_image, mounted
from tests.support.source import MemoryFile, names_in
from tests.support.tracing import strace
from tests.support.visit import content

CALLS = "pwrite64,fsync,syncfs,preadv2,linkat"
SIZES = (40_960, 7, 900_000)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    Archive(folder).prepare()
    return folder


def copying(root, *options, sizes=SIZES):
    """Copy a card in a traced process; return what it said and its calls on the archive."""
    trace = root.parent / "trace"
    traced = strace(CALLS, "-y", "-s0", *options, log=trace)
    command = [*traced, sys.executable, "-m", "tests.support.copying_process", root, *sizes]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    found = re.findall(
        r"(\w+)\(\d+<" + re.escape(str(root)) + r"/?(.*?)(?: \(deleted\))?>", trace.read_text()
    )
    calls = [f"{call} {re.sub('incoming/.*', 'part', place)}" for call, place in found]
    return (json.loads(done.stdout) if done.stdout else {}), calls


def verify_all(root, digests):
    archive = Archive(root)
    archive.prepare()
    assert names_in(root / "incoming") == []
    for sha256 in digests:
        archive.verify(sha256)


def once(calls):
    return [one for one, before in zip(calls, ["", *calls], strict=False) if one != before]


def test_a_group_is_on_the_medium_before_it_is_read_back_and_its_names_before_it_is_reported(root):
    said, calls = copying(root)
    assert (len(said["files"]), said["error"]) == (len(SIZES), None)
    begun = calls.index("pwrite64 part")
    written, read, named, viewed = (
        [call for call in part.split("|") if call]
        for part in "|".join(calls[begun:]).split("syncfs ")
    )
    assert once(written) == ["pwrite64 part"]
    assert once(read) == ["preadv2 part", "linkat incoming"] * len(SIZES)
    assert [call.split(" ")[0] for call in once(named)] == ["linkat"]
    assert viewed == []


def test_a_large_file_in_a_group_is_on_the_medium_before_it_is_read_back_and_named(root):
    said, calls = copying(root, sizes=(SMALL_BYTES + 1,))
    assert len(said["files"]) == 1
    order = once(calls[calls.index("pwrite64 part") :])
    assert order[:4] == ["pwrite64 part", "fsync part", "preadv2 part", "linkat incoming"]


def test_what_the_archive_held_is_read_from_the_medium_and_brought_to_it_again(root):
    copying(root)
    said, calls = copying(root)
    assert said["held"] == said["files"] != []
    last = len(calls) - calls[::-1].index("linkat incoming")
    held = [place for place in calls if place.startswith("preadv2 objects")]
    assert len(set(held)) == len(SIZES)
    assert "syncfs " in calls[last:]


def test_a_refused_group_is_thrown_away_and_each_file_sealed_alone_from_the_card(root):
    said, calls = copying(root, "-e", "inject=syncfs:error=EIO:when=1")
    assert (len(said["files"]), said["error"]) == (len(SIZES), None)
    assert calls.count("fsync part") == len(SIZES)
    refused = calls.index("syncfs ")
    assert calls[refused + 1] == "pwrite64 part"
    verify_all(root, said["digests"])


def test_a_file_that_is_refused_alone_too_fails_the_visit_and_harms_none_before_it(root):
    faults = ("inject=syncfs:error=EIO:when=1", "inject=fallocate:error=EIO:when=6")
    said, _ = copying(root, "-e", f"trace={CALLS},fallocate", "-e", faults[0], "-e", faults[1])
    assert (len(said["files"]), said["error"]) == (2, "archive_unwritable")
    verify_all(root, said["digests"])


@pytest.mark.parametrize("when", [2, 3])
def test_names_that_are_not_on_the_medium_are_not_reported(root, when):
    said, _ = copying(root, "-e", f"inject=syncfs:error=EIO:when={when}")
    assert (said["files"], said["error"]) == ([], "archive_unwritable")
    said, _ = copying(root)
    assert len(said["files"]) == len(SIZES)
    verify_all(root, said["digests"])


@pytest.mark.parametrize(
    ("call", "when"),
    [("pwrite64", 2), ("syncfs", 1), ("preadv2", 2), ("syncfs", 2), ("linkat", 5), ("syncfs", 3)],
)
def test_a_process_killed_in_mid_group_leaves_parts_that_the_next_start_removes(root, call, when):
    said, _ = copying(root, "-e", f"inject={call}:signal=KILL:when={when}")
    assert said == {}
    last, _ = copying(root)
    assert (len(last["files"]), last["error"]) == (len(SIZES), None)
    verify_all(root, last["digests"])


def test_where_a_disk_cannot_be_asked_as_one_every_file_and_folder_is_brought_to_it(root):
    archive = Archive(root)
    archive.prepare()
    archive.tree.syncs_as_one = False
    with closing(archive.begin()) as group:
        for number, size in enumerate(SIZES):
            held = content(number, size)
            group.copy(MemoryFile(held), size, "a", sm3=False, progress=lambda _: None)
        sealed = group.settle(lambda: None)
    assert archive.holds_all([(one.sha256, one.size) for one in sealed]) == {
        one.sha256 for one in sealed
    }
    assert len(archive.link_views([(f"d/{one.sha256}", one.sha256) for one in sealed])) == 3


def test_only_file_systems_that_say_what_went_wrong_are_asked_as_one(tmp_path, disk):
    make_image(tmp_path / "image", 20, "exfat")
    (tmp_path / "mount").mkdir()
    with (
        attached(tmp_path / "image") as device,
        mounted(device, tmp_path / "mount", "-t", "exfat-fuse") as fuse,
    ):
        answers = {}
        for path in (disk.path, fuse):
            fd = os.open(path, os.O_RDONLY)
            answers[path] = durable.syncs_as_one(fd)
            os.close(fd)
    assert answers == {disk.path: True, fuse: False}


def test_a_group_is_bounded_by_count_and_bytes_and_a_large_file_goes_alone(root):
    tree = durable.Tree(root)
    tree.adopt()
    with closing(Group(tree)) as group:
        assert group.has_room(100 * SMALL_BYTES)
        for _ in range(GROUP_FILES):
            assert group.has_room(1)
            group.copy(MemoryFile(b"1"), 1, "a", sm3=False, progress=lambda _: None)
        assert not group.has_room(1)
    with closing(Group(tree)) as group:
        group.copy(MemoryFile(b"1"), 1, "a", sm3=False, progress=lambda _: None)
        assert not group.has_room(SMALL_BYTES)
        for _ in range(GROUP_BYTES // SMALL_BYTES):
            held = bytes(SMALL_BYTES - 1)
            group.copy(MemoryFile(held), len(held), "a", sm3=False, progress=lambda _: None)
        assert not group.has_room(SMALL_BYTES - 1)


def test_what_is_read_back_of_a_group_comes_from_the_disk():
    with loop_disk(48) as disk:
        archive = Archive(disk.path)
        archive.prepare()
        before = device_bytes()
        with closing(archive.begin()) as group:
            for number in range(8):
                held = content(number, MIB)
                group.copy(MemoryFile(held), MIB, "a", sm3=False, progress=lambda _: None)
            group.settle(lambda: None)
        assert device_bytes() - before >= 8 * MIB


def device_bytes():
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])
