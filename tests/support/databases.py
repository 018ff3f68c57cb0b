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
    with database.engine.connect() as connection:
        # One file without a write-ahead log beside it can be copied.
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    database.dispose()
    return path


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
