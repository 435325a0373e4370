"""What is plugged in, from the real kernel, from recorded USB devices and from virtual ports."""

import os
import queue
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.core.device import bind
from agent.core.profile import Match, Profile
from agent.core.recorder import Device, Volume
from agent.detecting import Detector, KernelDevices, VirtualPorts
from contracts.text import Text
from tests.support.loopdisk import attached, make_image, mounted, run

RECORDED = Path(__file__).parent / "umockdev"
PORT = "pci-0000:00:04.0-usb-0:5"
ENUMERATE = """
from pathlib import Path, PosixPath
from agent.core.recorder import Device, Volume
from agent.detecting import KernelDevices
print(KernelDevices(()).devices())
"""


def recorded(name):
    """Enumerate a recorded tree of devices, in a process that sees nothing else."""
    said = run(
        "umockdev-run",
        "--device",
        str(RECORDED / f"{name}.umockdev"),
        "--",
        sys.executable,
        "-c",
        ENUMERATE,
    )
    return eval(said, {"Device": Device, "Volume": Volume, "PosixPath": Path})  # noqa: S307 - our own repr


DETECT = """
import sys
from agent.detecting import Detector, KernelDevices
detector = Detector(
    [KernelDevices([sys.argv[1]])],
    lambda seen: print([(d.file_system, d.volume) for d in seen.devices], flush=True),
)
detector.start()
sys.stdin.read()
detector.stop()
"""


