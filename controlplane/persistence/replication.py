"""Copies of blobs that regions are to have, and what their webhooks are told once they have them.

A copy is claimed by a lease and recorded fenced by its number of attempts, so that of two workers one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_tables import blobs, manifest_edges, registry_blobs
from controlplane.persistence.database import Transaction
from controlplane.persistence.replicas import blob_regions
from controlplane.persistence.replication_tables import (
    PRESENT,
    WANTED,
    arrivals,
    blob_places,
    replicas,
)

_OPEN = blob_places.c.state != PRESENT


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A copy that was claimed."""

    region: str
    digest: str
    size: int
    attempts: int


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """What the webhooks of a region are to be told."""

    seq: int
    registry_id: int
    region: str
    manifest_id: int
    repository: str
    change: Mapping[str, Any]
    origin: Mapping[str, Any]


# --- what is wanted --------------------------------------------------------------------------------------


def want_manifest(tx: Transaction, registry_id: int, manifest_id: int, asked: str, now: datetime) -> None:
    """Want what a manifest names in all regions of its registry but the one that was asked. One statement."""
    source = (
        sa.select(
            replicas.c.region,
            blobs.c.digest,
            sa.literal(WANTED),
            blobs.c.size,
            sa.literal(0),
            sa.literal(now, blob_places.c.due_at.type),
            sa.literal(now, blob_places.c.due_at.type),
        )
        .select_from(replicas)
        .join(manifest_edges, manifest_edges.c.manifest_id == manifest_id)
        .join(blobs, blobs.c.digest == manifest_edges.c.digest)
        .where(
            replicas.c.registry_id == registry_id,
            replicas.c.region != asked,
            manifest_edges.c.kind != "child",
        )
        .distinct()
        .order_by(replicas.c.region, blobs.c.digest)
    )
    tx.connection.execute(_want(tx, source))


def want_page(
    tx: Transaction, registry_id: int, region: str, page: Page, now: datetime
) -> tuple[str, int] | None:
    """Want a page of a registry's blobs in a region; return its last digest and how many are new.

    None when there is none after that digest.
    """
    held = (
        sa.select(registry_blobs.c.digest)
        .where(registry_blobs.c.registry_id == registry_id, registry_blobs.c.digest > page.after)
        .order_by(registry_blobs.c.digest)
        .limit(page.limit)
    )
    digests = tx.connection.execute(held).scalars().all()
    if not digests:
        return None
    source = (
        sa.select(
            sa.literal(region),
            blobs.c.digest,
            sa.literal(WANTED),
            blobs.c.size,
            sa.literal(0),
            sa.literal(now, blob_places.c.due_at.type),
            sa.literal(now, blob_places.c.due_at.type),
        )
        .where(blobs.c.digest.in_(digests))
        .order_by(blobs.c.digest)
    )
    return digests[-1], tx.connection.execute(_want(tx, source)).rowcount


def _want(tx: Transaction, source: sa.Select[Any]) -> Any:
    names = ["region", "digest", "state", "size", "attempts", "due_at", "wanted_at"]
    return _insert(tx)(blob_places).from_select(names, source).on_conflict_do_nothing()


# --- copying ---------------------------------------------------------------------------------------------


def claim(tx: Transaction, region: str, now: datetime, until: datetime, limit: int) -> Sequence[PlaceRow]:
    """Take copies into a region that are due until ``until``, those that are due the longest first."""
    due = (
        sa.select(blob_places.c.digest)
        .where(blob_places.c.region == region, _OPEN, blob_places.c.due_at <= now, _free(now))
        .order_by(blob_places.c.due_at)
        .limit(limit)
    )
    if tx.dialect == "postgresql":
        due = due.with_for_update(skip_locked=True)
    chosen = tx.connection.execute(due).scalars().all()
    if not chosen:
        return []
    taken = tx.connection.execute(
        sa.update(blob_places)
        .where(blob_places.c.region == region, blob_places.c.digest.in_(chosen), _OPEN, _free(now))
        .values(lease_until=until, attempts=blob_places.c.attempts + 1)
        .returning(blob_places.c.region, blob_places.c.digest, blob_places.c.size, blob_places.c.attempts)
    )
    return [PlaceRow(*row) for row in taken]


