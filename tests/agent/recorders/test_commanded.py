"""Recorders asked in their own language: which is tried, what is made of it, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.core.dialogue import Hear
from agent.core.profile import Language, Match, Profile
from agent.core.recorder import Device, Volume
from agent.families import FAMILIES
from agent.recorders.commanded import FACT_SECONDS, Commanded, Time, Ways
from agent.ways import ways
from contracts.errors import (
    NoAnswerError,
    RecorderGoneError,
    RecorderSilentError,
    SwitchRefusedError,
    TransportError,
)
from contracts.text import Text
from tests.support.emulated import Emulated
from tests.support.emulators.amba_ascii import AmbaAscii
from tests.support.emulators.amba_control import AmbaControl
from tests.support.emulators.jieli import Jieli
from tests.support.emulators.novatek import Novatek
from tests.support.emulators.zzx import Zzx
from tests.support.listening import tcp_port
from tests.support.wire import Wire

OWN = "20260804"
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 22, 10, 0, 0, 400_000, tzinfo=UTC)
DISK = Device(
    "usb-0:5", "block", Path("/dev/sda"), "Acme BWC", serial="USB1", vendor_id="0603",
    model_id="8611", classes=("08",), generic=Path("/dev/sg0"), inquiry="NOVATEK NTK96550",
    usb=Path("/dev/bus/usb/001/007"), volumes=(Volume(Path("/dev/sda")),),
)  # fmt: skip
PLUG = replace(
    DISK, kind="other", node=DISK.usb, vendor_id="4255", model_id="0001", classes=("ff",),
    generic=None, inquiry="", volumes=(),
)  # fmt: skip


def profile(name, family, transport="usb", usb="4255:0001", **more):
    options = more.pop("options", {})
    language = Language(family, transport, options, **more)
    return Profile(name, Text("型号", "model"), Match(kinds=("usb",), usb=(usb,)), language)


CONTROL, ASCII = profile("amba-ctrl", "amba_control"), profile("amba-ascii", "amba_ascii")
NOVATEK = profile("novatek-text", "novatek", "scsi", "0603:8611")


class Clock:
    """The station's clock and its waiting, for a test that waits for nothing."""

    def __init__(self):
        self.passed = 0.0

    def now(self):
        self.passed += 0.01
        return START + timedelta(seconds=self.passed)

    def seconds(self):
        return self.passed

    def wait(self, seconds):
        self.passed += seconds


class Ports:
    """Opens the same emulated recorder each time; counts what is open."""

    def __init__(self, recorder, way=Emulated):
        self.recorder, self.way = recorder, way
        self.opened, self.closed = [], 0

    def __call__(self, device, options):
        transport = self.way(self.recorder)
        transport.close = self.close
        self.opened.append(transport)
        return transport

    def close(self):
        self.closed += 1


def driver(*profiles, ports=None, families=FAMILIES, transports=None, clock=None):
    clock = clock or Clock()
    timing = Time(clock.now, ZONE, clock.seconds, clock.wait)
    every = dict.fromkeys(("scsi", "usb", "tcp", "serial"), ports)
    return Commanded(profiles, Ways(families, every if ports else transports or {}), timing)


def spoken(recorder, *profiles, device=DISK, **more):
    conversation = driver(*profiles, ports=Ports(recorder), **more).speak(device).conversation
    assert conversation is not None
    return conversation


def value(readings, kind):
    return next((one.value, one.how, one.confidence) for one in readings if one.kind == kind)


def test_a_recorder_says_who_it_is_and_how_it_is_and_becomes_a_disk():
    novatek = Novatek(number="DSJ0042", battery=87)
    asked = spoken(novatek, NOVATEK)
    identity = asked.identify()
    assert (identity.device_number, identity.serial) == ("DSJ0042", "USB1")
    assert identity.how.endswith(", USB")
    readings = asked.readings(START)
    assert value(readings, "battery_percent")[::2] == (87, "reported")
    assert value(readings, "clock_offset_ms")[::2] == (None, "unknown")
    assert value(readings, "free_bytes") == (None, "", "unknown")
    asked.switch()
    assert novatek.mode == "disk"


