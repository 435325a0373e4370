"""Entries and the facts in them."""

import contextlib
import inspect
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import errors
from contracts.archive_facts import ArchiveCommissioned
from contracts.commands import COMMANDS, Declare, Issue, Retry, decode_command, encode_command
from contracts.copy_facts import CopyCommissioned
from contracts.dock import DockState
from contracts.entry import MAX_ENTRY_BYTES, Draft, Moment, decode, encode
from contracts.errors import EntryError, FormError, MusterError, all_errors
from contracts.facts import (
    FACTS,
    AgentStopped,
    AlertCleared,
    AlertOpened,
    Counts,
    DeviceRefused,
    FootageImported,
    Media,
    RecorderService,
    StationEnrolled,
    StationForked,
    draft_of,
    fact_of,
)
from contracts.finding import FINDINGS, Finding
from contracts.loading import from_json, from_object, to_json, to_object
from contracts.messages import Topics
from contracts.problem import Problem
from contracts.text import Text

MOMENT = Moment(datetime(2026, 11, 20, tzinfo=UTC), "boot", 12_345, "synchronised")
IMPORTED = FootageImported(
    visit="v",
    recorder="R1",
    dock=1,
    path=b"DCIM/\xff\n..mp4",
    name="x",
    size=3,
    modified_us=1_790_000_000_000_000,
    modified_at=MOMENT.at,
    name_time=None,
    recorded_at=MOMENT.at,
    recorded_from="name",
    clock_offset_ms=-5,
    sha256="ab",
    object="o",
    view="v",
    held=False,
    media=Media("readable", codecs=("h264", "aac")),
    findings=(Finding("name_clash", "warning", "x"),),
)


def test_a_fact_comes_out_of_its_entry_as_it_went_in():
    raw = encode(draft_of(IMPORTED), 7, "muster/a/b/c", MOMENT)
    entry = decode(raw)
    assert fact_of(entry, FootageImported) == IMPORTED
    assert (entry.sequence, entry.subject, entry.moment, entry.raw) == (7, "R1", MOMENT, raw)


def test_a_recorders_own_time_is_the_corrected_one_with_the_offset_put_back():
    assert IMPORTED.recorded_at - IMPORTED.device_at == timedelta(milliseconds=5)


@pytest.mark.parametrize("kind", [ArchiveCommissioned, CopyCommissioned])
def test_a_disk_that_is_commissioned_is_told_by_what_its_mark_says(kind):
    assert kind("ab", "/srv", None, True, 9).id == "ab"


def test_a_fact_of_another_type_is_not_read():
    entry = decode(encode(draft_of(IMPORTED), 1, "s", MOMENT))
    with pytest.raises(ValueError, match="is not"):
        fact_of(entry, RecorderService)


def test_fields_of_a_newer_version_are_ignored_when_read_and_kept_in_the_bytes():
    draft = draft_of(IMPORTED)
    newer = Draft(draft.type, draft.subject, {**draft.data, "colour": "red"})
    entry = decode(encode(newer, 1, "s", MOMENT))
    assert fact_of(entry, FootageImported) == IMPORTED
    assert b"colour" in entry.raw


def test_every_fact_has_a_type_of_its_own_and_a_subject():
    assert len(FACTS) == len({kind.TYPE for kind in FACTS.values()})
    assert all(kind.__doc__ for kind in FACTS.values())


@given(st.binary(max_size=300))
def test_no_garbage_is_taken_for_an_entry(raw):
    with pytest.raises(EntryError):
        decode(raw)


@given(st.data())
def test_a_changed_byte_is_another_entry_or_none(data):
    raw = encode(draft_of(IMPORTED), 7, "muster/a/b/c", MOMENT)
    position = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(EntryError):
        assert decode(bytes(changed)) != decode(raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"specversion":"1.0"', b'"specversion":"1.1"'),
        (b'"id":"7"', b'"id":"8"'),
        (b'"sequence":"0000000007"', b'"sequence":"7"'),
        (b'"subject":"R1"', b'"subject":""'),
        (b'"source":"s"', b'"source":5'),
        (b'"bootid":"boot",', b""),
        (b'"time":"2026', b'"time":"x026'),
        (b'"uptime":"12.345"', b'"uptime":"x"'),
    ],
)
def test_an_envelope_that_is_not_as_specified_is_refused(old, new):
    raw = encode(draft_of(IMPORTED), 7, "s", MOMENT)
    assert old in raw
    with pytest.raises(EntryError):
        decode(raw.replace(old, new))


