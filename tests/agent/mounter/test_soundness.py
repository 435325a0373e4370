"""A card that its file system's own check finds fault with is read, and never made writable."""

import pytest

from agent.mounting import Helper, mount_read_only
from contracts.errors import CardUnsoundError
from tests.rig.crafted import craft
from tests.rig.recorders import Card
from tests.support.loopdisk import attached
from tests.support.mounter import helper, let_go

FILES = {"AAAA.MP4": b"a" * 50_000, "BBBB.MP4": b"b" * 50_000}


def crossed(files):
    files["BBBB.MP4"].cluster = files["AAAA.MP4"].cluster


@pytest.fixture
def card(tmp_path):
    return Card.of(tmp_path, "R1", FILES, kind="exfat")


def test_a_sound_card_is_mounted_anew(card, tmp_path):
    with (
        attached(card.image) as node,
        let_go(mount_read_only(node, "exfat", tmp_path / "card")) as mount,
    ):
        mount.renew()
        assert (mount.target / "AAAA.MP4").read_bytes() == FILES["AAAA.MP4"]


def test_a_card_whose_files_share_clusters_is_told_and_can_still_be_read(card, tmp_path):
    craft(card.image, crossed)
    before = card.image.read_bytes()
    with (
        attached(card.image) as node,
        let_go(mount_read_only(node, "exfat", tmp_path / "card")) as mount,
    ):
        with pytest.raises(CardUnsoundError, match="cluster is already allocated"):
            mount.renew()
        assert (mount.target / "BBBB.MP4").read_bytes() == FILES["AAAA.MP4"]
    assert card.image.read_bytes() == before


def test_the_helper_tells_the_same(card):
    craft(card.image, crossed)
    with (
        attached(card.image) as node,
        helper(f"loop:{node.name}") as path,
        let_go(Helper(path).mount(node, "exfat", card.image)) as mount,
    ):
        with pytest.raises(CardUnsoundError):
            mount.renew()
        assert (mount.target / "BBBB.MP4").read_bytes() == FILES["AAAA.MP4"]
