"""`muster-agent recorders`: what is known and what is plugged in, for people and programs."""

import json
import subprocess
from pathlib import Path

import pytest

from agent.catalogue import document, padded, text
from agent.core.profile import Language, Match, Profile
from agent.profiles import Loaded, shipped
from contracts.text import Text
from tests.acceptance.test_station_cards import card, reader
from tests.support import loaded
from tests.support.emulators.zzx import PASSWORD
from tests.support.running_agent import PROGRAM, World

RECORDED = Path(__file__).parent / "umockdev"
OWN = """
name = "own"
title = { zh = "自有", en = "Own" }
match = { usb = ["1234:5678"] }
facts = { battery = { how = "a file", confirmed = true } }
warnings = [{ zh = "小心", en = "Beware" }]
"""


def tell(*arguments, device=None):
    if device is None:
        return loaded.run("muster-agent", "recorders", *arguments)
    beside = ("umockdev-run", "--device", str(RECORDED / f"{device}.umockdev"), "--")
    command = (*beside, str(PROGRAM), "recorders", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def config(tmp_path):
    """Return the settings of a station with profiles of its own, one of them malformed."""
    world = World(tmp_path)
    own = tmp_path / "recorders"
    own.mkdir()
    (own / "05-own.toml").write_text(OWN)
    (own / "06-bad.toml").write_text(OWN.replace('"own"', '"bad"').replace("usb", "vid"))
    world.write("virtual:1", "pci-0000:00:04.0-usb-0:5")
    text = world.config.read_text()
    world.config.write_text(text.replace("[folders]", f'[folders]\nrecorders = "{own}"'))
    return world.config


def test_without_settings_all_that_is_shipped_is_listed():
    done = tell("--json", device="usb_stick")
    said = json.loads(done.stdout)
    assert done.returncode == 0, done
    assert len(said["profiles"]) == len(list(shipped().iterdir()))
    assert said["refused"] == []


def test_what_is_plugged_in_is_told_with_what_would_be_tried():
    (stick,) = json.loads(tell("--json", device="usb_stick").stdout)["devices"]
    assert stick["port"] == "pci-0000:00:04.0-usb-0:5"
    assert (stick["dock"], stick["refused"], stick["profiles"]) == (None, None, ["generic-msc"])
    (card,) = json.loads(tell("--json", device="network_adapter").stdout)["devices"]
    assert (card["refused"], card["profiles"]) == ("not_a_recorder", [])


def test_a_station_s_own_profiles_and_docks_are_told_and_the_malformed_one_is_named(config):
    done = tell("--config", str(config), "--json", device="usb_stick")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert "own" in [profile["name"] for profile in said["profiles"]]
    (refused,) = said["refused"]
    assert refused["file"].endswith("06-bad.toml")
    assert refused["problems"] == ["match.vid: 没有这一项 / there is no such key"]
    assert [one["dock"] for one in said["devices"]] == [2]


def test_a_loop_device_that_is_a_dock_is_told_and_no_other(tmp_path):
    world = World(tmp_path)
    with reader() as one, reader() as other:
        world.write(one.port)
        one.insert(card(tmp_path, {"PARAM.INI": b"[ZFY]"}))
        other.insert(card(tmp_path, {"PARAM.INI": b"[ZFY]"}, "other.img"))
        said = json.loads(tell("--config", str(world.config), "--json").stdout)
    loops = [seen for seen in said["devices"] if seen["port"].startswith("loop:")]
    assert [(seen["port"], seen["dock"]) for seen in loops] == [(one.port, 1)]


def test_a_password_in_a_profile_is_not_printed():
    language = Language("zzx", "adb", {"password": PASSWORD, "adb": {"port": 1}})
    profile = Profile("own", Text("自有", "Own"), Match(usb=("1234:5678",)), language)
    loaded = Loaded((profile,))
    said = json.dumps(document(loaded, ())) + "\n".join(text(loaded, ()))
    assert '"zzx"' in said
    assert PASSWORD not in said


def test_people_read_the_same_in_both_languages(config):
    said = tell("--config", str(config), device="usb_stick").stdout
    for words in (
        "拒绝 / refused: 1",
        "自有 / Own",
        "! 小心 / Beware",
        "未采用 / refused: ",
        "工位 / dock 2, pci-0000:00:04.0-usb-0:5",
        "→ generic-msc",
    ):
        assert words in said
    own = next(line for line in said.splitlines() if line.split()[1:2] == ["own"])
    assert own.split()[2:] == ["-", "+*", *"-" * 7]


def test_a_disk_nobody_bound_is_not_opened_and_a_network_card_is_refused(config):
    said = tell("--config", str(config), device="network_adapter").stdout
    assert "不打开 / not opened: " in said
    assert "[not_a_recorder]" in said


def test_columns_stand_below_one_another_in_chinese_too():
    assert [len(padded(word, 6)) for word in ("身份", "id", "")] == [4, 6, 6]
