"""Upkeep: chores, which are work done over and over, and how a process does one.

A chore works in bounded steps and keeps where it stands in the database, so any process goes on with it. The
relay asks for what is due (``Upkeep.ring``), a worker does it (``Upkeep.run``). ``services/chores.py`` has
the table of all.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.persistence import chores as store
from controlplane.persistence import outbox
from controlplane.persistence.chores import ChoreRow, Rest
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.services.graph import Services

log = logging.getLogger(__name__)

TOPIC = "chores"
_TURN = 2.0  # seconds of steps a message is good for; then others have their turn
_AFTER_FAILURE = 60.0  # seconds; chores that come more often wait no longer than usual

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that is done every so many seconds.

    ``step`` does a bounded part of it, at most a second or two, in transactions of its own. It is given what
    the step before returned, at first an empty state, and returns the new state (JSON) and whether there is
    more to do at once. It may run twice with the same state, and in two processes when one has stalled
    for longer than its lease; what it raises is logged, and it runs again from the same state later.
    """

    name: str
    every: float
    step: Callable[[Services, dict[str, Any]], tuple[dict[str, Any], bool]]


class Upkeep:
    """Does the chores of a deployment. Any number of processes may.

    Args:
        services: what the chores work with.
        chores: the table of all, as this version knows them.
    """

    def __init__(self, services: Services, chores: Sequence[Chore]) -> None:
        self._services = services
        self._chores = {chore.name: chore for chore in chores}
        self._lease = timedelta(seconds=services.settings.operation_lease)
        self._patience = timedelta(seconds=max(services.settings.sweep_interval, 1.0))
        self._announced = False

    @property
    def chores(self) -> Mapping[str, Chore]:
        """The chores by name."""
        return self._chores

    def announce(self) -> None:
        """Make the chores known to the database; a new one is due when its first pause is over."""
        now = self._services.clock.now()
        with self._services.database.write() as tx:
            for chore in self._chores.values():
                store.add(tx, chore.name, now + _pause(chore, 0))
        self._announced = True

    def ring(self, *, every: bool = False) -> int:
        """Ask workers to do what is due; return for how many chores.

        ``every``: what was asked before is lost, as when a broker has just started empty.
        """
        if not self._announced:
            self.announce()
        now = self._services.clock.now()
        with self._services.database.read() as tx:
            waiting = store.due(tx, now, None if every else self._patience)
        waiting = [row for row in waiting if row.name in self._chores]
        if not waiting:
            return 0
        with self._services.database.write() as tx:
            rung = [row for row in waiting if store.stamp_ring(tx, row, now)]
            for row in rung:
                outbox.put(tx, TOPIC, {"name": row.name}, now)
        return len(rung)

    def run(self, name: str, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Do a chore if it is due and nobody else does it; tell whether it came to an end.

        Ends early after a while, or when this process is ``stopping``; then the chore is due at once, and
        the message for the worker that goes on is in the outbox.

        Raises:
            DatabaseUnavailableError: the lease runs out, and another process goes on.
        """
        chore = self._chores.get(name)
        if chore is None or stopping():
            return False
        with self._services.database.write() as tx:
            row = store.claim(tx, name, self._services.clock.now(), self._lease)
        if row is None:
            return False
        with self._kept(row):
            return self._work(chore, row, stopping)

    def finish(self, name: str) -> ChoreRow | None:
        """Do a chore now, to its end, in this process; return how it stands then.

        None when another process has it.

        Raises:
            KeyError: there is no such chore.
            DatabaseUnavailableError: as for ``run``.
        """
        self._chores[name]
        if not self._announced:
            self.announce()
        began = self._services.clock.now()
        while True:
            with self._services.database.write() as tx:
                store.hasten(tx, [name], self._services.clock.now())
            ended = self.run(name)
            with self._services.database.read() as tx:
                row = next(row for row in store.known(tx) if row.name == name)
            if ended or row.error is not None:
                return row
            if row.lease_until is not None and row.lease_until > began:
                return None

    def _work(self, chore: Chore, row: ChoreRow, stopping: Callable[[], bool]) -> bool:
        state, more, end = dict(row.state), True, time.monotonic() + _TURN
        try:
            while more and time.monotonic() < end and not stopping():
                state, more = chore.step(self._services, state)
                if not self._record(row, state):
                    log.warning("chore %s: taken over by another process", chore.name)
                    return False
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            log.exception("chore %s failed and is tried again later", chore.name)
            again = self._services.clock.now() + timedelta(seconds=min(chore.every, _AFTER_FAILURE))
            self._leave(row, Rest(again, error=f"{type(error).__name__}: {error}"))
            return False
        now = self._services.clock.now()
        rest = Rest(now) if more else Rest(now + _pause(chore, row.attempt), ended_at=now)
        self._leave(row, rest, again=more)
        return not more

    def _record(self, row: ChoreRow, state: State) -> bool:
        with self._services.database.write() as tx:
            return store.record(tx, row, state, self._services.clock.now() + self._lease)

    def _leave(self, row: ChoreRow, rest: Rest, *, again: bool = False) -> None:
        with self._services.database.write() as tx:
            if store.leave(tx, row, rest) and again:
                store.stamp_ring(tx, row, rest.due_at)
                outbox.put(tx, TOPIC, {"name": row.name}, rest.due_at)

    @contextmanager
    def _kept(self, row: ChoreRow) -> Iterator[None]:
        """Renew the lease three times in its length while the block runs, however long a step takes."""
        done = threading.Event()
        thread = threading.Thread(target=self._beat, args=(row, done), name="chore", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat(self, row: ChoreRow, done: threading.Event) -> None:
        while not done.wait(self._lease.total_seconds() / 3):
            try:
                with self._services.database.write() as tx:
                    if not store.renew(tx, row, self._services.clock.now() + self._lease):
                        return
            except DatabaseUnavailableError as error:
                log.warning("chore %s: the lease could not be renewed: %s", row.name, error)


def _pause(chore: Chore, attempt: int) -> timedelta:
    """Return the time to the next turn: nine to eleven tenths, so that chores do not march in step."""
    spread = zlib.crc32(f"{chore.name}:{attempt}".encode()) / 2**32
    return timedelta(seconds=chore.every * (0.9 + spread / 5))
