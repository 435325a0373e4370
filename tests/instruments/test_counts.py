"""What the instruments share."""

import json

from tests.instruments import counts
from tests.instruments.counts import Share, arguments, conclude


def test_a_seed_that_is_given_is_used_and_one_that_is_missing_is_drawn():
    given = arguments("crash", "states", 7, argv=["--seed", "3", "--states", "9"])
    drawn = arguments("crash", "states", 7, argv=[])
    assert (given.seed, given.amount, given.seconds) == (3, 9, None)
    assert (drawn.seed >= 0, drawn.amount) == (True, 7)


def test_a_share_is_an_amount_or_a_time():
    assert not Share(1, amount=2).is_done(1)
    assert Share(1, amount=2).is_done(2)
    assert not Share(1, amount=2, seconds=0).is_done(0)
    assert Share(1, amount=2, seconds=0).is_done(1)
    assert not Share(1, amount=2, seconds=1_000).is_done(5)


def test_an_instrument_adds_arguments_of_its_own():
    share = arguments(
        "crash",
        "states",
        7,
        argv=["--scenario", "all"],
        extend=lambda p: p.add_argument("--scenario"),
    )
    assert share.options.scenario == "all"


def test_counts_are_kept_as_one_line_and_a_violation_is_the_exit_code(tmp_path, monkeypatch):
    monkeypatch.setattr(counts, "FOLDER", tmp_path / "build")
    good = conclude("crash", Share(7, 3), {"states": 3, "violations": 0})
    bad = conclude("crash", Share(7, 3), {"states": 3, "violations": 2})
    (line,) = (tmp_path / "build" / "crash.json").read_text(encoding="utf-8").splitlines()
    kept = json.loads(line)
    assert (good, bad) == (0, 1)
    assert kept.pop("seconds") >= 0
    assert kept == {"instrument": "crash", "states": 3, "violations": 2, "seed": 7}
