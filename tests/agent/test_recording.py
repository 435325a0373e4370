"""`muster-agent record-fixture`: what it writes, adds, refuses and says."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.core.admission import as_foreseen
from agent.core.fixture import parse
from agent.core.recorder import Device
from agent.mounting import mount_read_only
from agent.recorders.massstorage import MassStorage
from agent.recording import Means, found, record, write
from agent.ways import ways
from contracts.errors import (
    FixtureTakenError,
    NothingPluggedInError,
    RecorderGoneError,
    RecorderSilentError,
    TransportError,
)
from tests.acceptance.test_station_cards import card as image
from tests.acceptance.test_station_cards import reader
from tests.recorders.construct import (
    HERE,
    LAN,
    OWN,
    PLUG,
    SERIAL,
    construct,
    pictures,
    plug,
    profiles,
)
from tests.recorders.construct import card as disk
from tests.support.disks import ZONE
from tests.support.emulated import Emulated
from tests.support.emulators.adb_server import AdbServer
from tests.support.emulators.e12 import E12
from tests.support.emulators.novatek import Novatek
from tests.support.emulators.ptp_usb import Fault, Plug
from tests.support.emulators.zzx import PASSWORD, Zzx
from tests.support.listening import tcp_port
from tests.support.ptp_wire import Wire as Cable
from tests.support.running_agent import World, running
from tests.support.vendor_library import compiled
from tests.support.wire import Says, Wire

LOST = Fault("number")
FILES = {
    "PARAM.INI": b"[ZFY]\r\nDevNo=DSJ0042\r\n",
    "DCIM/DSJ0042_031477_20260804_100000.mp4": b"footage",
}
ALL = profiles("novatek-text", {})


def recorded(recorder, **more):
    device = plug("0603:8611", "NOVATEK NTK96550", has_line=False)
    means = Means({"scsi": lambda *_: Emulated(recorder)}, lambda: 0.0, "test")
    return record(device, ALL, means, None)


def ran(output, *arguments):
    return CliRunner().invoke(main, ["record-fixture", "--output", str(output), *arguments])


def test_a_card_is_recorded_without_its_footage_or_its_number(tmp_path):
    with reader() as one:
        one.insert(image(tmp_path, FILES))
        done = ran(tmp_path / "a.fixture", "--port", one.port)
    assert done.exit_code == 0, done.output
    assert "已隐去 / hidden: " in done.output
    said = (tmp_path / "a.fixture").read_text(encoding="utf-8")
    assert "DSJ0042" not in said
    assert b"footage".hex() not in said
    names = [one.name for one in parse(said, "a").entries]
    assert "DCIM/DSJ0001_000003_20260804_100000.mp4" in names


def test_a_card_recorded_twice_into_one_file_is_refused_with_what_to_do(tmp_path):
    file = tmp_path / "a.fixture"
    with reader() as one:
        one.insert(image(tmp_path, FILES))
        ran(file, "--port", one.port)
        before = file.read_bytes()
        again = ran(file, "--port", one.port)
    assert (again.exit_code, file.read_bytes()) == (2, before)
    assert "已有一张存储卡 / it has a card already" in again.output
    assert "[fixture_taken]" in again.output
    assert "--output" in again.output


def test_one_part_hidden_and_the_other_not_do_not_go_into_one_file(tmp_path):
    file = tmp_path / "a.fixture"
    write(recorded(Novatek()), file, scrub=True)
    with reader() as one:
        one.insert(image(tmp_path, FILES))
        done = ran(file, "--port", one.port, "--no-scrub")
    assert (done.exit_code, "one hides numbers" in done.output) == (2, True)


def test_a_loop_device_is_no_hardware_and_its_image_s_path_is_kept_out(tmp_path):
    file = tmp_path / "a.fixture"
    with reader() as one:
        one.insert(image(tmp_path, FILES))
        assert ran(file, "--port", one.port, "--no-scrub").exit_code == 0
    said = parse(file.read_text(encoding="utf-8"), "a")
    assert said.head.origin == "constructed"
    assert said.plug.description == one.port.removeprefix("loop:")


def test_a_folder_that_is_not_there_is_said_before_anything_is_read(tmp_path):
    done = ran(tmp_path / "nowhere" / "a.fixture", "--port", "usb-nowhere")
    assert (done.exit_code, "there is no such folder" in done.output) == (2, True)


def test_the_officer_s_number_is_hidden_in_names_and_what_is_kept_of_them_is_listed(tmp_path):
    file = tmp_path / "a.fixture"
    ini = b"[ZFY]\r\nDevNo=KSTR-2207\r\nUserNo=P0317\r\n"
    files = {"PARAM.INI": ini, "CHEN/KSTR2207_P0317_20260804_100000.mp4": b"footage"}
    with reader() as one:
        one.insert(image(tmp_path, files))
        done = ran(file, "--port", one.port)
    said = file.read_text(encoding="utf-8")
    assert done.exit_code == 0, done.output
    assert [word for word in ("2207", "0317") if word in said] == []
    (kept,) = [line for line in done.output.splitlines() if line.startswith("路径中保留的")]
    assert "CHEN" in kept


def test_nothing_is_hidden_only_where_that_is_asked_for(tmp_path):
    with reader() as one:
        one.insert(image(tmp_path, FILES))
        done = ran(tmp_path / "a.fixture", "--device", one.node, "--no-scrub")
    assert done.exit_code == 0, done.output
    assert "! 未隐去任何内容" in done.output
    assert "DSJ0042" in (tmp_path / "a.fixture").read_text(encoding="utf-8")


def test_a_place_where_nothing_is_plugged_in_is_said(tmp_path):
    done = ran(tmp_path / "a.fixture", "--port", "usb-nowhere")
    assert (done.exit_code, "Nothing is plugged in at usb-nowhere" in done.output) == (2, True)
    assert "muster-agent recorders" in done.output
    assert not (tmp_path / "a.fixture").exists()


@pytest.mark.parametrize("arguments", [(), ("--port", "a", "--device", "b")])
def test_one_place_is_to_be_named(tmp_path, arguments):
    assert ran(tmp_path / "a.fixture", *arguments).exit_code == 2


def test_only_read_type_requests_are_sent():
    recorder = Novatek()
    recorded(recorder)
    assert recorder.mode == "command"
    assert not [text for text in recorder.said if text.startswith(b"@Ner")]


def test_what_answers_in_no_language_and_is_no_disk_is_said():
    with pytest.raises(RecorderSilentError, match="novatek-text"):
        recorded(Novatek(fault="silent"))


def exchanged(fixture):
    """Return what was asked and answered, without how long it took."""
    return [(one.fact, one.asked, one.answer, one.why) for one in fixture.exchanges]


def constructed(name):
    file = HERE / f"{name}.fixture"
    return exchanged(parse(file.read_text(encoding="utf-8"), name))


def recorded_over(usb, known, node=PLUG):
    """Record over the real ways, whatever the kernel would say of the plug."""
    device = replace(plug(usb, "", has_line=False), usb=node)
    return record(device, known, Means(ways(), lambda: 0.0, "test"), None)


def test_over_a_real_tcp_line_the_same_is_recorded(tmp_path):
    with tcp_port(E12) as port:
        own = {**LAN, "tcp": {"host": "127.0.0.1", "port": port}}
        made = recorded_over("2207:0006", profiles("lan-e12", own, *OWN["lan-e12"])[:1])
    assert exchanged(made.scrubbed()) == constructed("e12-tcp")
    assert write(made, tmp_path / "a.fixture", scrub=True)
    assert "127.0.0.1" not in (tmp_path / "a.fixture").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["zzx", "e12"])
def test_over_a_real_adb_server_the_same_is_recorded(monkeypatch, name):
    monkeypatch.setattr("agent.transports.adb.OPENING_SECONDS", 0)
    port, made = {"zzx": (18086, Zzx), "e12": (10086, E12)}[name]
    server = AdbServer({SERIAL: {port: made()}})
    with tcp_port(server.connection) as server_port:
        adb = {"server_port": server_port}
        zzx = {"port": 18086, "broadcast": "com.zzx.sdk"} | adb
        known = profiles("android-zzx", {"adb": zzx, "password": PASSWORD})
        known = profiles("android-e12", {"adb": {"port": 10086} | adb}, known=known)
        told = recorded_over("18d1:4ee7", known)
    assert exchanged(told.scrubbed()) == constructed(name)


def test_who_wears_it_is_masked_in_any_letters():
    worn = E12()
    worn.person, worn.police, worn.unit_name = "LI SI", "31", "Unit Seven"
    known = profiles("lan-e12", LAN, *OWN["lan-e12"])[:1]
    means = Means({"tcp": lambda *_: Wire(worn)}, lambda: 0.0, "test")
    made = record(plug("2207:0006", "", has_line=False), known, means, None)
    whole = b"".join(bytes.fromhex(one.answer or "") for one in made.scrubbed().exchanges)
    assert (b"LI SI" in whole, b"Seven" in whole, b"XXXXX\0" in whole) == (False, False, True)


class Silent(Says):
    """Hangs up at once."""

    is_over = True


def test_a_recorder_that_hangs_up_on_every_language_is_said():
    with tcp_port(lambda: Silent(b"")) as port:
        own = {**LAN, "tcp": {"host": "127.0.0.1", "port": port}}
        known = profiles("lan-e12", own, *OWN["lan-e12"])[:1]
        with pytest.raises(RecorderGoneError):
            recorded_over("2207:0006", known)


def pictured(end, **faults):
    """Record a camera, its end of the cable given."""
    end.faults = {int(code[1:], 16): fault for code, fault in faults.items()}
    device = replace(plug("04b0:0001", "", has_line=False), classes=("06",))
    means = Means({"usb": lambda *_: Cable(end)}, lambda: 0.0, "test")
    return record(device, ALL, means, None)


def test_a_camera_is_only_asked_what_it_is_and_lists():
    end = Plug(pictures(3000))
    pictured(end)
    read_only = {*range(0x1001, 0x1009), 0x1014, 0x1015, 0x9803} - {0x1006}
    assert end.recorder.codes() <= read_only
    assert (end.recorder.session, len(end.recorder.things)) == (None, 5)


@pytest.mark.parametrize("fact", ["x1015", "x1005"])
def test_a_camera_whose_session_is_lost_over_one_fact_is_asked_the_next(fact):
    made = pictured(Plug(pictures(3000)), **{fact: Fault("number")})
    assert len(made.fixture.entries) == 3


def test_a_camera_that_lists_nothing_or_opens_no_session_any_more_is_recorded_so_far(tmp_path):
    made = pictured(Plug(pictures(3000)), x1007=Fault("silent", 9))
    said = write(made, tmp_path / "a.fixture", scrub=True)
    assert (made.fixture.entries, any(line.startswith("! 隐去后") for line in said)) == ((), True)
    gone = pictured(Plug(pictures(3000, refusals={0x1002: [0x2001, *[0x2002] * 9]})), x1015=LOST)
    assert {one.fact for one in gone.fixture.exchanges} == {"probe", "battery"}


def test_a_camera_that_answers_nothing_is_said():
    with pytest.raises(RecorderSilentError, match="ptp"):
        pictured(Plug(pictures(3000)), x1002=Fault("silent", 9))


@pytest.mark.parametrize(("wrong", "facts"), [((), 1), (("CRASHES",), 0)])
def test_a_library_is_called_in_its_process_and_may_die_there(tmp_path, wrong, facts):
    own = compiled(tmp_path, *wrong)
    known = profiles("maker-library", own, *OWN["maker-library"])[:1]
    made = recorded_over("abcd:0002", known, tmp_path)
    called = {one.asked["function"] for one in made.fixture.exchanges}
    reading = {"Init_Device", "GetIDCode", "GetZFYInfo", "ReadDeviceBatteryDumpEnergy"}
    assert called == reading
    (battery,) = [one for one in made.fixture.exchanges if one.fact == "battery"]
    assert (battery.answer is not None) == bool(facts)
    assert made.scrubbed().head.options["path"] == "/library.so"


def closed(device, options):
    raise TransportError(node=device.port, reason="taken")


def test_a_disk_is_listed_though_its_line_cannot_be_opened_and_what_is_none_says_why(tmp_path):
    device = plug("0603:8611", "NOVATEK NTK96550", has_line=False)
    means = Means({"scsi": closed}, lambda: 0.0, "test")
    with pytest.raises(TransportError):
        record(device, ALL, means, None)
    with disk({"a.mp4": b"a"}, device) as shown:
        driver = MassStorage(tmp_path, mount_read_only, ALL, ZONE)
        listed = record(replace(shown, inquiry=device.inquiry), ALL, means, driver.attach)
    assert [one.path for one in listed.fixture.entries] == [b"a.mp4".hex()]


def test_a_device_is_found_by_its_port_or_any_of_its_nodes():
    device = Device("usb-0:5", "other", PLUG, "x", lines=(PLUG / "ttyUSB0",))
    for at in ("usb-0:5", str(PLUG), str(PLUG / "ttyUSB0")):
        assert found([device], at) is device
    with pytest.raises(NothingPluggedInError):
        found([device], "usb-0:6")


def test_a_device_the_kernel_does_not_let_in_is_not_opened():
    plug_ = Device("usb-0:5", "other", PLUG, "x", classes=("ff",), usb=PLUG)
    with pytest.raises(TransportError, match="not let in"):
        found([as_foreseen(plug_)], "usb-0:5")


def test_a_dock_is_left_to_the_agent_as_long_as_it_runs(tmp_path):
    world, file = World(tmp_path), tmp_path / "a.fixture"
    with reader() as one:
        world.write(one.port)
        one.insert(image(tmp_path, FILES))
        own = ("--config", str(world.config))
        with running(world) as agent:
            agent.settled()
            held = [ran(file, *own, *at) for at in (("--port", one.port), ("--device", one.node))]
        done = ran(file, *own, "--port", one.port)
    for refused in held:
        assert (refused.exit_code, "占用此工位" in refused.output) == (2, True)
        assert "the agent holds this dock" in refused.output
    assert (done.exit_code, file.exists()) == (0, True)


def test_a_port_that_is_no_dock_is_recorded_while_the_agent_runs(tmp_path):
    world, file = World(tmp_path), tmp_path / "a.fixture"
    with reader() as one:
        world.write()
        one.insert(image(tmp_path, FILES))
        with running(world):
            done = ran(file, "--config", str(world.config), "--port", one.port)
    assert (done.exit_code, file.exists()) == (0, True)


def test_a_card_is_added_to_a_dialogue_once_and_nothing_else_is(tmp_path):
    file = tmp_path / "a.fixture"
    write(recorded(Novatek()), file, scrub=True)
    with pytest.raises(FixtureTakenError, match="only a card"):
        write(recorded(Novatek()), file, scrub=True)
    construct("novatek", tmp_path)
    whole = parse((tmp_path / "novatek.fixture").read_text(encoding="utf-8"), "a")
    assert (len(whole.exchanges) > 0, len(whole.entries)) == (True, 5)


def test_what_is_too_short_to_hide_is_said(tmp_path):
    said = write(recorded(Novatek(number="A1")), tmp_path / "a.fixture", scrub=True)
    (warned,) = [line for line in said if line.startswith("! 太短")]
    assert "'A1' (行 / line " in warned
    assert "(exchange identity)" in warned
    said = write(recorded(Novatek()), tmp_path / "b.fixture", scrub=False)
    assert any(line.startswith("! 未隐去") for line in said)


def test_each_line_is_json_that_says_what_it_is(tmp_path):
    write(recorded(Novatek()), tmp_path / "a.fixture", scrub=True)
    lines = (tmp_path / "a.fixture").read_text(encoding="utf-8").splitlines()
    kinds = [next(iter(json.loads(line))) for line in lines]
    assert kinds[:2] == ["head", "plug"]
    assert set(kinds[2:]) == {"exchange"}
