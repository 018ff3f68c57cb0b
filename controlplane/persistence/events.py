"""Events: what happened to content, in the order it was committed in each registry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from controlplane.domain.events import Event
from controlplane.persistence.content_tables import events
from controlplane.persistence.database import Transaction

# Built once; see content_repositories.
_INSERT = sa.insert(events)


def insert(tx: Transaction, registry_id: int, found: Sequence[Event], now: datetime) -> None:
    """Store events; they become visible with what they speak of."""
    if found:
        tx.connection.execute(_INSERT, [_columns(registry_id, event, now) for event in found])


def prune(tx: Transaction, before: datetime, limit: int) -> int:
    """Remove old events, at most so many; return how many."""
    old = sa.select(events.c.seq).where(events.c.created_at < before)
    old = old.order_by(events.c.created_at).limit(limit)
    return tx.connection.execute(sa.delete(events).where(events.c.seq.in_(old))).rowcount


def _columns(registry_id: int, event: Event, now: datetime) -> dict[str, object]:
    change, origin = event.change, event.origin
    request = {
        "id": origin.request_id,
        "addr": origin.addr,
        "host": origin.host,
        "method": origin.method,
        "useragent": origin.useragent,
    }
    return {
        "id": event.id,
        "registry_id": registry_id,
        "action": change.action.value,
        "repository": event.repository,
        "tag": change.tag,
        "digest": change.digest,
        "media_type": change.media_type,
        "size": change.size,
        "region": origin.region,
        "request": {name: value for name, value in request.items() if value},
        "actor": origin.actor,
        "created_at": now,
    }
