"""Mounting real disks so that nothing is ever written to them."""

import errno
import hashlib
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.mounting import mount_read_only, unmount_leftovers
from contracts.errors import MountError
from tests.support.loopdisk import attached, make_image, mounted, run


def sha256(image):
    """Return a digest of what is written in a sparse image, and where."""
    digest = hashlib.sha256()
    with image.open("rb") as file:
        end, hole = image.stat().st_size, 0
        while hole < end and (start := next_data(file.fileno(), hole)) is not None:
            hole = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            digest.update(b"%d:" % start + os.pread(file.fileno(), hole - start, start))
    return digest.hexdigest()


def next_data(fd, offset):
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None


@contextmanager
def card_mounted(image, file_system, target):
    with attached(image) as node:
        mount = mount_read_only(node, file_system, target)
        try:
            yield mount
        finally:
            mount.unmount()


@pytest.fixture
def image(tmp_path):
    make_image(tmp_path / "image", 16)
    return tmp_path / "image"


def interrupted(tmp_path, file_system, size_mib):
    """Return the image of a card that was pulled out of its recorder in mid-recording."""
    make_image(tmp_path / "running", size_mib, file_system)
    folder = tmp_path / "recorder"
    folder.mkdir()
    with attached(tmp_path / "running") as node, mounted(node, folder):
        (folder / "a.mp4").write_bytes(b"footage")
        os.sync()
        run("cp", "--sparse=always", str(tmp_path / "running"), str(tmp_path / "image"))
    return tmp_path / "image"


def options(target):
    table = Path("/proc/self/mountinfo").read_text()
    return next(line for line in table.splitlines() if line.split()[4] == str(target)).split()[5]


@pytest.mark.parametrize(("file_system", "size_mib"), [("ext4", 16), ("xfs", 320)])
def test_a_card_is_not_changed_by_mounting_reading_and_unmounting(tmp_path, file_system, size_mib):
    make_image(tmp_path / "image", size_mib, file_system)
    before = sha256(tmp_path / "image")
    with card_mounted(tmp_path / "image", file_system, tmp_path / "card") as mount:
        list(mount.target.iterdir())
    assert sha256(tmp_path / "image") == before


@pytest.mark.parametrize(("file_system", "size_mib"), [("ext4", 16), ("xfs", 320)])
def test_the_journal_of_an_interrupted_recorder_is_not_replayed(tmp_path, file_system, size_mib):
    image = interrupted(tmp_path, file_system, size_mib)
    before = sha256(image)
    with card_mounted(image, file_system, tmp_path / "card") as mount:
        list(mount.target.iterdir())
    assert sha256(image) == before


@pytest.mark.parametrize(("file_system", "size_mib"), [("ext4", 16), ("xfs", 320)])
def test_an_interrupted_card_would_have_been_changed_by_a_plain_mount(
    tmp_path, file_system, size_mib
):
    image = interrupted(tmp_path, file_system, size_mib)
    before = sha256(image)
    (tmp_path / "card").mkdir()
    with attached(image) as node, mounted(node, tmp_path / "card", "-o", "ro"):
        pass
    assert sha256(image) != before


def test_nothing_on_a_card_can_be_run_used_as_a_device_or_written(image, tmp_path):
    with card_mounted(image, "ext4", tmp_path / "card") as mount:
        assert {"ro", "nosuid", "nodev", "noexec", "noatime"} <= set(
            options(mount.target).split(",")
        )


def test_the_device_itself_refuses_to_be_written(image, tmp_path):
    with (
        card_mounted(image, "ext4", tmp_path / "card") as mount,
        mount.node.open("rb+", 0) as disk,
        pytest.raises(PermissionError),
    ):
        disk.write(b"x")


def test_a_loop_device_can_be_written_again_once_the_card_is_let_go(image, tmp_path):
    with card_mounted(image, "ext4", tmp_path / "card") as mount:
        pass
    with pytest.raises(MountError):
        mount_read_only(mount.node, "xfs", tmp_path / "card")
    assert run("blockdev", "--getro", str(mount.node)).strip() == "0"


def test_an_exfat_card_is_read_where_the_kernel_has_no_exfat(tmp_path):
    make_image(tmp_path / "image", 16, "exfat")
    with attached(tmp_path / "image") as node:
        (tmp_path / "recorder").mkdir()
        run("mount", "-t", "exfat-fuse", str(node), str(tmp_path / "recorder"))
        (tmp_path / "recorder" / "录像.mp4").write_bytes(b"footage")
        run("umount", str(tmp_path / "recorder"))
    before = sha256(tmp_path / "image")
    with card_mounted(tmp_path / "image", "exfat", tmp_path / "card") as mount:
        assert (mount.target / "录像.mp4").read_bytes() == b"footage"
        with pytest.raises(OSError, match="Read-only"):
            (mount.target / "new").write_bytes(b"")
    assert sha256(tmp_path / "image") == before


@pytest.mark.parametrize("file_system", [None, "", "squashfs", "iso9660", "nfs", "ext4,suid"])
def test_an_unknown_file_system_is_not_tried(image, tmp_path, file_system):
    with attached(image) as node, pytest.raises(MountError):
        mount_read_only(node, file_system, tmp_path / "card")
    assert not (tmp_path / "card").exists()


def test_a_card_that_is_not_what_it_says_is_refused_with_the_kernels_words(image, tmp_path):
    with attached(image) as node, pytest.raises(MountError) as raised:
        mount_read_only(node, "xfs", tmp_path / "card")
    assert "wrong fs type" in str(raised.value)


def test_a_device_that_is_not_there_cannot_be_mounted(tmp_path):
    with pytest.raises(MountError):
        mount_read_only(tmp_path / "sda", "ext4", tmp_path / "card")


def test_unmounting_twice_is_harmless_and_leaves_no_folder(image, tmp_path):
    with card_mounted(image, "ext4", tmp_path / "card") as mount:
        mount.unmount()
        mount.unmount()
    assert not mount.target.exists()


def test_a_card_that_somebody_still_looks_at_is_let_go(image, tmp_path):
    with card_mounted(image, "ext4", tmp_path / "card") as mount:
        held = os.open(mount.target, os.O_RDONLY)
        mount.unmount()
        assert not mount.target.exists()
        os.close(held)


def test_a_mounted_card_is_there_until_its_disk_is_not(image, tmp_path):
    with attached(image) as node:
        mount = mount_read_only(node, "ext4", tmp_path / "card")
        assert not mount.is_gone()
        mount.unmount()
    assert mount.is_gone()


def test_another_disk_in_the_same_place_is_not_the_same_card(image, tmp_path):
    with attached(image) as node:
        mount = mount_read_only(node, "ext4", tmp_path / "card")
        mount.unmount()
    run("losetup", str(node), str(image))
    gone = mount.is_gone()
    run("losetup", "--detach", str(node))
    assert gone


def test_what_a_crashed_agent_left_mounted_is_unmounted(image, tmp_path):
    target = tmp_path / "run" / "dock \\ 1\t日"
    with attached(image) as node:
        mount_read_only(node, "ext4", target)
        assert unmount_leftovers(tmp_path / "run") == (target,)
    assert unmount_leftovers(tmp_path / "run") == ()
