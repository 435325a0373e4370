"""The made-up card itself: each fault that a script names is what a program meets."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from tests.instruments.cards import Bad, Card, Item, Then, files_below, mounted
from tests.instruments.cards.script import from_line, to_line

MIB = 1 << 20
SMALL = Item(b"a", size=300_000, seed=1)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("card"), Card()) as made:
        yield made


@pytest.fixture
def own_card(tmp_path):
    with mounted(tmp_path / "card", Card()) as made:
        yield made


def read(card, name=b"a", *, offset=0, count=1 << 30):
    fd = os.open(os.fsencode(card.folder) + b"/" + name, os.O_RDONLY)
    try:
        return os.pread(fd, count, offset)
    finally:
        os.close(fd)


def names_in(folder):
    return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths


def error_of(call, *given, **more):
    try:
        call(*given, **more)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    raise AssertionError("no error")


def test_a_script_comes_back_from_its_line_as_it_was():
    then = Then("reads", 3, {"bad": (Bad(1, 2),), "content": b"\xff"})
    card = Card((Item(b"\xff\n", content=b"\0", bad=(Bad(5, 6, times=2),), then=(then,)),), 7, 8)
    assert from_line(to_line(card)) == card


@pytest.mark.parametrize("offset", [0, 65_535, 65_536, 2**32 - 1, 2**32 + 5])
def test_content_by_formula_is_the_same_wherever_a_read_begins(card, offset):
    item = Item(b"a", size=5 * 2**30, seed=7)
    card.become(Card((item,)))
    assert read(card, offset=offset, count=100_000) == item.bytes_at(offset, 100_000)
    assert item.bytes_at(0, 65_536) != item.bytes_at(65_536, 65_536)


def test_a_hundred_gigabytes_need_no_disk(card):
    card.become(Card((Item(b"a", size=100 * 10**9),)))
    assert (card.folder / "a").stat().st_size == 100 * 10**9
    assert read(card, offset=10**11 - 5) == bytes(5)


def test_a_real_folder_can_be_the_card(card, tmp_path):
    (tmp_path / "DCIM").mkdir()
    (tmp_path / "DCIM" / "a.mp4").write_bytes(b"footage")
    card.become(files_below(str(tmp_path)))
    assert read(card, b"DCIM/a.mp4") == b"footage"
    assert names_in(card.folder) == ["DCIM"]


def test_reads_that_touch_a_bad_range_fail_and_others_do_not(card):
    card.become(Card((Item(b"a", size=300_000, seed=1, bad=(Bad(8192, 4096),)),)))
    assert error_of(read, card, offset=8000, count=1000) == "EIO"
    assert read(card, count=8192) == SMALL.bytes_at(0, 8192)
    assert read(card, offset=12_288) == SMALL.bytes_at(12_288, 300_000)


def test_a_range_can_be_bad_for_a_number_of_reads_only(card):
    card.become(Card((Item(b"a", size=9, seed=1, bad=(Bad(0, 9, errno.ENODEV, times=2),)),)))
    assert [error_of(read, card) for _ in range(2)] == ["ENODEV", "ENODEV"]
    assert len(read(card)) == 9
    assert card.counts().failed == 2


def test_a_file_gives_other_bytes_when_it_is_opened_again(card):
    card.become(Card((Item(b"a", size=100, seed=1, then=(Then("opens", 2, {"seed": 2}),)),)))
    assert read(card) != read(card)


@pytest.mark.parametrize(
    ("change", "size"), [({"size": 200}, 200), ({"size": 9}, 9), ({"modified_ns": 5}, 100)]
)
def test_a_file_grows_shrinks_or_is_touched_at_a_read(card, change, size):
    card.become(Card((Item(b"a", size=100, seed=1, then=(Then("reads", 1, change),)),)))
    before = (card.folder / "a").stat()
    read(card)
    after = (card.folder / "a").stat()
    assert (before.st_size, after.st_size) == (100, size)
    assert (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)


def test_a_file_vanishes_at_a_read(card):
    card.become(Card((Item(b"a", size=100, then=(Then("reads", 1, {"gone": True}),)),)))
    read(card)
    assert error_of(read, card) == "ENOENT"
    assert names_in(card.folder) == []


def test_reads_come_short_and_a_file_ends_before_its_size(card):
    card.become(Card((Item(b"a", size=100, seed=1, short_bytes=7),
                      Item(b"b", size=100, seed=1, given_bytes=60))))  # fmt: skip
    assert len(read(card, b"a")) == 7
    assert (len(read(card, b"b")), read(card, b"b", offset=60)) == (60, b"")


def test_a_listing_fails_after_so_many_names(card):
    files = tuple(Item(b"d/%d" % number) for number in range(5))
    card.become(Card((*files, Item(b"d", "folder", fails_after=3))))
    names = []
    with os.scandir(card.folder / "d") as entries:
        assert error_of(lambda: [names.append(entry.name) for entry in entries]) == "EIO"
    assert names == ["0", "1", "2"]


def test_a_second_listing_shows_what_the_first_did_not(card):
    late = Item(b"b", gone=True, then=(Then("listings", 2, {"gone": False}),))
    card.become(Card((SMALL, late)))
    assert [names_in(card.folder) for _ in range(3)] == [["a"], ["a", "b"], ["a", "b"]]


def test_what_was_looked_at_as_a_file_is_opened_as_a_link(card):
    card.become(Card((Item(b"a", then=(Then("stats", 2, {"kind": "symlink"}),)),)))
    assert stat.S_ISREG((card.folder / "a").lstat().st_mode)
    assert error_of(os.open, card.folder / "a", os.O_RDONLY | os.O_NOFOLLOW) == "ELOOP"


def test_every_name_is_served_that_a_file_system_can_hold(card):
    names = [bytes([byte]) for byte in range(1, 256) if byte not in b"./"]
    names += [b"n" * 255, b"\xff" * 255, b"\x1b[2J", "\u202e4pm.exe".encode(), b".. ", b"CON"]
    card.become(Card(tuple(Item(name, content=name, size=len(name)) for name in names)))
    assert names_in(card.folder) == sorted(map(os.fsdecode, names))
    assert [read(card, name) for name in names] == names


def test_a_card_that_is_pulled_out_answers_nothing_any_more(card):
    card.become(Card((SMALL,), gone_after=2))
    assert [len(read(card, count=9)) for _ in range(2)] == [9, 9]
    assert error_of(read, card) == "ENODEV"


def test_a_slow_card_takes_its_time(card):
    card.become(Card((Item(b"a", size=MIB),), bytes_per_second=20 * MIB))
    for _ in range(10):
        read(card, count=MIB)
    assert card.counts().read_bytes == 10 * MIB


@pytest.mark.parametrize(
    ("item", "asks"),
    [
        (Item(b"a", size=9, hangs_at=3), read),
        (Item(b"a", hangs_when_looked_at=True), lambda card: (card.folder / "a").stat()),
        (Item(b"d", "folder", hangs_after=0), lambda card: names_in(card.folder / "d")),
    ],
)
def test_what_never_returns_is_ended_by_an_abort(own_card, item, asks):
    own_card.become(Card((item,)))
    errors = []
    waiting = threading.Thread(target=lambda: errors.append(error_of(asks, own_card)), daemon=True)
    waiting.start()
    own_card.wait_until_it_hangs()
    assert waiting.is_alive()
    own_card.abort()
    waiting.join(20)
    assert errors[0] in ("ECONNABORTED", "ENOTCONN")


def test_nothing_is_left_mounted(tmp_path):
    with mounted(tmp_path / "card", Card((SMALL,))) as card:
        assert names_in(card.folder) == ["a"]
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text("utf-8")
