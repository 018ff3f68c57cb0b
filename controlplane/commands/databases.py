"""The configured database, opened for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controlplane.commands.common import Refusal
from controlplane.persistence import schema
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.services.assembly import open_database
from controlplane.settings.model import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database for a block; its folder is made where it is a file of ours.

    Raises:
        Refusal: it cannot be reached.
    """
    if settings.database_url is None:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(settings)
    try:
        database.ping()
        yield database
    except DatabaseUnavailableError as error:
        raise Refusal(f"The database cannot be reached: {error}", "Check ACRCTL_DATABASE_URL.") from error
    finally:
        database.dispose()


def require_schema(settings: Settings) -> None:
    """Refuse to go on with a database that has not been migrated.

    Raises:
        Refusal: it is behind, newer than this version, or out of reach.
    """
    with opened(settings) as database:
        found, newest = schema.current(database)
    if found != newest:
        raise Refusal(
            f"The database schema is {found or 'empty'}, this version needs {newest}.",
            "Run: controlplane db upgrade",
        )
