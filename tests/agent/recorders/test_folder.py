"""Listing and reading what a card holds, whatever its names and links try."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from agent.core.recorder import CardFile, Listing
from agent.recorders import folder as folder_module
from agent.recorders.folder import CardFolder, list_folder
from contracts.errors import FileChangedError, FileVanishedError, MountError, RecorderGoneError

HOSTILE = [
    b"a\nb",
    b"\xff\xfe.mp4",
    b"x" * 255,
    b"...",
    b" ",
    b"-rf",
    b"\x1b[2J",
    b"CON.",
    "录像".encode(),
]


@pytest.fixture
def card(tmp_path):
    folder = CardFolder(tmp_path, lambda: False)
    yield folder
    folder.close()


def put(tmp_path, name, content=b"footage"):
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def read(card, name):
    file = next(file for file in card.list_files().files if file.path == name)
    opened = card.open_file(file)
    content = bytearray()
    buffer = memoryview(bytearray(3))
    while count := opened.readinto(buffer):
        content += buffer[:count]
    opened.close()
    return bytes(content)


def put_file(card, tmp_path, name):
    put(tmp_path, name)
    return next(file for file in card.list_files().files if file.path == name)


def listed(card):
    return [file.path for file in card.list_files().files]


def refused(card):
    return [(item.path, item.reason) for item in card.list_files().refused]


def test_an_empty_card_lists_nothing(card):
    assert card.list_files() == Listing((), (), None)


def test_every_file_is_listed_with_size_and_time(card, tmp_path):
    put(tmp_path, b"DCIM/a.mp4", b"12345")
    os.utime(tmp_path / "DCIM" / "a.mp4", ns=(1, 1_700_000_000_123_456_789))
    assert card.list_files().files == (CardFile(b"DCIM/a.mp4", 5, 1_700_000_000_123_456_789),)


def test_files_are_in_byte_order_of_their_whole_path(card, tmp_path):
    for name in (b"a/z", b"a.mp4", b"a/b/c", b"B", b"a-b"):
        put(tmp_path, name)
    assert listed(card) == [b"B", b"a-b", b"a.mp4", b"a/b/c", b"a/z"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_of_any_name_is_listed_and_read(card, tmp_path, name):
    put(tmp_path, b"DCIM/" + name)
    assert read(card, b"DCIM/" + name) == b"footage"


def test_a_name_in_a_folder_of_any_name_is_read(card, tmp_path):
    put(tmp_path, b"\xff\n/" * 5 + b"a")
    assert read(card, b"\xff\n/" * 5 + b"a") == b"footage"


def test_what_is_no_regular_file_is_refused_with_its_reason(card, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "linked_folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "null", 0o20666, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    assert listed(card) == []
    assert refused(card) == [
        (b"fifo", "fifo"),
        (b"link", "symlink"),
        (b"linked_folder", "symlink"),
        (b"null", "device"),
        (b"socket", "socket"),
    ]


def test_a_file_with_two_names_is_refused_under_both(card, tmp_path):
    put(tmp_path, b"a")
    os.link(tmp_path / "a", tmp_path / "b")
    assert refused(card) == [(b"a", "hard_link"), (b"b", "hard_link")]


def test_what_lies_too_deep_is_said_and_the_rest_is_listed(card, tmp_path):
    put(tmp_path, b"d/" * folder_module.MAX_DEPTH + b"deep")
    put(tmp_path, b"d/" * (folder_module.MAX_DEPTH - 1) + b"there")
    listing = card.list_files()
    assert [file.path.rpartition(b"/")[2] for file in listing.files] == [b"there"]
    assert [item.reason for item in listing.refused] == ["unlistable_folder"]
    assert "deeper than 64 folders" in (listing.error or "")


def test_a_card_of_twenty_thousand_files_is_listed_whole(card, tmp_path):
    for number in range(20_000):
        (tmp_path / f"{number:05}").touch()
    listing = card.list_files()
    assert (len(listing.files), listing.error) == (20_000, None)


def test_a_card_pulled_out_while_it_is_listed_is_gone_and_not_empty(tmp_path):
    card = CardFolder(tmp_path, lambda: True)
    with pytest.raises(RecorderGoneError):
        card.list_files()
    card.close()


@pytest.mark.parametrize("path", [b"../secret", b"a/../../secret", b"/secret", b"", b".", b"a//b"])
def test_no_path_leads_off_the_card(tmp_path, path):
    put(tmp_path, b"secret")
    put(tmp_path, b"card/a/b")
    card = CardFolder(tmp_path / "card", lambda: False)
    with pytest.raises(FileChangedError):
        card.open_file(CardFile(path, 7, 0))
    card.close()


@pytest.mark.parametrize("swapped", [b"DCIM/a.mp4", b"DCIM"])
def test_what_became_a_link_after_it_was_listed_is_not_followed(card, tmp_path, swapped):
    put(tmp_path, b"DCIM/a.mp4")
    (file,) = card.list_files().files
    path = tmp_path / os.fsdecode(swapped)
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(FileChangedError):
        card.open_file(file)


def test_what_became_a_fifo_after_it_was_listed_does_not_block(card, tmp_path):
    put(tmp_path, b"a")
    (file,) = card.list_files().files
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    with pytest.raises(FileChangedError):
        card.open_file(file)


def test_a_file_that_grew_since_it_was_listed_has_changed(card, tmp_path):
    put(tmp_path, b"a")
    (file,) = card.list_files().files
    put(tmp_path, b"a", b"more footage")
    with pytest.raises(FileChangedError):
        card.open_file(file)


@pytest.mark.parametrize("content", [b"", b"foot", b"FOOTAGE", b"footage and more"])
def test_a_file_that_changes_while_it_is_read_is_noticed(card, tmp_path, content):
    put(tmp_path, b"a")
    os.utime(tmp_path / "a", (1, 1))
    opened = card.open_file(card.list_files().files[0])
    before = opened.unchanged()
    put(tmp_path, b"a", content)
    assert (before, opened.unchanged()) == (True, False)
    opened.close()


def test_an_untouched_file_is_read_to_its_end_and_is_unchanged(card, tmp_path):
    put(tmp_path, b"a")
    opened = card.open_file(card.list_files().files[0])
    buffer = memoryview(bytearray(100))
    assert [opened.readinto(buffer), opened.readinto(buffer)] == [7, 0]
    assert opened.unchanged()
    opened.close()


def test_closing_twice_is_harmless(tmp_path):
    card = CardFolder(tmp_path, lambda: False)
    card.close()
    card.close()


def test_listing_a_released_card_is_our_bug(tmp_path):
    card = CardFolder(tmp_path, lambda: False)
    card.close()
    with pytest.raises(RuntimeError):
        card.list_files()


def test_a_folder_that_is_not_there_cannot_be_listed(tmp_path):
    with pytest.raises(MountError):
        list_folder(tmp_path / "nowhere")


def test_listing_and_reading_leave_no_descriptor_open_but_that_of_the_last_folder(card, tmp_path):
    put(tmp_path, b"a/b/c/d")
    before = open_files()
    read(card, b"a/b/c/d")
    card.read_small((b"A", b"B"), 10)
    assert open_files() - before == 1
    card.close()
    assert open_files() < before


def test_what_is_expected_is_open_until_it_is_read_or_expected_no_more(card, tmp_path):
    files = [put_file(card, tmp_path, b"a/%d" % number) for number in range(3)]
    before = open_files()
    card.expect(files[:2])
    assert open_files() - before == 3  # and their folder
    card.expect(files[1:])
    assert open_files() - before == 3
    with closing(card.open_file(files[1])):
        pass
    card.expect(())
    assert open_files() - before == 1


def test_what_is_expected_and_gone_or_changed_is_told_when_it_is_opened(card, tmp_path):
    gone, other = (put_file(card, tmp_path, name) for name in (b"gone", b"other"))
    (tmp_path / "gone").unlink()
    card.expect([gone, other])
    (tmp_path / "other").write_bytes(b"another size")
    with pytest.raises(FileVanishedError):
        card.open_file(gone)
    with pytest.raises(FileChangedError):
        card.open_file(other)


def test_a_folder_that_became_another_is_found_again(card, tmp_path):
    put(tmp_path, b"a/one")
    read(card, b"a/one")
    (tmp_path / "a").rename(tmp_path / "b")
    put(tmp_path, b"a/two")
    assert read(card, b"a/two") == (tmp_path / "a" / "two").read_bytes()


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_small_file_is_found_whatever_its_letters_case(card, tmp_path):
    put(tmp_path, b"dcim/Info.DAT", b"0123456789")
    assert card.read_small((b"DCIM", b"info.dat"), 4) == b"0123"


@pytest.mark.parametrize(
    "names", [(b"none",), (b"link",), (b"fifo",), (b"folder",), (b"file", b"x")]
)
def test_what_is_no_small_file_is_not_read(card, tmp_path, names):
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert card.read_small(names, 4) is None
