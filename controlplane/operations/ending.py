"""How an operation ends: its row and its resource in one transaction, whoever ends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.kernel.catalogue import OPERATION_CANCELED, OPERATION_TIMED_OUT
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.kernel.states import OperationStatus
from controlplane.operations.plans import Plan
from controlplane.persistence import operations as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.operations import Ended, OperationRow


def end(  # noqa: PLR0913 - what an end consists of
    tx: Transaction,
    plan: Plan,
    row: OperationRow,
    status: OperationStatus,
    error: ErrorRecord | None,
    *,
    results: Mapping[str, Any],
    now: datetime,
) -> bool:
    """End an operation and bring its resource to its end state; False when it was not the caller's to end.

    Fenced by the attempt of ``row``: of all who try, one succeeds.
    """
    result = None
    if status is OperationStatus.SUCCEEDED and plan.result is not None:
        result = plan.result(row, results)
    ended = Ended(status, results, result, None if error is None else error.to_json())
    if not store.complete(tx, row.id, row.attempt, now, ended):
        return False
    plan.complete(tx, store.get(tx, row.id) or row, status, error)
    return True


def canceled() -> Failure:
    """The failure of an operation whose caller asked to cancel it."""
    return Failure(OPERATION_CANCELED)


def timed_out(row: OperationRow) -> Failure:
    """The failure of an operation past its deadline."""
    seconds = int((row.deadline - row.created_at).total_seconds())
    return Failure(OPERATION_TIMED_OUT, seconds=seconds, attempts=row.attempt)


def record_of(failure: Failure, last: Mapping[str, Any] | None) -> ErrorRecord:
    """Take what is stored of a failure; a deadline's has what kept the operation from ending as a detail."""
    record = ErrorRecord.of(failure)
    if not last or failure.kind is not OPERATION_TIMED_OUT:
        return record
    return ErrorRecord(record.code, record.message, record.target, (*record.details, dict(last)))
