import hashlib
import os

import pytest

from agent.archive import Archive
from contracts.errors import (
    ArchiveTakenError,
    ArchiveUnwritableError,
    HardLinksMissingError,
    ObjectDamagedError,
    ObjectMissingError,
)
from tests.support.loopdisk import attached, loop_disk, make_image, mounted
from tests.support.source import names_in, seal

ABSENT = "0" * 64


def test_prepare_makes_the_folders(archive, tmp_path):
    assert names_in(tmp_path) == [
        "incoming",
        "manifests",
        "objects",
        "执法记录仪影像资料",
    ]
    assert names_in(tmp_path / "objects") == ["sha256"]


def test_an_archive_is_one_agents_at_a_time(archive, tmp_path):
    give_back = archive.take()
    with pytest.raises(ArchiveTakenError):
        Archive(tmp_path).take()
    give_back()
    Archive(tmp_path).take()()


def test_an_archive_that_is_not_there_cannot_be_taken(tmp_path):
    with pytest.raises(ArchiveUnwritableError):
        Archive(tmp_path / "absent").take()


def test_prepare_removes_what_was_being_copied_and_nothing_else(archive, tmp_path):
    sealed = seal(archive, b"footage")
    (tmp_path / "incoming/left.part").write_bytes(b"foot")
    (tmp_path / "incoming/planted.part").symlink_to(tmp_path / sealed.object)
    archive.prepare()
    assert names_in(tmp_path / "incoming") == []
    archive.verify(sealed.sha256)


def test_prepare_refuses_a_root_that_is_not_there(tmp_path):
    with pytest.raises(ArchiveUnwritableError):
        Archive(tmp_path / "missing").prepare()


def test_prepare_refuses_a_disk_without_hard_links(tmp_path):
    make_image(tmp_path / "image", 20, "exfat")
    (tmp_path / "mount").mkdir()
    with (
        attached(tmp_path / "image") as device,
        mounted(device, tmp_path / "mount", "-t", "exfat-fuse") as path,
        pytest.raises(HardLinksMissingError),
    ):
        Archive(path).prepare()


def test_prepare_refuses_folders_on_two_file_systems(tmp_path):
    with loop_disk(8) as disk:
        (tmp_path / "incoming").mkdir()
        with (
            mounted(disk.path, tmp_path / "incoming", "--bind"),
            pytest.raises(ArchiveUnwritableError),
        ):
            Archive(tmp_path).prepare()


def test_only_footage_of_that_size_is_held(archive):
    sealed = seal(archive, b"footage")
    assert archive.holds(sealed.sha256, 7)
    assert not archive.holds(sealed.sha256, 8)
    assert not archive.holds(ABSENT, 7)


def test_a_list_is_asked_for_in_one_go(archive):
    held = {seal(archive, bytes([number])).sha256 for number in range(20)}
    assert archive.holds_all([*((digest, 1) for digest in held), (ABSENT, 1)]) == held


def test_a_digest_that_is_none_is_a_fault_of_ours(archive):
    with pytest.raises(ValueError, match="etc"):
        archive.holds("../../etc/passwd", 1)


@pytest.mark.parametrize("content", [b"footage", os.urandom(3_000_000)])
def test_verify_finds_a_flipped_bit(archive, tmp_path, content):
    sealed = seal(archive, content)
    archive.verify(sealed.sha256)
    flipped = bytes([content[0] ^ 1]) + content[1:]
    (tmp_path / sealed.object).write_bytes(flipped)
    with pytest.raises(ObjectDamagedError):
        archive.verify(sealed.sha256)


def test_verify_finds_an_object_that_is_gone(archive, tmp_path):
    sealed = seal(archive, b"footage")
    (tmp_path / sealed.object).unlink()
    with pytest.raises(ObjectMissingError):
        archive.verify(sealed.sha256)
    with pytest.raises(ObjectMissingError):
        archive.verify(ABSENT)


def test_space_is_that_of_the_archive_disk():
    with loop_disk(20) as disk:
        archive = Archive(disk.path)
        archive.prepare()
        status = os.statvfs(disk.path)
        assert archive.free_bytes() == status.f_bavail * status.f_frsize
        assert archive.total_bytes() == status.f_blocks * status.f_frsize


def test_a_vanished_mount_is_an_error_and_never_the_disk_below_it(tmp_path):
    make_image(tmp_path / "image", 20)
    root = tmp_path / "mount"
    root.mkdir()
    with attached(tmp_path / "image") as device:
        with mounted(device, root):
            archive = Archive(root)
            archive.prepare()
        for ask in (archive.free_bytes, archive.total_bytes, lambda: seal(archive, b"footage")):
            with pytest.raises(ArchiveUnwritableError):
                ask()
    assert names_in(root) == []


def test_what_is_sealed_is_there_after_the_disk_was_taken_out_and_put_in_again(tmp_path):
    content = os.urandom(5_000_000)
    make_image(tmp_path / "image", 40)
    root = tmp_path / "mount"
    root.mkdir()
    with attached(tmp_path / "image") as device:
        for already_held in (False, True):
            with mounted(device, root):
                archive = Archive(root)
                archive.prepare()
                assert seal(archive, content).already_held is already_held
                archive.verify(hashlib.sha256(content).hexdigest())
