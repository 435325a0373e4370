"""Random damaged cards at a real dock: nothing false is stored, and planted faults are seen."""

from agent.core import dock, plan
from agent.recorders.folder import FolderFile
from contracts.errors import FileUnreadableError
from tests.instruments.cards.share import NAME, explore
from tests.instruments.counts import Share, conclude

SHARE = Share(28, 15)


def test_no_damaged_card_leaves_anything_false():
    counts = explore(SHARE)
    assert conclude(NAME, SHARE, counts) == 0
    assert (counts["seeds"], counts["violations"]) == (15, 0)
    assert min(counts[what] for what in ("imported", "missed", "kept_apart")) > 0


def test_a_driver_that_fills_up_with_zeros_is_caught(monkeypatch, capsys):
    honest = FolderFile.readinto

    def filling(self, buffer):
        try:
            return honest(self, buffer)
        except FileUnreadableError:
            count = min(4096, len(buffer), self._listed.size - self._offset)
            buffer[:count] = bytes(count)
            self._offset += count
            return count

    monkeypatch.setattr(FolderFile, "readinto", filling)
    assert explore(Share(28, 6))["violations"]
    said = capsys.readouterr().out
    assert "nothing that was on the card" in said
    assert "python -m tests.instruments.cards --seed" in said


def test_a_driver_that_does_not_see_a_file_change_is_caught(monkeypatch):
    monkeypatch.setattr(FolderFile, "unchanged", lambda self: True)
    assert explore(Share(3, 10))["violations"]


def test_a_dock_that_trusts_one_listing_is_caught(monkeypatch):
    monkeypatch.setattr(dock, "is_same", lambda before, after: True)
    assert plan.is_same is not dock.is_same
    assert explore(Share(5, 8))["violations"]
