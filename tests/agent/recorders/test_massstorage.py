"""Recorders that are disks: real file systems on real block devices, whole and damaged."""

import os
import re
import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.core.profile import NUMBER_MARKS
from agent.core.recorder import CardFile, Device, Listing
from agent.recorders.massstorage import possible
from agent.recorders.telling import number_in
from contracts.errors import FileUnreadableError, MountError, RecorderGoneError
from tests.support.disks import disks
from tests.support.loopdisk import MIB, attached, make_image, mounted, run

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MARKER = b"the card breaks here"


@contextmanager
def recorder_on(node, tmp_path, file_system="ext4", **marks):
    device = Device("usb-0:5", "block", node, "Acme", file_system=file_system, **marks)
    recorder = disks(tmp_path).attach(device)
    try:
        yield recorder
    finally:
        recorder.release()


def card(tmp_path, files, file_system="ext4", size_mib=16):
    """Return the image of a card that holds the files."""
    image = tmp_path / "image"
    make_image(image, size_mib, file_system)
    kind = {"exfat": "exfat-fuse"}.get(file_system, file_system)
    (tmp_path / "filled").mkdir()
    with attached(image) as node, mounted(node, tmp_path / "filled", "-t", kind) as root:
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    return image


def read_whole(recorder, file):
    opened = recorder.open_file(file)
    buffer = memoryview(bytearray(1 * MIB))
    content = b""
    try:
        while count := opened.readinto(buffer):
            content += buffer[:count]
    finally:
        opened.close()
    return content


@pytest.mark.parametrize(("file_system", "size_mib"), [("ext4", 16), ("xfs", 320), ("exfat", 16)])
def test_a_visit_reads_everything_and_leaves_the_card_as_it_was(tmp_path, file_system, size_mib):
    files = {"DCIM/100MEDIA/a.mp4": b"a" * 100_000, "DCIM/录像.mp4": b"b", "empty": b""}
    image = card(tmp_path, files, file_system, size_mib)
    before = run("sha256sum", str(image))
    with attached(image) as node, recorder_on(node, tmp_path, file_system) as recorder:
        recorder.identify()
        recorder.readings(NOW)
        listing = recorder.list_files()
        content = {os.fsdecode(f.path): read_whole(recorder, f) for f in listing.files}
    assert (content, listing.refused, listing.error) == (files, (), None)
    assert run("sha256sum", str(image)) == before


def test_a_card_says_by_what_it_can_be_told(tmp_path):
    image = card(tmp_path, {"param.ini": "[ZFY]\r\nDevNo=DSJ-01\r\nPolNo=012345\r\n".encode("gbk")})
    with (
        attached(image) as node,
        recorder_on(node, tmp_path, serial="S1", volume="V1") as recorder,
    ):
        said = recorder.identify()
    assert (said.device_number, said.serial, said.volume) == ("DSJ-01", "S1", "V1")
    assert (said.model, said.how) == ("Acme", "PARAM.INI, USB, UUID")


def test_info_dat_speaks_where_there_is_no_param_ini(tmp_path):
    image = card(tmp_path, {"DCIM/100MEDIA/INFO.DAT": b"DSJ-02;x;012345\n"})
    with attached(image) as node, recorder_on(node, tmp_path) as recorder:
        assert recorder.identify().device_number == "DSJ-02"


def test_a_plain_card_has_no_number(tmp_path):
    with attached(card(tmp_path, {})) as node, recorder_on(node, tmp_path) as recorder:
        assert recorder.identify().device_number is None
        assert recorder.profile_name == "generic-msc"


def test_storage_is_measured_and_battery_and_clock_are_unknown(tmp_path):
    image = card(tmp_path, {"a": bytes(5 * MIB)})
    with attached(image) as node, recorder_on(node, tmp_path) as recorder:
        said = {reading.kind: reading for reading in recorder.readings(NOW)}
    assert said["battery_percent"].confidence == said["clock_offset_ms"].confidence == "unknown"
    free, total = said["free_bytes"].value or 0, said["total_bytes"].value or 0
    assert 0 < free <= total - 5 * MIB < 16 * MIB


def test_bad_sectors_are_named_and_what_lies_before_them_is_read(tmp_path):
    image = card(tmp_path, {"a.mp4": bytes(MIB) + MARKER + bytes(MIB)})
    with attached(image) as node, recorder_on(node, tmp_path) as recorder:
        (torn,) = recorder.list_files().files
        break_at(image, MARKER)
        with pytest.raises(FileUnreadableError) as raised:
            read_whole(recorder, torn)
    assert raised.value.fields == {"name": "a.mp4", "offset": MIB, "reason": "EIO"}


def test_a_good_file_beside_a_torn_one_is_read(tmp_path):
    contents = {name: name.encode() * MIB for name in ("a", "b")}
    image = card(tmp_path, contents)
    raw = image.read_bytes()
    good, torn = sorted(contents, key=lambda name: raw.index(contents[name]))
    with attached(image) as node, recorder_on(node, tmp_path) as recorder:
        files = {os.fsdecode(file.path): file for file in recorder.list_files().files}
        break_at(image, contents[torn])
        assert read_whole(recorder, files[good]) == contents[good]
        with pytest.raises(FileUnreadableError):
            read_whole(recorder, files[torn])


