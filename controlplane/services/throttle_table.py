"""The buckets of a machine: one table in a file that all its web processes map into their memory.

A row is the key of a bucket and the time at which it will be full (``domain.throttle``), by the clock that
all processes of a machine share. Nothing is locked. Two processes that write one row at once lose one of the
two requests; two that take one free row for two buckets notice at the next look, as each compares the key.
"""

from __future__ import annotations

import logging
import mmap
import os
from pathlib import Path

_LOG = logging.getLogger(__name__)
_ROWS = 1 << 15
_PROBES = 16
_WIDTH = 16  # bytes of a row
_SIZE = _ROWS * _WIDTH


class SharedTable:
    """The rows. ``keys[at - 1]`` and ``times[at]`` are those of the row at ``at``, which is odd.

    Args:
        path: of the file; where it cannot be used the table is this process's own.
    """

    def __init__(self, path: Path) -> None:
        memory = memoryview(_mapped(path))
        self.keys = memory.cast("Q")
        self.times = memory.cast("d")

    def find(self, key: int) -> int:
        """Return where a bucket's row is; one that has none gets a free one, or that of the fullest bucket.

        The fullest of some rows is, as a rule, one that has not been used for a minute.
        """
        keys, times = self.keys, self.times
        first = key % _ROWS
        places = [2 * ((first + probe) % _ROWS) + 1 for probe in range(_PROBES)]
        for at in places:
            if keys[at - 1] == key:
                return at
        at = min(places, key=lambda place: times[place] if keys[place - 1] else 0.0)
        times[at] = 0.0
        keys[at - 1] = key
        return at


def _mapped(path: Path) -> mmap.mmap:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            missing = _SIZE - os.fstat(descriptor).st_size
            if missing > 0:
                # Written, not just made longer: on a full disk a page without a block kills who writes to it.
                os.pwrite(descriptor, bytes(missing), _SIZE - missing)
            return mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)
    except OSError as error:
        _LOG.warning("each process counts requests for itself, %s cannot be used: %s", path, error.strerror)
        return mmap.mmap(-1, _SIZE)