def test_data_that_is_no_object_is_refused():
    raw = encode(Draft("t", "s", {}), 1, "src", MOMENT).replace(b'"data":{}', b'"data":[]')
    with pytest.raises(EntryError):
        decode(raw)


def test_an_entry_longer_than_the_limit_cannot_be_made_or_read():
    long = Draft("t", "s", {"x": "a" * MAX_ENTRY_BYTES})
    with pytest.raises(EntryError):
        encode(long, 1, "src", MOMENT)
    with pytest.raises(EntryError):
        decode(b" " * (MAX_ENTRY_BYTES + 1))


def test_data_that_canonical_json_cannot_hold_is_refused():
    for value in (2**53, float("nan"), "\ud800"):
        with pytest.raises(EntryError):
            encode(Draft("t", "s", {"x": value}), 1, "src", MOMENT)


def test_counts_add_up():
    assert Counts(9, imported=1, held=2, unreadable=3, refused=3).settled == 9


@pytest.mark.parametrize(
    "command",
    [
        Issue("R1", "1001", "1234", override_reason="急"),
        Declare("R1", date(2026, 1, 1), "off_site", "x", "1001", "1", MOMENT.at),
        Retry(3),
    ],
)
def test_a_command_survives_its_line(command):
    line = encode_command(command)
    assert b"\n" not in line
    assert decode_command(line) == command


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b'{"command":"format","arguments":{}}', b'{"command":"retry","arguments":{}}'],
)
def test_a_line_that_is_no_command_is_refused(line):
    with pytest.raises(ValueError, match=r"validation error|no command"):
        decode_command(line)
    assert len(COMMANDS) == len(set(COMMANDS.values()))


def test_json_and_objects_are_two_ways_to_the_same_value():
    assert from_json(to_json(IMPORTED), FootageImported) == IMPORTED
    assert from_object(to_object(IMPORTED), FootageImported) == IMPORTED


def test_topics_are_made_and_read_in_one_place():
    topics = Topics("muster", "example")
    assert topics.parse(topics.station("s1", "entry")) == ("s1", "entry")
    assert topics.parse(topics.dock("s1", 2)) == ("s1", "dock/2")
    assert topics.parse(topics.index_state) == ("index", "state")
    assert topics.parse("muster/v1/other/s1/entry") is None
    assert topics.parse("muster/v1/example/s1") is None
    assert topics.every_station("have") == "muster/v1/example/+/have"
    assert topics.alert("missing", "x").endswith("alert/missing/x")
    assert topics.daily_report(date(2026, 1, 2)).endswith("report/daily/2026-01-02")


def test_a_text_is_filled_and_spoken_in_either_language():
    text = Text("{n} 个", "{n} pieces").fill(n=3)
    assert (text.speak("zh"), text.speak("en"), str(text)) == (
        "3 个",
        "3 pieces",
        "3 个 / 3 pieces",
    )


def test_every_error_has_a_code_of_its_own_and_both_languages():
    known = list(all_errors())
    codes = [error.code for error in known]
    assert len(codes) == len(set(codes))
    for error in known:
        assert issubclass(error, MusterError)
        assert error.sentence.zh != error.sentence.en
        assert error.remedy.zh != error.remedy.en
    exported = {e for _, e in inspect.getmembers(errors, inspect.isclass)}
    assert set(known) <= exported


def test_every_finding_and_state_speaks_both_languages():
    for sentence, remedy in FINDINGS.values():
        assert sentence.zh != sentence.en
        assert remedy.zh != remedy.en
    assert len({state.word.zh for state in DockState}) == len(DockState)


@pytest.mark.parametrize(
    ("fact", "subject"),
    [
        (RecorderService("R1", "lost", "x", "1001"), "R1"),
        (AgentStopped("SIGTERM"), "station"),
        (DeviceRefused("usb-1", "keyboard", "not_a_recorder"), "usb-1"),
        (StationEnrolled("s1", "muster/a/s1/x", "key", pinned=True), "s1"),
        (StationForked("s1", "ab", "two roots"), "s1"),
        (AlertOpened("missing", "R1@h", "未采集", "missing"), "R1@h"),
        (AlertCleared("missing", "R1@h", "met_late"), "R1@h"),
    ],
)
def test_an_entry_is_filed_under_what_it_is_about(fact, subject):
    assert draft_of(fact).subject == subject


def test_a_form_error_names_the_field_in_each_language():
    error = FormError(Text("工号", "id"))
    assert (error.text.zh, error.text.en) == ("填写有误: 工号", "Not filled in correctly: id")


def test_a_problem_is_a_sentence_with_its_code():
    assert str(Problem("entry_changed", 7)).endswith("[entry_changed]")
