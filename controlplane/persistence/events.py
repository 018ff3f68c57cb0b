"""Events: what happened to content, in the order it was committed in each registry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from controlplane.domain.events import Event
from controlplane.domain.webhooks import Happened
from controlplane.persistence.content_tables import events
from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement

# Of the push path; see ``statements``.
_INSERT = Statement(sa.insert(events))


def insert(
    tx: Transaction, registry_id: int, found: Sequence[Event], now: datetime, *, told: bool = False
) -> None:
    """Store events; they become visible with what they speak of. ``told``: somebody waits to be told."""
    if found:
        since = {"untold_since": now if told else None}
        _INSERT.run_each(tx, [_columns(registry_id, event, now) | since for event in found])


def untold(tx: Transaction, registry_id: int, limit: int) -> Sequence[tuple[int, str, Happened]]:
    """Return (seq, region, event) of the oldest events that nobody was told of yet.

    Whoever asks for those of the same registry at once waits for this transaction: skipping them would
    let later events overtake.
    """
    statement = (
        sa.select(events)
        .where(events.c.registry_id == registry_id, events.c.untold_since.is_not(None))
        .order_by(events.c.seq)
        .limit(limit)
    )
    if tx.dialect == "postgresql":
        statement = statement.with_for_update()
    return [(found.seq, found.region, _happened(found)) for found in tx.connection.execute(statement)]


def mark_told(tx: Transaction, seqs: Sequence[int]) -> None:
    """Note that everybody who waited is told of events."""
    if seqs:
        tx.connection.execute(sa.update(events).where(events.c.seq.in_(seqs)).values(untold_since=None))


def waiting(tx: Transaction, before: datetime, limit: int) -> Sequence[int]:
    """Return registries with events that have been waiting since before a moment."""
    statement = sa.select(events.c.registry_id).where(events.c.untold_since <= before).distinct().limit(limit)
    return tx.connection.execute(statement).scalars().all()


def page(
    tx: Transaction, registry_id: int, before: int | None, limit: int
) -> Sequence[tuple[int, str | None, Happened]]:
    """Return (seq, actor, event) of a registry's events, newest first, those before a seq."""
    statement = sa.select(events).where(events.c.registry_id == registry_id)
    if before is not None:
        statement = statement.where(events.c.seq < before)
    statement = statement.order_by(events.c.seq.desc()).limit(limit)
    return [(found.seq, found.actor, _happened(found)) for found in tx.connection.execute(statement)]


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


def _happened(found: sa.Row[Any]) -> Happened:
    return Happened(
        id=found.id,
        action=found.action,
        repository=found.repository,
        tag=found.tag,
        digest=found.digest,
        media_type=found.media_type,
        size=found.size,
        request=found.request,
        at=found.created_at,
    )
