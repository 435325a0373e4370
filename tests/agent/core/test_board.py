"""What the kiosk is shown."""

from dataclasses import replace
from pathlib import PurePath

from agent.core.board import show
from agent.core.event import FromDock, Identified, Progressed, Ticked, Trouble, UplinkChanged
from agent.core.recorder import Device
from contracts.dock import DockState
from contracts.errors import LedgerBehindIndexError
from contracts.facts import RecorderIssued, RecorderService
from contracts.loading import from_json, to_json
from contracts.reading import Identity
from contracts.snapshot import Snapshot
from tests.agent.core.test_station import STRANGER, dock_and_empty, see
from tests.support.made_up import NOW, card_file, device, entry, later, station, surveyed


def shown(one, now=NOW):
    return show(one, 5, "1.0", now)


def copying(size=1000):
    one = station()
    see(one, device())
    visit = one.docks[1].visit
    one.decide(FromDock(1, Identified(visit, Identity(device_number="R1"))), NOW)
    one.decide(FromDock(1, surveyed(visit, card_file(size=size))), NOW)
    return one, visit


def test_an_empty_station_shows_every_dock_and_recorder():
    snapshot = shown(station())
    assert [dock.state for dock in snapshot.docks] == [DockState.EMPTY] * 2
    assert [r.place for r in snapshot.recorders] == ["away"] * 3
    assert snapshot.inbox is None


def test_a_snapshot_survives_the_way_through_its_file():
    one, _ = copying()
    see(one, device(), STRANGER)
    assert from_json(to_json(shown(one)), Snapshot) == shown(one)


def test_progress_tells_rate_and_time_left():
    one, visit = copying(size=1000)
    one.decide(FromDock(1, Progressed(visit, 200)), NOW)
    progress = shown(one, later(10)).docks[0].progress
    assert (progress.bytes_per_second, progress.seconds_left) == (20, 40)


def test_no_time_left_is_claimed_before_there_is_a_rate():
    one, _ = copying()
    assert shown(one).docks[0].progress.seconds_left is None


def test_a_finished_copy_has_no_rate():
    one = station()
    dock_and_empty(one)
    progress = shown(one, later(10)).docks[0].progress
    assert (progress.bytes_per_second, progress.seconds_left) == (0, None)


def test_a_ready_recorder_is_issuable_with_its_battery():
    one = station()
    dock_and_empty(one)
    recorder = shown(one).recorders[0]
    assert (recorder.issuable, recorder.place, recorder.battery_percent) == (True, "dock", 90)


def test_an_issued_recorder_names_who_has_it():
    one = station()
    one.fold(entry(RecorderIssued("h", "R1", "1001", "甲", "d1", ())))
    recorder = shown(one).recorders[0]
    assert (recorder.place, recorder.holder_name, recorder.issuable) == ("issued", "甲", False)


def test_a_tile_names_the_keeper_of_a_recorder_nobody_has_taken():
    one = station()
    dock_and_empty(one, "R3")
    assert shown(one).docks[0].person == "甲"


def test_a_recorder_in_repair_is_shown_there():
    one = station()
    one.fold(entry(RecorderService("R1", "in_repair", "镜头", "1001")))
    assert shown(one).recorders[0].place == "in_repair"


def test_trouble_is_shown_in_both_languages():
    one = station()
    trouble = Trouble.of(LedgerBehindIndexError(index_has=9, size=5))
    one.decide(UplinkChanged(True, 9, 0, trouble), NOW)
    one.decide(Ticked(10, 20, "synchronised"), NOW)
    snapshot = shown(one)
    assert "9" in snapshot.trouble_zh
    assert "9" in snapshot.trouble_en
    assert (snapshot.clock, snapshot.archive_free_bytes) == ("synchronised", 10)


def test_a_barred_device_shows_why_on_its_tile():
    one = station()
    see(one, replace(STRANGER, port="virtual:1"))
    tile = shown(one).docks[0]
    assert (tile.state, tile.error_code) == (DockState.REFUSED, "not_a_recorder")
    assert tile.remedy_zh


def test_an_inbox_is_shown_where_there_is_one():
    one = station()
    folders = replace(one.settings.folders, inbox=PurePath("/in"))
    one.settings = replace(one.settings, folders=folders)
    inbox = Device("inbox", "inbox", device().node, "inbox")
    one.inbox = replace(one.inbox, device=inbox)
    assert shown(one).inbox.device == "inbox"