@contextmanager
def detecting_beside_udevd(node, rule):
    command = ("unshare", "--mount", "--net", str(Path(__file__).parent / "with_udevd.sh"), rule)
    detect = (sys.executable, "-c", DETECT, f"loop:{node.name}")
    with subprocess.Popen(
        command + detect, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield process.stdout
        process.stdin.close()
        assert process.wait() == 0


@contextmanager
def detecting_from(*sources, **periods):
    seen = queue.SimpleQueue()
    detector = Detector(sources, seen.put, **periods)
    detector.start()
    try:
        yield lambda wanted: wait_for(seen, wanted)
    finally:
        detector.stop()


def wait_for(seen, wanted):
    while True:
        devices = seen.get(timeout=20).devices
        if wanted(devices):
            return devices


def every_loop():
    return KernelDevices({f"loop:loop{number}" for number in range(256)})


@pytest.fixture
def image(tmp_path):
    make_image(tmp_path / "image", 16)
    return tmp_path / "image"


def plug(ports, name, folder):
    folder.mkdir(exist_ok=True)
    (folder / "recorder.toml").write_text("")
    (ports / name).symlink_to(folder)


def test_a_usb_stick_is_a_disk_with_its_marks():
    assert recorded("usb_stick") == (
        Device(
            port=PORT,
            kind="block",
            node=Path("/dev/sda"),
            description="QEMU USB HARDDRIVE",
            serial="BWC0000123",
            volume="9276-BBB5",
            file_system="vfat",
            vendor_id="46f4",
            model_id="0001",
            classes=("08",),
            arrival="2.3.7",
            usb=Path("/dev/bus/usb/002/003"),
            volumes=(Volume(Path("/dev/sda"), "9276-BBB5", "vfat"),),
        ),
    )


def test_of_a_partitioned_disk_the_partition_with_a_file_system_is_taken():
    (disk,) = recorded("partitioned_stick")
    assert (disk.node, disk.file_system, disk.volume) == (Path("/dev/sda2"), "exfat", "1234-ABCD")


def test_without_udevd_port_and_serial_are_read_from_sysfs():
    (disk,) = recorded("stick_without_udevd")
    assert (disk.port, disk.serial) == (f"{PORT}.1", "BWC0000123")


def test_a_disk_on_an_unbound_port_is_not_opened_to_find_its_file_system():
    (disk,) = recorded("stick_without_udevd")
    assert (disk.file_system, disk.volume) == (None, None)


def test_a_card_reader_without_a_card_is_nothing_yet():
    (device,) = recorded("empty_card_reader")
    nothing = bind([device], {device.port: 1})
    assert (device.kind, nothing.docked, nothing.refused) == ("drive", {}, ())


def test_two_cards_of_one_recorder_are_volumes_of_one_plug():
    (device,) = recorded("two_cards")
    assert device.volumes == (
        Volume(Path("/dev/sda"), "AAAA-0001", "vfat", "INNER"),
        Volume(Path("/dev/sdb"), "AAAA-0002", "exfat"),
    )
    assert (device.node, device.label, device.arrival) == (Path("/dev/sda"), "INNER", "2.3.7.8")
    assert bind([device], {device.port: 1}).docked == {1: device}


def test_cards_are_numbered_by_the_recorder_and_not_in_the_order_they_answered(tmp_path):
    text = (RECORDED / "two_cards.umockdev").read_text()
    text = text.replace("sda", "sd-").replace("sdb", "sda").replace("sd-", "sdb")
    (tmp_path / "swapped.umockdev").write_text(text)
    (device,) = recorded(tmp_path / "swapped")
    assert [(str(one.node), one.uuid) for one in device.volumes] == [
        ("/dev/sdb", "AAAA-0001"),
        ("/dev/sda", "AAAA-0002"),
    ]


def test_of_a_recorder_in_command_mode_everything_that_can_be_spoken_over_is_told():
    (device,) = recorded("command_mode")
    assert (device.kind, device.classes, device.volumes) == ("drive", ("02", "08", "0a"), ())
    assert (device.vendor_id, device.model_id) == ("0603", "8611")
    assert (device.generic, device.inquiry) == (Path("/dev/sg0"), "NOVATEK NTK96550")
    assert device.lines == (Path("/dev/ttyACM0"),)


def test_a_recorder_whose_line_appears_before_its_disk_is_nothing_yet_and_no_stranger():
    (device,) = recorded("disk_still_to_come")
    assert (device.kind, device.classes) == ("drive", ("02", "08", "0a"))
    match = Match(usb=("1209:0001",))
    admitting = Profile("p", Text("型号", "model"), match, admits=("02", "0a"))
    nothing = bind([device], {device.port: 1}, (), [admitting])
    assert (device.lines, nothing.docked, nothing.refused) == ((Path("/dev/ttyACM0"),), {}, ())


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("keyboard", ("03",)),
        ("keyboard_not_let_in", ("03",)),
        ("network_adapter", ("02", "0a")),
        ("storage_with_keyboard", ("03", "08")),
    ],
)
def test_what_is_no_recorder_is_shown_with_its_classes_and_refused(name, classes):
    (device,) = recorded(name)
    (refused,) = bind([device], {device.port: 1}).refused
    assert (device.classes, refused.code) == (classes, "not_a_recorder")


def test_an_attached_loop_device_is_seen_and_its_detaching_too(image):
    with detecting_from(every_loop()) as wait:
        with attached(image) as node:
            port = f"loop:{node.name}"
            devices = wait(lambda devices: any(d.port == port for d in devices))
        wait(lambda devices: all(d.port != port for d in devices))
    (device,) = (d for d in devices if d.port == port)
    assert (device.kind, device.node, device.file_system) == ("block", node, "ext4")
    assert device.volume == run("blkid", "-p", "-s", "UUID", "-o", "value", str(image)).strip()


def test_where_udevd_runs_its_notices_are_heard_and_its_words_are_taken(image):
    with attached(image) as node:
        said = 'ENV{ID_FS_TYPE}="ext4", ENV{ID_FS_UUID}="from udev"'
        with detecting_beside_udevd(node, f'KERNEL=="{node.name}", {said}') as lines:
            uuid = run("blkid", "-p", "-s", "UUID", "-o", "value", str(image)).strip()
            assert next(lines) == f"{[('ext4', uuid)]}\n"
            Path(f"/sys/block/{node.name}/uevent").write_text("change")
            assert next(lines) == f"{[('ext4', 'from udev')]}\n"


