"""The standard library functions, answered from a list; with a real library: tests/transports."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.dialogue import converse
from agent.families import FAMILIES
from contracts.errors import NoAnswerError, SettingsError

OWN = "8X1Q"
NAMED = {"path": "/opt/vendor/lib.so", "sha256": "0" * 64}


class Answers:
    def __init__(self, **answers):
        self.answers = answers

    def ask(self, request):
        if request.function not in self.answers:
            raise NoAnswerError(request=request.function, reason="test")
        return self.answers[request.function]

    def close(self):
        pass


def family(**options):
    return FAMILIES["vendor_library"](NAMED | options)


def said(out=b"", returned=1, status=1):
    out = out if isinstance(out, str) else base64.b64encode(out).decode()
    return json.dumps({"returned": returned, "status": status, "out": out}).encode()


def told(fact, **answers):
    return converse(fact, Answers(**answers))


def test_silence_is_unknown():
    one = family()
    assert told(one.probe()) is False
    assert told(one.log_in()) == "none"
    assert told(one.identity()).device_number is None
    assert told(one.battery()) is None
    assert told(one.clock()) is None
    assert told(one.storage()) is None
    assert told(one.set_clock(datetime(2026, 9, 21, tzinfo=UTC))) is False
    assert told(one.switch()) is True  # it may have gone before it answered


def test_a_password_of_ones_own_is_no_default():
    assert told(family(password=OWN).log_in(), GetZFYInfo=said()) == "accepted"


def test_a_password_that_is_not_taken_is_refused():
    assert told(family().log_in(), GetZFYInfo=said(returned=0, status=4)) == "refused"


@pytest.mark.parametrize(("hours", "zone"), [(8, b"REC-08:00"), (-3.5, b"REC+03:30")])
def test_the_clock_is_set_in_the_recorders_zone_as_posix_writes_it(hours, zone):
    moment = datetime(2026, 9, 21, tzinfo=timezone(timedelta(hours=hours)))
    asked = next(family().set_clock(moment))
    assert asked.request.payload == zone


@pytest.mark.parametrize("out", [b"", (255).to_bytes(4, "little"), b"\xff\xff\xff\xff", "§", "A"])
def test_what_is_no_percentage_is_unknown(out):
    assert told(family().battery(), ReadDeviceBatteryDumpEnergy=said(out)) is None


def test_a_helper_that_answers_nonsense_tells_nothing():
    assert told(family().battery(), ReadDeviceBatteryDumpEnergy=b"nonsense") is None


def test_a_function_that_returns_an_error_tells_nothing():
    answer = said((87).to_bytes(4, "little"), returned=0)
    assert told(family().battery(), ReadDeviceBatteryDumpEnergy=answer) is None


@pytest.mark.parametrize(
    "options",
    [
        {"path": "lib.so"},
        {"sha256": "abc"},
        {"info": "other"},
        {"id_code": "other"},
        {"unknown": 1},
    ],
)
def test_options_that_do_not_fit_are_refused_by_key(options):
    with pytest.raises(SettingsError) as refused:
        family(**options)
    assert next(iter(options)) in str(refused.value.fields["problems"])


@given(raw=st.binary(max_size=80), out=st.binary(max_size=120), status=st.integers())
def test_whatever_a_library_says_is_a_value_or_unknown(raw, out, status):
    for answer in (raw, said(out, status=status)):
        answers = dict.fromkeys(
            ("Init_Device", "GetIDCode", "GetZFYInfo", "ReadDeviceBatteryDumpEnergy", "SetMSDC"),
            answer,
        )
        one = family()
        for fact in (one.probe(), one.log_in(), one.identity(), one.battery(), one.switch()):
            told(fact, **answers)
