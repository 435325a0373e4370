"""Which recorder stands in which dock, and what has no business there."""

import pytest

from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage


def test_twelve_at_once_are_each_in_the_dock_of_their_port(station, tmp_path):
    files = {dock: footage(1, 200_000) for dock in range(1, 13)}
    for dock, one in files.items():
        station.plug(dock, Card.of(tmp_path, f"R{dock:02}", one))
    assert {dock: station.settled(dock).recorder for dock in files} == {
        dock: f"R{dock:02}" for dock in files
    }
    for one in files.values():
        assert imported(station, digests(one))


def test_two_recorders_with_one_serial_number_are_told_by_their_own(station, tmp_path):
    files = {dock: footage(1) for dock in (5, 6)}
    for dock, one in files.items():
        station.plug(dock, Card.of(tmp_path, f"R{dock:02}", one, serial="0123456789AB"))
    assert [station.settled(dock).recorder for dock in files] == ["R05", "R06"]
    for one in files.values():
        assert imported(station, digests(one))


def test_a_keyboard_is_refused(station):
    station.add_device(1, "keys", driver="usb-kbd")
    refused = station.wait(lambda shown: shown.refused).refused[0]
    assert (refused.dock, refused.code) == (1, "not_a_recorder")
    assert station.said("recorder.docked") == []


def test_a_network_card_is_refused(station):
    station.qmp("netdev_add", type="user", id="n0", restrict=True)
    station.add_device(2, "net", driver="usb-net", netdev="n0")
    refused = station.wait(lambda shown: shown.refused).refused[0]
    assert (refused.dock, refused.code) == (2, "not_a_recorder")
    assert station.said("recorder.docked") == []


@pytest.mark.alone
def test_a_card_with_two_disks_is_one_recorder(station, tmp_path):
    first = footage(1)
    second = {"DCIM/200MEDIA/51.mp4": bytes(100_000)}
    cards = (Card.of(tmp_path, "R07", first), Card.of(tmp_path, "R07", second, kind="exfat"))
    plugged = station.add_device(7, "two", driver="usb-bot", attached=False, serial="BWCR07")
    for lun, card in enumerate(cards):
        station.add_disk(f"lun{lun}", card)
        disk = {"driver": "scsi-hd", "id": f"disk{lun}", "drive": f"lun{lun}"}
        station.qmp("device_add", bus="two.0", lun=lun, **disk)
    station.qmp(
        "qom-set", path=f"/machine/peripheral/{plugged.device}", property="attached", value=True
    )
    assert station.settled(7).recorder == "R07"
    placed = {
        f"{n}:/{name}": held for n, one in ((1, first), (2, second)) for name, held in one.items()
    }
    assert imported(station, digests(placed))


@pytest.mark.alone
def test_a_contact_that_flaps_is_one_recorder_again_and_again(station, tmp_path):
    files = footage(2)
    plugged = station.add_device(8, "loose", driver="usb-bot", attached=False, serial="BWCR08")
    station.add_disk("lun0", Card.of(tmp_path, "R08", files))
    disk = {"driver": "scsi-hd", "id": "disk0", "drive": "lun0", "removable": True}
    station.qmp("device_add", bus="loose.0", lun=0, **disk)
    path = f"/machine/peripheral/{plugged.device}"
    for attached in (True, False) * 4:
        station.qmp("qom-set", path=path, property="attached", value=attached)
        station.sh("udevadm settle")
    station.qmp("qom-set", path=path, property="attached", value=True)
    assert station.settled(8).recorder == "R08"
    assert imported(station, digests(files))
