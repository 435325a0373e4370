"""The command muster-station."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from contracts.errors import MusterError, SettingsError
from contracts.roster import parse_roster
from contracts.settings import parse_station
from look.guarding import Guard
from station.asking import Agent
from station.page import Desk
from station.rendering import renderer
from station.serving import serve
from station.watching import SnapshotFile
from station.web import Pages


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    except MusterError as error:
        click.echo(error.account, err=True)
        sys.exit(2)
    where = pages.desk.settings.pages
    click.echo(f"http://{where.host}:{where.port}/")
    sys.exit(serve(pages.app(), where.host, where.port, pages.stopping.set))


def pages_of(config: Path) -> Pages:
    """Return the pages that a settings file describes.

    Raises:
        SettingsError: the settings or the roster cannot be read, or do not say what they must.
    """
    settings = parse_station(_read(config), str(config))
    roster = Path(settings.folders.roster)
    run = Path(settings.folders.run)
    desk = Desk(
        settings=settings,
        roster=parse_roster(_read(roster), str(roster)),
        snapshots=SnapshotFile(run / "snapshot.json"),
        agent=Agent(run / "agent.sock"),
        clock=lambda: datetime.now(UTC),
    )
    guard = Guard.for_names(settings.pages.host, settings.station.id, *settings.pages.names)
    return Pages(desk, renderer(desk.zone), guard)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError.unreadable(file, error) from error
