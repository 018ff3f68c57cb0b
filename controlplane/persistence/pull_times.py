"""When manifests and tags were last pulled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from controlplane.kernel.batches import batches
from controlplane.persistence.content_tables import manifests, tags
from controlplane.persistence.database import Transaction


def _advance(
    tx: Transaction, table: sa.Table, ids: Iterable[int], at: datetime, unless_since: datetime
) -> None:
    """Note a pull of each of the rows that was not pulled since ``unless_since``; ids may be stale.

    Rows are locked in the order of their ids, so that two processes that note the same ones cannot wait for
    each other; those that somebody else is writing to are left for the next time.
    """
    for some in batches(sorted(ids)):
        step = table.c.id.in_(some)
        older = table.c.pulled_at.is_(None) | (table.c.pulled_at < unless_since)
        which = sa.select(table.c.id).where(step, older)
        if tx.dialect == "postgresql":
            which = which.order_by(table.c.id).with_for_update(skip_locked=True)
        tx.connection.execute(sa.update(table).where(table.c.id.in_(which)).values(pulled_at=at))


def note(
    tx: Transaction, pulled: Iterable[int], tagged: Iterable[int], at: datetime, unless_since: datetime
) -> None:
    """Note pulls of manifests and of the tags they were pulled by."""
    _advance(tx, manifests, pulled, at, unless_since)
    _advance(tx, tags, tagged, at, unless_since)
