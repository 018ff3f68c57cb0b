"""What retention reads: everything in a repository in few columns, and who still names what.

Reading a whole repository costs memory in proportion to its manifests and tags (some hundred bytes each);
payloads are never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from controlplane.domain.locks import BARS_DELETION
from controlplane.domain.retention import Content, Item, TagItem
from controlplane.kernel.batches import batches
from controlplane.persistence.content_tables import (
    blobs,
    manifest_edges,
    manifests,
    registries,
    registry_blobs,
    repositories,
    tags,
)
from controlplane.persistence.database import Transaction
from controlplane.persistence.types import MICROS_A_DAY, to_micros

_CHILD = "child"
_BARRED = BARS_DELETION.value
_LIVE = manifests.c.deleted_at.is_(None)
_CURRENT = tags.c.until.is_(None)
_ITEM = (
    manifests.c.id,
    manifests.c.digest,
    manifests.c.size,
    manifests.c.updated_at.label("pushed_at"),
    manifests.c.untagged_at,
    manifests.c.pulled_at,
    manifests.c.locks.op("&")(_BARRED).label("locked"),
    manifests.c.subject,
    sa.func.coalesce(manifests.c.artifact_type, manifests.c.config_media_type).label("artifact_type"),
)
_TAG = (
    tags.c.name,
    tags.c.manifest_id,
    tags.c.since,
    tags.c.pulled_at,
    tags.c.locks.op("&")(_BARRED).label("locked"),
)


def content(tx: Transaction, repository_id: int) -> Content:
    """Return what a repository holds that is not deleted."""
    children: dict[int, list[str]] = {}
    edges = sa.select(manifest_edges.c.manifest_id, manifest_edges.c.digest).where(
        manifest_edges.c.repository_id == repository_id, manifest_edges.c.kind == _CHILD
    )
    for manifest_id, digest in tx.connection.execute(edges):
        children.setdefault(manifest_id, []).append(digest)
    rows = tx.connection.execute(
        sa.select(*_ITEM).where(manifests.c.repository_id == repository_id, _LIVE)
    ).mappings()
    items = [
        Item(**{**row, "locked": bool(row["locked"])}, children=tuple(children.get(row["id"], ())))
        for row in rows
    ]
    return Content(items, _tags(tx, repository_id, {item.id for item in items}))


def _tags(tx: Transaction, repository_id: int, known: set[int]) -> list[TagItem]:
    """Return the current tags of manifests; one that came in between the two reads is left out."""
    rows = tx.connection.execute(
        sa.select(*_TAG).where(tags.c.repository_id == repository_id, _CURRENT)
    ).mappings()
    found = [TagItem(**{**row, "locked": bool(row["locked"])}) for row in rows]
    return [tag for tag in found if tag.manifest_id in known]


def repositories_with_untagged(
    tx: Transaction, now: datetime, after: int, limit: int
) -> Sequence[tuple[int, int]]:
    """Return (repository id, days) where the policy for untagged manifests has something to take.

    In the order of ids, after an id, of registries that serve and have the policy on.
    """
    wait = registries.c.retention_days * MICROS_A_DAY
    until = sa.literal(to_micros(now), sa.BigInteger) - wait
    statement = (
        sa.select(manifests.c.repository_id, registries.c.retention_days)
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .join(registries, registries.c.id == repositories.c.registry_id)
        .where(
            manifests.c.untagged_at.is_not(None),
            _LIVE,
            registries.c.retention_days.is_not(None),
            registries.c.ready.is_(True),
            sa.type_coerce(manifests.c.untagged_at, sa.BigInteger) <= until,
            (repositories.c.locks.op("|")(manifests.c.locks)).op("&")(_BARRED) == 0,
            manifests.c.repository_id > after,
            ~_is_held(),
        )
        .distinct()
        .order_by(manifests.c.repository_id)
        .limit(limit)
    )
    return [(repository, days) for repository, days in tx.connection.execute(statement)]


def _is_held() -> sa.ColumnElement[bool]:
    """Tell of a manifest whether an index that is not deleted names it, or it refers to one that is there."""
    child, parent, subject = manifest_edges.alias(), manifests.alias(), manifests.alias()
    named = (
        sa.select(child.c.manifest_id)
        .join(parent, parent.c.id == child.c.manifest_id)
        .where(
            child.c.repository_id == manifests.c.repository_id,
            child.c.digest == manifests.c.digest,
            child.c.kind == _CHILD,
            parent.c.deleted_at.is_(None),
        )
    )
    has_subject = sa.select(subject.c.id).where(
        subject.c.repository_id == manifests.c.repository_id,
        subject.c.digest == manifests.c.subject,
        subject.c.deleted_at.is_(None),
    )
    return named.exists() | has_subject.exists()


def repositories_after(
    tx: Transaction, registry_id: int, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Return (id, name) of repositories that hold something, in the order of ids."""
    statement = (
        sa.select(repositories.c.id, repositories.c.name)
        .where(
            repositories.c.registry_id == registry_id,
            repositories.c.id > after,
            repositories.c.manifest_count > 0,
        )
        .order_by(repositories.c.id)
        .limit(limit)
    )
    return [(repository, name) for repository, name in tx.connection.execute(statement)]


