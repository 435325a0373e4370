"""Virtual recorders: what the script says, and each fault it can have."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.recorder import Device
from agent.recorders.virtual import Virtual
from contracts.errors import (
    FileUnreadableError,
    MountError,
    RecorderGoneError,
    SettingsError,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Slept(list):
    """Takes the place of time going by: keeps how long."""

    def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def ports(tmp_path):
    (tmp_path / "ports").mkdir()
    return tmp_path / "ports"


def made(ports, script="", **files):
    folder = ports.parent / "recorder"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "recorder.toml").write_text(script, "utf-8")
    for name, content in files.items():
        (folder / "files" / name).write_bytes(content)
    (ports / "1").symlink_to(folder)
    return Device("virtual:1", "virtual", ports / "1", "1")


@pytest.fixture
def plug(ports):
    held = []

    def attach(script="", sleep=None, **files):
        recorder = Virtual(Slept() if sleep is None else sleep).attach(made(ports, script, **files))
        held.append(recorder)
        return recorder

    yield attach
    for recorder in held:
        recorder.release()


def opened(recorder, name="a"):
    return recorder.open_file(
        next(f for f in recorder.list_files().files if f.path == name.encode())
    )


def read(file, size=4):
    buffer = memoryview(bytearray(size))
    return bytes(buffer[: file.readinto(buffer)])


def said(recorder, now=NOW):
    return {reading.kind: reading.value for reading in recorder.readings(now)}


def test_a_recorder_is_who_its_script_says(plug):
    identity = plug('number = "DSJ-1"\nmodel = "V1"\nserial = "S"\nvolume = "U"').identify()
    assert (identity.device_number, identity.model) == ("DSJ-1", "V1")
    assert (identity.serial, identity.volume) == ("S", "U")


def test_what_the_script_leaves_out_is_unknown(plug):
    assert {reading.confidence for reading in plug().readings(NOW)} == {"unknown"}


def test_readings_are_what_the_script_says(plug):
    recorder = plug("battery_percent=41\nclock_offset_seconds=420\ncapacity_bytes=100", a=b"1234")
    assert said(recorder) == {
        "battery_percent": 41,
        "clock_offset_ms": 420_000,
        "free_bytes": 96,
        "total_bytes": 100,
    }


@pytest.mark.parametrize(("script", "bounds"), [("clock_offset_seconds=420", 0), ("", None)])
def test_a_clock_is_told_exactly_or_not_at_all(plug, script, bounds):
    told = {one.kind: one for one in plug(script).readings(NOW)}
    assert told["clock_offset_ms"].uncertainty == bounds


def test_a_card_that_is_more_than_full_has_no_space(plug):
    assert said(plug("capacity_bytes=3", a=b"1234"))["free_bytes"] == 0


def test_a_docked_recorder_charges_up_to_full(plug):
    recorder = plug("battery_percent=50\ncharging_percent_per_minute=2")
    later = [NOW + timedelta(minutes=minutes) for minutes in (0, 10, 60)]
    assert [said(recorder, now)["battery_percent"] for now in later] == [50, 70, 100]


def test_a_clock_that_was_set_stays_set_after_docking_again(plug, ports):
    assert plug("clock_offset_seconds=420").set_clock(NOW)
    (ports / "1").unlink()
    assert said(plug("clock_offset_seconds=420"))["clock_offset_ms"] == 0


def test_what_is_kept_of_the_clock_is_not_among_the_files(plug):
    recorder = plug("clock_offset_seconds=420", a=b"x")
    recorder.set_clock(NOW)
    assert [file.path for file in recorder.list_files().files] == [b"a"]


def test_a_file_is_read_as_it_is(plug):
    file = opened(plug(a=b"footage"))
    assert [read(file), read(file), read(file)] == [b"foot", b"age", b""]
    assert file.unchanged()
    file.close()


def test_an_unreadable_file_is_read_up_to_where_it_breaks(plug):
    file = opened(plug('faults.unreadable = [{path="a", offset=6}]', a=b"footage"))
    assert read(file) + read(file) == b"footag"
    with pytest.raises(FileUnreadableError) as raised:
        read(file)
    assert raised.value.fields == {"name": "a", "offset": 6, "reason": "EIO"}
    file.close()


def test_the_files_beside_an_unreadable_one_are_whole(plug):
    file = opened(plug('faults.unreadable = [{path="b"}]', a=b"foot", b=b"age"))
    assert read(file) == b"foot"
    file.close()


def test_a_changing_file_is_never_as_it_was_listed(plug):
    file = opened(plug('faults.changing = ["a"]', a=b"foot"))
    assert (read(file), file.unchanged()) == (b"foot", False)
    file.close()


def test_a_slow_recorder_takes_its_time_in_small_steps(plug):
    slept = Slept()
    file = opened(plug("faults.bytes_per_second = 20", slept, a=b"footage"))
    assert (read(file), read(file)) == (b"fo", b"ot")
    assert slept == [0.1, 0.1]
    file.close()


def test_a_recorder_that_vanishes_is_gone_after_so_many_bytes(plug, ports):
    recorder = plug("faults.vanishes_after_bytes = 6", a=b"footage")
    file = opened(recorder)
    assert read(file) + read(file) == b"footag"
    with pytest.raises(RecorderGoneError):
        read(file)
    assert not os.path.lexists(ports / "1")
    file.close()


def test_a_recorder_pulled_out_is_gone_whatever_it_is_asked(plug, ports):
    recorder = plug(a=b"footage")
    file = opened(recorder)
    (ports / "1").unlink()
    for ask in (
        lambda: read(file),
        recorder.list_files,
        lambda: recorder.readings(NOW),
        lambda: recorder.set_clock(NOW),
    ):
        with pytest.raises(RecorderGoneError):
            ask()
    file.close()


def test_another_recorder_in_the_port_is_not_this_one(plug, ports):
    file = opened(plug(a=b"footage"))
    (ports / "1").unlink()
    (ports / "1").mkdir()
    with pytest.raises(RecorderGoneError):
        read(file)
    file.close()


def test_a_link_in_the_files_is_refused(plug, ports):
    recorder = plug(a=b"x")
    (ports / "1" / "files" / "link").symlink_to("/etc/passwd")
    assert [item.reason for item in recorder.list_files().refused] == ["symlink"]


def test_it_is_cleared_of_exactly_the_files_it_is_told(plug):
    recorder = plug(a=b"x", b=b"y")
    first, second = recorder.list_files().files
    recorder.clear([first], lambda: None)
    recorder.take_afresh()
    assert (recorder.can_clear, recorder.list_files().files) == (True, (second,))


@pytest.mark.parametrize(
    "script",
    ["number =", "numbr = 'x'", "battery_percent = 'full'", "faults.unreadable = [{offset=1}]"],
)
def test_a_script_that_says_something_else_names_the_fault(plug, script):
    with pytest.raises(SettingsError) as raised:
        plug(script)
    assert "recorder.toml" in str(raised.value)


def test_a_script_that_is_no_text_is_a_settings_error(ports):
    device = made(ports)
    (ports / "1" / "recorder.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError):
        Virtual().attach(device)


def test_a_recorder_without_files_cannot_be_opened(ports):
    device = made(ports)
    (ports / "1" / "files").rmdir()
    with pytest.raises(MountError):
        Virtual().attach(device)


def test_a_recorder_that_went_before_it_was_opened_is_gone(ports):
    device = made(ports)
    (ports / "1").unlink()
    with pytest.raises(RecorderGoneError):
        Virtual().attach(device)


def test_only_virtual_recorders_are_served():
    served = [
        Virtual().recognise(Device("p", kind, Path("x"), "")) for kind in ("virtual", "block")
    ]
    assert served == [True, False]


def test_names_mark_what_they_would_on_a_card(plug):
    files = {"20260804_100000_IMP.mp4": b"x", "20260804_100000.nmea": b"y"}
    log, video = plug(**files).list_files().files
    assert (video.mark.important, log.mark.sidecar_of) == ("name", video.path)
