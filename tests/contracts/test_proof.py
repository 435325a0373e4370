import json
from datetime import UTC, datetime

import pytest

from contracts.entry import Draft, encode
from contracts.note import COSIGNATURE, to_base64
from contracts.problem import PROBLEMS
from contracts.proof import MAX_BUNDLE_BYTES, bundle_of, check
from docs.vectors.generate import FOOTAGE, STATION_KEY, WITNESS, WITNESS_KEY, example
from tests.support.entering import MOMENT

GOOD = example()["proof.json"]
NOTE = example()["checkpoint.note"].decode()
DIGEST = "3113366f9db100eefc0280e7eaa4d24eb4e0e18c4fa6fce4cf5fe78de799851a"
KEYS = (json.loads(GOOD)["key"], json.loads(GOOD)["witness"])


def changed(**members):
    return json.dumps({**json.loads(GOOD), **members}).encode()


def codes(bundle, digest=DIGEST, trusted=None):
    return [problem.code for problem in check(bundle, digest, trusted).problems]


def test_a_good_bundle_says_what_it_shows():
    report = check(GOOD, DIGEST.upper(), KEYS)
    assert report.holds
    assert report.entry
    assert report.checkpoint
    assert (report.entry.sequence, report.checkpoint.size) == (3, 3)
    assert (report.key, report.witness) == KEYS
    assert report.witnessed_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_an_entry_can_be_proven_without_a_file():
    assert codes(GOOD, None) == []


def test_a_replaced_file_is_named():
    problem = check(GOOD, "0" * 64).problems[0]
    assert problem.code == "file_differs"
    assert DIGEST in problem.sentence.en


def test_a_key_nobody_trusts_is_named_even_if_everything_else_fits():
    assert codes(GOOD, trusted=KEYS[:1]) == ["key_untrusted"]
    assert codes(GOOD, trusted=()) == ["key_untrusted", "key_untrusted"]


def test_without_a_witness_the_bundle_holds_and_says_so():
    report = check(changed(witness=None, checkpoint=NOTE), DIGEST)
    assert report.holds
    assert report.witnessed_at is None


def test_a_bundle_signed_by_a_strangers_key_of_the_same_name_is_found():
    stranger = str(WITNESS_KEY.verifying(KEYS[0].split("+")[0]))
    assert codes(changed(key=stranger)) == ["signature_wrong"]


def test_an_entry_of_another_ledger_is_found():
    raw = encode(Draft("footage.imported", "R1", {"sha256": DIGEST}), 3, "elsewhere", MOMENT)
    assert codes(changed(entry=to_base64(raw))) == ["origin_differs", "inclusion_wrong"]


def test_a_witness_that_did_not_sign_is_found():
    assert codes(changed(checkpoint=NOTE)) == ["witness_wrong"]


def test_a_cosignature_with_an_impossible_time_is_found():
    note = WITNESS_KEY.cosign(NOTE, WITNESS, 2**63 - 1)
    assert codes(changed(checkpoint=note)) == ["witness_wrong"]


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"[]",
        b"\xff",
        b"{" * 100_000,
        b" " * (MAX_BUNDLE_BYTES + 1),
        changed(format="muster-proof/2"),
        changed(entry="AAAA"),
        changed(entry="not base64"),
        changed(key="muster"),
        changed(checkpoint="nothing"),
    ],
)
def test_what_is_no_bundle_is_called_malformed(bundle):
    assert codes(bundle) == ["bundle_malformed"]


def test_unknown_members_of_a_newer_version_are_ignored():
    assert codes(changed(newer=1)) == []


def test_every_problem_has_a_sentence_in_both_languages():
    for text in PROBLEMS.values():
        assert text.zh
        assert text.en
        assert "{" not in str(text.fill(sequence=1, detail="x"))


def test_the_bundle_is_small():
    witness = str(WITNESS_KEY.verifying(WITNESS, COSIGNATURE))
    key = str(STATION_KEY.verifying("n"))
    assert len(bundle_of(bytes(16_384), (bytes(32),) * 63, NOTE, key, witness)) < 32_768
    assert FOOTAGE not in GOOD
