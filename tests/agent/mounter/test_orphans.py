"""Clusters that are taken and in no file bar a clearing: they may be footage without an entry."""

import os
import random
import struct

import pytest

from agent.mounter.cards import Card as HeldCard
from agent.mounter.cards import UnsoundError
from agent.mounter.exfat import ExfatError, orphaned_clusters
from agent.mounting import Helper, mount_read_only
from contracts.errors import CardUnsoundError
from tests.rig.recorders import Card
from tests.support.clusters import Exfat, orphan_on_fat32
from tests.support.loopdisk import attached
from tests.support.mounter import helper, let_go

FILES = {"AAAA.MP4": b"a" * 50_000, "D/BBBB.MP4": b"b" * 50_000, "EMPTY.MP4": b""}
SPARE = range(9_000, 9_010)  # clusters that nothing on so small a card has
MUTANTS = 3_000


@pytest.fixture
def card(tmp_path):
    return Card.of(tmp_path, "R1", FILES, kind="exfat")


@pytest.fixture
def image(card):
    """Its image, to be changed by hand."""
    return Exfat(card.image)


def without_entry(image):
    image.forget(1)  # AAAA.MP4, of 13 clusters


def taken(image):
    image.take(SPARE)


def taken_and_linked(image):
    image.take(SPARE)
    for cluster in SPARE:
        image.link(cluster, cluster + 1 if cluster + 1 in SPARE else 0xFFFFFFFF)


ORPHANED = [(without_entry, 13), (taken, len(SPARE)), (taken_and_linked, len(SPARE))]


@pytest.mark.parametrize(("change", "count"), ORPHANED)
def test_what_lost_its_entry_bars_the_card_though_its_own_check_finds_it_clean(
    card, image, tmp_path, change, count
):
    change(image)
    image.write()
    card.check()
    with (
        attached(card.image) as node,
        let_go(mount_read_only(node, "exfat", tmp_path / "card")) as mount,
    ):
        with pytest.raises(CardUnsoundError, match=f": {count} 个无主簇 / orphaned clusters"):
            mount.renew()
        assert (mount.target / "D/BBBB.MP4").read_bytes() == FILES["D/BBBB.MP4"]
    assert card.image.read_bytes() == bytes(image.raw)


def test_the_helper_tells_the_same(card, image):
    taken(image)
    image.write()
    with (
        attached(card.image) as node,
        helper(f"loop:{node.name}") as path,
        let_go(Helper(path).mount(node, "exfat", card.image)) as mount,
        pytest.raises(CardUnsoundError, match=": 10 个无主簇"),
    ):
        mount.renew()


def fill_unevenly(root):
    """Write, grow and remove, so that files lie in pieces and folders have several clusters."""
    for number in range(150):
        (root / f"{number:03} 一个很长的文件名, 需要好几条目录项.mp4").write_bytes(b"x" * 5_000)
    for number in range(0, 150, 2):
        next(root.glob(f"{number:03} *")).unlink()
    for number in range(1, 9):
        (root / f"D/sub {number}").mkdir()
        with (root / f"D/sub {number}/long").open("wb") as file:
            file.write(os.urandom(90_000))


def test_a_card_full_of_pieces_holes_and_folders_has_none(card):
    with card.opened() as root:
        fill_unevenly(root)
        free = os.statvfs(root)
    image = Exfat(card.image)
    assert image.taken == image.count - free.f_bfree
    assert image.taken > 300
    assert chained(card)
    assert orphaned_clusters(card.image) == 0


def chained(card):
    """Tell whether the table links any cluster to one that is not the next."""
    image = Exfat(card.image)
    links = struct.unpack_from(f"<{image.count}I", image.raw, image.fat)
    return any(2 < link < image.count and link != at + 1 for at, link in enumerate(links))


def test_clusters_marked_bad_are_no_orphans(card, image):
    image.take(SPARE)
    for cluster in SPARE[1:]:
        image.link(cluster, 0xFFFFFFF7)
    image.write()
    assert orphaned_clusters(card.image) == 1


def test_every_cluster_of_a_card_can_be_an_orphan(card, image):
    taken_before = image.taken
    image.take(range(2, image.count + 2))
    image.write()
    assert orphaned_clusters(card.image) == image.count - taken_before


@pytest.mark.parametrize(("kind", "count"), [(0x00, 27), (0x86, 13), (0xA5, 13)])
def test_a_file_behind_the_folders_end_or_of_a_kind_nobody_knows_is_an_orphan(
    card, image, kind, count
):
    image.raw[image.entry(1)] = kind  # AAAA.MP4; behind it is D with BBBB.MP4
    image.write()
    card.check()
    assert orphaned_clusters(card.image) == count


def looped(image):
    image.link(image.root, image.root)


def within_itself(image):
    at = image.raw.index(b"D\0" + bytes(28), image.place(image.root)) - 2
    struct.pack_into("<I", image.raw, at - 32 + 20, image.root)


def alone(image):
    image.raw[image.entry(1) + 1] = 0


def boundless(image):
    struct.pack_into("<I", image.raw, 92, 0xFFFFFFFF)


def without_bitmap(image):
    image.raw[image.place(image.root) + 32] = 0x03


def cut(image):
    del image.raw[image.place(image.root) + 100 :]


def of_another_kind(image):
    image.raw[3:11] = b"NTFS    "


@pytest.mark.parametrize(
    "change", [looped, within_itself, alone, boundless, without_bitmap, cut, of_another_kind]
)
def test_a_card_that_contradicts_itself_is_not_counted(card, image, change):
    change(image)
    image.write()
    with pytest.raises(ExfatError):
        orphaned_clusters(card.image)


def test_whatever_is_on_a_card_the_count_ends(card, image):
    chance, outcomes = random.Random(7), set()
    end = image.place(image.root) + 1_000
    parts = (80, 112), (image.fat, image.fat + 200), (image.place(2), end)
    sound = bytes(image.raw)
    with card.image.open("r+b", buffering=0) as file:
        for _ in range(MUTANTS):
            at = chance.randrange(*chance.choice(parts))
            file.seek(at)
            file.write(chance.choice((bytes(4), b"\xff" * 4, chance.randbytes(4))))
            try:
                outcomes.add(bool(orphaned_clusters(card.image)))
            except (ExfatError, OSError) as error:
                outcomes.add(type(error))
            file.seek(at)
            file.write(sound[at : at + 4])
    assert outcomes >= {False, True, ExfatError}
    assert orphaned_clusters(card.image) == 0


def test_a_chain_without_an_entry_on_fat32_bars_the_card(tmp_path):
    card = Card.of(tmp_path, "R1", FILES, kind="vfat")
    held = HeldCard(card.image, tmp_path, "vfat", None)
    held.look_over()
    orphan_on_fat32(card.image, SPARE)
    before = card.image.read_bytes()
    with pytest.raises(UnsoundError, match="Reclaimed 10 unused clusters"):
        held.look_over()
    assert card.image.read_bytes() == before
