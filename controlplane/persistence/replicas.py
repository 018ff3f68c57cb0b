"""Which regions registries are in, how far each of them is, and leaving one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.content_tables import blobs, endpoints, registry_blobs
from controlplane.persistence.database import Transaction
from controlplane.persistence.replication_tables import PRESENT, arrivals, blob_places, replicas
from controlplane.persistence.replication_tables import blob_regions as regions_table
from controlplane.persistence.statements import Statement

_OPEN = blob_places.c.state != PRESENT
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """A region of a registry. See ``replication_tables.replicas``; ``key`` is empty for the home region."""

    registry_id: int
    region: str
    key: str
    endpoint_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far a region is behind with a registry's content; sizes are bytes."""

    pending_blobs: int
    pending_bytes: int
    failed: int
    last_error: str | None


# --- regions ---------------------------------------------------------------------------------------------


def blob_regions(tx: Transaction) -> Sequence[str]:
    """Return the regions whose stores may hold blobs, by name."""
    return (
        tx.connection.execute(sa.select(regions_table.c.name).order_by(regions_table.c.name)).scalars().all()
    )


def add_blob_region(tx: Transaction, region: str) -> None:
    """Note that blobs may come into a region's store."""
    tx.connection.execute(_insert(tx)(regions_table).values(name=region).on_conflict_do_nothing())


def next_registry(tx: Transaction, least: int) -> int | None:
    """Return the first registry from a row id on that is in several regions."""
    statement = sa.select(sa.func.min(replicas.c.registry_id)).where(replicas.c.registry_id >= least)
    found: int | None = tx.connection.execute(statement).scalar()
    return found


# Asked with every push; see ``statements``.
_REGIONS = Statement(
    sa.select(replicas.c.region)
    .where(replicas.c.registry_id == sa.bindparam("registry"))
    .order_by(replicas.c.region)
)


def regions_of(tx: Transaction, registry_id: int) -> Sequence[str]:
    """Return the names of these regions."""
    return [region for (region,) in _REGIONS.rows(tx, registry=registry_id)]


def put_replica(tx: Transaction, row: ReplicaRow) -> None:
    """Store a region of a registry, or change whether its endpoint is enabled."""
    values = {name: getattr(row, name) for name in ReplicaRow.__dataclass_fields__}
    statement = _insert(tx)(replicas).values(values)
    change = {"endpoint_enabled": row.endpoint_enabled}
    tx.connection.execute(
        statement.on_conflict_do_update(index_elements=["registry_id", "region"], set_=change)
    )


def remove_replica(tx: Transaction, registry_id: int, region: str) -> None:
    """Forget a region of a registry, and the home region's row with the last one."""
    mine = replicas.c.registry_id == registry_id
    tx.connection.execute(sa.delete(replicas).where(mine, replicas.c.region == region))
    others = sa.select(sa.func.count()).where(mine, replicas.c.key != "")
    if tx.connection.execute(others).scalar_one() == 0:
        tx.connection.execute(sa.delete(replicas).where(mine))
    gone = arrivals.c.region == region
    tx.connection.execute(sa.delete(arrivals).where(arrivals.c.registry_id == registry_id, gone))


# --- how it stands ---------------------------------------------------------------------------------------


def backlog(tx: Transaction, registry_id: int, region: str) -> Backlog:
    """Return how far a region is behind with what a registry holds; the cost is that of what is pending."""
    mine = _mine(registry_id, region)
    sums = sa.select(
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(blob_places.c.size), 0),
        sa.func.coalesce(sa.func.sum(sa.case((blob_places.c.error.is_not(None), 1), else_=0)), 0),
    )
    pending, size, failed = tx.connection.execute(mine(sums).where(_OPEN)).one()
    last = mine(sa.select(blob_places.c.error)).where(_OPEN, blob_places.c.error.is_not(None))
    error = tx.connection.execute(last.order_by(blob_places.c.due_at.desc()).limit(1)).scalar()
    return Backlog(int(pending), int(size), int(failed), error)


