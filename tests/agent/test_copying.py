import threading

import pytest

from agent.archive.grouping import GROUP_FILES, SMALL_BYTES
from agent.core.event import FileImported, FileUnreadable
from contracts.errors import (
    ArchiveFullError,
    FileUnreadableError,
    ReadBackError,
    RecorderGoneError,
)
from tests.support.loopdisk import MIB, loop_disk
from tests.support.source import files_below, names_in
from tests.support.visit import Card, Ticking, Visit

SIZES = [0, 5, 40_960, SMALL_BYTES + 3, 7, MIB, SMALL_BYTES, *[9] * (GROUP_FILES + 3)]


def test_every_file_is_proven_named_and_reported_in_the_order_of_the_plan(tmp_path):
    visit = Visit(tmp_path, Card(SIZES))
    imported = visit.run()
    events = visit.reported()
    assert [event.planned.file.path for event in events] == list(visit.card.contents)
    assert imported == [(event.sha256, event.view) for event in events]
    for event in events:
        visit.check(event)
    assert names_in(tmp_path / "incoming") == []


def test_the_same_card_again_is_held_under_the_same_names(tmp_path):
    first = Visit(tmp_path, Card([0, 9, 40_960, SMALL_BYTES]))
    imported = first.run()
    again = Visit(tmp_path, first.card)
    assert again.run() == imported
    assert all(event.held for event in again.reported())


def test_the_next_file_is_read_while_one_is_being_proven(tmp_path):
    opened_before = {}
    visit = Visit(tmp_path, Card([SMALL_BYTES] * 3))
    settle_after = threading.Event()
    go_on = visit.go_on

    def waiting():
        if threading.current_thread() is not main:
            assert settle_after.wait(30)
        go_on()

    main = threading.current_thread()
    visit.go_on = waiting

    def read(done):
        opened_before[done] = visit.events.qsize()
        if done > SMALL_BYTES:
            settle_after.set()

    visit.run(read)
    assert opened_before[SMALL_BYTES + MIB] == 0
    assert len(visit.paths()) == 3


def test_an_unreadable_file_harms_none_of_its_group(tmp_path):
    error = FileUnreadableError(name="a", offset=3, reason="EIO")
    card = Card([9] * 5, f2={"error": error, "fails_at": 3}, f3={"unchanged": False})
    visit = Visit(tmp_path, card)
    visit.run()
    events = visit.reported()
    assert [type(event) for event in events] == [
        FileImported, FileImported, FileUnreadable, FileUnreadable, FileImported,
    ]  # fmt: skip
    assert [event.offset for event in events[2:4]] == [3, None]
    assert names_in(tmp_path / "incoming") == []


def test_a_file_that_reads_back_otherwise_is_named_and_the_others_are_kept(tmp_path):
    def damage():
        for part in (tmp_path / "incoming").iterdir():
            if part.read_bytes() == card.contents[b"0002.bin"]:
                part.write_bytes(b"otherwise")

    card = Card([9] * 5, f2={"at_end": damage})
    visit = Visit(tmp_path, card)
    with pytest.raises(ReadBackError) as raised:
        visit.run()
    assert raised.value.fields == {"name": "0002.bin"}
    kept = visit.reported()
    assert [event.planned.file.path[:4] for event in kept] == [b"0000", b"0001", b"0003", b"0004"]
    for event in kept:
        visit.check(event)
    objects = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert (len(objects), names_in(tmp_path / "incoming")) == (4, [])


def test_a_slow_recorders_files_are_reported_without_waiting_for_a_full_group(tmp_path):
    visit = Visit(tmp_path, Card([9] * 6), now=Ticking(0.3))
    waiting = []
    visit.run(lambda _: waiting.append(visit.events.qsize()))
    assert waiting[-1] >= 2


@pytest.mark.parametrize("at", [1, SMALL_BYTES, 2 * SMALL_BYTES + MIB])
def test_a_copy_that_is_given_up_ends_both_stages_and_leaves_no_part(tmp_path, at):
    visit = Visit(tmp_path, Card([9, SMALL_BYTES, 9, SMALL_BYTES, 9, 9, SMALL_BYTES]))

    def read(done):
        if done >= at:
            visit.given_up.set()

    with pytest.raises(RecorderGoneError):
        visit.run(read)
    assert names_in(tmp_path / "incoming") == []
    for event in visit.reported():
        visit.check(event)


@pytest.mark.parametrize("size", [9, SMALL_BYTES])
def test_what_was_read_whole_before_the_recorder_went_is_proven_and_reported(tmp_path, size):
    card = Card([size] * 4, f3={"error": RecorderGoneError(), "fails_at": 5})
    visit = Visit(tmp_path, card)
    with pytest.raises(RecorderGoneError):
        visit.run()
    assert visit.paths() == list(card.contents)[:3]
    assert names_in(tmp_path / "incoming") == []


def test_a_disk_that_is_full_in_mid_group_keeps_the_files_before_it():
    with loop_disk(20) as disk:
        visit = Visit(disk.path, Card([MIB] * 40))
        with pytest.raises(ArchiveFullError):
            visit.run()
        events = visit.reported()
        assert len(events) >= 5
        for event in events:
            visit.check(event)
        assert names_in(disk.path / "incoming") == []
        assert len(files_below(disk.path / "objects")) == len(events)
