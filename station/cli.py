"""The command muster-station."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from contracts.errors import MusterError
from contracts.roster import parse_roster
from contracts.settings import parse_station
from look.guarding import Guard
from station.asking import Agent
from station.page import Desk
from station.rendering import renderer
from station.serving import serve
from station.watching import SnapshotFile
from station.web import Pages


@click.group()
@click.version_option(package_name="muster")
def main() -> None:
    """采集站页面: 看板, 领用交回, 台账, 登记表 / The station's pages."""


@main.command("serve")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/muster/station.toml"),
    show_default=True,
    help="采集站设置 / the station's settings",
)
def serve_command(config: Path) -> None:
    """启动页面服务 / Serve the pages."""
    try:
        pages = pages_of(config)
    except (MusterError, OSError) as error:
        click.echo(_complaint(error), err=True)
        sys.exit(2)
    where = pages.desk.settings.pages
    click.echo(f"http://{where.host}:{where.port}/")
    sys.exit(serve(pages.app(), where.host, where.port, pages.stopping.set))


def pages_of(config: Path) -> Pages:
    """Return the pages that a settings file describes.

    Raises:
        SettingsError: the settings or the roster do not say what they must.
        OSError: one of them cannot be read.
    """
    settings = parse_station(config.read_text(encoding="utf-8"), str(config))
    roster = Path(settings.folders.roster)
    run = Path(settings.folders.run)
    desk = Desk(
        settings=settings,
        roster=parse_roster(roster.read_text(encoding="utf-8"), str(roster)),
        snapshots=SnapshotFile(run / "snapshot.json"),
        agent=Agent(run / "agent.sock"),
        clock=lambda: datetime.now(UTC),
    )
    guard = Guard.for_names(settings.pages.host, settings.station.id, *settings.pages.names)
    return Pages(desk, renderer(desk.zone), guard)


def _complaint(error: MusterError | OSError) -> str:
    if isinstance(error, MusterError):
        return f"{error}\n{error.remedy.fill(**error.fields)}"
    return str(error)
