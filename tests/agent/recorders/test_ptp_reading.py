"""Reading a PTP recorder: past 4 GiB, in parts or whole, through every fault, to an archive."""

import pytest

from contracts.errors import (
    FileChangedError,
    FileUnreadableError,
    FileVanishedError,
    RecorderGoneError,
)
from tests.support.emulators import ptp
from tests.support.emulators.ptp import PLAIN, pattern
from tests.support.emulators.ptp_usb import CANCEL, RESET, Fault
from tests.support.ptp_recorder import Bench, read_all
from tests.support.visit import Visit

GIB = 1 << 30
SIZE = 3_000_001
WAYS = {"parts": {}, "whole": {"operations": PLAIN, "extension": 0}}


@pytest.fixture(params=WAYS)
def bench(request):
    made = Bench(**WAYS[request.param])
    made.recorder.add("a.mp4", content=pattern, size=SIZE)
    made.recorder.add("b.mp4", content=pattern, size=9)
    made.attach()
    made.code = ptp.GET_PARTIAL_64 if request.param == "parts" else ptp.GET_OBJECT
    return made


def opened(bench, name="a.mp4"):
    return bench.open_file(bench.file(name))


@pytest.mark.parametrize("size", [1, 4096, 70_000, 5 << 20])
def test_a_file_is_read_whole_in_pieces_of_any_size(bench, size):
    file = opened(bench)
    if size == 1:
        file.seek(SIZE - 50)
        assert read_all(file, size) == pattern(SIZE - 50, 50)
    else:
        assert read_all(file, size) == pattern(0, SIZE)
    assert file.unchanged()
    assert CANCEL not in bench.plug.controls


def test_reading_goes_on_from_any_offset(bench):
    file = opened(bench)
    for offset in (2_000_000, 10, SIZE - 3, 5):
        file.seek(offset)
        buffer = memoryview(bytearray(100))
        count = file.readinto(buffer)
        assert bytes(buffer[:count]) == pattern(offset, min(100, SIZE - offset))
    file.close()


def test_two_open_files_do_not_get_each_others_bytes(bench):
    one, other = opened(bench), opened(bench, "b.mp4")
    buffer = memoryview(bytearray(64))
    assert one.readinto(buffer)
    assert read_all(other) == pattern(0, 9)
    assert one.readinto(buffer) == 64
    assert bytes(buffer) == pattern(64, 64)


def test_the_end_of_a_file_beyond_four_gib_is_read_by_its_offset():
    bench = Bench()
    bench.recorder.add("a.mp4", content=pattern, size=5 * GIB)
    bench.attach()
    file = opened(bench)
    file.seek(5 * GIB - 100)
    assert read_all(file) == pattern(5 * GIB - 100, 100)
    asked = [params for code, params in bench.recorder.log if code == ptp.GET_PARTIAL_64]
    assert asked[0] == (1, 0x3FFFFF9C, 1, 100)


def test_a_large_file_without_long_offsets_comes_whole():
    bench = Bench(operations=(*PLAIN, ptp.GET_PARTIAL, ptp.GET_OBJECT_PROP_VALUE))
    bench.recorder.add("a.mp4", content=pattern, size=5 * GIB)
    bench.attach()
    file = opened(bench)
    buffer = memoryview(bytearray(100))
    file.seek(1_500_000)
    assert file.readinto(buffer) == 100
    assert bytes(buffer) == pattern(1_500_000, 100)
    assert bench.recorder.codes() >= {ptp.GET_OBJECT}
    assert ptp.GET_PARTIAL not in bench.recorder.codes()


@pytest.mark.parametrize("kind", ["silent", "garbage", "number", "code", "short", "stall"])
def test_an_interruption_is_mended_in_a_new_session(bench, kind):
    file = opened(bench)
    bench.plug.faults[bench.code] = Fault(kind, at=700)
    assert read_all(file) == pattern(0, SIZE)
    assert file.unchanged()


def test_after_an_interruption_another_object_under_the_same_handle_is_not_read(bench):
    file = opened(bench)
    begun = memoryview(bytearray(100))
    assert file.readinto(begun) == 100
    bench.plug.control(0x21, RESET, 0, 0)
    things = bench.recorder.things
    things[1], things[2] = things[2], things[1]
    assert bytes(begun) + read_all(file) == pattern(0, SIZE)


