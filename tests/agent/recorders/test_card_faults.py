"""Reading a card that fails, lies and changes, through FUSE."""

import errno
import subprocess
from dataclasses import replace

import pytest

from agent.core.recorder import CardFile
from agent.recorders.folder import PIECE_BYTES, TRIES, CardFolder
from contracts.errors import (
    FileChangedError,
    FileUnreadableError,
    FileVanishedError,
    MountError,
    RecorderGoneError,
)
from tests.instruments.cards import Bad, Card, Item, mounted

MIB = 1 << 20


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("card"), Card()) as card:
        yield card


@pytest.fixture
def card(made):
    made.become(Card())
    folder = CardFolder(made.folder, lambda: False)
    yield folder
    folder.close()


def become(made, *items, **more):
    made.become(Card(items, **more))


def opened(card, name=b"a"):
    return card.open_file(next(file for file in card.list_files().files if file.path == name))


def listed_alone(card, made, item):
    become(made, item)
    (file,) = card.list_files().files
    return file


def read_whole(file, piece=MIB):
    content, buffer = bytearray(), memoryview(bytearray(piece))
    while count := file.readinto(buffer):
        content += buffer[:count]
    return bytes(content)


def test_a_read_that_fails_once_or_twice_is_tried_again(card, made):
    item = Item(b"a", size=MIB, seed=1, bad=(Bad(5000, 10, times=TRIES - 1),))
    become(made, item)
    assert read_whole(opened(card)) == item.bytes_at(0, MIB)


def test_a_large_read_that_fails_is_read_in_pieces_up_to_the_bad_one(card, made):
    item = Item(b"a", size=MIB, seed=1, bad=(Bad(70_000, 10),))
    become(made, item)
    file, content, buffer = opened(card), bytearray(), memoryview(bytearray(MIB))
    while len(content) < 17 * PIECE_BYTES:
        content += buffer[: file.readinto(buffer)]
    with pytest.raises(FileUnreadableError) as raised:
        file.readinto(buffer)
    assert raised.value.fields["offset"] == 70_000 // PIECE_BYTES * PIECE_BYTES
    assert bytes(content) == item.bytes_at(0, len(content))


def test_behind_a_bad_piece_reading_goes_on(card, made):
    item = Item(b"a", size=MIB, seed=1, bad=(Bad(0, 1),))
    become(made, item)
    file = opened(card)
    with pytest.raises(FileUnreadableError):
        read_whole(file)
    file.seek(PIECE_BYTES)
    assert read_whole(file) == item.bytes_at(PIECE_BYTES, MIB)


def test_how_often_a_bad_byte_is_asked_for_is_bounded(card, made):
    become(made, Item(b"a", size=MIB, seed=1, bad=(Bad(0, 1),)))
    with pytest.raises(FileUnreadableError):
        read_whole(opened(card))
    assert made.counts().failed <= 2 * TRIES


def test_short_reads_are_put_together(card, made):
    item = Item(b"a", size=10_000, seed=1, short_bytes=999)
    become(made, item)
    assert read_whole(opened(card)) == item.bytes_at(0, 10_000)


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENOMEDIUM, errno.ENOTCONN])
def test_a_card_that_says_it_is_gone_while_it_is_read_is_gone_at_once(card, made, number):
    become(made, Item(b"a", size=9, bad=(Bad(0, 9, number),)))
    with pytest.raises(RecorderGoneError):
        read_whole(opened(card))
    assert made.counts().failed == 1


def test_a_card_pulled_out_after_some_reads_is_gone(card, made):
    become(made, Item(b"a", size=9 * MIB), gone_after=5)
    with pytest.raises(RecorderGoneError):
        read_whole(opened(card))
    with pytest.raises(RecorderGoneError):
        card.list_files()


def test_a_card_whose_driver_has_ended_is_gone(tmp_path):
    with mounted(tmp_path / "card", Card((Item(b"a", size=9),))) as made:
        card = CardFolder(made.folder, lambda: False)
        file = opened(card)
        made.abort()
        with pytest.raises(RecorderGoneError):
            read_whole(file)
        card.close()


def test_a_listing_that_fails_half_way_says_so_and_keeps_what_it_gave(card, made):
    files = [Item(b"d/%d" % number) for number in range(5)]
    become(made, Item(b"e"), *files, Item(b"d", "folder", fails_after=3))
    listing = card.list_files()
    assert [file.path for file in listing.files] == [b"d/0", b"d/1", b"d/2", b"e"]
    assert (listing.error, [item.reason for item in listing.refused]) == (
        "d: EIO",
        ["unlistable_folder"],
    )


