"""Alembic's entry: runs migrations on the connection it is given, or on the configured database."""

from __future__ import annotations

from alembic import context

from controlplane.persistence.all_tables import metadata
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings


def run() -> None:
    """Migrate within one transaction where the database can."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        connection = Database(Settings().database).engine.connect()
    with connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
            compare_type=True,
            user_module_prefix="types.",
        )
        with context.begin_transaction():
            context.run_migrations()


run()
