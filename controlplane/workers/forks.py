"""Keeping database connections from being carried over a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self


class ForkGuard(AbstractContextManager["ForkGuard"]):
    """Held while a process that may fork at any moment uses its database; a fork waits for it.

    SQLite counts locks per process: a child that inherits an open file believes to hold locks it does
    not, and another process may then remove the log it writes to. PostgreSQL's client ends the parent's
    session from the child. So at each fork everything is closed while nobody holds the guard, and the
    connections are opened again when they are needed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closes: tuple[Callable[[], None], ...] = ()

    def install(self) -> ForkGuard:
        """Have every fork of this process wait for the guard; there is no way back."""
        os.register_at_fork(
            before=self._before, after_in_parent=self._lock.release, after_in_child=self._lock.release
        )
        return self

    def closes(self, *closes: Callable[[], None]) -> None:
        """Call these before each fork from now on."""
        self._closes = closes

    def _before(self) -> None:
        self._lock.acquire()
        for close in self._closes:
            close()

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