def renew(tx: Transaction, held: Sequence[PlaceRow], until: datetime) -> None:
    """Hold copies that are under way for longer."""
    for row in held:
        tx.connection.execute(sa.update(blob_places).where(_claimed(row)).values(lease_until=until))


def record_present(tx: Transaction, row: PlaceRow, stored_at: datetime | None) -> bool:
    """Note that a region has a blob; ``stored_at`` is None when it had it before. False: lost the claim."""
    values = {"state": PRESENT, "lease_until": None, "error": None, "stored_at": stored_at}
    return tx.connection.execute(sa.update(blob_places).where(_claimed(row)).values(values)).rowcount > 0


def record_failure(tx: Transaction, row: PlaceRow, due_at: datetime, error: str | None) -> None:
    """Note when to try again, and why; without an error it was no failure, and does not count."""
    values: dict[str, Any] = {"due_at": due_at, "lease_until": None}
    if error is None:
        values["attempts"] = blob_places.c.attempts - 1
    else:
        values["error"] = error
    tx.connection.execute(sa.update(blob_places).where(_claimed(row)).values(values))


def due_regions(tx: Transaction, now: datetime) -> Sequence[str]:
    """Return the regions in which something is to be done; see ``is_due``."""
    return [region for region in blob_regions(tx) if is_due(tx, region, now)]


def is_due(tx: Transaction, region: str, now: datetime) -> bool:
    """Tell whether something is to be copied into a region, or its webhooks are to be told something."""
    due = sa.select(blob_places.c.digest).where(
        blob_places.c.region == region, _OPEN, blob_places.c.due_at <= now, _free(now)
    )
    return any(
        tx.connection.execute(statement.limit(1)).first() is not None for statement in (due, _arrived(region))
    )


def _claimed(row: PlaceRow) -> sa.ColumnElement[bool]:
    return sa.and_(
        blob_places.c.region == row.region,
        blob_places.c.digest == row.digest,
        blob_places.c.attempts == row.attempts,
        _OPEN,
    )


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return blob_places.c.lease_until.is_(None) | (blob_places.c.lease_until <= now)


# --- what webhooks are told ------------------------------------------------------------------------------


def expect(tx: Transaction, found: Sequence[Mapping[str, Any]]) -> None:
    """Note what the webhooks of regions are to be told once a manifest has reached them."""
    if found:
        tx.connection.execute(sa.insert(arrivals), [dict(one) for one in found])


def take_arrived(tx: Transaction, region: str, limit: int) -> Sequence[ArrivalRow]:
    """Return and forget what has reached a region with all its blobs, in order."""
    ready = _arrived(region).order_by(arrivals.c.seq).limit(limit)
    if tx.dialect == "postgresql":
        ready = ready.with_for_update(skip_locked=True, of=arrivals)
    chosen = tx.connection.execute(ready).scalars().all()
    if not chosen:
        return []
    statement = sa.delete(arrivals).where(arrivals.c.seq.in_(chosen)).returning(*arrivals.columns)
    rows = [ArrivalRow(*row) for row in tx.connection.execute(statement)]
    return sorted(rows, key=lambda row: row.seq)


def _arrived(region: str) -> sa.Select[tuple[int]]:
    waits = (
        sa.select(blob_places.c.digest)
        .join(manifest_edges, manifest_edges.c.digest == blob_places.c.digest)
        .where(manifest_edges.c.manifest_id == arrivals.c.manifest_id)
        .where(blob_places.c.region == region, _OPEN)
    )
    return sa.select(arrivals.c.seq).where(arrivals.c.region == region, ~waits.exists())


def _insert(tx: Transaction) -> Any:
    return postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
