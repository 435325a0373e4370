"""A vendor's library, compiled here, in the process that holds it."""

import base64
import hashlib
import json
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.core.dialogue import CallLibrary, Hear, Pause, converse
from agent.families.vendor_library import VendorLibrary
from agent.transports.vendor_library import open_library
from contracts.errors import NoAnswerError, TransportError
from tests.support.vendor_library import compiled

WRONG = "999999"
CHINA = timezone(timedelta(hours=8))
BATTERY = CallLibrary("ReadDeviceBatteryDumpEnergy", "000000")


@contextmanager
def opened(folder, *wrong, plug=None, **options):
    made = compiled(folder, *wrong)
    transport = open_library(plug, made | options)
    try:
        yield transport, VendorLibrary(made | options)
    finally:
        transport.close()


def called(transport, function, **more):
    said = json.loads(transport.ask(CallLibrary(function, "000000", **more)))
    return said["returned"], said["status"], base64.b64decode(said["out"])


@pytest.mark.parametrize("width", ["int", "short", "unsigned short"])
@pytest.mark.parametrize(
    ("wrong", "options"),
    [((), {}), (("BARE",), {"info": "bare"}), (("POINTER",), {"id_code": "pointer"})],
)
def test_a_library_is_asked_whatever_its_habits(tmp_path, wrong, options, width):
    with opened(tmp_path, *wrong, f"STATUS={width}", **options) as (transport, family):
        assert converse(family.probe(), transport)
        assert converse(family.log_in(), transport) == "default"
        told = converse(family.identity(), transport)
        assert (told.device_number, told.model) == ("1234567", "BC-01")
        assert converse(family.battery(), transport).value == 87
        assert converse(family.switch(), transport)


def test_the_other_functions_are_called_as_the_standard_says(tmp_path):
    with opened(tmp_path) as (transport, _):
        size = b"".join(number.to_bytes(4, "little") for number in (1920, 1080))
        assert called(transport, "ReadDeviceResolution") == (1, 1, size)
        assert called(transport, "WriteZFYInfo", payload=b"W123456")[:2] == (1, 3)
        assert transport.ask(Pause(0)) == b""


@pytest.mark.parametrize(("hours", "is_set"), [(8, False), (-6, True), (5.5, False)])
def test_the_clock_is_set_in_the_recorders_zone(tmp_path, hours, is_set):
    zone = timezone(timedelta(hours=hours))
    with opened(tmp_path, "WANTED_HOUR=8") as (transport, family):
        # 1790000000 is 14:13 UTC: 8 o'clock six hours west.
        moment = datetime(2026, 9, 21, 8, tzinfo=zone)
        assert converse(family.set_clock(moment), transport) is is_set


def test_a_wrong_password_is_told(tmp_path):
    with opened(tmp_path, password=WRONG) as (transport, family):
        assert converse(family.log_in(), transport) == "refused"
        assert not converse(family.set_clock(datetime(2026, 9, 21, tzinfo=CHINA)), transport)


def test_a_recorder_that_stays_in_command_mode_says_so(tmp_path):
    with opened(tmp_path, "STAYS") as (transport, family):
        assert not converse(family.switch(), transport)


def test_a_crash_ends_its_own_process_only_and_is_named(tmp_path):
    with opened(tmp_path, "CRASHES") as (transport, family):
        with pytest.raises(NoAnswerError, match="SIGSEGV"):
            transport.ask(BATTERY)
        assert converse(family.battery(), transport) is None
        with pytest.raises(NoAnswerError, match="SIGSEGV"):
            transport.ask(BATTERY)


def test_a_function_that_never_returns_is_given_up(tmp_path):
    with opened(tmp_path, "HANGS") as (transport, _), pytest.raises(NoAnswerError, match=r"0\.3 s"):
        transport.ask(CallLibrary("ReadDeviceBatteryDumpEnergy", "000000", seconds=0.3))


def test_what_is_written_beyond_a_buffer_is_seen(tmp_path):
    with (
        opened(tmp_path, "OVERRUNS") as (transport, _),
        pytest.raises(NoAnswerError, match="26 bytes beyond"),
    ):
        transport.ask(CallLibrary("GetZFYInfo", "000000"))


def test_what_a_library_prints_is_no_answer(tmp_path):
    with opened(tmp_path, "PRINTS") as (transport, family):
        assert converse(family.battery(), transport).value == 87


def test_a_library_reaches_neither_files_nor_network_nor_new_processes(tmp_path):
    with opened(tmp_path, "TRIES") as (transport, _):
        assert called(transport, BATTERY.function)[2] == bytes(4)
        assert {"limits", "no_new_privs", "seccomp"} < set(transport.walls)


def test_a_library_reaches_its_own_plug_and_no_other(tmp_path):
    plug, other = tmp_path / "001", tmp_path / "002"
    plug.touch()
    other.touch()
    defined = (f'PLUG="{plug}"', f'OTHER="{other}"')
    with opened(tmp_path, *defined, plug=plug) as (transport, _):
        assert called(transport, BATTERY.function)[2] == b"\x01\0\0\0"


def test_only_the_very_file_that_is_named_is_loaded(tmp_path):
    made = compiled(tmp_path)
    Path(made["path"]).write_bytes(b"another")
    with pytest.raises(TransportError, match="sha256"):
        open_library(None, made)


def test_a_library_that_others_may_write_to_is_not_loaded(tmp_path):
    made = compiled(tmp_path)
    Path(made["path"]).chmod(0o666)
    with pytest.raises(TransportError, match="others may write"):
        open_library(None, made)


def test_a_library_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TransportError, match="No such file"):
        open_library(None, {"path": str(tmp_path / "none"), "sha256": "0" * 64})


def test_what_is_no_library_is_told(tmp_path):
    made = compiled(tmp_path)
    Path(made["path"]).write_bytes(b"no library")
    digest = hashlib.sha256(b"no library").hexdigest()
    with pytest.raises(TransportError, match=r"invalid ELF header|file too short"):
        open_library(None, made | {"sha256": digest})


def test_a_library_that_dies_while_it_is_loaded_is_told(tmp_path):
    with pytest.raises(NoAnswerError, match="process"), opened(tmp_path, "LOADS_BADLY"):
        pass


@pytest.mark.parametrize("function", ["system", "SetUserPassWord"])
def test_no_other_function_is_called(tmp_path, function):
    with opened(tmp_path) as (transport, _), pytest.raises(NoAnswerError, match="none of"):
        transport.ask(CallLibrary(function))


def test_a_line_is_no_library(tmp_path):
    with opened(tmp_path) as (transport, _), pytest.raises(TransportError, match="no Hear"):
        transport.ask(Hear())


def test_nothing_outlives_the_transport(tmp_path):
    with opened(tmp_path) as (transport, _):
        number = transport._process.pid
    assert not Path(f"/proc/{number}").exists()
