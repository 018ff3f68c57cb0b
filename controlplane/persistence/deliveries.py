"""Deliveries of events to webhooks: durable, claimed by a lease, in order within a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.database import Transaction
from controlplane.persistence.webhook_tables import deliveries

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be made. ``id`` stays the same over all attempts."""

    id: str
    webhook_id: int
    event_id: str
    repository: str
    body: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery. See ``webhook_tables.deliveries``."""

    seq: int
    id: str
    webhook_id: int
    event_id: str
    repository: str
    body: str
    state: str
    attempts: int
    due_at: datetime
    lease_until: datetime | None
    request: Mapping[str, Any] | None
    response: Mapping[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went, as it may be shown, and what becomes of the delivery."""

    state: str
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    due_at: datetime


_PENDING = deliveries.c.state == PENDING
_INSERT = {
    "sqlite": sqlite.insert(deliveries).on_conflict_do_nothing(index_elements=["id"]),
    "postgresql": postgresql.insert(deliveries).on_conflict_do_nothing(index_elements=["id"]),
}


def insert(tx: Transaction, found: Sequence[NewDelivery], now: datetime) -> None:
    """Store deliveries, due at once; those that are stored already stay as they are."""
    if found:
        common = {"state": PENDING, "attempts": 0, "due_at": now, "created_at": now}
        rows = [
            {
                "id": one.id,
                "webhook_id": one.webhook_id,
                "event_id": one.event_id,
                "repository": one.repository,
                "body": one.body,
                **common,
            }
            for one in found
        ]
        tx.connection.execute(_INSERT[tx.dialect], rows)


def claim(tx: Transaction, now: datetime, until: datetime, limit: int) -> Sequence[DeliveryRow]:
    """Take deliveries that are due, each the first in its line, until ``until``.

    A line is what a webhook is told of one repository: what came later waits for what came first.
    """
    earlier = deliveries.alias("earlier")
    first = ~sa.exists().where(
        earlier.c.webhook_id == deliveries.c.webhook_id,
        earlier.c.repository == deliveries.c.repository,
        earlier.c.state == PENDING,
        earlier.c.seq < deliveries.c.seq,
    )
    due = (
        sa.select(deliveries.c.seq)
        .where(_PENDING, deliveries.c.due_at <= now, _free(now), first)
        .order_by(deliveries.c.due_at, deliveries.c.seq)
        .limit(limit)
    )
    if tx.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    chosen = tx.connection.execute(due).scalars().all()
    if not chosen:
        return []
    taken = tx.connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.seq.in_(chosen), _PENDING, _free(now))
        .values(lease_until=until, attempts=deliveries.c.attempts + 1)
        .returning(*deliveries.columns)
    )
    return sorted((DeliveryRow(*row) for row in taken), key=lambda row: row.seq)


def record(tx: Transaction, row: DeliveryRow, attempt: Attempt, now: datetime) -> bool:
    """Note how an attempt went; False when another worker has taken the delivery over since."""
    statement = sa.update(deliveries).where(
        deliveries.c.seq == row.seq, deliveries.c.attempts == row.attempts, _PENDING
    )
    values = {
        "state": attempt.state,
        "request": dict(attempt.request),
        "response": dict(attempt.response),
        "due_at": attempt.due_at,
        "lease_until": None,
        "ended_at": None if attempt.state == PENDING else now,
    }
    return tx.connection.execute(statement.values(values)).rowcount > 0


def any_due(tx: Transaction, now: datetime) -> bool:
    """Tell whether something is to be delivered that nobody works at."""
    statement = sa.select(deliveries.c.seq).where(_PENDING, deliveries.c.due_at <= now, _free(now))
    return tx.connection.execute(statement.limit(1)).first() is not None


def page(tx: Transaction, webhook_id: int, limit: int) -> Sequence[DeliveryRow]:
    """Return the newest deliveries of a webhook, newest first."""
    statement = (
        sa.select(deliveries)
        .where(deliveries.c.webhook_id == webhook_id)
        .order_by(deliveries.c.seq.desc())
        .limit(limit)
    )
    return [DeliveryRow(*row) for row in tx.connection.execute(statement)]


def of_event(tx: Transaction, webhook_id: int, event_id: str) -> DeliveryRow | None:
    """Return the newest delivery of an event to a webhook."""
    statement = (
        sa.select(deliveries)
        .where(deliveries.c.webhook_id == webhook_id, deliveries.c.event_id == event_id)
        .order_by(deliveries.c.seq.desc())
        .limit(1)
    )
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else DeliveryRow(*row)


def drop_pending(tx: Transaction, webhook_id: int, now: datetime) -> int:
    """Give up what a webhook that was disabled has not been told; return how many."""
    statement = sa.update(deliveries).where(deliveries.c.webhook_id == webhook_id, _PENDING)
    return tx.connection.execute(statement.values(state=FAILED, ended_at=now)).rowcount


def prune(tx: Transaction, before: datetime, limit: int) -> int:
    """Remove old deliveries that have ended, at most so many; return how many."""
    old = (
        sa.select(deliveries.c.seq)
        .where(deliveries.c.created_at < before, ~_PENDING)
        .order_by(deliveries.c.created_at)
        .limit(limit)
    )
    return tx.connection.execute(sa.delete(deliveries).where(deliveries.c.seq.in_(old))).rowcount


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return deliveries.c.lease_until.is_(None) | (deliveries.c.lease_until <= now)
