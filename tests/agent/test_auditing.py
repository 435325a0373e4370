"""What a proof says to whoever holds only the bundle and the file."""

import hashlib
from zoneinfo import ZoneInfo

import pytest

from agent.auditing import check_proof as checked
from contracts.facts import FootageImported, Media, draft_of
from ledger.store import Ledger
from tests.support.made_up import NOW, moment

ZONE = ZoneInfo("Asia/Shanghai")
FOOTAGE = b"what the camera saw"


def check_proof(bundle, file, keys):
    return checked(bundle, file, keys, ZONE)


@pytest.fixture
def proof(tmp_path):
    """A file, its bundle, and the key of the ledger that has it."""
    fact = FootageImported(
        visit="v", recorder="R1", dock=1, path=b"a.mp4", name="a.mp4", size=len(FOOTAGE),
        modified_us=0, modified_at=NOW, name_time=None, recorded_at=NOW, recorded_from="modified",
        clock_offset_ms=None, sha256=hashlib.sha256(FOOTAGE).hexdigest(), object="o", view="v",
        held=False, media=Media("readable"),
    )  # fmt: skip
    with Ledger.open(tmp_path / "ledger", "muster/example/s1", moment(), "1") as ledger:
        ledger.append([draft_of(fact)], moment())
        (tmp_path / "bundle").write_bytes(ledger.prove(2))
        key = str(ledger.verifying_key)
    (tmp_path / "file").write_bytes(FOOTAGE)
    return tmp_path / "bundle", tmp_path / "file", key


def test_a_proof_under_a_known_key_holds_and_tells_what_it_is_of(proof):
    bundle, file, key = proof
    answer = check_proof(bundle, file, [key])
    said = "\n".join(answer.lines)
    assert answer.holds
    assert "证明成立, 公钥可信" in said
    assert "R1" in said
    assert "a.mp4" in said


def test_a_proof_whose_keys_nobody_checked_says_so(proof):
    bundle, file, _ = proof
    answer = check_proof(bundle, file, [])
    assert answer.holds
    assert "未核对公钥" in answer.lines[-1]


def test_a_proof_under_another_key_does_not_hold(proof):
    bundle, file, key = proof
    answer = check_proof(bundle, file, [key.replace("s1", "s2")])
    assert not answer.holds


def test_a_proof_does_not_hold_for_another_file(proof):
    bundle, file, key = proof
    file.write_bytes(FOOTAGE + b"!")
    assert not check_proof(bundle, file, [key]).holds


def test_a_proof_says_whose_key_it_is_and_which_moment_in_one_spelling(proof):
    bundle, file, key = proof
    lines = check_proof(bundle, file, [key]).lines
    shown = NOW.astimezone(ZONE).isoformat(" ", "seconds")
    assert (
        lines[0] == "台账第 2 条 / entry 2: 采集一个文件 / a file was imported (footage.imported)"
    )
    assert f"采集站公钥 / the station's key {key}" in lines
    assert (
        f"录制于 (由记录仪推知) / recorded (as the recorder lets infer) {shown} (Asia/Shanghai)"
        in lines
    )
    (entered,) = [line for line in lines if line.startswith("登记于 / entered ")]
    assert entered.endswith("+08:00 (Asia/Shanghai)")