def break_at(image, content):
    """Let every sector from some content on fail."""
    os.truncate(image, image.read_bytes().index(content))


def test_a_recorder_pulled_out_in_mid_copy_is_gone_and_not_unreadable(tmp_path):
    image = card(tmp_path, {"a.mp4": bytes(MIB) + MARKER})
    with attached(image) as disk:
        node = tmp_path / disk.name
        os.mknod(node, stat.S_IFBLK | 0o600, disk.stat().st_rdev)
        with recorder_on(node, tmp_path) as recorder:
            (file,) = recorder.list_files().files
            break_at(image, MARKER)
            node.unlink()
            with pytest.raises(RecorderGoneError):
                read_whole(recorder, file)
            with pytest.raises(RecorderGoneError):
                recorder.list_files()
        run("blockdev", "--setrw", str(disk))  # what cannot be done to a node that went


def test_a_folder_the_card_cannot_list_is_said_and_the_others_are_listed(tmp_path):
    files = {"DCIM/TORN0001.MP4": b"x", "LOG/a.txt": b"y"}
    image = card(tmp_path, files, "exfat")
    spoilt = image.read_bytes().replace(
        "TORN0001".encode("utf-16-le"), "TORN9999".encode("utf-16-le")
    )
    image.write_bytes(spoilt)
    with attached(image) as node, recorder_on(node, tmp_path, "exfat") as recorder:
        listing = recorder.list_files()
    assert [file.path for file in listing.files] == [b"LOG/a.txt"]
    assert [(item.path, item.reason) for item in listing.refused] == [
        (b"DCIM", "unlistable_folder")
    ]
    assert re.search("DCIM: E", listing.error or "")


def test_a_card_without_a_file_system_is_not_mounted(tmp_path):
    (tmp_path / "image").write_bytes(bytes(MIB))
    with attached(tmp_path / "image") as node, pytest.raises(MountError):
        disks(tmp_path).attach(Device("usb-0:5", "block", node, "Acme"))


def test_a_recorder_is_released_twice_and_nothing_stays_mounted(tmp_path):
    with attached(card(tmp_path, {})) as node, recorder_on(node, tmp_path) as recorder:
        recorder.release()
        recorder.release()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_disk_has_no_clock_to_set(tmp_path):
    with attached(card(tmp_path, {"a": b"x"})) as node, recorder_on(node, tmp_path) as recorder:
        assert not recorder.set_clock(NOW)


@pytest.mark.parametrize(
    ("kind", "served"), [("block", True), ("virtual", False), ("inbox", False), ("other", False)]
)
def test_only_disks_are_served(kind, served):
    device = Device("p", kind, Path("/dev/sda"), "")
    assert disks(Path("run")).recognise(device) is served


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (b"[ZFY]\nDevNo=1234567", "1234567"),
        (b"[zhy]\r\n devno = 7 \r\n", "7"),
        (b"\xef\xbb\xbf[ZFY]\nDEVNO=A", "A"),
        ("[ZFY]\nUserName=张三\nDevNo=警1".encode("gbk"), "警1"),
        ("[ZFY]\nDevNo=警1".encode(), "警1"),
        (b"[OTHER]\nDevNo=1\n[ZFY]\nDevNo=2", "2"),
        (b"DevNo=1", None),
        (b"[ZFY]\nDevNo=", None),
        (b"[ZFY]\nDevNo=\x1b[2J", None),
        (b"[ZFY]\nDevNo=" + b"9" * 65, None),
        (b"[ZFY]", None),
        (b"\xff\xff\x00", None),
        (b"", None),
    ],
)
def test_the_number_in_param_ini(raw, number):
    assert number_in(raw, NUMBER_MARKS[0]) == number


@pytest.mark.parametrize(
    ("raw", "number"),
    [(b"A1;b;c\nB2;", "A1"), (b"A1", "A1"), (b" A1 ;\r\n", "A1"), (b";x", None), (b"", None)],
)
def test_the_number_in_info_dat(raw, number):
    assert number_in(raw, NUMBER_MARKS[1]) == number


def test_a_file_larger_than_its_card_is_refused_and_the_others_stay():
    files = (CardFile(b"a.mp4", 100, 0), CardFile(b"b.mp4", 1 << 40, 0))
    listing = possible(Listing(files), (0, 1000))
    assert [file.path for file in listing.files] == [b"a.mp4"]
    assert [(item.path, item.reason) for item in listing.refused] == [(b"b.mp4", "unreadable")]
    assert listing.error == "b.mp4: 1099511627776 bytes on a card of 1000"
    assert possible(listing, (0, 1000)) == listing
    assert possible(Listing(files), None) == Listing(files)
