"""Operations: the row, and compare-and-set statements over it.

Every write of a worker names the attempt it was claimed under, so that a worker that was taken over
changes nothing. Functions that compare and set tell by their answer whether the row was theirs to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.kernel.states import OperationStatus
from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import operations
from controlplane.persistence.types import to_micros

_LIVE = sa.text("ended_at IS NULL")
# A doorbell is rung again after as long as the operation had waited at the last one, but no longer than this.
_LONGEST_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One long-running operation, as stored. See ``tables.operations`` for the columns."""

    id: str
    kind: str
    resource_key: str
    resource_id: str
    subscription: str | None
    location: str | None
    status: OperationStatus
    attempt: int
    lease_until: datetime | None
    deadline: datetime
    rung_at: datetime
    not_before: datetime
    checkpoints: Mapping[str, Any]
    input: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    result: Any
    error: Mapping[str, Any] | None
    percent: int
    cancel_requested: bool
    caller: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an operation ended: what the completing statement writes beside the time."""

    status: OperationStatus
    checkpoints: Mapping[str, Any]
    result: Any
    error: Mapping[str, Any] | None


def insert(tx: Transaction, row: OperationRow) -> bool:
    """Store a new operation; False when its resource has a live one, and then nothing is written."""
    make = postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
    values = {column.name: getattr(row, column.name) for column in operations.columns}
    statement = (
        make(operations)
        .values({**values, "status": row.status.value})
        .on_conflict_do_nothing(index_elements=["resource_key"], index_where=_LIVE)
    )
    return _changed(tx, statement.execution_options(preserve_rowcount=True))


def get(tx: Transaction, operation_id: str) -> OperationRow | None:
    """Return an operation, whatever became of it."""
    return _one(tx, sa.select(operations).where(operations.c.id == operation_id))


def live(tx: Transaction, resource_key: str) -> OperationRow | None:
    """Return the operation under way on a resource."""
    return _one(tx, sa.select(operations).where(operations.c.resource_key == resource_key, _LIVE))


def any_live(tx: Transaction) -> bool:
    """Tell whether any operation is under way. Asked many times a second, hence by the driver alone."""
    found = tx.connection.exec_driver_sql("SELECT 1 FROM operations WHERE ended_at IS NULL LIMIT 1")
    return found.first() is not None


def claim(tx: Transaction, operation_id: str, now: datetime, lease: timedelta) -> OperationRow | None:
    """Take an operation that is due, or whose worker's lease has run out; None when it is neither."""
    due = sa.and_(operations.c.status == OperationStatus.ACCEPTED.value, operations.c.not_before <= now)
    expired = sa.and_(operations.c.status == OperationStatus.RUNNING.value, operations.c.lease_until <= now)
    statement = (
        sa.update(operations)
        .where(operations.c.id == operation_id, operations.c.deadline > now, sa.or_(due, expired))
        .values(
            status=OperationStatus.RUNNING.value,
            attempt=operations.c.attempt + 1,
            lease_until=now + lease,
            started_at=sa.func.coalesce(operations.c.started_at, to_micros(now)),
        )
    )
    return get(tx, operation_id) if _changed(tx, statement) else None


def renew(
    tx: Transaction, operation_id: str, attempt: int, lease_until: datetime, percent: int | None = None
) -> bool:
    """Extend the lease of a claim, and record progress; False when the claim is no longer the caller's.

    The row stays locked until the transaction ends: whatever else it writes is fenced by this.
    """
    values: dict[str, Any] = {"lease_until": lease_until}
    if percent is not None:
        values["percent"] = percent
    return _changed(tx, _claimed(operation_id, attempt).values(values))


def record(
    tx: Transaction, operation_id: str, attempt: int, checkpoints: Mapping[str, Any], percent: int
) -> bool:
    """Write the results of the steps that ended; False when the claim is no longer the caller's."""
    return _changed(
        tx, _claimed(operation_id, attempt).values(checkpoints=dict(checkpoints), percent=percent)
    )


def release(
    tx: Transaction,
    operation_id: str,
    attempt: int,
    not_before: datetime,
    error: Mapping[str, Any] | None,
) -> bool:
    """Give a claim back, to be claimed again from ``not_before``; False when it is no longer the caller's.

    ``error`` is why, and shows until the operation ends; None keeps what is there.
    """
    values: dict[str, Any] = {
        "status": OperationStatus.ACCEPTED.value,
        "lease_until": None,
        "not_before": not_before,
    }
    if error is not None:
        values["error"] = dict(error)
    return _changed(tx, _claimed(operation_id, attempt).values(values))


def complete(tx: Transaction, operation_id: str, attempt: int, now: datetime, ended: Ended) -> bool:
    """End an operation; False when it has ended already or another attempt has begun since.

    Fenced by the attempt alone, so that a sweeper may end one that nobody holds.
    """
    statement = (
        sa.update(operations)
        .where(operations.c.id == operation_id, operations.c.attempt == attempt, _LIVE)
        .values(
            status=ended.status.value,
            lease_until=None,
            checkpoints=dict(ended.checkpoints),
            result=ended.result,
            error=None if ended.error is None else dict(ended.error),
            percent=100 if ended.status is OperationStatus.SUCCEEDED else operations.c.percent,
            ended_at=now,
        )
    )
    return _changed(tx, statement)


