"""`muster-index`: runs the index, names what is missing, and checks what is stored.

Exit codes: 0 good, 1 found something, 2 wrong use or settings, 70 our own or the ledger's fault.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import click

from contracts.errors import InternalError, LedgerError, MusterError
from contracts.names import visible
from contracts.settings import IndexSettings, parse_index
from index import main as wiring
from index.auditing import audit_own, audit_station
from index.core.alerts import duty_alerts
from index.core.register import policies
from index.core.roll import roll_call
from index.store import Store
from ledger.reading import LedgerReader
from outside import clock

T = TypeVar("T")
FOUND, WRONG_USE, FAULT = 1, 2, 70
_config = click.option(
    "--config",
    "settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("/etc/muster/index.toml"),
    show_default=True,
    callback=lambda _c, _p, path: _guard(lambda: parse_index(wiring.read_text(path), str(path))),
    help="中心索引设置 / the index's settings",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(wiring.VERSION)
def main() -> None:
    """中心索引 / the central index."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)


@main.command()
@_config
def run(settings: IndexSettings) -> None:
    """运行中心索引 / run the index until it is told to stop."""
    from index.pages import build_pages  # noqa: PLC0415  # only `run` needs the pages

    _guard(lambda: wiring.run(settings, build_pages))


@main.command()
@_config
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="默认全部 / default: all days",
)
def missing(settings: IndexSettings, day: datetime | None) -> None:
    """列出未采集和无法确认的 / list what is missing or cannot be confirmed."""
    lines = _guard(lambda: tuple(_missing(settings, day.date() if day else None)))
    for line in lines:
        click.echo(visible(line))
    click.echo(f"{len(lines)} 项 / item(s)")
    sys.exit(FOUND if lines else 0)


@main.command()
@_config
def verify(settings: IndexSettings) -> None:
    """校验全部已存记录 / check every stored entry, and the index's own ledger."""
    problems = _guard(lambda: tuple(_problems(settings)))
    for problem in problems:
        click.echo(visible(problem))
    click.echo(f"{len(problems)} 个问题 / problem(s)")
    sys.exit(FOUND if problems else 0)


def _missing(settings: IndexSettings, day: date | None) -> Iterator[str]:
    now = clock.moment().at
    rules = wiring.load_rules(settings)
    with _opened(settings) as (store, own):
        papers = wiring.load_papers(store, own, now)
        stations = store.stations()
    duties = papers.register.duties(rules.roster, rules.calendar, rules.calendar.local_day(now))
    standings = roll_call(
        duties,
        papers.register.visits,
        papers.register.declarations,
        {row.enrolment.station: row.known_at for row in stations},
        rules.calendar,
        policies(rules.roster),
        now,
    )
    year = (day or rules.calendar.local_day(now)).year
    if not rules.calendar.knows(year):
        click.echo(
            f"{year} 年节假日未知, 按星期推算 / holidays of {year} unknown: guessed", err=True
        )
    names = {row.enrolment.station: row.enrolment.name for row in stations}
    wanted = tuple(s for s in standings if day is None or s.duty.day == day)
    for alert in duty_alerts(wanted, names, rules.calendar.zone, now):
        yield f"{alert.kind}: {alert.zh} / {alert.en}"


def _problems(settings: IndexSettings) -> Iterator[str]:
    witness = wiring.load_witness(settings).verifying
    for problem in audit_own(Path(settings.state) / "ledger"):
        yield f"index: {problem}"
    with _opened(settings) as (store, _own):
        for station in store.stations(every_ledger=True):
            for problem in audit_station(store, station, witness):
                yield f"{station.enrolment.key.name}: {problem}"


@contextmanager
def _opened(settings: IndexSettings) -> Iterator[tuple[Store, LedgerReader]]:
    store = Store.open(settings.database)
    try:
        with LedgerReader(Path(settings.state) / "ledger") as own:
            yield store, own
    finally:
        store.close()


def _guard(work: Callable[[], T]) -> T:
    """Do something; an error of ours ends the program with its sentence and exit code."""
    try:
        return work()
    except MusterError as error:
        click.echo(error.account, err=True)
        sys.exit(FAULT if isinstance(error, LedgerError | InternalError) else WRONG_USE)
