import pytest

from contracts.checkpoint import MAX_REQUEST_BYTES, Checkpoint, WitnessRequest, verify_checkpoint
from contracts.errors import NoteError
from contracts.note import SigningKey
from contracts.tree import EMPTY_ROOT, MAX_PROOF_HASHES

KEY = SigningKey(bytes(range(32)))
CHECKPOINT = Checkpoint("muster/example/s1", 7, EMPTY_ROOT)
NOTE = KEY.sign(str(CHECKPOINT), CHECKPOINT.origin)
ROOT = str(CHECKPOINT).split("\n")[2]

# The example of C2SP tlog-witness, made by another implementation.
C2SP_REQUEST = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501  # one line in the specification


def test_a_checkpoint_survives_being_written_and_read():
    assert Checkpoint.parse(str(CHECKPOINT)) == CHECKPOINT
    assert verify_checkpoint(NOTE, KEY.verifying(CHECKPOINT.origin)) == CHECKPOINT
    assert CHECKPOINT.head.size == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        f"\n7\n{ROOT}\n",
        f"origin\n07\n{ROOT}\n",
        f"origin\n-7\n{ROOT}\n",
        f"origin\n٧\n{ROOT}\n",
        f"origin\n{2**53}\n{ROOT}\n",
        f"origin\n{'9' * 40}\n{ROOT}\n",
        f"origin\n7\n{ROOT}\nextension\n",
        f"origin\n7\n{ROOT}",
        f"origin\n7\n{ROOT}\n\n\n\n\n",
        "origin\n7\nAAAA\n",
        "origin\n7\n",
    ],
)
def test_text_that_is_not_exactly_three_lines_is_no_checkpoint(text):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_a_key_cannot_sign_for_another_ledger():
    note = KEY.sign(str(CHECKPOINT), "muster/example/s2")
    with pytest.raises(NoteError):
        verify_checkpoint(note, KEY.verifying("muster/example/s2"))


@pytest.mark.parametrize("count", [0, 1, MAX_PROOF_HASHES])
def test_a_request_survives_being_written_and_read(count):
    request = WitnessRequest(3, (EMPTY_ROOT,) * count, NOTE)
    assert WitnessRequest.parse(request.format()) == request


def test_the_specifications_own_request_is_read_and_written_alike():
    request = WitnessRequest.parse(C2SP_REQUEST.encode())
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    assert request.format() == C2SP_REQUEST.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 3",
        b"new 3\n\n" + NOTE.encode(),
        b"old 03\n\n" + NOTE.encode(),
        b"old 3\nAAAA\n\n" + NOTE.encode(),
        b"old 3\n\nnot a note",
        WitnessRequest(3, (EMPTY_ROOT,) * (MAX_PROOF_HASHES + 1), NOTE).format(),
        b"old 3\n\n" + NOTE.encode() + bytes(MAX_REQUEST_BYTES),
    ],
)
def test_a_malformed_request_is_refused(body):
    with pytest.raises(NoteError):
        WitnessRequest.parse(body)
