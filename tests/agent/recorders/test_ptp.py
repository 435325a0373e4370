"""The PTP driver: who it serves, what is read of a recorder, what is written to it and when."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.profile import Language
from agent.core.recorder import Device, Volume
from contracts.errors import ClearingError, NoAnswerError, NoDriverError, RecorderGoneError
from tests.support.emulators import ptp
from tests.support.emulators.ptp import ANDROID, PLAIN
from tests.support.emulators.ptp_usb import Fault
from tests.support.ptp_recorder import DEVICE, NOW, PROFILE, Bench, read_all

READING = {
    ptp.GET_DEVICE_INFO, ptp.OPEN_SESSION, ptp.CLOSE_SESSION, ptp.GET_STORAGE_IDS,
    ptp.GET_STORAGE_INFO, ptp.GET_OBJECT_HANDLES, ptp.GET_OBJECT_INFO, ptp.GET_OBJECT,
    ptp.GET_PARTIAL, ptp.GET_PARTIAL_64, ptp.GET_PROP_DESC, ptp.GET_PROP_VALUE,
    ptp.GET_OBJECT_PROP_VALUE,
}  # fmt: skip
CARD = Path("/dev/sda1")


def filled(**more):
    bench = Bench(**more)
    folder = bench.recorder.add("DCIM")
    for name in ("a.mp4.nmea", "a.mp4", "a_IMP.mp4"):
        bench.recorder.add(name, folder, name.encode() * 1000)
    bench.attach()
    return bench


def value(readings, kind):
    found = next(reading for reading in readings if reading.kind == kind)
    return found.value, found.confidence


@pytest.mark.parametrize(
    ("device", "is_served"),
    [
        (DEVICE, True),
        (replace(DEVICE, classes=("08",)), False),
        (replace(DEVICE, usb=None), False),
        (replace(DEVICE, kind="block", volumes=(Volume(CARD),)), False),
        (Device("virtual:1", "virtual", Path("1"), "1"), False),
    ],
)
def test_it_serves_a_plug_without_a_disk_that_a_profile_says_speaks_ptp(device, is_served):
    assert Bench().driver.recognise(device) is is_served


def test_a_profile_with_another_language_is_not_its_own():
    bench = Bench(replace(PROFILE, language=Language("novatek", "scsi")))
    assert not bench.driver.recognise(DEVICE)
    with pytest.raises(NoDriverError):
        bench.attach()


def test_a_recorder_is_known_by_its_plug_and_by_what_it_says():
    recorder = filled()
    identity = recorder.identify()
    assert recorder.profile_name == "ptp"
    assert (identity.device_number, identity.serial) == ("PTP0001", "USB0001")
    assert (identity.model, identity.how) == ("Maker DSJ-P1", "PTP DeviceInfo, USB")
    assert filled(serial="USB0001").identify().device_number is None


def test_battery_clock_and_storage_are_read():
    readings = filled(clock_offset=timedelta(minutes=7)).readings(NOW)
    assert value(readings, "battery_percent") == (87, "reported")
    offset, confidence = value(readings, "clock_offset_ms")
    assert (offset, confidence) == (pytest.approx(420_000, abs=150), "measured")
    assert next(r for r in readings if r.kind == "clock_offset_ms").uncertainty <= 150
    assert value(readings, "free_bytes") == (1 << 34, "reported")
    assert value(readings, "total_bytes") == (1 << 35, "reported")


def test_what_a_recorder_does_not_say_is_unknown():
    bench = filled(battery=None, clock_offset=None, storages={})
    assert {(r.value, r.confidence) for r in bench.readings(NOW)} == {(None, "unknown")}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_just_an_hour_off_is_only_an_estimate(hours):
    readings = filled(clock_offset=timedelta(hours=hours)).readings(NOW)
    assert value(readings, "clock_offset_ms")[1] == "estimated"


@pytest.mark.parametrize("kind", ["silent", "garbage", "number", "stall"])
@pytest.mark.parametrize("code", [ptp.GET_PROP_VALUE, ptp.GET_STORAGE_INFO])
def test_one_fact_that_is_not_told_leaves_the_others(code, kind):
    bench = filled()
    bench.plug.faults[code] = Fault(kind, at=3)
    readings = bench.readings(NOW)
    assert {None} <= {reading.value for reading in readings}
    assert len([reading for reading in readings if reading.value is None]) < 3
    assert bench.list_files().error is None


def test_a_recorder_that_says_nothing_any_more_fails_the_visit():
    bench = filled()
    for code in ANDROID:
        bench.plug.faults[code] = Fault("silent", times=999)
    with pytest.raises(NoAnswerError):
        bench.readings(NOW)


def test_files_come_with_what_their_names_tell():
    files = {file.path.rpartition(b"/")[2]: file for file in filled().list_files().files}
    assert set(files) == {b"a.mp4", b"a.mp4.nmea", b"a_IMP.mp4"}


def test_a_listing_that_fails_is_made_once_more():
    bench = filled()
    bench.plug.faults[ptp.GET_OBJECT_INFO] = Fault("garbage")
    assert len(bench.list_files().files) == 3
    bench.plug.faults[ptp.GET_OBJECT_INFO] = Fault("garbage", times=99)
    with pytest.raises(NoAnswerError):
        bench.list_files()


def test_nothing_but_reading_is_asked_before_a_recorder_is_set_or_cleared():
    bench = filled()
    bench.identify()
    bench.readings(NOW)
    for file in bench.list_files().files:
        read_all(bench.open_file(file))
        bench.look_again(file)
    bench.take_afresh()
    bench.release()
    assert bench.recorder.codes() <= READING


def test_the_clock_is_set_at_the_turn_of_a_second():
    bench = filled(clock_offset=timedelta(minutes=-20))
    assert bench.set_clock(NOW)
    assert bench.now().microsecond == 0
    assert bench.recorder.clock_offset == timedelta(0)
    assert not filled(clock_settable=False).set_clock(NOW)


def test_a_file_that_changed_or_went_is_seen():
    bench = filled()
    kept, gone = bench.file("/a.mp4"), bench.file("_IMP.mp4")
    bench.recorder.things[3].modified = "20261122T000000"
    del bench.recorder.things[4]
    changed = bench.look_again(kept)
    assert (changed.path, changed.size) == (kept.path, kept.size)
    assert changed != kept
    assert bench.look_again(gone) is None
    assert bench.look_again(replace(kept, path=b"never listed")) is None


def test_an_object_that_became_another_is_not_the_one_that_was_listed():
    bench = filled()
    file = bench.file("/a.mp4")
    bench.recorder.things[3].name = "b.mp4"
    assert bench.look_again(file) is None


def test_the_listed_files_are_removed_and_nothing_else():
    bench = filled()
    asked = []
    wanted = [bench.file("/a.mp4"), bench.file("_IMP.mp4")]
    assert bench.can_clear
    bench.clear(wanted, lambda: asked.append(1))
    assert [t.name for t in bench.recorder.things.values()] == ["DCIM", "a.mp4.nmea"]
    assert len(asked) == 2
    assert [p for code, p in bench.recorder.log if code == ptp.DELETE_OBJECT] == [(3, 0), (4, 0)]


def test_what_is_not_as_listed_stays():
    bench = filled()
    wanted = list(bench.list_files().files)
    bench.recorder.things[2].size = 1
    bench.recorder.things[3].name = "z.mp4"
    del bench.recorder.things[4]
    bench.clear(wanted, lambda: None)
    assert ptp.DELETE_OBJECT not in bench.recorder.codes()


def test_a_file_that_goes_at_the_last_moment_is_no_error():
    bench = filled()
    bench.recorder.refusals[ptp.DELETE_OBJECT] = [ptp.BAD_HANDLE]
    bench.clear([bench.file("/a.mp4")], lambda: None)


def test_a_recorder_that_refuses_to_remove_says_why():
    bench = filled()
    bench.recorder.things[3].protected = True
    with pytest.raises(ClearingError) as refused:
        bench.clear([bench.file("/a.mp4"), bench.file("_IMP.mp4")], lambda: None)
    assert refused.value.fields["reason"] == "0x200d object write-protected"
    assert 4 in bench.recorder.things


@pytest.mark.parametrize(
    ("profile", "operations"),
    [
        (replace(PROFILE, clearing=False), ANDROID),
        (PROFILE, tuple(set(ANDROID) - {ptp.DELETE_OBJECT})),
    ],
)
def test_neither_profile_nor_recorder_can_be_passed_over(profile, operations):
    bench = Bench(profile, operations=operations)
    bench.recorder.add("a.mp4", content=b"a")
    bench.attach()
    assert not bench.can_clear
    with pytest.raises(ClearingError):
        bench.clear([bench.file("a.mp4")], lambda: None)
    assert ptp.DELETE_OBJECT not in bench.recorder.codes()


def test_handles_that_change_with_a_session_are_found_anew_before_a_removal():
    bench = filled()
    wanted = bench.file("/a.mp4")
    bench.take_afresh()
    things = bench.recorder.things
    things[3], things[2] = things[2], things[3]
    bench.clear([wanted], lambda: None)
    assert [thing.name for thing in things.values()] == ["DCIM", "a.mp4.nmea", "a_IMP.mp4"]


def test_a_recorder_is_let_go_of_twice_even_if_it_was_pulled_out():
    bench = filled()
    bench.plug.is_out = True
    for ask in (bench.identify, bench.list_files, bench.take_afresh):
        bench.held._language.is_in_step = False
        with pytest.raises(RecorderGoneError):
            ask()
    bench.release()
    bench.release()
    assert bench.wire.is_closed


def test_a_plug_that_does_not_speak_is_let_go_of():
    bench = Bench()
    bench.recorder.refusals[ptp.OPEN_SESSION] = [ptp.GENERAL] * 9
    with pytest.raises(NoAnswerError):
        bench.attach()
    assert bench.wire.is_closed


def test_a_plain_recorder_without_extensions_is_served_as_well():
    bench = filled(operations=PLAIN, extension=0, hierarchy="flat")
    assert len(bench.list_files().files) == 3
    assert read_all(bench.open_file(bench.file("/a.mp4"))) == b"a.mp4" * 1000
    assert max(bench.recorder.codes()) < 0x9000
