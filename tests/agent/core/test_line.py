"""The settings of a line: what is left out, and what is refused."""

import pytest

from agent.core.line import (
    AdbSettings,
    SerialSettings,
    TcpSettings,
    adb_settings,
    serial_settings,
    tcp_settings,
)
from contracts.errors import SettingsError


def test_a_line_that_is_not_described_is_the_usual_one():
    assert serial_settings({}) == SerialSettings(bauds=(115200,), bits=8, parity="none", stop=1)


def test_each_line_has_its_own_table_beside_the_familys_options():
    options = {
        "password": "1",
        "serial": {"bauds": [9600, 115200], "parity": "even", "dtr": False},
        "tcp": {"host": "192.0.2.7", "port": 10086},
        "adb": {"port": 10086, "broadcast": "com.zzx.sdk"},
    }
    assert serial_settings(options) == SerialSettings((9600, 115200), parity="even", dtr=False)
    assert tcp_settings(options) == TcpSettings("192.0.2.7", 10086)
    assert adb_settings(options) == AdbSettings(10086, "com.zzx.sdk", 5037)
    assert (tcp_settings({}), adb_settings({})) == (None, None)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"serial": {"bauds": []}}, "serial"),
        ({"serial": {"bauds": [9600] * 9}}, "serial"),
        ({"serial": {"bauds": [1]}}, "serial"),
        ({"serial": {"bits": 9}}, "serial.bits"),
        ({"serial": {"speed": 9600}}, "serial.speed"),
        ({"tcp": {"host": "", "port": 1}}, "tcp"),
        ({"tcp": {"host": "192.0.2.7", "port": 65536}}, "tcp"),
        ({"adb": {"port": 0}}, "adb"),
        ({"adb": {"port": 1, "server_port": 0}}, "adb"),
        ({"adb": {"port": 1, "broadcast": "a; reboot"}}, "adb"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_its_key(options, key):
    with pytest.raises(SettingsError) as refused:
        serial_settings(options)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [key]