def test_a_file_that_went_or_changed_in_an_interruption_is_said_so(bench):
    file = opened(bench)
    bench.plug.faults[bench.code] = Fault("silent")
    bench.recorder.things[1].size -= 1
    with pytest.raises(FileChangedError):
        read_all(file)
    assert not file.unchanged()
    del bench.recorder.things[1]
    with pytest.raises(FileVanishedError):
        file.find()


def test_a_recorder_that_is_lost_again_and_again_over_a_file_keeps_the_others(bench):
    file = opened(bench)
    bench.plug.faults[bench.code] = Fault("silent", times=99)
    for _ in range(4):
        with pytest.raises(FileUnreadableError) as refused:
            read_all(file)
        assert refused.value.fields["offset"] == 0
    asked = [code for code, _ in bench.recorder.log].count(bench.code)
    assert asked == 3
    bench.plug.faults.clear()
    assert read_all(opened(bench, "b.mp4")) == pattern(0, 9)


def test_bytes_that_are_refused_are_told_by_their_offset():
    bench = Bench()
    bench.recorder.add("a.mp4", content=pattern, size=SIZE)
    bench.attach()
    perform = bench.recorder.perform

    def damaged(code, params, payload=b""):
        covers = code == ptp.GET_PARTIAL_64 and params[1] <= 100_000 < params[1] + params[3]
        return (None, ptp.GENERAL, ()) if covers else perform(code, params, payload)

    bench.recorder.perform = damaged
    file = opened(bench)
    with pytest.raises(FileUnreadableError) as refused:
        read_all(file)
    assert 100_000 - 4096 < refused.value.fields["offset"] <= 100_000
    file.seek(refused.value.fields["offset"] + 4096)
    assert read_all(file)[-8:] == pattern(SIZE - 8, 8)


def test_a_recorder_that_does_not_say_what_a_file_is_makes_it_unreadable(bench):
    file = bench.file("a.mp4")
    opening = bench.open_file(file)
    bench.recorder.refusals[ptp.GET_OBJECT_INFO] = [ptp.GENERAL] * 3
    with pytest.raises(FileUnreadableError):
        bench.open_file(file)
    with pytest.raises(FileUnreadableError):
        bench.look_again(file)
    with pytest.raises(FileUnreadableError):
        opening.unchanged()


def test_a_whole_object_that_is_refused_or_empty_makes_a_file_unreadable():
    bench = Bench(**WAYS["whole"])
    bench.recorder.add("a.mp4", content=pattern, size=SIZE)
    bench.attach()
    bench.recorder.refusals[ptp.GET_OBJECT] = [ptp.GENERAL] * 9
    with pytest.raises(FileUnreadableError):
        read_all(opened(bench))
    bench.recorder.refusals.clear()
    perform = bench.recorder.perform
    bench.recorder.perform = lambda code, *more: (
        (None, ptp.OK, ()) if code == ptp.GET_OBJECT else perform(code, *more)
    )
    with pytest.raises(FileUnreadableError):
        read_all(opened(bench))


def test_a_recorder_pulled_out_in_the_middle_is_gone(bench):
    file = opened(bench)
    file.readinto(memoryview(bytearray(1000)))
    bench.plug.is_out = True
    with pytest.raises(RecorderGoneError):
        read_all(file)


def test_a_whole_recorder_is_imported_and_proven(bench, tmp_path):
    bench.recorder.add("empty.mp4", content=b"")
    visit = Visit(tmp_path, bench)
    imported = visit.run()
    events = visit.reported()
    assert len(imported) == len(events) == 3
    for event in events:
        visit.check(event)


def test_an_import_cut_in_the_middle_goes_on_where_it_stopped(bench, tmp_path):
    visit = Visit(tmp_path, bench)

    def cut(done):
        bench.plug.is_out = done > 9

    with pytest.raises(RecorderGoneError):
        visit.run(cut)
    assert visit.paths() == []
    bench.plug.is_out = False
    bench.attach()
    again = Visit(tmp_path, bench)
    assert len(again.run()) == 2
    for event in again.reported():
        again.check(event)


def test_one_unreadable_file_stands_beside_good_ones(bench, tmp_path):
    bench.recorder.add("c.mp4", content=pattern, size=5000)
    file = bench.file("b.mp4")
    perform = bench.recorder.perform
    bench.recorder.perform = lambda code, params, payload=b"": (
        (None, ptp.GENERAL, ())
        if code == bench.code and params[0] == 2
        else perform(code, params, payload)
    )
    visit = Visit(tmp_path, bench)
    assert len(visit.run()) == 2
    unreadable = [e for e in visit.reported() if e.planned.file == file]
    assert unreadable[0].trouble.code == "file_unreadable"