def request_cancel(tx: Transaction, operation_id: str, now: datetime) -> bool:
    """Ask a live operation to end, and let one that waits for a retry go on; False when it has ended."""
    statement = (
        sa.update(operations)
        .where(operations.c.id == operation_id, _LIVE)
        .values(cancel_requested=True, not_before=now)
    )
    return _changed(tx, statement)


def lost(tx: Transaction, now: datetime, patience: timedelta | None, limit: int) -> Sequence[OperationRow]:
    """Return live operations that nobody holds and whose doorbell nobody answered, oldest ring first.

    The wait for an answer starts at ``patience`` and doubles, so that a long queue is not made longer by
    its own repetitions. Without ``patience`` every doorbell counts as lost, as after the loss of a broker.
    """
    accepted = operations.c.status == OperationStatus.ACCEPTED.value
    since = sa.case((accepted, operations.c.not_before), else_=operations.c.lease_until)
    condition = sa.and_(_LIVE, operations.c.deadline > now, since <= now)
    if patience is not None:
        rung, waiting = (sa.type_coerce(moment, sa.BigInteger) for moment in (operations.c.rung_at, since))
        doubled = 2 * rung <= to_micros(now) + waiting
        long_ago = operations.c.rung_at <= now - _LONGEST_PATIENCE
        condition = sa.and_(condition, operations.c.rung_at <= now - patience, sa.or_(long_ago, doubled))
    return _many(tx, sa.select(operations).where(condition).order_by(operations.c.rung_at).limit(limit))


def due(tx: Transaction, now: datetime, limit: int) -> Sequence[OperationRow]:
    """Return operations whose pause before a retry is over and that were not rung since."""
    condition = sa.and_(
        _LIVE,
        operations.c.status == OperationStatus.ACCEPTED.value,
        operations.c.not_before <= now,
        operations.c.rung_at < operations.c.not_before,
    )
    return _many(tx, sa.select(operations).where(condition).order_by(operations.c.not_before).limit(limit))


def overdue(tx: Transaction, now: datetime, limit: int) -> Sequence[OperationRow]:
    """Return live operations past their deadline."""
    condition = sa.and_(_LIVE, operations.c.deadline <= now)
    return _many(tx, sa.select(operations).where(condition).order_by(operations.c.deadline).limit(limit))


def stamp_ring(tx: Transaction, row: OperationRow, now: datetime) -> bool:
    """Note that the doorbell is rung again; False when somebody else has, or the operation went on."""
    statement = (
        sa.update(operations)
        .where(
            operations.c.id == row.id,
            operations.c.rung_at == row.rung_at,
            operations.c.attempt == row.attempt,
            _LIVE,
        )
        .values(rung_at=now)
    )
    return _changed(tx, statement)


def prune(tx: Transaction, before: datetime, limit: int) -> int:
    """Remove operations that ended before then, at most so many; return how many."""
    old = sa.select(operations.c.id).where(operations.c.ended_at < before).limit(limit)
    return tx.connection.execute(sa.delete(operations).where(operations.c.id.in_(old))).rowcount


def page(
    tx: Transaction,
    *,
    subscription: str | None,
    resource_key: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[OperationRow]:
    """Return operations of a subscription and, if given, of one resource: newest first, after a place."""
    statement = sa.select(operations)
    if subscription is not None:
        statement = statement.where(operations.c.subscription == subscription)
    if resource_key is not None:
        apart = operations.c.resource_key.startswith(f"{resource_key}#", autoescape=True)
        statement = statement.where((operations.c.resource_key == resource_key) | apart)
    if after is not None:
        moment, operation_id = after
        statement = statement.where(
            sa.or_(
                operations.c.created_at < moment,
                sa.and_(operations.c.created_at == moment, operations.c.id < operation_id),
            )
        )
    order = (operations.c.created_at.desc(), operations.c.id.desc())
    return _many(tx, statement.order_by(*order).limit(limit))


def _claimed(operation_id: str, attempt: int) -> sa.Update:
    return sa.update(operations).where(
        operations.c.id == operation_id,
        operations.c.attempt == attempt,
        operations.c.status == OperationStatus.RUNNING.value,
    )


def _changed(tx: Transaction, statement: sa.Executable) -> bool:
    result = tx.connection.execute(statement)
    return bool(getattr(result, "rowcount", 0) == 1)


def _one(tx: Transaction, statement: sa.Select[Any]) -> OperationRow | None:
    found = tx.connection.execute(statement).mappings().one_or_none()
    return None if found is None else _row(found)


def _many(tx: Transaction, statement: sa.Select[Any]) -> Sequence[OperationRow]:
    return [_row(found) for found in tx.connection.execute(statement).mappings()]


def _row(found: sa.RowMapping) -> OperationRow:
    return OperationRow(**{**found, "status": OperationStatus(found["status"])})
