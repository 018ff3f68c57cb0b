"""The database: engines for SQLite and PostgreSQL, and the two kinds of transaction.

A ``Transaction`` is what layers above hold and pass to stores; they never see SQLAlchemy. Writing
transactions take SQLite's single writer lock at once (``BEGIN IMMEDIATE``), so that two writers queue up
rather than one failing half way; reading ones never block. PostgreSQL reads run in AUTOCOMMIT, which
saves two round trips each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from controlplane.persistence.turns import TurnMissedError, Turns

SQLITE_BUSY_TIMEOUT_MS = 30_000
# A server that vanished without a word is found out within 20 seconds rather than hours (libpq).
KEEPALIVE: Mapping[str, int] = MappingProxyType(
    {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}
)


class DatabaseUnavailableError(Exception):
    """The database cannot be reached or did not answer in time; nothing was written."""


class UniqueViolationError(Exception):
    """A row with the same key exists; nothing of the transaction was written.

    ``constraint`` holds the driver's message, which names the index or the columns.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction, valid inside the ``with`` block that made it."""

    connection: sa.Connection
    dialect: str

    @property
    def driver(self) -> Any:
        """The driver's own connection, for ``statements``; it is in the same transaction."""
        return self.connection.connection.driver_connection


class Database:
    """One database and its connection pool. Safe to share between threads, not across fork.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://…``.
        pool_size: most connections this process opens.
        sqlite_synchronous: ``NORMAL`` survives the death of any process, ``FULL`` power loss as well.
    """

    def __init__(self, url: str, *, pool_size: int = 16, sqlite_synchronous: str = "NORMAL") -> None:
        self.url = _with_driver(url)
        self.dialect = sa.make_url(self.url).get_backend_name()
        self._engine = _engine(self.url, pool_size, sqlite_synchronous)
        self._reader = self._engine
        self._queue = _queue(self.url)
        self._turns = nullcontext if self._queue is None else self._queue.taken
        if self.dialect == "postgresql":
            self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only reads.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
        """
        with _translated(), self._reader.connect() as connection:
            yield Transaction(connection, self.dialect)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
            UniqueViolationError: a unique index was violated.
        """
        with _translated(), self._turns(), self._engine.connect() as connection:
            connection.begin()
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield Transaction(connection, self.dialect)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @property
    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine, for migrations and the hot read path of this package only."""
        return self._engine

    def ping(self) -> None:
        """Ask the database for nothing.

        Raises:
            DatabaseUnavailableError: it did not answer.
        """
        with self.read() as tx:
            tx.connection.execute(sa.text("SELECT 1"))

    def dispose(self) -> None:
        """Close every pooled connection (at shutdown, and in a child after fork)."""
        self._engine.dispose()
        if self._queue is not None:
            self._queue.close()


def _queue(url: str) -> Turns | None:
    """Return the queue of an SQLite file's writers."""
    parsed = sa.make_url(url)
    path = parsed.database if parsed.get_backend_name() == "sqlite" else None
    return None if path in {None, "", ":memory:"} else Turns(str(path), SQLITE_BUSY_TIMEOUT_MS / 1000)


def _with_driver(url: str) -> str:
    """Let operators write ``postgresql://``; the driver used is psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _engine(url: str, pool_size: int, synchronous: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,
            connect_args=dict(KEEPALIVE),
        )
    engine = sa.create_engine(url, pool_size=pool_size, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: ConnectionPoolEntry) -> None:
        # Transactions are begun by hand: the driver's own would begin deferred and fail on upgrade.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "mmap_size=268435456",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error, psycopg.Error) as error:
        found = _translation(error)
        if found is None:
            raise
        raise found from error
    except sa.exc.TimeoutError as error:
        raise DatabaseUnavailableError("no free connection in the pool") from error
    except TurnMissedError as error:
        raise DatabaseUnavailableError("the turn to write did not come") from error


def _translation(error: DBAPIError | sqlite3.Error | psycopg.Error) -> Exception | None:
    """Return what an error of the driver, wrapped by SQLAlchemy or not, means above this package."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.IntegrityError | psycopg.IntegrityError) and _is_unique(origin):
        return UniqueViolationError(str(origin))
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_lost or isinstance(origin, sqlite3.OperationalError | psycopg.OperationalError):
        return DatabaseUnavailableError(str(origin))
    return None


def _is_unique(error: BaseException | None) -> bool:
    return "unique" in str(error).lower() or getattr(error, "sqlstate", "") == "23505"
