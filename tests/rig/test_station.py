"""The station itself: its disk full, its clock set, its pages shown while a recorder is in."""

import time

import pytest

from contracts.dock import DockState
from tests.rig.expecting import digests, imported, ledger_problems
from tests.rig.recorders import Card, footage

GET = "GET / HTTP/1.0\\r\\nHost: 127.0.0.1:8640\\r\\n\\r\\n"
ASK = f"exec 3<>/dev/tcp/127.0.0.1/8640; printf '{GET}' >&3; cat <&3"
FILL = "fallocate -l $(( $(df --output=avail -B1 /srv/muster | tail -1) - 8000000 )) /srv/muster/x"
DAY_SECONDS = 86_400


@pytest.mark.alone
def test_a_full_archive_takes_nothing_until_there_is_room(station, tmp_path):
    files = footage(2)
    station.sh(FILL)
    station.wait(lambda shown: shown.storage.stops)
    station.plug(1, Card.of(tmp_path, "R01", files))
    assert station.wait_dock(1, lambda dock: dock.error_code).state is not DockState.READY
    assert station.said("footage.imported") == []
    station.sh("rm /srv/muster/x")
    station.wait_said("visit.completed")
    assert imported(station, digests(files))


@pytest.mark.alone
def test_a_clock_that_jumps_forward_and_back_loses_no_order(station, tmp_path):
    files = {dock: footage(1) for dock in (1, 2)}
    station.set_clock(time.time() + DAY_SECONDS)
    station.plug(1, Card.of(tmp_path, "R01", files[1]))
    station.settled(1)
    station.set_clock(time.time())
    station.plug(2, Card.of(tmp_path, "R02", files[2]))
    station.settled(2)
    for one in files.values():
        assert imported(station, digests(one))
    sequences = [int(entry["sequence"]) for entry in station.entries()]
    assert sequences == list(range(1, len(sequences) + 1))
    assert ledger_problems(station, tmp_path) == []


def test_the_kiosk_shows_the_recorder_in_its_dock(station, tmp_path):
    station.plug(1, Card.of(tmp_path, "R01", footage(1)))
    station.settled(1)
    shown = station.sh(ASK)
    assert "R01" in shown


def test_the_rules_keep_the_desktop_from_mounting_a_card(station, tmp_path):
    station.plug(1, Card.of(tmp_path, "R01", footage(1)))
    station.settled(1)
    assert "UDISKS_IGNORE=1" in station.sh("udevadm info -q property -n /dev/sda")
    assert station.sh("findmnt -n -o OPTIONS /dev/sda", check=False) == ""
