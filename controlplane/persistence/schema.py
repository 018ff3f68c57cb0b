"""The schema of a database: bring it up to date, and check that migrations and tables agree."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from controlplane.persistence.all_tables import metadata
from controlplane.persistence.database import Database

_ADVISORY_LOCK = 0x61637263746C  # "acrctl": one migration at a time on a shared server


def upgrade(database: Database) -> None:
    """Apply every migration that is missing. Safe to call from several processes at once."""
    with database.engine.connect() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
        command.upgrade(_config(connection), "head")


def current(database: Database) -> tuple[str | None, str | None]:
    """Return the database's revision and the newest known one."""
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_config(None)).get_current_head()


def drift(database: Database) -> list[str]:
    """Describe each difference between the migrated database and the declared tables."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, metadata)]


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
