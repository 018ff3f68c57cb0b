"""A claimed operation: everything one attempt may write about it, all of it fenced by the attempt."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import ErrorRecord
from controlplane.kernel.states import OperationStatus
from controlplane.operations.ending import end
from controlplane.operations.plans import LeaseLostError, Plan
from controlplane.persistence import operations as store
from controlplane.persistence.database import Database, DatabaseUnavailableError, Transaction
from controlplane.persistence.operations import OperationRow

log = logging.getLogger(__name__)


class Claim:
    """One attempt at one operation. Safe to use from the attempt's thread and its heartbeat.

    Every method that writes raises LeaseLostError when another attempt has begun or the operation has
    ended, and DatabaseUnavailableError when the database cannot be reached.
    """

    def __init__(self, database: Database, clock: Clock, lease: timedelta, row: OperationRow) -> None:
        self.row = row
        self.lost = False
        self.cancel_requested = row.cancel_requested
        self._database = database
        self._clock = clock
        self._lease = lease
        self._renewed = time.monotonic()

    @property
    def lease(self) -> timedelta:
        """How long the claim holds after it was renewed."""
        return self._lease

    @property
    def unrenewed_seconds(self) -> float:
        """Seconds since the lease was last extended."""
        return time.monotonic() - self._renewed

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that commits only while the claim holds; it renews the lease."""
        with self._database.write() as tx:
            self._hold(store.renew(tx, self.row.id, self.row.attempt, self._until()))
            yield tx

    def renew(self, percent: int | None = None) -> None:
        """Extend the lease, record progress, and look whether the caller wants to cancel."""
        with self._database.write() as tx:
            self._hold(store.renew(tx, self.row.id, self.row.attempt, self._until(), percent))
            seen = store.get(tx, self.row.id)
        self._renewed = time.monotonic()
        if seen is not None and seen.cancel_requested:
            self.cancel_requested = True

    def record(self, results: Mapping[str, Any], percent: int) -> None:
        """Write the results of the steps that ended."""
        with self.write() as tx:
            self._hold(store.record(tx, self.row.id, self.row.attempt, results, percent))
            seen = store.get(tx, self.row.id)
        if seen is not None and seen.cancel_requested:
            self.cancel_requested = True

    def release(self, not_before: datetime, error: ErrorRecord | None = None) -> None:
        """Give the operation back, to be claimed again from ``not_before``."""
        shown = None if error is None else error.to_json()
        with self._database.write() as tx:
            self._hold(store.release(tx, self.row.id, self.row.attempt, not_before, shown))

    def end(
        self, plan: Plan, status: OperationStatus, results: Mapping[str, Any], error: ErrorRecord | None
    ) -> None:
        """End the operation and its resource's waiting."""
        with self._database.write() as tx:
            self._hold(end(tx, plan, self.row, status, error, results=results, now=self._clock.now()))

    def _until(self) -> datetime:
        return self._clock.now() + self._lease

    def _hold(self, held: bool) -> None:
        if not held:
            self.lost = True
            raise LeaseLostError(self.row.id)


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Renew the claim three times a lease while the block runs, however long its steps take."""
    done = threading.Event()
    interval = claim.lease.total_seconds() / 3
    thread = threading.Thread(target=_beat, args=(claim, interval, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(claim: Claim, interval: float, done: threading.Event) -> None:
    while not done.wait(interval):
        try:
            claim.renew()
        except LeaseLostError:
            return
        except DatabaseUnavailableError as error:
            log.warning("operation %s: the lease could not be renewed: %s", claim.row.id, error)
