"""Watching a database for changes, for those who look again and again and need not."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from urllib.parse import quote

import sqlalchemy as sa

from controlplane.persistence.database import Database


class Watch:
    """Tells whether anybody may have written to a database since it was asked last.

    SQLite answers in microseconds, from memory that all its connections share (``PRAGMA data_version``). Of
    PostgreSQL it is always said. Ask first and look afterwards: what is written in between is told of the
    next time. Safe to share between threads; to be closed before a fork, like every connection, and it opens
    again.
    """

    def __init__(self, database: Database) -> None:
        path = sa.make_url(database.url).database if database.dialect == "sqlite" else None
        self._path = None if path in {None, "", ":memory:"} else quote(str(path))
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._version = -1

    def changed(self) -> bool:
        """Tell whether there may be something new; True as well when it cannot be known."""
        if self._path is None:
            return True
        with self._lock:
            try:
                version = self._ask()
            except sqlite3.Error:
                self._close()
                return True
            known, self._version = self._version, version
        return version != known

    def close(self) -> None:
        """Close the connection; the next question opens one, and its answer is True."""
        with self._lock:
            self._close()

    def _ask(self) -> int:
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"file:{self._path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
            self._version = -1
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _close(self) -> None:
        self._version = -1
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
