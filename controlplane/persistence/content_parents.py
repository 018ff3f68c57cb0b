"""Indexes above a manifest: those that list it, and those that list them."""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.domain.locks import BARS_DELETION
from controlplane.persistence.content_tables import manifest_edges, manifests, tags
from controlplane.persistence.database import Transaction


def locks_above(tx: Transaction, repository_id: int, digest: str) -> list[int]:
    """Return the locks against deletion of the indexes above a manifest and of the tags that name them."""
    above = _above(repository_id, digest)
    bars = BARS_DELETION.value
    indexes = sa.select(manifests.c.locks).where(
        manifests.c.id.in_(sa.select(above.c.id)), manifests.c.locks.op("&")(bars) != 0
    )
    named = sa.select(tags.c.locks).where(
        tags.c.manifest_id.in_(sa.select(above.c.id)),
        tags.c.until.is_(None),
        tags.c.locks.op("&")(bars) != 0,
    )
    return list(tx.connection.execute(sa.union(indexes, named)).scalars())


def _above(repository_id: int, digest: str) -> sa.CTE:
    """Climb from a digest; the rows of a step are found by the index on what edges name."""
    parents = (
        sa.select(manifests.c.id, manifests.c.digest)
        .join(manifest_edges, manifest_edges.c.manifest_id == manifests.c.id)
        .where(
            manifest_edges.c.repository_id == repository_id,
            manifest_edges.c.kind == "child",
            manifests.c.deleted_at.is_(None),
        )
    )
    above = parents.where(manifest_edges.c.digest == digest).cte("above", recursive=True)
    return above.union(parents.where(manifest_edges.c.digest == above.c.digest))
