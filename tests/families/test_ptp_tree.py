"""The files of a PTP recorder: all of them, by whatever way it lists them."""

from zoneinfo import ZoneInfo

import pytest

from agent.core.dialogue import converse
from agent.families import ptp_tree
from agent.families.ptp import PictureTransfer
from agent.families.ptp_tree import list_objects
from contracts.errors import NoAnswerError
from tests.support.emulators import ptp
from tests.support.emulators.ptp import FOLDER, PLAIN, Recorder
from tests.support.emulators.ptp_usb import Fault, Plug
from tests.support.ptp_wire import Wire

ZONE = ZoneInfo("Asia/Shanghai")


def listed(recorder, faults=()):
    plug = Plug(recorder)
    wire, session = Wire(plug), PictureTransfer({})
    converse(session.begin(), wire)
    plug.faults.update(faults)
    return converse(list_objects(session, ZONE), wire)


def paths(found):
    return [file.path.removeprefix(b"store_00010001/") for file in found.listing.files]


def card(**more):
    recorder = Recorder(**more)
    folder = recorder.add("DCIM")
    deep = recorder.add("100MEDIA", folder)
    for name in ("b.mp4", "a.mp4.nmea", "a.mp4"):
        recorder.add(name, deep, name.encode())
    recorder.add("PARAM.INI", content=b"x")
    return recorder


@pytest.mark.parametrize("hierarchy", ["both", "tree", "flat"])
def test_every_file_is_listed_whichever_way_the_recorder_lists(hierarchy):
    found = listed(card(hierarchy=hierarchy))
    deep = b"DCIM/100MEDIA/"
    assert paths(found) == [deep + b"a.mp4", deep + b"a.mp4.nmea", deep + b"b.mp4", b"PARAM.INI"]
    assert found.listing.error is None
    assert not found.listing.refused


def test_a_file_is_known_by_its_own_handle_even_if_another_name_begins_as_its_own():
    recorder = card()
    found = listed(recorder)
    for path, (handle, info) in found.objects.items():
        assert recorder.things[handle].name.encode() == path.rpartition(b"/")[2]
        assert info.size == len(recorder.things[handle].content)


