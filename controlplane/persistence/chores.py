"""Chores: work that is done over and over, where it stands, and who does it now.

One process at a time has a chore, by compare-and-set with a lease. Each claim counts ``attempt`` up, and what
its holder writes about the chore is fenced by that number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import chores


@dataclass(frozen=True, slots=True)
class ChoreRow:
    """One chore. See ``tables.chores`` for the columns."""

    name: str
    due_at: datetime
    rung_at: datetime | None
    lease_until: datetime | None
    attempt: int
    state: Mapping[str, Any]
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Rest:
    """How a holder leaves a chore: when it is due again, and what went wrong, if anything did.

    ``ended_at`` is when it came to an end; None: there is more to do.
    """

    due_at: datetime
    ended_at: datetime | None = None
    error: str | None = None


_ADD = {
    "sqlite": sqlite.insert(chores).on_conflict_do_nothing(index_elements=["name"]),
    "postgresql": postgresql.insert(chores).on_conflict_do_nothing(index_elements=["name"]),
}


def add(tx: Transaction, name: str, due_at: datetime) -> None:
    """Make a chore known; nothing happens to one that is."""
    values = {"name": name, "due_at": due_at, "attempt": 0, "state": {}}
    tx.connection.execute(_ADD[tx.dialect], values)


def known(tx: Transaction) -> Sequence[ChoreRow]:
    """Return all chores, by name."""
    rows = tx.connection.execute(sa.select(chores).order_by(chores.c.name)).mappings()
    return [ChoreRow(**row) for row in rows]


def due(tx: Transaction, now: datetime, patience: timedelta | None) -> Sequence[ChoreRow]:
    """Return chores that are due, that nobody holds, and that no worker was asked to do of late.

    ``patience`` is how long a worker may take to answer; None: nobody will answer what was asked before.
    """
    statement = sa.select(chores).where(chores.c.due_at <= now, _free(now))
    if patience is not None:
        asked = sa.or_(chores.c.rung_at.is_(None), chores.c.rung_at <= now - patience)
        statement = statement.where(asked)
    rows = tx.connection.execute(statement.order_by(chores.c.due_at)).mappings()
    return [ChoreRow(**row) for row in rows]


def stamp_ring(tx: Transaction, row: ChoreRow, now: datetime) -> bool:
    """Note that a worker is asked; False when somebody else has, or a worker came meanwhile."""
    before = chores.c.rung_at.is_(None) if row.rung_at is None else chores.c.rung_at == row.rung_at
    statement = sa.update(chores).where(chores.c.name == row.name, chores.c.attempt == row.attempt, before)
    return tx.connection.execute(statement.values(rung_at=now)).rowcount == 1


def claim(tx: Transaction, name: str, now: datetime, lease: timedelta) -> ChoreRow | None:
    """Take a chore that is due and that nobody holds; None when there is nothing to take."""
    statement = (
        sa.update(chores)
        .where(chores.c.name == name, chores.c.due_at <= now, _free(now))
        .values(attempt=chores.c.attempt + 1, lease_until=now + lease, rung_at=None)
        .returning(chores)
    )
    row = tx.connection.execute(statement).mappings().one_or_none()
    return None if row is None else ChoreRow(**row)


def renew(tx: Transaction, row: ChoreRow, lease_until: datetime) -> bool:
    """Extend a claim; False when it is no longer the caller's."""
    return _changed(tx, row, {"lease_until": lease_until})


def record(tx: Transaction, row: ChoreRow, state: Mapping[str, Any], lease_until: datetime) -> bool:
    """Note how far the work has come, and extend the claim; False when it is no longer the caller's."""
    return _changed(tx, row, {"state": dict(state), "lease_until": lease_until})


def leave(tx: Transaction, row: ChoreRow, rest: Rest) -> bool:
    """Give a claim back; False when it is no longer the caller's."""
    values: dict[str, Any] = {"lease_until": None, "due_at": rest.due_at, "error": rest.error}
    if rest.ended_at is not None:
        values["ended_at"] = rest.ended_at
    return _changed(tx, row, values)


def hasten(tx: Transaction, names: Collection[str], now: datetime) -> None:
    """Make chores due now, unless they are already."""
    statement = sa.update(chores).where(chores.c.name.in_(names), chores.c.due_at > now)
    tx.connection.execute(statement.values(due_at=now))


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(chores.c.lease_until.is_(None), chores.c.lease_until <= now)


def _changed(tx: Transaction, row: ChoreRow, values: Mapping[str, Any]) -> bool:
    mine = (chores.c.name == row.name) & (chores.c.attempt == row.attempt) & chores.c.lease_until.is_not(None)
    return tx.connection.execute(sa.update(chores).where(mine).values(values)).rowcount == 1
