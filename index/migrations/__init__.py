"""The database's versions, applied at every start; each is one file under versions/."""

from typing import Any

from alembic import command
from alembic.config import Config


def upgrade(connection: Any) -> None:  # noqa: ANN401  # index.store alone knows its type
    """Bring a database up to the newest version, in the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", "index:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
