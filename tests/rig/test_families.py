"""The languages over a real bus: SG_IO and libusb, the kernel's own drivers, emulators behind them.

No agent takes part: it is the port itself that is asked.
"""

import itertools
import json
import shlex

import pytest

from tests.rig.project import HERE
from tests.support.keeping import PROJECT

pytestmark = pytest.mark.alone
INSIDE, ASKS = "/root/inside", "/root/asks"
NUMBER = "DSJ0042"
# Of each family: ids of its plug, what carries it, its emulator, what it must tell in these words.
FACTS = ("probe", "log_in", "identity", "battery", "clock", "storage", "set_clock", "switch")
FAMILIES = {
    "novatek": ("0603:8611", "scsi", "Novatek"),
    "jieli": ("1234:1600", "scsi", "Jieli"),
    "amba_control": ("4255:0001", "usb", "AmbaControl"),
    "amba_ascii": ("4255:0001", "usb", "AmbaAscii"),
}
TOLD = {
    "novatek": (True, "default", NUMBER, 87, None, None, False, True),
    "jieli": (True, None, NUMBER, 55, None, None, True, True),
    "amba_control": (True, "default", NUMBER, 64, None, None, True, True),
    "amba_ascii": (True, "default", NUMBER, None, None, None, True, True),
}
OPTIONS = {"amba_control": {"password": "000000"}}
# Whoever answers to the same ids, or comes as a disk too.
NOT_SPOKEN = {
    "novatek": "jieli",
    "jieli": "novatek",
    "amba_control": "amba_ascii",
    "amba_ascii": "amba_control",
}


class Talking:
    """A guest in which ports are asked, and recorders in command mode plugged in."""

    def __init__(self, station):
        self.station = station
        self._numbers = itertools.count()
        for name in sorted((HERE / "inside").glob("*.py")):
            station.put(f"{INSIDE}/{name.name}", name.read_bytes())
        for name in sorted((PROJECT / "tests/support/emulators").glob("*.py")):
            station.put(f"{INSIDE}/emulators/{name.name}", name.read_bytes())
        # Nobody lets a plug in while the agent stands still: here any is.
        let_in = "tee /sys/bus/usb/devices/usb*/authorized_default <<< 1"
        station.sh(f"systemctl stop muster-agent; mkdir -p {ASKS}; {let_in}")
        station.begin(f"/opt/muster/bin/python -u {INSIDE}/asking.py {ASKS}", "/root/asking.log")

    def plug(self, family, **emulator):
        """Plug a recorder in and return the node to ask."""
        ids, _, emulated = FAMILIES[family]
        vendor, product = ids.split(":")
        told = {
            "number": 0,
            "vendor": f"0x{vendor}",
            "product": f"0x{product}",
            "serial": f"BWC{family}",
            "names": ["Emulated", family],
            "emulator": [family, emulated, {"number": NUMBER, **emulator}],
            "disk": {"lun.0/removable": "1", "lun.0/file": "/root/card.img"},
        }
        begun = f"python3 -u {INSIDE}/commanded.py {shlex.quote(json.dumps(told))}"
        self.station.begin(begun, f"/root/{family}.log")
        return self.station.until(lambda: self.node(family), what=family)

    def node(self, family):
        """Return the node of the recorder that is plugged in, once udev is done with it."""
        ids, way, _ = FAMILIES[family]
        if way == "scsi":
            return self.station.sh("udevadm settle; ls /dev/sg* 2>/dev/null", check=False).strip()
        listed = self.station.sh(f"udevadm settle; lsusb -d {ids}", check=False).split()
        return f"/dev/bus/usb/{listed[1]}/{listed[3].rstrip(':')}" if listed else ""

    def pull(self, gadget):
        """Pull it out."""
        self.station.sh(f"python3 {INSIDE}/gadget.py pull {gadget}; udevadm settle")

    def ask(self, family, node, *verbs):
        """Have questions asked of a node and return where the answer will be."""
        question = {
            "family": family,
            "transport": FAMILIES[family][1],
            "node": node,
            "options": OPTIONS.get(family, {}),
            "verbs": verbs,
        }
        name = f"{ASKS}/{next(self._numbers)}"
        self.station.put(f"{name}.new", json.dumps(question).encode())
        self.station.sh(f"mv {name}.new {name}.json")
        return f"{name}.answer"

    def told(self, family, node, *verbs):
        """Have questions asked of a node and return what it told."""
        answer = self.ask(family, node, *verbs)
        return json.loads(self.station.until(lambda: self.station.get(answer), 90, answer))


@pytest.fixture
def talking(station):
    """A guest with a card for the recorders to show when they are disks."""
    station.sh(
        "truncate -s 40M /root/card.img && mkfs.vfat -F 32 /root/card.img && "
        "mount -o loop /root/card.img /mnt && printf footage > /mnt/1.mp4 && umount /mnt"
    )
    return Talking(station)


def test_four_languages_are_told_apart_and_spoken_and_lead_to_a_disk(talking):
    table = {}
    for family in FAMILIES:
        node = talking.plug(family)
        assert talking.told(NOT_SPOKEN[family], node, "probe") == {"probe": False}
        verbs = [fact for fact in FACTS if not (family == "jieli" and fact == "log_in")]
        told = talking.told(family, node, *verbs)
        table[family] = tuple(told.get(fact) for fact in FACTS)
        assert has_become_a_disk(talking, family)
        talking.pull(f"BWC{family}-disk")
    assert table == TOLD


def has_become_a_disk(talking, family):
    """Wait for the disk and read the footage that is on it."""
    disk = f"/dev/disk/by-id/usb-Linux_File-Stor_Gadget_BWC{family}-0:0"
    talking.station.until(lambda: talking.station.sh(f"ls {disk}", check=False), what=disk)
    read = f"mount -o ro {disk} /mnt && cat /mnt/1.mp4; umount /mnt"
    return talking.station.sh(read) == "footage"


def test_a_recorder_pulled_out_between_two_questions_is_gone(talking):
    family = "novatek"
    node = talking.plug(family)
    answer = talking.ask(family, node, "probe", "wait", "battery")
    talking.station.until(lambda: talking.station.get(f"{ASKS}/waiting") is not None)
    talking.pull(f"BWC{family}-command")
    talking.station.sh(f"rm {ASKS}/waiting")
    told = json.loads(talking.station.until(lambda: talking.station.get(answer)))
    assert told == {"probe": True, "wait": None, "battery": "recorder_gone"}
