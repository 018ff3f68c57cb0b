"""Whether anything was committed to an SQLite database since it was looked at last, without asking SQLite.

In WAL mode every process that uses a database maps its ``-shm`` file. It begins with two copies of a header
that every commit changes: a counter, the number of frames, checksums (SQLite's "WAL-mode File Format",
section 2.1). While both are what they were, no transaction has been committed.

The header is read where SQLite itself has mapped it. The file must not be opened here: to close a descriptor
of it would drop all locks that SQLite holds on it in this process (fcntl(2)).
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from contextlib import closing
from pathlib import Path

_HEADERS = 96  # bytes: two copies of 48
_MAPS = Path("/proc/self/maps")


class WalState:
    """The header of one database's WAL index.

    Args:
        path: the database file.

    Raises:
        sqlite3.OperationalError: the database cannot be read.
        OSError: there is no WAL index in memory: it is not in WAL mode, or the system does not tell.
    """

    def __init__(self, path: str) -> None:
        # SQLite keeps the file, and the memory it is mapped to, while this connection is open.
        self._pin = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with closing(self._pin.execute("SELECT 1 FROM sqlite_master LIMIT 1")) as cursor:
                cursor.fetchall()
            self._header = (ctypes.c_char * _HEADERS).from_address(_address(f"{path}-shm"))
        except BaseException:
            self._pin.close()
            raise

    def now(self) -> bytes:
        """Return the headers as they are; equal ones mean that nothing was committed in between.

        A commit that is under way may show them half changed, which is another state as well. Not to be
        called after ``close``.
        """
        return self._header.raw

    def close(self) -> None:
        """Let go of the database."""
        self._pin.close()


def _address(path: str) -> int:
    """Return where this process has mapped the beginning of a file, in memory that is shared."""
    wanted = os.path.realpath(path)
    for line in _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        # Range, permissions, offset, device, inode, path: proc(5).
        place, permissions, offset, _device, _inode, *name = line.split(maxsplit=5)
        if name == [wanted] and permissions.endswith("s") and int(offset, 16) == 0:
            return int(place.partition("-")[0], 16)
    raise FileNotFoundError(f"{path} is not mapped")
