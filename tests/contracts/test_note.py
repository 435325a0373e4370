import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import NoteError
from contracts.note import (
    COSIGNATURE,
    MAX_NOTE_BYTES,
    NOTE,
    SigningKey,
    VerifyingKey,
    from_base64,
    note_text,
    to_base64,
    verify_cosignature,
    verify_note,
)

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(32))
NAME = "muster/example/s1/56475aa7"
VERIFYING = KEY.verifying(NAME)
WITNESS = OTHER.verifying("witness", COSIGNATURE)
TEXT = "first line\n\nlast line\n"
NOTE_OF_KEY = KEY.sign(TEXT, NAME)
COSIGNED = OTHER.cosign(NOTE_OF_KEY, "witness", 1_700_000_000)

# The example of C2SP signed-note, made by another implementation.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501  # one line in the specification


def test_the_specifications_own_example_verifies():
    assert verify_note(C2SP_NOTE, VerifyingKey.parse(C2SP_KEY)) == "This is an example message.\n"


def test_a_note_says_what_was_signed_even_with_empty_lines_in_it():
    assert verify_note(NOTE_OF_KEY, VERIFYING) == note_text(NOTE_OF_KEY) == TEXT


def test_a_key_survives_its_seed_and_its_written_form():
    key = SigningKey.generate()
    assert SigningKey(key.seed).public == key.public
    assert VerifyingKey.parse(str(key.verifying(NAME))) == key.verifying(NAME)


@given(st.integers(0, len(NOTE_OF_KEY) - 1), st.characters(codec="utf-8"))
def test_no_character_of_a_note_can_be_changed(at, character):
    if NOTE_OF_KEY[at] != character:
        with pytest.raises(NoteError):
            verify_note(NOTE_OF_KEY[:at] + character + NOTE_OF_KEY[at + 1 :], VERIFYING)


def test_signatures_of_unknown_keys_are_ignored():
    assert verify_note(COSIGNED, VERIFYING) == TEXT


def test_one_wrong_signature_of_a_known_key_spoils_the_note():
    wrong = KEY.sign("something else\n", NAME).partition("\n\n")[2]
    with pytest.raises(NoteError):
        verify_note(NOTE_OF_KEY + wrong, VERIFYING)


def test_a_cosignature_gives_its_time_back():
    assert verify_cosignature(COSIGNED, WITNESS) == 1_700_000_000


def test_of_several_cosignatures_the_latest_time_counts():
    again = OTHER.cosign(COSIGNED, "witness", 1_800_000_000)
    assert verify_cosignature(again, WITNESS) == 1_800_000_000


def test_a_cosignature_on_one_note_does_not_fit_another():
    line = COSIGNED.removeprefix(NOTE_OF_KEY)
    with pytest.raises(NoteError):
        verify_cosignature(KEY.sign("another\n", NAME) + line, WITNESS)


def test_a_signature_is_no_cosignature_and_the_other_way_round():
    with pytest.raises(NoteError):
        verify_cosignature(NOTE_OF_KEY, VERIFYING)
    with pytest.raises(NoteError):
        verify_note(COSIGNED, WITNESS)
    with pytest.raises(NoteError):
        verify_note(COSIGNED, OTHER.verifying("witness", NOTE))


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name+00000000",
        "name+00000000+",
        str(VERIFYING).replace("example", "exbmple"),
        str(VERIFYING)[:-4],
        str(VERIFYING) + "\n",
        "name+00000000+AA==",
        "na me+00000000+AQ==",
    ],
)
def test_a_malformed_key_is_refused(text):
    with pytest.raises(NoteError):
        VerifyingKey.parse(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name AAAA\n",
        "text\n\n— nothing\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n—  AAAAAAAA\n",
        "te\txt\n\n— name AAAAAAAA\n",
        NOTE_OF_KEY[:-1],
        "\n" + NOTE_OF_KEY.partition("\n\n")[2],
        "x" * MAX_NOTE_BYTES + NOTE_OF_KEY,
    ],
)
def test_a_malformed_note_is_refused(note):
    with pytest.raises(NoteError):
        verify_note(note, VERIFYING)


def test_a_signature_of_the_wrong_length_is_refused():
    line = f"— {NAME} {to_base64(VERIFYING.id + bytes(63))}\n"
    with pytest.raises(NoteError):
        verify_note(f"{TEXT}\n{line}", VERIFYING)


@pytest.mark.parametrize("text", ["no newline", "\n", "a\x01b\n"])
def test_text_that_cannot_be_a_note_is_not_signed(text):
    with pytest.raises(NoteError):
        KEY.sign(text, NAME)


def test_a_seed_has_32_bytes():
    with pytest.raises(NoteError):
        SigningKey(bytes(31))


@pytest.mark.parametrize("text", ["AA=", "AB==", "A A=", "AA==\n", "甲"])
def test_base64_has_only_one_way_to_write_something(text):
    with pytest.raises(NoteError):
        from_base64(text)
