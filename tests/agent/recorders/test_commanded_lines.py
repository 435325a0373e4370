"""Recorders on a line, spoken with by the driver: over a pseudo-terminal, and through adb."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device
from agent.families import FAMILIES
from agent.recorders.commanded import Commanded, Time, Ways
from agent.ways import ways
from contracts.errors import RecorderGoneError, RecorderSilentError, SwitchRefusedError
from contracts.text import Text
from tests.support.declared import RECORDERS, TEXT
from tests.support.emulators.adb_server import AdbServer
from tests.support.emulators.e12 import E12 as E12Recorder  # noqa: N811
from tests.support.emulators.serial_recorder import TextRecorder
from tests.support.emulators.zzx import Zzx as ZzxRecorder
from tests.support.listening import SerialPort, tcp_port

BEIJING = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ANDROID = {"zzx": (ZzxRecorder, {"password": "123456"}), "e12": (E12Recorder, {})}


def speaker(family, transport, options):
    language = Language(family, transport, options)
    match = Match(kinds=("serial", "usb"), usb=("0403:6001",))
    profile = Profile("shown", Text("示例", "Example"), match, language)
    time = Time(lambda: NOW, BEIJING, lambda: 0.0, lambda seconds: None)
    return Commanded((profile,), Ways(FAMILIES, ways()), time)


def device(*lines, serial=None):
    return Device(
        port="usb-0:9", kind="other", node=Path("/dev/bus/usb/001/002"), description="FT232",
        vendor_id="0403", model_id="6001", classes=("ff",), lines=lines, serial=serial,
        usb=Path("/dev/bus/usb/001/002"),
    )  # fmt: skip


def values(recorder):
    return {reading.kind: reading.value for reading in recorder.readings(NOW)}


@pytest.mark.parametrize("which", RECORDERS)
def test_a_recorder_on_a_serial_line_tells_all_it_can(which):
    options, made = RECORDERS[which]
    emulated = made()
    with SerialPort() as port:
        port.answer(emulated)
        recorder = speaker("grammar", "serial", options).speak(device(port.node)).conversation
        assert recorder.identify().device_number == "DSJ0001"
        told = values(recorder)
        assert (told["battery_percent"], told["free_bytes"]) == (87, 20480 << 20)
        assert abs(told["clock_offset_ms"] - 1805_000) <= 1000  # 18:30:05 for 18:00:00
        assert recorder.set_clock(NOW)
        assert abs(values(recorder)["clock_offset_ms"]) <= 1000
        recorder.switch()
        recorder.release()
    assert emulated.is_disk


@pytest.mark.parametrize("family", ANDROID)
def test_an_android_recorder_tells_all_it_can_through_adb(family):
    made, options = ANDROID[family]
    emulated = made(password="123456") if family == "zzx" else made()  # noqa: S106
    server = AdbServer({"A1": {10086: emulated}})
    with tcp_port(server.connection) as port:
        adb = {"port": 10086, "server_port": port}
        spoken = speaker(family, "adb", {**options, "adb": adb}).speak(device(serial="A1"))
        recorder = spoken.conversation
        assert recorder.identify().device_number == "DSJ0001"
        assert values(recorder)["battery_percent"] == 87
        assert recorder.set_clock(NOW)
        assert abs(values(recorder)["clock_offset_ms"]) <= 1000
        warned = [finding.code for finding in recorder.remarks()]
        assert warned == (["default_password"] if family == "zzx" else [])
        recorder.switch()
        recorder.release()
    assert emulated.is_disk


def test_a_disk_whose_debugging_is_off_is_left_to_be_read():
    shown = replace(device(serial="A1"), kind="block")
    with tcp_port(AdbServer().connection) as port:
        options = {"adb": {"port": 10086, "server_port": port}}
        assert speaker("e12", "adb", options).speak(shown).unanswered == ("shown",)


def test_one_that_records_refuses_to_become_a_disk_and_that_is_said():
    emulated = ZzxRecorder()
    emulated.is_recording = True
    with tcp_port(AdbServer({"A1": {10086: emulated}}).connection) as port:
        options = {"password": emulated.password, "adb": {"port": 10086, "server_port": port}}
        recorder = speaker("zzx", "adb", options).speak(device(serial="A1")).conversation
        with pytest.raises(SwitchRefusedError):
            recorder.switch()
        recorder.release()


def test_a_line_that_answers_in_no_language_is_a_recorder_that_is_silent():
    with SerialPort() as port, pytest.raises(RecorderSilentError):
        speaker("grammar", "serial", TEXT).speak(device(port.node))


def test_a_line_another_program_has_leaves_the_recorder_silent():
    with SerialPort() as port:
        port.answer(TextRecorder())
        held = speaker("grammar", "serial", TEXT).speak(device(port.node)).conversation
        with pytest.raises(RecorderSilentError):
            speaker("grammar", "serial", TEXT).speak(device(port.node))
        held.release()


def test_a_line_pulled_out_while_it_is_asked_is_gone():
    with SerialPort() as port:
        port.answer(TextRecorder())
        recorder = speaker("grammar", "serial", TEXT).speak(device(port.node)).conversation
        port.pull_out()
        with pytest.raises(RecorderGoneError):
            recorder.identify()
        recorder.release()
