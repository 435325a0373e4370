"""What the tree needs to grow on from each checkpoint: an older head is compared from there."""

from alembic import op

revision = "0002"
down_revision = "0001"

_BLOB = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def upgrade() -> None:
    """Add the column; it stays empty for checkpoints stored before."""
    op.execute(f"ALTER TABLE checkpoint ADD COLUMN frontier {_BLOB[op.get_bind().dialect.name]}")