def test_a_disk_that_is_there_at_the_start_is_seen(image):
    with attached(image) as node, detecting_from(every_loop()) as wait:
        assert wait(lambda devices: any(d.node == node for d in devices))


def test_a_loop_device_that_is_no_dock_is_left_alone(image):
    with attached(image) as node:
        devices = KernelDevices({"loop:loop255"}).devices()
    assert node not in {device.node for device in devices}


def test_the_same_image_attached_again_is_another_arrival(image):
    arrivals = set()
    for _ in range(2):
        with attached(image) as node:
            (device,) = KernelDevices({f"loop:{node.name}"}).devices()
            arrivals.add(device.arrival)
    assert len(arrivals) == 2


def test_a_loop_device_detached_while_mounted_counts_as_taken_out(image, tmp_path):
    (tmp_path / "mount").mkdir()
    node = Path(run("losetup", "--find", "--show", str(image)).strip())
    source = KernelDevices({f"loop:{node.name}"})
    with mounted(node, tmp_path / "mount"):
        before = source.devices()
        run("losetup", "--detach", str(node))
        assert (len(before), source.devices()) == (1, ())


def test_a_disk_without_a_file_system_is_shown_as_one(tmp_path):
    (tmp_path / "image").write_bytes(bytes(1 << 20))
    with attached(tmp_path / "image") as node:
        (device,) = KernelDevices({f"loop:{node.name}"}).devices()
    assert (device.kind, device.node, device.file_system) == ("block", node, None)


def test_a_monitor_that_overflows_is_replaced_and_means_look_again(image):
    source = every_loop()
    source.open()
    with attached(image) as node:
        overflow(source.fileno(), node)
        assert source.noticed()
        assert not source.noticed()
        Path(f"/sys/block/{node.name}/uevent").write_text("change")
        assert source.noticed()


def overflow(fileno, node):
    with socket.socket(fileno=os.dup(fileno)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(100):
        Path(f"/sys/block/{node.name}/uevent").write_text("change")


def test_a_link_in_the_ports_folder_is_a_recorder_until_it_is_taken_away(tmp_path):
    ports = tmp_path / "ports"
    ports.mkdir()
    with detecting_from(VirtualPorts(ports)) as wait:
        assert wait(lambda devices: True) == ()
        plug(ports, "1", tmp_path / "recorder")
        (device,) = wait(len)
        (ports / "1").unlink()
        assert wait(lambda devices: not devices) == ()
    assert (device.port, device.kind, device.node) == ("virtual:1", "virtual", ports / "1")


def test_a_recorder_put_back_is_another_arrival(tmp_path):
    source = VirtualPorts(tmp_path)
    plug(tmp_path, "1", tmp_path / "recorder")
    (before,) = (d for d in source.devices() if d.port == "virtual:1")
    (tmp_path / "1").unlink()
    plug(tmp_path, "1", tmp_path / "recorder")
    (after,) = (d for d in source.devices() if d.port == "virtual:1")
    assert before.arrival != after.arrival


def test_what_holds_no_script_is_no_recorder(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert VirtualPorts(tmp_path).devices() == ()


def test_a_missing_ports_folder_holds_no_recorders(tmp_path):
    assert VirtualPorts(tmp_path / "later").devices() == ()


def test_everything_is_delivered_again_though_nothing_changed(tmp_path):
    plug(tmp_path, "1", tmp_path / "recorder")
    with detecting_from(VirtualPorts(tmp_path), enumerate_seconds=0.0) as wait:
        assert wait(len) == wait(len)


def test_a_ports_folder_that_cannot_be_read_is_tried_again(tmp_path):
    (tmp_path / "ports").write_text("")
    with detecting_from(VirtualPorts(tmp_path / "ports")) as wait:
        (tmp_path / "ports").unlink()
        (tmp_path / "ports").mkdir()
        plug(tmp_path / "ports", "1", tmp_path / "recorder")
        assert wait(len)
