"""Whether anything was committed to an SQLite database since it was looked at last, without asking SQLite.

In WAL mode every process that uses a database maps its ``-shm`` file. It begins with two copies of a header
that every commit changes: a counter, the number of frames, checksums (SQLite's "WAL-mode File Format",
section 2.1). While both are what they were, no transaction has been committed.
"""

from __future__ import annotations

import mmap
import sqlite3
from contextlib import closing

_HEADERS = 96  # bytes: two copies of 48


class WalState:
    """The header of one database's WAL index.

    Args:
        path: the database file.

    Raises:
        sqlite3.OperationalError: the database cannot be read.
        OSError: it has no WAL index: it is not in WAL mode.
    """

    def __init__(self, path: str) -> None:
        # While this connection is open nobody removes the file and makes another one.
        self._pin = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with closing(self._pin.execute("SELECT 1 FROM sqlite_master LIMIT 1")) as cursor:
                cursor.fetchall()
            with open(f"{path}-shm", "rb") as file:  # noqa: PTH123 - beside a path that is text
                self._map = mmap.mmap(file.fileno(), _HEADERS, access=mmap.ACCESS_READ)
        except BaseException:
            self._pin.close()
            raise

    def now(self) -> bytes:
        """Return the headers as they are; equal ones mean that nothing was committed in between.

        A commit that is under way may show them half changed, which is another state as well.
        """
        return self._map[:_HEADERS]

    def close(self) -> None:
        """Let go of the database."""
        self._map.close()
        self._pin.close()