def test_size_and_the_recorders_own_time_are_told():
    recorder = Recorder()
    recorder.add("big.mp4", content=ptp.pattern, size=5 << 30, modified="20260102T030405")
    recorder.add("utc.mp4", content=b"u", modified="20260101T190405Z")
    recorder.add("none.mp4", content=b"n", modified="")
    recorder.add("old.mp4", content=b"o", modified="19700101T000000+0900")
    told = {f.path[15:]: (f.size, f.modified_ns // 10**9) for f in listed(recorder).listing.files}
    assert told == {
        b"big.mp4": (5 << 30, 1767323045), b"utc.mp4": (1, 1767323045),
        b"none.mp4": (1, 0), b"old.mp4": (1, 0),
    }  # fmt: skip


def test_each_store_has_a_folder_and_one_without_a_card_none():
    recorder = Recorder(storages={0x10001: (9, 9), 0x20001: (9, 9), 0x30000: (0, 0)})
    recorder.add("a.mp4", content=b"a")
    recorder.add("a.mp4", content=b"b", storage=0x20001)
    found = listed(recorder).listing
    assert [f.path for f in found.files] == [b"store_00010001/a.mp4", b"store_00020001/a.mp4"]
    assert found.error is None


def test_two_files_of_one_name_are_both_read_and_the_listing_says_so():
    recorder = Recorder()
    for content in (b"1", b"22"):
        recorder.add("a.mp4", content=content)
    found = listed(recorder)
    assert paths(found) == [b"a.mp4", b"a.mp4~00000002"]
    assert "a name listed twice" in found.listing.error


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc/passwd", "a/b"])
def test_a_name_that_is_none_leads_nowhere_and_the_file_is_read_all_the_same(name):
    recorder = Recorder()
    folder = recorder.add(name)
    for each in ("x.mp4", "y.mp4"):
        recorder.add(each, folder, b"x")
    found = listed(recorder)
    assert paths(found) == [b"~00000001/x.mp4", b"~00000001/y.mp4"]
    assert found.listing.error == "~00000001: a name that is none"


def test_a_name_that_is_no_text_keeps_its_bytes():
    recorder = Recorder()
    recorder.add("视频\ud800.mp4", content=b"x")
    assert paths(listed(recorder)) == ["视频\ud800.mp4".encode("utf-8", "surrogatepass")]


@pytest.mark.parametrize("parent", [0x10001, 1, 99])
def test_a_parent_that_is_the_store_itself_or_unknown_is_the_root(parent, monkeypatch):
    recorder = Recorder(hierarchy="flat")
    recorder.add("a.mp4", parent, b"x")
    assert paths(listed(recorder)) == [b"a.mp4"]


def test_folders_in_a_circle_are_refused_and_end():
    recorder = Recorder(hierarchy="flat")
    one, two = recorder.add("one"), recorder.add("two", 1)
    recorder.things[one].parent = two
    recorder.add("a.mp4", two, b"x")
    found = listed(recorder).listing
    assert not found.files
    assert {item.reason for item in found.refused} == {"unlistable_folder"}
    assert "deeper than 64 folders" in found.error


def test_a_path_that_no_entry_has_room_for_is_refused():
    recorder = Recorder()
    folder = 0
    for _ in range(20):
        folder = recorder.add("n" * 250, folder)
    recorder.add("a.mp4", folder, b"x")
    found = listed(recorder).listing
    assert not found.files
    assert "more than 4096 bytes" in found.error


def test_a_size_that_is_not_told_is_refused():
    recorder = Recorder(operations=PLAIN)
    recorder.add("a.mp4", content=ptp.pattern, size=5 << 30)
    found = listed(recorder).listing
    assert [item.reason for item in found.refused] == ["unreadable"]
    assert "a size that is not told" in found.error


def test_an_object_that_goes_meanwhile_is_no_error():
    recorder = card()
    recorder.refusals[ptp.GET_OBJECT_INFO] = [ptp.BAD_HANDLE]
    found = listed(recorder)
    assert found.listing.error is None


def test_an_object_the_recorder_does_not_describe_is_refused_and_the_others_listed():
    recorder = card()
    recorder.refusals[ptp.GET_OBJECT_INFO] = [ptp.OK, ptp.GENERAL]
    found = listed(recorder)
    assert len(found.listing.files) == 3
    assert [item.reason for item in found.listing.refused] == ["unreadable"]
    assert "general error" in found.listing.error


@pytest.mark.parametrize(
    ("refused", "where"), [(1, b"store_00010001"), (2, b"store_00010001/DCIM")]
)
def test_a_folder_that_is_not_listed_is_refused(refused, where):
    recorder = card()
    recorder.refusals[ptp.GET_OBJECT_HANDLES] = [
        ptp.GENERAL,
        *[ptp.OK] * (refused - 1),
        ptp.GENERAL,
    ]
    found = listed(recorder).listing
    assert [(item.path, item.reason) for item in found.refused] == [(where, "unlistable_folder")]
    assert found.error


def test_more_items_than_a_card_can_hold_are_not_asked_for(monkeypatch):
    monkeypatch.setattr(ptp_tree, "MAX_ITEMS", 2)
    found = listed(card())
    assert "more than 2 items" in found.listing.error


def test_many_errors_are_counted():
    recorder = Recorder()
    for _ in range(6):
        recorder.add("a.mp4", content=b"x")
    assert listed(recorder).listing.error.endswith("(+2)")


def test_handles_that_mean_nothing_or_everything_are_not_asked_about():
    recorder = Recorder()
    recorder.things[0] = recorder.things[ptp.ALL] = ptp.Thing("a.mp4", content=b"x", size=1)
    assert not listed(recorder).listing.files
    assert ptp.GET_OBJECT_INFO not in recorder.codes()


def test_a_listing_out_of_step_is_given_up():
    with pytest.raises(NoAnswerError):
        listed(card(), {ptp.GET_OBJECT_INFO: Fault("number")})


def test_a_file_that_is_the_parent_of_another_is_as_it_says():
    recorder = Recorder(hierarchy="flat")
    file = recorder.add("a.mp4", content=b"x")
    recorder.add("thumb.jpg", file, b"y", format=0x3801)
    assert paths(listed(recorder)) == [b"a.mp4", b"a.mp4/thumb.jpg"]
    assert FOLDER not in {thing.format for thing in recorder.things.values()}
