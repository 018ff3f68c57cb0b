"""The outbox: messages written with the data they speak of, taken by the relay afterwards.

A row leaves only after it was published, so a message may go out twice and is never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import outbox


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message: the topic says which task is for it, the payload is JSON."""

    id: int
    topic: str
    payload: Mapping[str, Any]


def put(tx: Transaction, topic: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Add a message; it is sent when the transaction has committed."""
    values = {"topic": topic, "payload": dict(payload), "created_at": now}
    tx.connection.execute(sa.insert(outbox).values(values))


def is_empty(tx: Transaction) -> bool:
    """Tell whether there is nothing to send. Asked many times a second, hence by the driver alone."""
    return tx.connection.exec_driver_sql("SELECT 1 FROM outbox LIMIT 1").first() is None


def take(tx: Transaction, limit: int) -> Sequence[OutboxRow]:
    """Return the oldest messages. They stay until they are deleted."""
    statement = sa.select(outbox.c.id, outbox.c.topic, outbox.c.payload).order_by(outbox.c.id).limit(limit)
    return [OutboxRow(row.id, row.topic, row.payload) for row in tx.connection.execute(statement)]


def delete(tx: Transaction, ids: Sequence[int]) -> None:
    """Remove messages that were sent; one that is gone already is no error."""
    if ids:
        tx.connection.execute(sa.delete(outbox).where(outbox.c.id.in_(ids)))
