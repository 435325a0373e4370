"""The soak runs every instrument there is and adds up what they count."""

import json

from tests.instruments.__main__ import HERE, instruments, main, soak
from tests.instruments.counts import FOLDER


def test_every_folder_of_the_instruments_is_one_that_can_be_run_and_is_described():
    folders = sorted(p.name for p in HERE.iterdir() if p.is_dir() and p.name != "__pycache__")
    assert instruments() == folders
    assert [name for name in folders if not (HERE / name / "README.md").exists()] == []


def test_a_turn_runs_an_instrument_and_counts_what_it_did():
    counted = next(soak(["attacks"], None, 1))
    said = json.loads((FOLDER / "attacks.json").read_text("utf-8"))
    assert counted["attacks.attacks"] == said["attacks"] > 0
    assert counted["attacks.violations"] == 0


def test_a_soak_of_no_time_at_all_ends_well(capsys):
    assert main(["--hours", "0"]) == 0
    assert "violations" not in capsys.readouterr().out
