"""Databases for tests: migrated once a session, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane.persistence import schema
from controlplane.persistence.database import Database
from tests.support.postgres import PostgresServer

DIALECTS = ("sqlite", "postgresql")


def migrated_sqlite(folder: Path) -> Path:
    """Make a migrated SQLite file to copy from."""
    path = folder / "template.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    close_as_one_file(database)
    return path


def close_as_one_file(database: Database) -> None:
    """Close a SQLite database so that no write-ahead log is left beside it: its file can be copied."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    database.dispose()


def migrated_postgres(server: PostgresServer) -> str:
    """Make a migrated PostgreSQL database to copy from; return its name."""
    name = server.create()
    database = Database(server.url(name))
    schema.upgrade(database)
    database.dispose()
    return name


@contextmanager
def sqlite_copy(template: Path, folder: Path) -> Iterator[str]:
    """URL of a fresh copy of a migrated SQLite file."""
    path = folder / "acrctl.db"
    shutil.copy(template, path)
    yield f"sqlite:///{path}"


@contextmanager
def postgres_copy(server: PostgresServer, template: str) -> Iterator[str]:
    """URL of a fresh copy of a migrated PostgreSQL database, dropped afterwards."""
    name = server.create(template)
    try:
        yield server.url(name)
    finally:
        server.drop(name)
