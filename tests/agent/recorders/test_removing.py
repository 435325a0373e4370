"""Removing listed files from real file systems, and nothing beside them."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.core.recorder import Device
from agent.recorders.folder import list_folder
from agent.recorders.inbox import InboxVisit
from agent.recorders.removing import remove_files
from contracts.errors import ClearingError, MountError, RecorderGoneError
from tests.support.disks import disks
from tests.support.index_program import until
from tests.support.loopdisk import MIB, attached, loop_disk, make_image, mounted, run
from tests.support.running_agent import fill

FILES = {
    "PARAM.INI": b"[ZFY]\nDevNo=C1\n",
    "DCIM/100MEDIA/a.mp4": b"a" * 100_000,
    "DCIM/100MEDIA/b.mp4": b"b" * 300_000,
    "DCIM/录像.mp4": b"c",
    "top.mp4": b"d" * 5000,
}
FOOTAGE = sorted(set(FILES) - {"PARAM.INI"})


def go_on():
    """Never stop."""


def footage(listing):
    return tuple(file for file in listing.files if file.path != b"PARAM.INI")


def names(listing):
    return sorted(os.fsdecode(file.path) for file in listing.files)


@pytest.fixture
def tree(tmp_path):
    fill(tmp_path / "card", FILES)
    return tmp_path / "card"


@contextmanager
def attached_card(tmp_path, file_system, size_mib=16):
    """Give a recorder on a loop device, as the driver takes hold of it."""
    make_image(tmp_path / "image", size_mib, file_system)
    kind = {"exfat": "exfat-fuse"}.get(file_system, file_system)
    (tmp_path / "filled").mkdir()
    with attached(tmp_path / "image") as node:
        with mounted(node, tmp_path / "filled", "-t", kind) as root:
            fill(root, FILES)
        device = Device("usb-0:5", "block", node, "Acme", file_system=file_system)
        recorder = disks(tmp_path).attach(device)
        try:
            yield recorder, node
        finally:
            recorder.release()


@contextmanager
def fat32(tmp_path):
    """Mount a FAT32 image through a driver of its own: this kernel has none."""
    image, point = tmp_path / "image", tmp_path / "fat"
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(64 * MIB)
        run("mkfs.vfat", "-F", "32", str(image))
        point.mkdir()
    driver = subprocess.Popen(("fusefat", "-f", "-o", "rw+", str(image), str(point)))
    try:
        until(point.is_mount, "the driver never mounted it")
        yield point
    finally:
        run("umount", str(point))
        driver.wait()  # it writes the last of the image after the mount is gone


def test_exactly_the_listed_files_are_removed_and_the_folders_stay(tree):
    (tree / "DCIM/foreign.txt").write_bytes(b"not listed")
    listing = list_folder(tree)
    listed = [file for file in footage(listing) if b"foreign" not in file.path]
    remove_files(tree, listed, go_on)
    assert names(list_folder(tree)) == ["DCIM/foreign.txt", "PARAM.INI"]
    assert (tree / "DCIM/100MEDIA").is_dir()


def test_the_root_may_be_a_folder_that_was_passed_on_as_a_descriptor(tree):
    listing = list_folder(tree)
    passed = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        remove_files(Path(f"/proc/self/fd/{passed}"), footage(listing), go_on)
    finally:
        os.close(passed)
    assert names(list_folder(tree)) == ["PARAM.INI"]


@pytest.mark.parametrize("how", ["longer", "other time", "a link", "a folder", "two names"])
def test_what_is_no_longer_what_was_listed_stays(tree, how):
    listing, victim = list_folder(tree), tree / "top.mp4"
    match how:
        case "longer":
            victim.write_bytes(b"d" * 5001)
        case "other time":
            os.utime(victim, ns=(0, 0))
        case "a link":
            victim.unlink()
            victim.symlink_to(tree / "PARAM.INI")
        case "a folder":
            victim.unlink()
            victim.mkdir()
        case "two names":
            (tree / "second name").hardlink_to(victim)
    remove_files(tree, footage(listing), go_on)
    assert os.path.lexists(victim)
    assert (tree / "PARAM.INI").read_bytes() == FILES["PARAM.INI"]
    assert not (tree / "DCIM/录像.mp4").exists()


def test_a_folder_that_became_a_link_leads_nowhere(tree, tmp_path):
    listing = list_folder(tree)
    (tree / "DCIM/100MEDIA").rename(tmp_path / "elsewhere")
    (tree / "DCIM/100MEDIA").symlink_to(tmp_path / "elsewhere")
    remove_files(tree, footage(listing), go_on)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def test_a_disk_mounted_over_a_folder_is_not_touched(tmp_path):
    with loop_disk(16) as card, loop_disk(16) as other:
        fill(card.path, FILES)
        listing = list_folder(card.path)
        fill(other.path, {"a.mp4": FILES["DCIM/100MEDIA/a.mp4"]})
        said = (card.path / "DCIM/100MEDIA/a.mp4").stat()
        os.utime(other.path / "a.mp4", ns=(said.st_atime_ns, said.st_mtime_ns))
        with mounted(other.path, card.path / "DCIM/100MEDIA", "--bind"):
            remove_files(card.path, footage(listing), go_on)
            assert (other.path / "a.mp4").exists()


def test_a_file_that_is_gone_already_is_no_error(tree):
    listing = list_folder(tree)
    (tree / "top.mp4").unlink()
    remove_files(tree, footage(listing), go_on)
    assert names(list_folder(tree)) == ["PARAM.INI"]


def test_removing_stops_where_it_is_told_to(tree):
    steps = iter(range(2))

    def stop():
        if next(steps, None) is None:
            raise RecorderGoneError

    listing = list_folder(tree)
    with pytest.raises(RecorderGoneError):
        remove_files(tree, footage(listing), stop)
    assert len(names(list_folder(tree))) == len(FILES) - 2


def test_a_card_that_may_not_be_written_to_says_so():
    with loop_disk(16) as card:
        fill(card.path, FILES)
        listing = list_folder(card.path)
        card.remount("ro")
        with pytest.raises(ClearingError, match="Read-only"):
            remove_files(card.path, footage(listing), go_on)


CHECKS = {
    "ext4": ("e2fsck", "-fn"),
    "xfs": ("xfs_repair", "-n"),
    "exfat": ("fsck.exfat", "-n"),
}


@pytest.mark.parametrize(("file_system", "size_mib"), [("ext4", 16), ("xfs", 320), ("exfat", 16)])
def test_a_cleared_card_is_whole_and_holds_what_was_not_listed(tmp_path, file_system, size_mib):
    with attached_card(tmp_path, file_system, size_mib) as (recorder, node):
        recorder.clear(footage(recorder.list_files()), go_on)
        assert names(recorder.list_files()) == ["PARAM.INI"]
        assert recorder.identify().device_number == "C1"
        assert run("blockdev", "--getro", str(node)).strip() == "1"
        recorder.release()
        run(*CHECKS[file_system], str(node))


@pytest.mark.parametrize("file_system", ["ext4", "exfat"])
def test_a_card_taken_afresh_is_read_from_its_medium(tmp_path, file_system):
    with attached_card(tmp_path, file_system) as (recorder, node):
        read_whole(recorder)
        before = sectors_read(node)
        read_whole(recorder)
        cached = sectors_read(node) - before
        recorder.take_afresh()
        read_whole(recorder)
    total = sum(map(len, FILES.values())) // 512
    assert cached < total <= sectors_read(node) - before - cached


def test_a_fat32_card_is_whole_after_its_files_are_removed(tmp_path):
    with fat32(tmp_path) as point:  # this driver makes no names beyond Latin letters
        fill(point, {name.replace("录像", "LUXIANG"): held for name, held in FILES.items()})
    with fat32(tmp_path) as point:
        remove_files(point, footage(list_folder(point)), go_on)
        assert names(list_folder(point)) == ["PARAM.INI"]
    run("fsck.vfat", "-n", str(tmp_path / "image"))
    with fat32(tmp_path) as point:
        assert names(list_folder(point)) == ["PARAM.INI"]
        assert (point / "DCIM/100MEDIA").is_dir()


def test_another_disk_in_the_same_place_is_never_written_to(tmp_path):
    with attached_card(tmp_path, "ext4") as (recorder, node):
        listing = recorder.list_files()
        (tmp_path / "other").write_bytes((tmp_path / "image").read_bytes())
        recorder.release()
        run("losetup", "--detach", str(node))
        run("losetup", str(node), str(tmp_path / "other"))
        before = (tmp_path / "other").read_bytes()
        with pytest.raises(RecorderGoneError):
            recorder.clear(footage(listing), go_on)
        with pytest.raises(RecorderGoneError):
            recorder.list_files()
        assert (tmp_path / "other").read_bytes() == before


def test_a_card_that_somebody_looks_at_is_neither_taken_afresh_nor_cleared(tmp_path):
    with attached_card(tmp_path, "ext4") as (recorder, _):
        listing = recorder.list_files()
        held = os.open(tmp_path / "run/usb-0:5", os.O_RDONLY)
        try:
            with pytest.raises(MountError, match="busy"):
                recorder.take_afresh()
            with pytest.raises(MountError, match="busy"):
                recorder.clear(footage(listing), go_on)
        finally:
            os.close(held)
        assert recorder.list_files() == listing


def test_the_inbox_is_never_cleared(tree):
    visit = InboxVisit(tree, frozenset(list_folder(tree).files))
    visit.take_afresh()
    assert not visit.can_clear
    with pytest.raises(ClearingError):
        visit.clear(visit.list_files().files, go_on)
    visit.release()
    assert names(list_folder(tree)) == sorted(FILES)


def read_whole(recorder):
    buffer = memoryview(bytearray(MIB))
    for file in recorder.list_files().files:
        opened = recorder.open_file(file)
        while opened.readinto(buffer):
            pass
        opened.close()


def sectors_read(node):
    return int(Path("/sys/class/block", node.name, "stat").read_text().split()[2])
