"""What repositories and images add up to: bytes that only they hold, and bytes they share.

A blob is *unique* to a repository when no other repository of the registry holds it (``registry_blobs.links``
is 1). Manifests are stored for each repository, so all of their bytes are unique to it. Each function is a
fixed number of statements, whose cost grows with what is asked about and not with the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from controlplane.persistence.content_tables import (
    blobs,
    manifest_edges,
    manifests,
    registry_blobs,
    repositories,
    repository_blobs,
    tags,
)
from controlplane.persistence.database import Transaction
from controlplane.persistence.types import BigId

_CHILD = "child"


@dataclass(frozen=True, slots=True)
class RepositorySize:
    """A repository and the bytes it holds."""

    id: int
    name: str
    size: int


def page(tx: Transaction, registry_id: int, after: str, limit: int) -> list[RepositorySize]:
    """Return repositories that hold bytes, by name, also those that show no manifest (yet, or any more)."""
    rows = tx.connection.execute(
        sa.select(repositories.c.id, repositories.c.name, repositories.c.size)
        .where(
            repositories.c.registry_id == registry_id, repositories.c.name > after, repositories.c.size > 0
        )
        .order_by(repositories.c.name)
        .limit(limit)
    )
    return [RepositorySize(*row) for row in rows]


def unique(tx: Transaction, registry_id: int, repository_ids: Sequence[int]) -> Mapping[int, int]:
    """Return the bytes that are unique to each of some repositories."""
    found = dict.fromkeys(repository_ids, 0)
    held = (
        sa.select(repository_blobs.c.repository_id, sa.func.sum(blobs.c.size))
        .join(blobs, blobs.c.digest == repository_blobs.c.digest)
        .join(registry_blobs, registry_blobs.c.digest == repository_blobs.c.digest)
        .where(
            registry_blobs.c.registry_id == registry_id,
            registry_blobs.c.links == 1,
            repository_blobs.c.released_at.is_(None),
            repository_blobs.c.repository_id.in_(repository_ids),
        )
        .group_by(repository_blobs.c.repository_id)
    )
    own = (
        sa.select(manifests.c.repository_id, sa.func.sum(manifests.c.size))
        .where(manifests.c.repository_id.in_(repository_ids))
        .group_by(manifests.c.repository_id)
    )
    for statement in (held, own):
        for repository_id, size in tx.connection.execute(statement):
            found[repository_id] += int(size)
    return found


def deleted(tx: Transaction, repository_id: int) -> int:
    """Return the bytes that a repository holds for deleted manifests only, which can still be restored."""
    mine = (manifests.c.repository_id == repository_id) & manifests.c.deleted_at.is_not(None)
    own = tx.connection.execute(sa.select(sa.func.sum(manifests.c.size)).where(mine)).scalar()
    gone = sa.select(manifests.c.id).where(mine)
    return int(own or 0) + _held_by_none_but(tx, repository_id, gone, alone_in=None)


def children(tx: Transaction, repository_id: int, root: int, most: int) -> Mapping[int, int]:
    """Return ids and sizes of a manifest and of all that it refers to, in as many steps as there are.

    At most ``most`` are returned.
    """
    found = sa.select(sa.literal(root, BigId).label("id")).cte("found", recursive=True)
    child = manifests.alias()
    found = found.union(
        sa.select(child.c.id)
        .join(manifest_edges, manifest_edges.c.digest == child.c.digest)
        .join(found, found.c.id == manifest_edges.c.manifest_id)
        .where(
            manifest_edges.c.kind == _CHILD,
            child.c.repository_id == repository_id,
            child.c.deleted_at.is_(None),
        )
    )
    rows = tx.connection.execute(
        sa.select(manifests.c.id, manifests.c.size)
        .where(manifests.c.id.in_(sa.select(found.c.id)))
        .limit(most)
    )
    return {row.id: row.size for row in rows}


def held_from_outside(tx: Transaction, repository_id: int, ids: Sequence[int]) -> set[int]:
    """Return those of some manifests that a manifest which is none of them refers to."""
    statement = (
        sa.select(manifests.c.id)
        .join(
            manifest_edges,
            (manifest_edges.c.repository_id == manifests.c.repository_id)
            & (manifest_edges.c.digest == manifests.c.digest),
        )
        .where(
            manifests.c.repository_id == repository_id,
            manifests.c.id.in_(ids),
            manifest_edges.c.kind == _CHILD,
            manifest_edges.c.manifest_id.not_in(ids),
        )
    )
    return set(tx.connection.execute(statement).scalars())


def tagged(tx: Transaction, ids: Sequence[int]) -> Mapping[int, set[str]]:
    """Return the names of the tags that name each of some manifests now."""
    rows = tx.connection.execute(
        sa.select(tags.c.manifest_id, tags.c.name).where(tags.c.manifest_id.in_(ids), tags.c.until.is_(None))
    )
    found: dict[int, set[str]] = {}
    for manifest_id, name in rows:
        found.setdefault(manifest_id, set()).add(name)
    return found


def edges_between(tx: Transaction, repository_id: int, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return which of some manifests refer to which of them."""
    statement = (
        sa.select(manifest_edges.c.manifest_id, manifests.c.id)
        .join(manifests, manifests.c.digest == manifest_edges.c.digest)
        .where(
            manifest_edges.c.kind == _CHILD,
            manifest_edges.c.manifest_id.in_(ids),
            manifests.c.repository_id == repository_id,
        )
    )
    return [(row[0], row[1]) for row in tx.connection.execute(statement)]


def named_bytes(tx: Transaction, repository_id: int, ids: Sequence[int]) -> int:
    """Return the bytes of the blobs that some manifests name and the repository holds."""
    named = sa.select(manifest_edges.c.digest).where(manifest_edges.c.manifest_id.in_(ids))
    return _bytes(tx, repository_id, named)


def bytes_of_none_but(tx: Transaction, registry_id: int, repository_id: int, ids: Sequence[int]) -> int:
    """Return the bytes of the blobs that nothing but some manifests holds in the whole registry."""
    if not ids:
        return 0
    return _held_by_none_but(tx, repository_id, list(ids), alone_in=registry_id)


def _held_by_none_but(tx: Transaction, repository_id: int, ids: Any, *, alone_in: int | None) -> int:
    """Return the bytes of blobs that the given manifests of a repository name and no other of it.

    ``alone_in`` is a registry of which no other repository may hold them.
    """
    other = manifest_edges.alias()
    named_by_others = (
        sa.select(sa.literal(1))
        .where(
            other.c.repository_id == repository_id,
            other.c.digest == manifest_edges.c.digest,
            other.c.manifest_id.not_in(ids),
        )
        .correlate(manifest_edges)
        .exists()
    )
    named = sa.select(manifest_edges.c.digest).where(manifest_edges.c.manifest_id.in_(ids), ~named_by_others)
    if alone_in is not None:
        named = named.where(
            manifest_edges.c.digest.in_(
                sa.select(registry_blobs.c.digest).where(
                    registry_blobs.c.registry_id == alone_in,
                    registry_blobs.c.digest == manifest_edges.c.digest,
                    registry_blobs.c.links == 1,
                )
            )
        )
    return _bytes(tx, repository_id, named)


def _bytes(tx: Transaction, repository_id: int, digests: sa.Select[Any]) -> int:
    statement = (
        sa.select(sa.func.sum(blobs.c.size))
        .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
        .where(
            repository_blobs.c.repository_id == repository_id,
            repository_blobs.c.released_at.is_(None),
            blobs.c.digest.in_(digests),
        )
    )
    return int(tx.connection.execute(statement).scalar() or 0)
