"""Taking turns at SQLite's one writer.

SQLite lets a second writer wait by sleeping and trying again, for longer each time and in no order: with many
writers some wait for seconds while others write again and again. Here they queue up before they begin:
threads of a process at a lock, processes at a locked file, both woken at once and roughly in order. SQLite's
own lock stays the one that protects the data; a process that does not take turns is only less polite.
"""

from __future__ import annotations

import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


class TurnMissedError(Exception):
    """The caller's turn did not come in time: another writer hangs, or the caller waits for itself."""


class Turns:
    """The queue of writers of one database file. Safe to share between threads and to inherit by fork.

    Args:
        path: the database file; the file that is locked lies beside it.
        patience: seconds a thread waits for its turn.
    """

    def __init__(self, path: str, patience: float) -> None:
        self._path = f"{path}-turn"
        self._patience = patience
        self._lock = threading.Lock()
        self._descriptor = -1
        _ALL.add(self)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the caller's turn, and keep it until the block ends.

        Only the first in a process's line waits at the file, where patience has no end: the others are told
        when it hangs there.

        Raises:
            TurnMissedError: it did not come.
        """
        if not self._lock.acquire(timeout=self._patience):
            raise TurnMissedError
        try:
            descriptor = self._opened()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def _opened(self) -> int:
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def close(self) -> None:
        """Close the file; a writer that comes later opens it again."""
        with self._lock:
            self._let_go()

    def begin_again(self) -> None:
        """Forget what a forked child inherited: the lock as it was, and its parent's hold on the file."""
        self._lock = threading.Lock()
        self._let_go()

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_ALL: weakref.WeakSet[Turns] = weakref.WeakSet()


def _begin_again() -> None:
    for turns in list(_ALL):
        turns.begin_again()


os.register_at_fork(after_in_child=_begin_again)
