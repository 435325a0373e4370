"""A worker's part in clearing, on a virtual recorder and a real archive."""

import hashlib
import os

import pytest

from agent import clearing
from agent.archive import Archive
from agent.core.effect import ClearCard, LookAgain, ReadCardAgain
from agent.core.plan import Proven, modified_us
from agent.core.recorder import Device
from agent.recorders.virtual import Virtual
from contracts.errors import RecorderGoneError
from tests.support.made_up import NOW
from tests.support.running_agent import fill

FILES = {"DCIM/a.mp4": b"a" * 1_500_000, "DCIM/b.mp4": b"b" * 10, "empty": b""}
ORDER = ReadCardAgain(1, "v1", "C1")


class Bench:
    """A recorder with files, and an archive that holds all of them."""

    def __init__(self, folder):
        self.files = folder / "card/files"
        fill(self.files, FILES)
        (folder / "card/recorder.toml").write_text('number = "C1"\nserial = "S1"\n')
        (folder / "archive").mkdir()
        self.objects = folder / "archive/objects/sha256"
        self.archive = Archive(folder / "archive")
        self.archive.prepare()
        self.recorder = Virtual().attach(Device("virtual:1", "virtual", folder / "card", "x"))
        self.listing = self.recorder.list_files()
        self.proven = [self.import_file(file) for file in self.listing.files]
        self.told = []

    def import_file(self, file):
        content = (self.files / os.fsdecode(file.path)).read_bytes()
        name = hashlib.sha256(content).hexdigest()
        folder = self.objects / name[:2] / name[2:4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return Proven(file.path, file.size, modified_us(file), name, "views/x")

    def read(self):
        watch = clearing.Watch(lambda: None, self.told.append)
        return clearing.read_card_again(ORDER, self.recorder, self.proven, self.archive, watch)

    def object(self, path):
        name = hashlib.sha256(FILES[path]).hexdigest()
        return self.objects / name[:2] / name[2:4] / name


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.recorder.release()


def by_name(event):
    return {os.fsdecode(one.file.path): one for one in event.files}


def test_an_unchanged_card_is_what_the_ledger_says_and_is_archived(bench):
    read = bench.read()
    assert (read.can_clear, read.identity.serial, read.listing) == (True, "S1", bench.listing)
    assert all(one.sha256 == one.known and one.is_archived for one in read.files)
    assert bench.told[-1] == sum(map(len, FILES.values()))


def test_other_bytes_of_the_same_size_and_time_are_seen(bench):
    changed = bench.files / "DCIM/b.mp4"
    said = changed.stat()
    changed.write_bytes(b"x" * 10)
    os.utime(changed, ns=(said.st_atime_ns, said.st_mtime_ns))
    one = by_name(bench.read())["DCIM/b.mp4"]
    assert one.sha256 not in (None, one.known)


def test_a_file_the_ledger_does_not_know_is_read_and_has_no_digest_to_fit(bench):
    (bench.files / "new").write_bytes(b"new")
    one = by_name(bench.read())["new"]
    assert (one.known, one.is_archived) == (None, False)
    assert one.sha256 == hashlib.sha256(b"new").hexdigest()


def test_a_file_that_cannot_be_read_has_no_digest(bench, tmp_path):
    script = '[[faults.unreadable]]\npath = "DCIM/a.mp4"\noffset = 4096\n'
    (tmp_path / "card/recorder.toml").write_text(f'number = "C1"\nserial = "S1"\n{script}')
    bench.recorder.release()
    bench.recorder = Virtual().attach(Device("virtual:1", "virtual", tmp_path / "card", "x"))
    assert by_name(bench.read())["DCIM/a.mp4"].sha256 is None


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_an_object_that_is_missing_or_damaged_is_not_archived(bench, how):
    if how == "missing":
        bench.object("DCIM/b.mp4").unlink()
    else:
        bench.object("DCIM/b.mp4").write_bytes(b"y" * 10)
    found = by_name(bench.read())
    assert not found["DCIM/b.mp4"].is_archived
    assert found["DCIM/a.mp4"].is_archived


def test_the_newest_import_of_a_path_counts(bench):
    older = [Proven(one.path, one.size, one.modified_us, "0" * 64, "x") for one in bench.proven]
    bench.proven = [*older, *bench.proven]
    assert all(one.sha256 == one.known for one in bench.read().files)


def test_a_last_look_says_who_it_is_and_how_it_is(bench):
    looked = clearing.look_again(LookAgain(1, "v1"), bench.recorder, NOW)
    assert (looked.identity.device_number, len(looked.readings)) == ("C1", 4)


def test_what_was_ordered_is_removed_and_the_rest_is_listed(bench):
    files = bench.listing.files[:2]
    ended = clearing.clear_card(ClearCard(1, "v1", files), bench.recorder, lambda: None)
    assert (ended.trouble, ended.listing.files) == (None, bench.listing.files[2:])


def test_a_removal_that_is_told_to_stop_says_so_and_lists_what_is_left(bench):
    def stop():
        raise RecorderGoneError

    order = ClearCard(1, "v1", bench.listing.files)
    ended = clearing.clear_card(order, bench.recorder, stop)
    assert (ended.trouble.code, ended.listing) == ("recorder_gone", bench.listing)


def test_a_recorder_that_is_gone_cannot_say_what_is_left(bench, tmp_path):
    (tmp_path / "card").rename(tmp_path / "away")
    order = ClearCard(1, "v1", bench.listing.files)
    ended = clearing.clear_card(order, bench.recorder, lambda: None)
    assert (ended.trouble.code, ended.listing) == ("recorder_gone", None)
    assert len(list((tmp_path / "away/files").rglob("*.mp4"))) == 2
