"""Recorders of several cards, and what their profiles tell of them: real file systems."""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.core.recorder import Device, Volume
from contracts.errors import ClearingError, IdentityConflictError, MountError
from tests.support.disks import disks
from tests.support.loopdisk import attached, make_image, mounted, run
from tests.support.running_agent import fill

NOW = datetime(2026, 8, 4, 8, 0, tzinfo=UTC)  # 16:00 where the recorders are
FIRST = {"PARAM.INI": b"[ZFY]\nDevNo=D1\n", "DCIM/20260804_100000.mp4": b"a" * 70_000}
SECOND = {"DCIM/20260804_100000.mp4": b"b" * 5000, "DCIM/20260804_110000_IMP.mp4": b"c"}


@contextmanager
def cards(tmp_path, *contents, file_systems=(), label=None):
    """Give the device of a recorder that shows a card for each of the contents."""
    with ExitStack() as stack:
        volumes = []
        for number, files in enumerate(contents, 1):
            image, folder = tmp_path / f"image{number}", tmp_path / f"filled{number}"
            make_image(image, 16)
            folder.mkdir()
            node = stack.enter_context(attached(image))
            with mounted(node, folder) as root:
                fill(root, files)
                for name in files:
                    os.utime(root / name, (NOW.timestamp() + 8 * 3600 - 600,) * 2)
            system = dict(enumerate(file_systems, 1)).get(number, "ext4")
            volumes.append(Volume(node, f"V{number}", system, label))
        first = volumes[0]
        device = Device("usb-0:5", "block", first.node, "Acme", "S1", first.uuid, "ext4")
        yield replace(device, volumes=tuple(volumes))


@contextmanager
def docked(tmp_path, *contents, own=None, **more):
    with cards(tmp_path, *contents, **more) as device:
        recorder = disks(tmp_path, own).attach(device)
        try:
            yield recorder
        finally:
            recorder.release()


def listed(recorder):
    return {os.fsdecode(file.path): file for file in recorder.list_files().files}


def read(recorder, file):
    opened = recorder.open_file(file)
    content = bytearray(file.size)
    done = 0
    while count := opened.readinto(memoryview(content)[done:]):
        done += count
    opened.close()
    return bytes(content)


def test_two_cards_are_one_recorder_and_every_file_has_its_place(tmp_path):
    with docked(tmp_path, FIRST, SECOND) as recorder:
        files = listed(recorder)
        recorder.expect(list(files.values()))
        content = {name: read(recorder, file) for name, file in files.items()}
        assert all(recorder.look_again(file) == file for file in files.values())
    assert content == {
        **{f"1:/{name}": held for name, held in FIRST.items()},
        **{f"2:/{name}": held for name, held in SECOND.items()},
    }
    assert list((tmp_path / "run").iterdir()) == []


def test_one_card_keeps_its_paths_as_they_are(tmp_path):
    with docked(tmp_path, FIRST) as recorder:
        assert set(listed(recorder)) == set(FIRST)


def test_the_number_is_found_on_whichever_card_tells_it(tmp_path):
    with docked(tmp_path, SECOND, FIRST) as recorder:
        said = recorder.identify()
    assert (said.device_number, said.serial, said.volume) == ("D1", "S1", "V1")
    assert said.how == "PARAM.INI, USB, UUID"


def test_cards_of_two_recorders_in_one_contradict_each_other(tmp_path):
    other = {"PARAM.INI": b"[ZHY]\nDevNo=D2\n"}
    with docked(tmp_path, FIRST, other) as recorder, pytest.raises(IdentityConflictError) as said:
        recorder.identify()
    assert said.value.fields["recorders"] == "D1, D2"


def test_the_room_is_that_of_all_cards(tmp_path):
    with docked(tmp_path, FIRST, SECOND) as recorder:
        both = {one.kind: one for one in recorder.readings(NOW)}
    assert both["total_bytes"].value > 2 * 10 * (1 << 20)
    assert both["total_bytes"].confidence == "measured"


def test_a_card_that_cannot_be_mounted_is_missed_and_the_others_are_read(tmp_path):
    with docked(tmp_path, FIRST, SECOND, file_systems=("ext4", "nonsense")) as recorder:
        listing = recorder.list_files()
        assert not recorder.can_clear
    assert {file.path for file in listing.files} == {f"1:/{name}".encode() for name in FIRST}
    assert [(item.path, item.reason) for item in listing.refused] == [(b"2:/", "unreadable")]
    assert "2:/" in (listing.error or "")


def test_where_no_card_can_be_mounted_nothing_stays_behind(tmp_path):
    bad = ("nonsense", "nonsense")
    with cards(tmp_path, FIRST, SECOND, file_systems=bad) as device, pytest.raises(MountError):
        disks(tmp_path).attach(device)
    assert list((tmp_path / "run").iterdir()) == []


def test_clearing_removes_what_it_is_told_to_from_each_card(tmp_path):
    with docked(tmp_path, FIRST, SECOND) as recorder:
        files = listed(recorder)
        assert recorder.can_clear
        recorder.take_afresh()
        kept = {"1:/PARAM.INI", "2:/DCIM/20260804_110000_IMP.mp4"}
        recorder.clear([file for name, file in files.items() if name not in kept], lambda: None)
        assert set(listed(recorder)) == kept
        assert recorder.look_again(files["1:/DCIM/20260804_100000.mp4"]) is None


def test_what_stops_a_clearing_stops_it_for_every_card(tmp_path):
    def stop():
        raise ClearingError(reason="enough")

    with docked(tmp_path, FIRST, SECOND) as recorder:
        files = listed(recorder)
        with pytest.raises(ClearingError):
            recorder.clear(list(files.values()), stop)
        assert set(listed(recorder)) == set(files)