def test_of_two_languages_of_one_plug_the_one_that_is_answered_is_spoken():
    ports = Ports(AmbaAscii())
    spoken = driver(CONTROL, ASCII, ports=ports).speak(PLUG)
    assert spoken.conversation.identify().device_number
    assert (len(ports.opened), ports.closed) == (2, 1)


def test_the_first_language_that_is_answered_ends_the_search():
    ports = Ports(AmbaControl())
    assert driver(CONTROL, ASCII, ports=ports).speak(PLUG).conversation
    assert len(ports.opened) == 1


def test_nothing_is_sent_to_what_no_profile_tells():
    ports = Ports(Novatek())
    stranger = replace(DISK, vendor_id="1234")
    assert driver(NOVATEK, CONTROL, ports=ports).speak(stranger).unanswered == ()
    assert ports.opened == []


@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_a_disk_that_answers_nothing_with_sense_is_left_to_be_read_and_that_is_told(fault):
    ports = Ports(Novatek(fault=fault))
    spoken = driver(NOVATEK, ports=ports).speak(DISK)
    assert (spoken.conversation, spoken.unanswered) == (None, ("novatek-text",))
    assert ports.closed == len(ports.opened) == 1


def test_what_answers_nothing_and_shows_no_disk_is_refused_with_what_was_tried():
    with pytest.raises(RecorderSilentError) as raised:
        driver(CONTROL, ASCII, ports=Ports(AmbaControl(fault="silent"))).speak(PLUG)
    assert "amba-ctrl, amba-ascii" in str(raised.value)


def test_what_has_a_driver_of_its_own_is_left_to_it():
    ptp = profile("ptp", "ptp", "ptp")
    silent = driver(CONTROL, ptp, ports=Ports(AmbaControl(fault="silent"))).speak(PLUG)
    assert silent.unanswered == ("amba-ctrl",)


def test_a_way_that_cannot_be_used_is_no_answer():
    def taken(device, options):
        raise TransportError(node="/dev/sg0", reason="taken")

    for transports in ({"scsi": taken}, {}):
        spoken = driver(NOVATEK, transports=transports).speak(DISK)
        assert spoken.unanswered == ("novatek-text",)


def test_one_that_is_pulled_out_while_it_is_probed_is_gone_and_let_go_of():
    class Gone(Emulated):
        def ask(self, request):
            raise RecorderGoneError

    ports = Ports(Novatek(), Gone)
    with pytest.raises(RecorderGoneError):
        driver(NOVATEK, ports=ports).speak(DISK)
    assert ports.closed == 1


@pytest.mark.parametrize("way", ["tcp", "adb"])
def test_a_line_beside_the_plug_that_is_away_is_no_answer_and_the_plug_is_still_read(way):
    def away(device, options):
        raise RecorderGoneError

    zzx, transports = profile("zzx", "zzx", way, "0603:8611"), {way: away}
    assert driver(zzx, transports=transports).speak(DISK).unanswered == ("zzx",)


def test_no_recorder_is_probed_for_longer_than_its_profile_says():
    clock, asked = Clock(), []

    class Slow(Emulated):
        def ask(self, request):
            asked.append(getattr(request, "seconds", None))
            clock.wait(asked[-1] or 0.0)
            raise NoAnswerError(request="slow", reason="slow")

    quick = profile("novatek-text", "novatek", "scsi", "0603:8611", probe_seconds=1.0)
    driver(quick, ports=Ports(Novatek(), Slow), clock=clock).speak(DISK)
    assert sum(asked) <= 1.0 + 0.001


def test_a_fact_that_takes_for_ever_is_unknown():
    clock, zzx = Clock(), Zzx()

    class Lagging(Wire):
        def ask(self, request):
            clock.wait(FACT_SECONDS / 4 if zzx.garbage and isinstance(request, Hear) else 0)
            return super().ask(request)

    known = profile("zzx", "zzx", "tcp", options={"password": zzx.password})
    asked = driver(known, ports=Ports(zzx, Lagging), clock=clock).speak(PLUG).conversation
    zzx.garbage = b"{}\n" * 6  # answers to something else
    assert {one.value for one in asked.readings(START)} == {None}