def test_a_root_that_cannot_be_listed_is_an_error_and_not_an_empty_card(card, made):
    become(made, Item(b"a"), Item(b"", "folder", fails_after=0))
    assert (card.list_files().files, card.list_files().error) == ((), "/: EIO")


@pytest.mark.parametrize(
    "change",
    [{"size": 200}, {"size": 50}, {"modified_ns": 5}, {"kind": "fifo"}],
    ids=["grown", "shrunk", "touched", "replaced"],
)
def test_a_file_that_is_other_than_listed_is_not_opened(card, made, change):
    listed = listed_alone(card, made, Item(b"a", size=100))
    become(made, replace(Item(b"a", size=100), **change))
    with pytest.raises(FileChangedError):
        card.open_file(listed)


def test_a_file_that_is_there_no_more_has_vanished(card, made):
    listed = listed_alone(card, made, Item(b"a", size=100))
    become(made)
    with pytest.raises(FileVanishedError):
        card.open_file(listed)


def test_a_file_swapped_for_a_link_between_listing_and_opening_is_not_followed(card, made):
    listed = listed_alone(card, made, Item(b"a", size=100))
    become(made, Item(b"a", "symlink"))
    with pytest.raises(FileChangedError):
        card.open_file(listed)


def test_a_folder_swapped_for_a_link_between_listing_and_opening_is_not_followed(card, made):
    listed = listed_alone(card, made, Item(b"d/passwd", size=9))
    become(made, Item(b"d", "symlink", target="/etc"))
    with pytest.raises(FileChangedError):
        card.open_file(listed)


def test_what_a_file_has_become_is_told(card, made):
    become(made, Item(b"a", size=5), Item(b"b", size=5), Item(b"c", size=5))
    files = card.list_files().files
    become(made, Item(b"a", size=7, modified_ns=9), Item(b"b", "symlink"))
    assert [card.look_again(file) for file in files] == [CardFile(b"a", 7, 9), None, None]


def test_what_cannot_be_looked_at_again_is_unreadable(card, made):
    become(made, Item(b"d/a", size=5), Item(b"d", "folder"))
    with pytest.raises(FileUnreadableError):
        card.look_again(CardFile(b"d/" + b"x" * 5000, 1, 1))


def test_another_file_system_below_a_card_is_refused_and_never_entered(tmp_path):
    (tmp_path / "mounted").mkdir()
    (tmp_path / "b").touch()
    with mounted(tmp_path / "mounted", Card((Item(b"secret", size=9),))):
        card = CardFolder(tmp_path, lambda: False)
        listing = card.list_files()
        with pytest.raises(FileChangedError):
            card.open_file(CardFile(b"mounted/secret", 9, 1_700_000_000_000_000_000))
        card.close()
    assert [file.path for file in listing.files] == [b"b"]
    assert [(item.path, item.reason) for item in listing.refused] == [(b"mounted", "mount_point")]


def test_a_file_mounted_over_a_file_is_refused(tmp_path):
    (tmp_path / "a").touch()
    with mounted(tmp_path / "other" / "card", Card((Item(b"x", size=9),))) as other:
        subprocess.run(["mount", "--bind", other.folder / "x", tmp_path / "a"], check=True)
        try:
            card = CardFolder(tmp_path, lambda: False)
            refused = card.list_files().refused
            card.close()
        finally:
            subprocess.run(["umount", "--lazy", tmp_path / "a"], check=True)
    assert (b"a", "mount_point") in [(item.path, item.reason) for item in refused]


def test_a_card_that_cannot_be_looked_at_is_not_opened(tmp_path):
    with pytest.raises(MountError):
        CardFolder(tmp_path / "nowhere", lambda: False)


def test_every_name_is_listed_and_read_back(card, made):
    names = [bytes([byte]) for byte in range(1, 256) if byte not in b"./"] + [b"\xff" * 255]
    become(made, *(Item(name, content=name, size=len(name)) for name in names))
    listing = card.list_files()
    assert [file.path for file in listing.files] == sorted(names)
    assert [read_whole(card.open_file(file)) for file in listing.files] == sorted(names)
