"""What the index reads at its start and what a call of the roll costs, of a database as it is."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.made_up_ledgers import MIX, ORGANISATION, MadeUpLedger
from contracts.entry import Moment, decode
from contracts.messages import Topics
from contracts.settings import parse_index
from index.board import Board, View
from index.intake import Intake
from index.known import Notice
from index.main import enter, load_papers, load_rules, load_witness
from index.rolling import Rolling
from index.store import Store
from ledger.store import Ledger


def _ignore(*_: object) -> None:
    pass


def print_rolls(config: Path, ledgers: list[MadeUpLedger], now: datetime) -> None:
    """Print the CPU of reading the papers, of the first roll, and of later ones by what is new."""
    settings = parse_index(config.read_text("utf-8"), str(config))
    moment = Moment(now, "benchmark", 1, "synchronised")
    with ExitStack() as resources:
        own = Ledger.open(config.parent / "rolls", "muster/example/index", moment, "0")
        resources.callback(own.close)
        store = Store.open(settings.database)
        resources.callback(store.close)
        started = time.process_time()
        papers = load_papers(store, own, now)
        duties = sum(len(dossier.issued) for dossier in papers.register.dossiers.values())
        print(f"  papers of {duties} duties read in {time.process_time() - started:.1f} s of CPU")
        rules, topics = load_rules(settings), Topics("muster", ORGANISATION)
        notice = Notice(_ignore, _ignore, _ignore)
        intake = Intake(topics, {}, store, load_witness(settings), notice)
        rolling = Rolling(rules, papers, intake, store, own)
        board = Board(rules.calendar, rules.roster.department, store, View(now))

        def call(what: str, later: timedelta, come_home: list[MadeUpLedger]) -> None:
            for ledger in come_home:
                for made in ledger.made(MIX, now + later, timedelta()):
                    enter(papers.register, ledger.station, decode(made.raw))
            for known in intake.stations.values():
                known.heard_at = known.known_at = now + later
            _print_cost(
                what,
                lambda: rolling.call(
                    board, topics, Moment(now + later, "benchmark", 1, "synchronised"), now
                ),
            )

        call("the first", timedelta(), [])
        call("with nothing new", timedelta(seconds=1), [])
        call("with 10 recorders home and out again", timedelta(seconds=2), ledgers[:10])
        call(f"with {len(ledgers)} of them", timedelta(seconds=3), ledgers)
        call("of a new day", timedelta(days=1), [])


def _print_cost(what: str, work: Callable[[], object]) -> None:
    started = time.process_time()
    work()
    print(
        f"    a roll {what:40}{(time.process_time() - started) * 1000:10.1f} ms of CPU", flush=True
    )