@pytest.mark.parametrize(
    ("recorder", "options", "codes"),
    [
        (Novatek(), {}, ["default_password"]),
        (Novatek(fault="wrong_password"), {}, ["password_refused"]),
        (Novatek(password=OWN), {"password": OWN}, []),
    ],
)
def test_a_factory_password_is_warned_of_and_never_told(recorder, options, codes):
    known = replace(NOVATEK, language=replace(NOVATEK.language, options=options))
    asked = spoken(recorder, known)
    assert [finding.code for finding in asked.remarks()] == codes
    told = repr((asked.identify(), asked.readings(START), asked.remarks()))
    assert "00000000" not in told
    assert OWN not in told


def test_a_family_without_a_password_is_not_warned_of():
    class Open:
        def __init__(self, options):
            self._one = FAMILIES["novatek"](options)

        def probe(self):
            return self._one.probe()

    asked = spoken(Novatek(), NOVATEK, families={"novatek": Open})
    assert asked.remarks() == ()


def test_a_clock_is_read_several_times_and_set_at_the_turn_of_a_second():
    clock, zzx = Clock(), Zzx(clock_ms=round(START.timestamp() * 1000) + 420_000)
    known = profile("zzx", "zzx", "tcp", options={"password": zzx.password})
    asked = driver(known, ports=Ports(zzx, Wire), clock=clock).speak(PLUG).conversation
    offset_ms, how, confidence = value(asked.readings(START), "clock_offset_ms")
    assert abs(offset_ms - 420_000) <= 2000
    assert (how, confidence) == ("ZZX GetDevTime", "measured")
    assert asked.set_clock(START)
    assert zzx.clock_ms % 1000 == 0
    assert abs(zzx.clock_ms / 1000 - START.timestamp() - clock.passed) <= 1


def test_storage_that_is_told_is_read_with_its_uncertainty():
    zzx = Zzx()
    known = profile("zzx", "zzx", "tcp", options={"password": zzx.password})
    asked = driver(known, ports=Ports(zzx, Wire)).speak(PLUG).conversation
    readings = asked.readings(START)
    assert value(readings, "free_bytes")[0] == 20480 << 20
    assert value(readings, "total_bytes")[0] == 30436 << 20
    assert readings[2].uncertainty == 1 << 20


def test_a_recorder_that_leaves_before_it_answers_was_told():
    class Leaving(Emulated):
        is_told = False

        def ask(self, request):
            if self.is_told:
                raise RecorderGoneError
            return super().ask(request)

    ports = Ports(Novatek(), Leaving)
    asked = driver(NOVATEK, ports=ports).speak(DISK).conversation
    ports.opened[0].is_told = True
    asked.switch()
    with pytest.raises(RecorderGoneError):
        asked.identify()


def test_one_that_cannot_be_switched_by_command_may_still_be_by_its_key():
    jieli = Jieli(fault="recording")
    asked = spoken(jieli, profile("jieli", "jieli", "scsi", "0603:8611"))
    asked.switch()
    assert jieli.mode == "command"


def test_one_that_says_it_will_not_is_believed():
    zzx = Zzx()
    zzx.is_recording = True
    known = profile("zzx", "zzx", "tcp", options={"password": zzx.password})
    asked = driver(known, ports=Ports(zzx, Wire)).speak(PLUG).conversation
    with pytest.raises(SwitchRefusedError):
        asked.switch()


def test_it_is_let_go_of_and_its_profile_says_how_long_it_may_be_away():
    ports = Ports(Novatek())
    known = replace(NOVATEK, language=replace(NOVATEK.language, switch_seconds=12.0))
    asked = driver(known, ports=ports).speak(DISK).conversation
    assert asked.switch_seconds == 12.0
    asked.release()
    assert ports.closed == 1


def test_over_a_real_connection_what_is_said_arrives():
    zzx = Zzx()
    with tcp_port(lambda: zzx) as port:
        options = {"password": zzx.password, "tcp": {"host": "127.0.0.1", "port": port}}
        known = profile("zzx", "zzx", "tcp", options=options)
        asked = driver(known, transports=ways()).speak(PLUG).conversation
        assert asked.identify().device_number == "DSJ0001"
        asked.switch()
        asked.release()
    assert zzx.is_disk
