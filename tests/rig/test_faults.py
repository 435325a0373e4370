"""Cards and contacts that fail, and what is left then: all the footage that could be read."""

from contracts.dock import DockState
from tests.rig.expecting import digests, imported
from tests.rig.recorders import Card, footage

SLOW = 4_000_000
SLOWEST = 400_000


def test_a_slow_bus_only_takes_longer(station, tmp_path):
    files = footage(2, 2_000_000)
    station.plug(2, Card.of(tmp_path, "R01", files), bytes_per_second=SLOW)
    assert station.settled(2).recorder == "R01"
    assert imported(station, digests(files))


def test_a_file_on_failing_sectors_is_told_and_the_others_are_imported(station, tmp_path):
    files = footage(4)
    card = Card.of(tmp_path, "R01", files)
    bad, sectors = card.sectors("DCIM/100MEDIA/02.mp4")
    station.plug(3, card, bad_sectors=[bad + sectors // 2])
    assert station.settled(3).state is DockState.ATTENTION
    lost = station.wait_said("footage.unreadable")
    assert (lost["name"], lost["code"]) == ("DCIM/100MEDIA/02.mp4", "file_unreadable")
    del files["DCIM/100MEDIA/02.mp4"]
    assert imported(station, digests(files))


def test_a_write_protected_card_is_imported(station, tmp_path):
    files = footage()
    station.plug(4, Card.of(tmp_path, "R01", files), read_only=True)
    assert station.settled(4).recorder == "R01"
    assert imported(station, digests(files))


def test_recorders_pulled_out_at_twenty_points_of_a_copy_lose_nothing(station, tmp_path):
    cards = {dock: footage(8, 250_000) for dock in range(1, 5)}
    made = {dock: Card.of(tmp_path, f"R{dock:02}", files) for dock, files in cards.items()}
    for point in range(5):
        plugged = {
            dock: station.plug(dock, card, bytes_per_second=SLOWEST) for dock, card in made.items()
        }
        for dock, one in plugged.items():
            station.wait_dock(dock, _at(point + dock % 2))
            station.unplug(one)
        for dock in plugged:
            station.empty(dock)
    for dock, card in made.items():
        station.plug(dock, card)
    for dock in made:
        assert station.settled(dock).recorder == f"R{dock:02}"
    for files in cards.values():
        assert imported(station, digests(files))
    station.sh('test -z "$(ls /srv/muster/archive/incoming)"')


def _at(point):
    """Tell whether a copy has come to one of its points."""

    def is_there(dock):
        if dock.state is DockState.EMPTY:
            return False
        progress = dock.progress
        done = progress.files_done if progress else 0
        return done >= point or (progress and progress.files_done == progress.files_total)

    return is_there