def test_ntfs_is_read_and_never_written(tmp_path):
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    run("mkfs.ntfs", "-q", "-F", "-f", str(image))
    (tmp_path / "filled").mkdir()
    with attached(image) as node, mounted(node, tmp_path / "filled", "-t", "ntfs-3g") as root:
        fill(root, FIRST)
    before = image.read_bytes()
    with attached(image) as node:
        recorder = disks(tmp_path).attach(Device("usb-0:5", "block", node, "A", file_system="ntfs"))
        files = listed(recorder)
        content = {name: read(recorder, file) for name, file in files.items()}
        assert not recorder.can_clear
        with pytest.raises(MountError, match="never written"):
            recorder.clear(list(files.values()), lambda: None)
        assert set(listed(recorder)) == set(FIRST)
        recorder.release()
    assert content == FIRST
    assert image.read_bytes() == before


def test_what_names_and_attributes_mark_is_told_of_each_file(tmp_path):
    names = ("a.mp4", "20260804_100000_IMP.mp4", "20260804_100000.NMEA", "event/b.mp4")
    with docked(tmp_path, dict.fromkeys(names, b"x")) as recorder:
        told = {name: file.mark for name, file in listed(recorder).items()}
    assert [told[name].important for name in names] == [None, "name", None, "folder"]
    assert told[names[2]].sidecar_of == names[1].encode()


def test_a_file_that_may_not_be_written_is_marked(tmp_path):
    with cards(tmp_path, {"a.mp4": b"x"}) as device:
        with mounted(device.node, tmp_path / "filled1") as root:
            (root / "a.mp4").chmod(0o444)
        recorder = disks(tmp_path).attach(device)
        (file,) = recorder.list_files().files
        again = recorder.look_again(file)
        recorder.release()
    assert file.mark.important == again.mark.important == "read_only"


@pytest.mark.parametrize(
    ("said", "percent"),
    [
        (b"Battery0=87\r\n", 87),
        (b"battery0 = 5\nBattery0=6", 6),
        (b"Battery0=187", None),
        (b"Battery1=87", None),
        (b"", None),
        (b"\xff\x00Battery0=44;", 44),
        (b"Battery0=44\n" + bytes(70_000), None),
    ],
)
def test_the_battery_is_what_its_file_says(tmp_path, said, percent):
    with docked(tmp_path, {"LOG/battery.txt": said}) as recorder:
        battery = recorder.readings(NOW)[0]
    assert battery.value == percent
    assert battery.confidence == ("unknown" if percent is None else "reported")
    assert percent is None or battery.at == NOW.replace(hour=7, minute=50)


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("a.txt", b"", "LOG/BATTERY.TXT is not on the card, or cannot be read"),
        ("LOG/battery.txt", b"87", "LOG/BATTERY.TXT has no Battery0 = …"),
        ("LOG/battery.txt", b"battery0 = lots", "Battery0 in LOG/BATTERY.TXT is no percentage"),
        ("LOG/battery.txt", b"Battery0=187", "Battery0 in LOG/BATTERY.TXT is no percentage"),
        ("LOG/battery.txt", b"Battery0=44\n" + bytes(70_000), "LOG/BATTERY.TXT is too long"),
    ],
)
def test_a_battery_that_is_not_known_is_so_for_a_reason(tmp_path, name, said, why):
    with docked(tmp_path, {name: said}) as recorder:
        battery = recorder.readings(NOW)[0]
    assert (battery.confidence, battery.how.rpartition(" / ")[2]) == ("unknown", why)


@pytest.mark.parametrize("hours", [-2, 3, -24 * 365 * 30])
def test_a_battery_told_long_ago_or_ahead_of_time_is_an_estimate(tmp_path, hours):
    with cards(tmp_path, {"LOG/BATTERY.TXT": b"Battery0=90"}) as device:
        with mounted(device.node, tmp_path / "filled1") as root:
            at = NOW.timestamp() + (8 + hours) * 3600
            os.utime(root / "LOG/BATTERY.TXT", (at, at))
        recorder = disks(tmp_path).attach(device)
        battery = recorder.readings(NOW)[0]
        recorder.release()
    assert (battery.value, battery.confidence) == (90, "estimated")
    assert battery.at <= NOW


OWN = """
name = "acme"
title = { zh = "某型", en = "Acme" }
match = { folders = ["video/2*"] }
card = { label_is_number = true, identity = [{ file = "id.txt", key = "No" }] }
"""


@pytest.mark.parametrize(
    ("files", "number", "profile"),
    [
        ({"VIDEO/20260804/a.mp4": b"x", "ID.TXT": b"no = A7"}, "A7", "acme"),
        ({"VIDEO/20260804/a.mp4": b"x"}, "CARD1", "acme"),
        ({"VIDEO/x.mp4": b"x", "ID.TXT": b"no = A7"}, None, "generic-msc"),
        ({"VIDEO/20260804": b"a file", "ID.TXT": b"no = A7"}, None, "generic-msc"),
    ],
)
def test_the_folders_on_the_card_choose_the_profile(tmp_path, files, number, profile):
    own = tmp_path / "own"
    own.mkdir()
    (own / "50-acme.toml").write_text(OWN)
    with docked(tmp_path, files, own=own, label="CARD1") as recorder:
        assert recorder.identify().device_number == number
        assert recorder.profile.name == profile
        assert not (recorder.can_clear and profile == "acme")