def copied_bytes(tx: Transaction, registry_id: int, region: str) -> int:
    """Return how many bytes of what a registry holds were copied to a region."""
    sums = sa.select(sa.func.coalesce(sa.func.sum(blob_places.c.size), 0))
    mine = _mine(registry_id, region)(sums).where(blob_places.c.stored_at.is_not(None))
    return int(tx.connection.execute(mine).scalar_one())


def last_copy(tx: Transaction, region: str) -> datetime | None:
    """Return when something was last copied to a region."""
    newest = sa.select(blob_places.c.stored_at).where(
        blob_places.c.region == region, blob_places.c.stored_at.is_not(None)
    )
    found: datetime | None = tx.connection.execute(
        newest.order_by(blob_places.c.stored_at.desc()).limit(1)
    ).scalar()
    return found


def lags(tx: Transaction, registry_id: int, region: str, limit: int) -> Sequence[float]:
    """Return, of the newest copies, the seconds from when each was wanted to when it was there; sorted."""
    statement = _mine(registry_id, region)(sa.select(blob_places.c.wanted_at, blob_places.c.stored_at)).where(
        blob_places.c.stored_at.is_not(None)
    )
    newest = statement.order_by(blob_places.c.stored_at.desc()).limit(limit)
    return sorted((stored - wanted) / _ONE_SECOND for wanted, stored in tx.connection.execute(newest))


def _mine(registry_id: int, region: str) -> Callable[[sa.Select[Any]], sa.Select[Any]]:
    def joined(statement: sa.Select[Any]) -> sa.Select[Any]:
        return (
            statement.select_from(blob_places)
            .join(registry_blobs, registry_blobs.c.digest == blob_places.c.digest)
            .where(registry_blobs.c.registry_id == registry_id, blob_places.c.region == region)
        )

    return joined


# --- leaving a region ------------------------------------------------------------------------------------


def held_after(tx: Transaction, registry_id: int, after: str, limit: int) -> Sequence[tuple[str, int]]:
    """Return digests and sizes of a page of a registry's blobs."""
    statement = (
        sa.select(blobs.c.digest, blobs.c.size)
        .join(registry_blobs, registry_blobs.c.digest == blobs.c.digest)
        .where(registry_blobs.c.registry_id == registry_id, registry_blobs.c.digest > after)
        .order_by(registry_blobs.c.digest)
        .limit(limit)
    )
    return [(digest, size) for digest, size in tx.connection.execute(statement)]


def held_count(tx: Transaction, registry_id: int) -> int:
    """Return how many blobs a registry holds."""
    mine = registry_blobs.c.registry_id == registry_id
    return int(tx.connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one())


def lock_blob(tx: Transaction, digest: str) -> bool:
    """Keep everybody from linking or deleting a blob; False when it is gone."""
    statement = sa.select(blobs.c.digest).where(blobs.c.digest == digest)
    if tx.dialect == "postgresql":
        statement = statement.with_for_update()
    return tx.connection.execute(statement).first() is not None


def is_needed(tx: Transaction, registry_id: int, region: str, digest: str) -> bool:
    """Tell whether another registry that is in a region holds a blob."""
    here = sa.union(
        sa.select(replicas.c.registry_id).where(replicas.c.region == region),
        sa.select(endpoints.c.registry_id).where(endpoints.c.region == region),
    )
    statement = sa.select(registry_blobs.c.registry_id).where(
        registry_blobs.c.digest == digest,
        registry_blobs.c.registry_id != registry_id,
        registry_blobs.c.registry_id.in_(here),
    )
    return tx.connection.execute(statement.limit(1)).first() is not None


def forget_place(tx: Transaction, region: str, digest: str) -> None:
    """Want a copy no more."""
    tx.connection.execute(
        sa.delete(blob_places).where(blob_places.c.region == region, blob_places.c.digest == digest)
    )


def _insert(tx: Transaction) -> Any:
    return postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
