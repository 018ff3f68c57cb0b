"""The sweeper: rings again for operations that were lost or may go on, and ends those past their deadline."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from controlplane.kernel.clock import Clock
from controlplane.kernel.states import OperationStatus
from controlplane.operations import doorbell
from controlplane.operations.ending import canceled, end, record_of, timed_out
from controlplane.operations.plans import Plan, Plans
from controlplane.persistence import operations as store
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.persistence.operations import OperationRow

log = logging.getLogger(__name__)

_BATCH = 200


class Sweeper:
    """Repairs what a broker or a worker lost. Any number may run at once: all they do is compare and set.

    Args:
        database: where operations live.
        plans: needed to end an operation together with its resource.
        clock: time source.
        patience: seconds a doorbell may stay unanswered.
    """

    def __init__(self, database: Database, plans: Plans, clock: Clock, patience: float) -> None:
        self._database = database
        self._plans = plans
        self._clock = clock
        self._patience = timedelta(seconds=patience)
        self._quiet = False

    @property
    def quiet(self) -> bool:
        """Whether no operation was under way when ``ring_due`` looked last."""
        return self._quiet

    def ring_due(self) -> int:
        """Ring for operations whose pause before a retry is over; return how many."""
        with self._database.read() as tx:
            live = store.any_live(tx)
            rows = store.due(tx, self._clock.now(), _BATCH) if live else []
        self._quiet = not live
        return self._ring(rows)

    def ring_lost(self, *, every: bool = False) -> int:
        """Ring for operations nobody holds and nobody came for; return how many.

        ``every`` takes each doorbell rung before for lost, for a broker that just started empty.
        """
        patience = None if every else self._patience
        with self._database.read() as tx:
            rows = store.lost(tx, self._clock.now(), patience, _BATCH)
        rung = self._ring(rows)
        if rung:
            log.info("rang again for %d operations", rung)
        return rung

    def end_overdue(self) -> int:
        """Fail operations past their deadline, each in a transaction of its own; return how many."""
        with self._database.read() as tx:
            rows = store.overdue(tx, self._clock.now(), _BATCH)
        return sum(self._end(row) for row in rows)

    def _ring(self, rows: Sequence[OperationRow]) -> int:
        if not rows:
            return 0
        now = self._clock.now()
        with self._database.write() as tx:
            rung = [row for row in rows if store.stamp_ring(tx, row, now)]
            for row in rung:
                plan = self._plan(row)
                doorbell.ring(tx, row.id, plan.queue if plan else doorbell.DEFAULT_QUEUE, now)
        return len(rung)

    def _end(self, row: OperationRow) -> bool:
        plan = self._plan(row)
        if plan is None:
            log.error("operation %s: past its deadline, but kind %s is unknown here", row.id, row.kind)
            return False
        status, failure = OperationStatus.FAILED, timed_out(row)
        if row.cancel_requested:
            status, failure = OperationStatus.CANCELED, canceled()
        try:
            with self._database.write() as tx:
                error = record_of(failure, row.error)
                ended = end(tx, plan, row, status, error, results=row.checkpoints, now=self._clock.now())
        except DatabaseUnavailableError:
            raise
        except Exception:
            log.exception("operation %s: past its deadline and could not be ended", row.id)
            return False
        if ended:
            log.warning("operation %s: ended as %s past its deadline", row.id, status.value)
        return ended

    def _plan(self, row: OperationRow) -> Plan | None:
        return self._plans.by_kind.get(row.kind)
