"""`muster-agent ask`: one conversation with one device, as people and programs see it."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from tests.support.declared import BADGE_PROFILE, BOARD_PROFILE, TEXT_PROFILE
from tests.support.emulators.adb_server import AdbServer
from tests.support.emulators.serial_recorder import BadgeReader, ChargeBoard, TextRecorder
from tests.support.emulators.zzx import PASSWORD
from tests.support.emulators.zzx import Zzx as ZzxRecorder
from tests.support.listening import SerialPort, tcp_port

ROOT = Path(__file__).parents[2]
HEAD = """
name = "{name}"
title = {{ zh = "示例", en = "Example" }}

[match]
kinds = ["serial"]
usb = ["0403:6001"]
ports = ["*-usb-0:9"]

"""
ZZX = """
[language]
family = "zzx"
transport = "adb"
options.password = "{password}"
options.adb = {{ port = 18086, broadcast = "com.zzx.sdk", server_port = {port} }}
"""


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "recorders"
    folder.mkdir()
    return folder


def asked(own, *arguments):
    station = (ROOT / "config/station.toml").read_text(encoding="utf-8")
    config = own.parent / "station.toml"
    config.write_text(station.replace("[folders]", f'[folders]\nrecorders = "{own}"'))
    return CliRunner().invoke(main, ["ask", "--config", str(config), *map(str, arguments)])


def declare(own, name, options):
    (own / f"05-{name}.toml").write_text(HEAD.format(name=name) + options)


def test_a_serial_recorder_is_asked_with_nothing_but_its_file(own):
    declare(own, "text", TEXT_PROFILE)
    recorder = TextRecorder(baud=9600)
    with SerialPort() as port:
        port.answer(recorder)
        done = asked(own, "--profile", "text", "--device", port.node)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "编号 / number: DSJ0001 (reported, grammar)",
        "序列号 / serial: BWC0000123 (reported, grammar)",
        "型号 / model: V1 (reported, grammar)",
        "电量 / battery: 87 % (reported, grammar)",
        "时钟 / clock: 2026-11-22 18:30:05 (reported, grammar)",
        "剩余 / free: 21474836480 ±1048576 B (reported, grammar)",
        "容量 / capacity: 31914459136 ±1048576 B (reported, grammar)",
    ]
    assert not recorder.is_disk
    assert recorder.clock == "20261122183005"


def test_a_board_in_a_dock_is_read_by_programs(own):
    declare(own, "board", BOARD_PROFILE)
    with SerialPort() as port:
        port.answer(ChargeBoard())
        board = asked(own, "--profile", "board", "--device", port.node, "--json")
    told = {one["fact"]: one for one in json.loads(board.output)}
    assert (told["charge_current"]["value"], told["charge_current"]["unit"]) == (512.0, "mA")
    assert told["battery_percent"]["confidence"] == "unknown"


def test_a_badge_that_is_shown_is_read(own):
    declare(own, "badge", BADGE_PROFILE)
    with SerialPort() as port, ThreadPoolExecutor() as pool:
        asking = pool.submit(asked, own, "--profile", "badge", "--device", port.node)
        while not asking.done():
            port.say(BadgeReader().shown("0004711815"))
            wait([asking], timeout=0.2)
    assert asking.result().output.splitlines()[-1] == "badge: 0004711815 (reported, grammar)"


def test_what_is_unknown_says_why(own):
    declare(own, "text", TEXT_PROFILE)
    recorder = TextRecorder(baud=9600)
    recorder.battery = 255
    with SerialPort() as port:
        port.answer(recorder)
        done = asked(own, "--profile", "text", "--device", port.node)
    why = (
        "电量 / battery: 未知 / unknown (不成值或超出范围 / no value, or out of range: 'BAT=255%')"
    )
    assert why in done.output.splitlines()


class Odd(TextRecorder):
    """Says its battery in words, and its clock with a wrong checksum."""

    def line(self, said):
        if b"BAT" in said:
            return self.framed(b"BAT=lots")
        if b"TIME" in said:
            return b"$TIME=20261122183005*00\r\n"
        return super().line(said)


class Leaving(TextRecorder):
    """Hangs up when it is asked for its room."""

    def line(self, said):
        if b"DISK" in said:
            raise OSError
        return super().line(said)


def test_an_answer_that_cannot_be_used_says_why(own):
    declare(own, "text", TEXT_PROFILE)
    with SerialPort() as port:
        port.answer(Odd(baud=9600))
        done = asked(own, "--profile", "text", "--device", port.node)
    assert "未知 / unknown (回答与样式不符 / the answer does not fit: 'BAT=lots')" in done.output
    assert "时钟 / clock: 未知 / unknown (校验和或帧不符 / wrong checksum or frame)" in done.output


def test_what_was_told_before_the_line_closed_is_printed(own):
    with tcp_port(Leaving) as port:
        lan = f'[language.options.tcp]\nhost = "127.0.0.1"\nport = {port}\n'
        text = TEXT_PROFILE.replace('transport = "serial"', 'transport = "tcp"')
        declare(own, "lan", f"{text}\n{lan}")
        done = asked(own, "--profile", "lan")
    assert done.exit_code == 2
    assert "编号 / number: DSJ0001 (reported, grammar)" in done.output
    assert "[gone_while_asked]" in done.output


def test_without_settings_it_is_said_that_only_the_shipped_profiles_were_read(monkeypatch):
    monkeypatch.setattr("agent.cli._CONFIG", ROOT / "nowhere")
    done = CliRunner().invoke(main, ["ask", "--profile", "own"])
    assert (done.exit_code, "only those shipped were read: --config" in done.output) == (2, True)


def test_an_android_recorder_is_asked_through_adb(own):
    server = AdbServer({"A1": {}})
    server.opens = {"A1": ZzxRecorder()}
    with tcp_port(server.connection) as port:
        declare(own, "zzx", ZZX.format(password=PASSWORD, port=port))
        done = asked(own, "--profile", "zzx", "--serial", "A1")
    assert done.exit_code == 0, done.output
    assert "密码 / password: 接受 / accepted" in done.output
    assert "时钟 / clock: 2026-11-22 10:00:00+00:00 (reported, ZZX GetDevTime)" in done.output
    assert PASSWORD not in done.output


def test_what_does_not_answer_is_said_not_to(own):
    declare(own, "text", TEXT_PROFILE)
    with SerialPort() as port:
        done = asked(own, "--profile", "text", "--device", port.node)
    assert done.exit_code == 2
    assert "[recorder_silent]" in done.output


def test_a_profile_that_is_not_known_is_said_with_those_that_are(own):
    (own / "05-bad.toml").write_text("colour = 1")
    done = asked(own, "--profile", "androidzzx")
    assert done.exit_code == 2
    for words in ("没有型号档案 'androidzzx'", "did you mean: android-zzx?", "colour: 没有这一项"):
        assert words in done.output


@pytest.mark.parametrize("profile", ["generic-msc", "mtp"])
def test_a_card_or_camera_cannot_be_asked_and_it_is_said_what_to_do_instead(own, profile):
    done = asked(own, "--profile", profile)
    assert done.exit_code == 2
    assert "[not_askable]" in done.output
    assert "record-fixture" in done.output


@pytest.mark.parametrize(
    ("profile", "option"), [("novatek-text", "--device"), ("android-zzx", "--serial")]
)
def test_what_is_missing_to_say_which_device_is_meant_is_named(own, profile, option):
    done = asked(own, "--profile", profile)
    assert done.exit_code == 2
    assert f"{option} must say which device it is" in done.output
