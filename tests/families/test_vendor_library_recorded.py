"""A vendor's library as a fixture: what is hidden in its calls."""

import pytest

from agent.core.fixture import Exchange
from agent.core.pseudonyms import Pseudonyms
from agent.families.vendor_library_recorded import hidden_calls, hidden_options

NUMBER, OWN = "7654321", "8X1Q"
FIELDS = (NUMBER, "031477", "王建国", "110105", "Unit 7")
WIDTHS = {"padded": (8, 7, 33, 13, 33), "bare": (7, 6, 32, 12, 32)}


def info(layout, behind=b""):
    """Return ZFY_INFO of a layout, in the room of 94 bytes, with what was left behind its texts."""
    told = (field.encode("gbk") for field in FIELDS)
    fields = zip(told, WIDTHS[layout], strict=True)
    return b"".join(
        (text + b"\0" + behind).ljust(size, b"\0")[:size] for text, size in fields
    ).ljust(94, b"\0")


def call(function, out, response=(1, 1), why=""):
    asked = {"do": "CallLibrary", "function": function, "password": OWN, "payload": ""}
    return Exchange("login", asked, None if out is None else out.hex(), why, response=response)


def hidden(one, **options):
    (made,) = hidden_calls((one,), Pseudonyms((NUMBER, OWN)), options)
    assert OWN not in repr(made)
    return made


@pytest.mark.parametrize("layout", WIDTHS)
@pytest.mark.parametrize("behind", [b"", b"old"])
def test_the_number_is_replaced_and_who_wears_it_is_masked(layout, behind):
    made = bytes.fromhex(hidden(call("GetZFYInfo", info(layout, behind)), info=layout).answer)
    fields = (b"0000001", b"000000", b"XXXXXX", b"000000", b"XXXXX0")
    widths = zip(fields, WIDTHS[layout], strict=True)
    assert made == b"".join(text.ljust(size, b"\0") for text, size in widths).ljust(94, b"\0")


def test_a_makers_code_is_kept_and_a_number_in_it_is_not():
    said = f"BC-01 {NUMBER} 031477\0{NUMBER}".encode().ljust(64, b"\0")
    made = bytes.fromhex(hidden(call("GetIDCode", said)).answer)
    assert made == b"BC-01 0000001 000003".ljust(64, b"\0")


def test_a_battery_is_kept():
    made = hidden(call("ReadDeviceBatteryDumpEnergy", b"\x57\0\0\0"))
    assert (made.answer, made.response) == ("57000000", (1, 1))


def test_what_was_no_answer_of_the_helper_is_left_out_and_silence_stays():
    made = hidden(call("GetZFYInfo", NUMBER.encode(), ()))
    assert (made.answer, made.why) == (None, "garbled")
    silent = hidden(call("GetZFYInfo", None, (), "SIGSEGV"))
    assert (silent.answer, silent.why) == (None, "SIGSEGV")


def test_where_the_library_was_is_nobodys_business():
    assert hidden_options({"path": "/home/somebody/lib.so", "info": "bare"}) == {
        "path": "/lib.so",
        "info": "bare",
    }