# --- looking again, with the repository locked -----------------------------------------------------------


def naming(tx: Transaction, repository_id: int, digests: Sequence[str]) -> dict[str, set[int]]:
    """Return the ids of the indexes, not deleted, that name each of some manifests."""
    statement = (
        sa.select(manifest_edges.c.digest, manifest_edges.c.manifest_id)
        .join(manifests, manifests.c.id == manifest_edges.c.manifest_id)
        .where(
            manifest_edges.c.repository_id == repository_id,
            manifest_edges.c.kind == _CHILD,
            manifest_edges.c.digest.in_(digests),
            _LIVE,
        )
    )
    found: dict[str, set[int]] = {}
    for digest, manifest_id in tx.connection.execute(statement):
        found.setdefault(digest, set()).add(manifest_id)
    return found


# --- bytes -----------------------------------------------------------------------------------------------


def freed(tx: Transaction, registry_id: int, repository_id: int, manifest_ids: Sequence[int]) -> int:
    """Return by how many bytes the registry shrinks when manifests of a repository go for good.

    Blobs count that no other manifest of the repository names, deleted ones included, and that no other
    repository of the registry holds.
    """
    naming_: dict[str, int] = {}
    total = 0
    for step in batches(manifest_ids):
        own = sa.select(sa.func.coalesce(sa.func.sum(manifests.c.size), 0)).where(manifests.c.id.in_(step))
        total += int(tx.connection.execute(own).scalar_one())
        edges = (
            sa.select(manifest_edges.c.digest, sa.func.count(sa.distinct(manifest_edges.c.manifest_id)))
            .where(manifest_edges.c.manifest_id.in_(step), manifest_edges.c.kind != _CHILD)
            .group_by(manifest_edges.c.digest)
        )
        for digest, count in tx.connection.execute(edges):
            naming_[digest] = naming_.get(digest, 0) + count
    for digests in batches(sorted(naming_)):
        total += _unshared(tx, registry_id, repository_id, {digest: naming_[digest] for digest in digests})
    return total


def _unshared(tx: Transaction, registry_id: int, repository_id: int, naming_: dict[str, int]) -> int:
    """Sum the sizes of blobs that only so many manifests name, and only one repository holds."""
    all_of_it = (
        sa.select(manifest_edges.c.digest, sa.func.count(sa.distinct(manifest_edges.c.manifest_id)))
        .where(
            manifest_edges.c.repository_id == repository_id,
            manifest_edges.c.digest.in_(list(naming_)),
            manifest_edges.c.kind != _CHILD,
        )
        .group_by(manifest_edges.c.digest)
    )
    alone = [digest for digest, count in tx.connection.execute(all_of_it) if count == naming_[digest]]
    sizes = (
        sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size), 0))
        .join(registry_blobs, registry_blobs.c.digest == blobs.c.digest)
        .where(
            blobs.c.digest.in_(alone),
            registry_blobs.c.registry_id == registry_id,
            registry_blobs.c.links == 1,
        )
    )
    return int(tx.connection.execute(sizes).scalar_one())
