"""Carrying out operations: claim one, run its steps, settle it. Any number of engines may run at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.kernel.catalogue import OPERATION_CANCELED, STEP_FAILED
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.kernel.states import OperationStatus
from controlplane.operations.claim import Claim, heartbeat
from controlplane.operations.ending import canceled, record_of, timed_out
from controlplane.operations.pauses import before_retry
from controlplane.operations.plans import LeaseLostError, Plan, Plans, Step, StopRequestedError
from controlplane.persistence import operations as store
from controlplane.persistence.database import Database, DatabaseUnavailableError, Transaction
from controlplane.persistence.operations import OperationRow
from controlplane.settings.model import Settings

log = logging.getLogger(__name__)

_MOST_OF_ALL = 99  # percent; the rest is the end itself
_STALE_SECONDS = 1.0  # progress without news is written no more often


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: an end, or a release for another attempt after ``pause``."""

    status: OperationStatus | None
    error: ErrorRecord | None = None
    pause: timedelta = timedelta(0)


class Engine:
    """Runs operations of one process.

    Args:
        database: where operations live.
        plans: what each kind of operation does.
        clock: time source; leases of several machines compare, so their clocks must agree to a second.
        settings: lease.
        stopping: tells whether this process is asked to end; then operations are given back between steps.
    """

    def __init__(
        self,
        database: Database,
        plans: Plans,
        clock: Clock,
        settings: Settings,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._plans = plans
        self._clock = clock
        self._lease = timedelta(seconds=settings.operation_lease)
        self._stopping = stopping

    def run(self, operation_id: str) -> None:
        """Answer a doorbell: do what can be done now for an operation. Never raises for its sake.

        Twice: the second finds nothing to claim. Dies midway: the lease runs out and another goes on.
        """
        try:
            claimed = self._claim(operation_id)
            if claimed is not None:
                claim, plan = claimed
                with heartbeat(claim):
                    self._attempt(claim, plan)
        except LeaseLostError:
            log.warning("operation %s: taken over or ended by another", operation_id)
        except DatabaseUnavailableError as error:
            log.warning("operation %s: left to its lease, no database: %s", operation_id, error)

    def _claim(self, operation_id: str) -> tuple[Claim, Plan] | None:
        if self._stopping():
            return None
        with self._database.read() as tx:
            row = store.get(tx, operation_id)
        if row is None or row.status.terminal:
            return None
        try:
            plan = self._plans.of(row.kind)
        except KeyError:
            log.warning("operation %s: kind %s is unknown here; left to other workers", row.id, row.kind)
            return None
        with self._database.write() as tx:
            claimed = store.claim(tx, operation_id, self._clock.now(), self._lease)
        if claimed is None:
            return None
        log.debug("operation %s: attempt %d of %s", claimed.id, claimed.attempt, claimed.kind)
        return Claim(self._database, self._clock, self._lease, claimed), plan

    def _attempt(self, claim: Claim, plan: Plan) -> None:
        results = dict(claim.row.checkpoints)
        try:
            outcome = self._run_steps(claim, plan, results)
            self._settle(claim, plan, results, outcome)
        except (LeaseLostError, DatabaseUnavailableError):
            raise
        except Exception:
            # The plan's own completion failed: nothing of it was written, so it is tried again.
            log.exception("operation %s: could not be settled", claim.row.id)
            self._settle(claim, plan, results, self._retry(claim, _unexpected("completion")))

    def _run_steps(self, claim: Claim, plan: Plan, results: dict[str, Any]) -> Outcome:
        left = [step for step in plan.steps if step.name not in results]
        try:
            for step in left:
                self._between_steps(claim)
                results[step.name] = self._run_step(claim, step, results)
                if step is not left[-1]:  # the last one is recorded with the end
                    claim.record(results, _percent(results, plan))
        except StopRequestedError:
            return Outcome(None)
        except Failure as failure:
            return self._outcome(claim, failure)
        return Outcome(OperationStatus.SUCCEEDED)

    def _run_step(self, claim: Claim, step: Step, results: Mapping[str, Any]) -> Any:
        try:
            return step.run(RunningStep(claim, results, self._between_steps))
        except (Failure, StopRequestedError, LeaseLostError, DatabaseUnavailableError):
            raise
        except Exception as error:
            log.exception("operation %s: step %s raised", claim.row.id, step.name)
            raise _unexpected(step.name) from error

    def _between_steps(self, claim: Claim) -> None:
        """Raise what ends or interrupts an attempt from outside."""
        if claim.lost:
            raise LeaseLostError(claim.row.id)
        if claim.cancel_requested:
            raise canceled()
        if self._clock.now() >= claim.row.deadline:
            raise timed_out(claim.row)
        if self._stopping():
            raise StopRequestedError

    def _outcome(self, claim: Claim, failure: Failure) -> Outcome:
        if failure.kind is OPERATION_CANCELED:
            return Outcome(OperationStatus.CANCELED, ErrorRecord.of(failure))
        if failure.retryable:
            return self._retry(claim, failure)
        return Outcome(OperationStatus.FAILED, record_of(failure, claim.row.error))

    def _retry(self, claim: Claim, failure: Failure) -> Outcome:
        return Outcome(None, ErrorRecord.of(failure), before_retry(claim.row.id, claim.row.attempt))

    def _settle(self, claim: Claim, plan: Plan, results: Mapping[str, Any], outcome: Outcome) -> None:
        row = claim.row
        if outcome.status is None:
            again = min(self._clock.now() + outcome.pause, row.deadline)
            claim.release(again, outcome.error)
            log.info("operation %s: released after attempt %d, again at %s", row.id, row.attempt, again)
            return
        claim.end(plan, outcome.status, results, outcome.error)
        log.info("operation %s: ended as %s, attempt %d", row.id, outcome.status.value, row.attempt)


class RunningStep:
    """What a running step may use; the engine's StepContext."""

    def __init__(
        self, claim: Claim, results: Mapping[str, Any], interrupted: Callable[[Claim], None]
    ) -> None:
        self._claim = claim
        self._results = results
        self._interrupted = interrupted
        self._percent = claim.row.percent

    @property
    def operation(self) -> OperationRow:
        """The operation as claimed."""
        return self._claim.row

    @property
    def results(self) -> Mapping[str, Any]:
        """Recorded results of the steps that ended before, by step name."""
        return self._results

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction that is fenced."""
        return self._claim.write()

    def progress(self, percent: int) -> None:
        """Record progress (0 to 99), renew the lease, and stop here if something outside asks for it."""
        percent = max(0, min(percent, _MOST_OF_ALL))
        if percent != self._percent or self._claim.unrenewed_seconds > _STALE_SECONDS:
            self._claim.renew(percent)
            self._percent = percent
        self._interrupted(self._claim)


def _percent(results: Mapping[str, Any], plan: Plan) -> int:
    return min(_MOST_OF_ALL, 100 * len(results) // max(1, len(plan.steps)))


def _unexpected(step: str) -> Failure:
    """What is shown of an exception nobody planned for; the log has the rest."""
    return Failure(STEP_FAILED, step=step, retryable=True)
