"""When the bytes of blobs were last verified, and which were found damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from controlplane.persistence.content_tables import blobs
from controlplane.persistence.database import Transaction


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A blob, and when its bytes were verified last; None: never since they were found."""

    digest: str
    size: int
    verified_at: datetime | None


_ROW = sa.select(blobs.c.digest, blobs.c.size, blobs.c.verified_at).where(blobs.c.damaged_at.is_(None))


def unverified(tx: Transaction, before: datetime, limit: int) -> Sequence[StoredRow]:
    """Return blobs whose bytes were not verified since: those that never were first, then the oldest."""
    never = tx.connection.execute(_ROW.where(blobs.c.verified_at.is_(None)).limit(limit)).all()
    oldest = _ROW.where(blobs.c.verified_at < before).order_by(blobs.c.verified_at)
    found = [*never, *tx.connection.execute(oldest.limit(limit)).all()]
    return [StoredRow(*row) for row in found[:limit]]


def lock(tx: Transaction, digest: str) -> StoredRow | None:
    """Return a blob that is not damaged, and keep everybody from linking or deleting it."""
    statement = _ROW.where(blobs.c.digest == digest)
    if tx.dialect == "postgresql":
        statement = statement.with_for_update()
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else StoredRow(*row)


def note_verified(tx: Transaction, digests: Sequence[str], now: datetime) -> None:
    """Note that bytes are as they should be."""
    if digests:
        statement = sa.update(blobs).where(blobs.c.digest.in_(digests), blobs.c.damaged_at.is_(None))
        tx.connection.execute(statement.values(verified_at=now))


def note_damaged(tx: Transaction, digest: str, now: datetime) -> None:
    """Stop serving a blob until its bytes are pushed or fetched again."""
    tx.connection.execute(sa.update(blobs).where(blobs.c.digest == digest).values(damaged_at=now))


def note_healed(tx: Transaction, digest: str, now: datetime) -> None:
    """Serve a blob again whose bytes were replaced by verified ones."""
    statement = sa.update(blobs).where(blobs.c.digest == digest)
    tx.connection.execute(statement.values(damaged_at=None, verified_at=now))


def damaged(tx: Transaction, after: str, limit: int) -> Sequence[str]:
    """Return digests of damaged blobs in order, beginning after one."""
    statement = sa.select(blobs.c.digest).where(blobs.c.damaged_at.is_not(None), blobs.c.digest > after)
    return tx.connection.execute(statement.order_by(blobs.c.digest).limit(limit)).scalars().all()
