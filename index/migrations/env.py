"""How alembic runs our versions: on the connection it is given, nowhere else."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
