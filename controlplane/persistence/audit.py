"""Counting again what is kept incrementally: each function is one statement, so it sees one moment.

A fix counts under the lock of the row it corrects: what others add meanwhile comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from controlplane.persistence.content_tables import (
    blobs,
    manifest_edges,
    manifests,
    registries,
    registry_blobs,
    repositories,
    repository_blobs,
    tags,
)
from controlplane.persistence.database import Transaction

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter: which row it is in, what is stored there and what was counted."""

    table: str
    id: int
    name: str
    column: str
    stored: int
    counted: int


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with its bytes, and what is stored of what it names."""

    id: int
    repository: str
    digest: str
    media_type: str
    payload: bytes
    edges: frozenset[tuple[str, str]]


def _sum(column: sa.ColumnElement[int], *where: sa.ColumnElement[bool], joined: Any = None) -> Any:
    statement = sa.select(sa.func.coalesce(sa.func.sum(column), 0))
    if joined is not None:
        statement = statement.select_from(joined)
    return statement.where(*where).scalar_subquery()


def _number(table: sa.Table, *where: sa.ColumnElement[bool]) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(*where).scalar_subquery()


_HELD = repository_blobs.join(blobs, blobs.c.digest == repository_blobs.c.digest)
_DISTINCT = registry_blobs.join(blobs, blobs.c.digest == registry_blobs.c.digest)
_OF_REGISTRY = (
    sa.select(repositories.c.id)
    .where(repositories.c.registry_id == registries.c.id)
    .correlate(registries)  # two levels up, where SQLAlchemy does not look by itself
)
_HERE = {
    "manifests": manifests.c.repository_id == repositories.c.id,
    "tags": tags.c.repository_id == repositories.c.id,
    "blobs": repository_blobs.c.repository_id == repositories.c.id,
}
# Table and name, then each counter and how it is counted.
_COUNTERS: dict[str, tuple[sa.Table, dict[str, Any]]] = {
    "repositories": (
        repositories,
        {
            "size": _sum(blobs.c.size, _HERE["blobs"], repository_blobs.c.released_at.is_(None), joined=_HELD)
            + _sum(manifests.c.size, _HERE["manifests"]),
            "manifest_count": _number(manifests, _HERE["manifests"], manifests.c.deleted_at.is_(None)),
            "tag_count": _number(tags, _HERE["tags"], tags.c.until.is_(None)),
        },
    ),
    "registries": (
        registries,
        {
            "size": _sum(blobs.c.size, registry_blobs.c.registry_id == registries.c.id, joined=_DISTINCT)
            + _sum(manifests.c.size, manifests.c.repository_id.in_(_OF_REGISTRY))
        },
    ),
}


def counters(tx: Transaction, table: str) -> list[Counted]:
    """Return the counters of ``repositories`` or ``registries`` that are not what they should be."""
    counted, columns = _COUNTERS[table]
    found: list[Counted] = []
    after = 0
    while True:
        statement = sa.select(
            counted.c.id,
            counted.c.name,
            *(counted.c[name] for name in columns),
            *(expression.label(f"counted_{name}") for name, expression in columns.items()),
        )
        page = statement.where(counted.c.id > after).order_by(counted.c.id).limit(_PAGE)
        rows = tx.connection.execute(page).mappings().all()
        for row in rows:
            found += _differences(table, row, columns)
        if len(rows) < _PAGE:
            return found
        after = rows[-1]["id"]


def _differences(table: str, row: sa.RowMapping, columns: Iterable[str]) -> list[Counted]:
    return [
        Counted(table, row["id"], row["name"], name, int(row[name]), int(row[f"counted_{name}"]))
        for name in columns
        if row[name] != row[f"counted_{name}"]
    ]


def count_again(tx: Transaction, found: Counted) -> None:
    """Store what is counted now."""
    table, columns = _COUNTERS[found.table]
    mine = table.c.id == found.id
    _lock(tx, sa.select(table.c.id).where(mine))
    tx.connection.execute(sa.update(table).where(mine).values({found.column: columns[found.column]}))


def holdings(tx: Transaction) -> list[tuple[int, str, int, int]]:
    """Return (registry id, digest, stored, counted) where ``registry_blobs.links`` is wrong."""
    live = (
        sa.select(repositories.c.registry_id, repository_blobs.c.digest, sa.func.count().label("links"))
        .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
        .where(repository_blobs.c.released_at.is_(None))
        .group_by(repositories.c.registry_id, repository_blobs.c.digest)
        .subquery()
    )
    same = (live.c.registry_id == registry_blobs.c.registry_id) & (live.c.digest == registry_blobs.c.digest)
    stored = (
        sa.select(
            registry_blobs.c.registry_id,
            registry_blobs.c.digest,
            registry_blobs.c.links,
            sa.func.coalesce(live.c.links, 0),
        )
        .outerjoin(live, same)
        .where(registry_blobs.c.links != sa.func.coalesce(live.c.links, 0))
    )
    absent = (
        sa.select(live.c.registry_id, live.c.digest, sa.literal(0), live.c.links)
        .outerjoin(registry_blobs, same)
        .where(registry_blobs.c.digest.is_(None))
    )
    rows = tx.connection.execute(sa.union_all(stored, absent)).all()
    return [(registry, digest, int(links), int(counted)) for registry, digest, links, counted in rows]


def hold_again(tx: Transaction, registry_id: int, digest: str) -> None:
    """Store how many repositories of a registry hold a blob now."""
    mine = (registry_blobs.c.registry_id == registry_id) & (registry_blobs.c.digest == digest)
    _lock(tx, sa.select(blobs.c.digest).where(blobs.c.digest == digest))
    _lock(tx, sa.select(registry_blobs.c.digest).where(mine))
    counted = tx.connection.execute(
        sa.select(sa.func.count())
        .select_from(
            repository_blobs.join(repositories, repositories.c.id == repository_blobs.c.repository_id)
        )
        .where(
            repositories.c.registry_id == registry_id,
            repository_blobs.c.digest == digest,
            repository_blobs.c.released_at.is_(None),
        )
    ).scalar_one()
    tx.connection.execute(sa.delete(registry_blobs).where(mine))
    if counted:
        values = {"registry_id": registry_id, "digest": digest, "links": counted}
        tx.connection.execute(sa.insert(registry_blobs).values(values))


def released_though_named(tx: Transaction) -> Sequence[tuple[int, str, str]]:
    """Return (repository id, its name, digest) of links that a manifest needs and that are released."""
    named = (
        sa.select(manifest_edges.c.digest)
        .where(
            manifest_edges.c.repository_id == repository_blobs.c.repository_id,
            manifest_edges.c.digest == repository_blobs.c.digest,
        )
        .exists()
    )
    statement = (
        sa.select(repositories.c.id, repositories.c.name, repository_blobs.c.digest)
        .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
        .where(repository_blobs.c.released_at.is_not(None), named)
    )
    return [(id_, name, digest) for id_, name, digest in tx.connection.execute(statement)]


def unqueued(tx: Transaction) -> Sequence[tuple[int, str, str]]:
    """Return (repository id, its name, digest) of links nothing needs and no review would find."""
    named = (
        sa.select(manifest_edges.c.digest)
        .where(
            manifest_edges.c.repository_id == repository_blobs.c.repository_id,
            manifest_edges.c.digest == repository_blobs.c.digest,
        )
        .exists()
    )
    statement = (
        sa.select(repositories.c.id, repositories.c.name, repository_blobs.c.digest)
        .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
        .where(repository_blobs.c.review_after.is_(None), ~named)
    )
    return [(id_, name, digest) for id_, name, digest in tx.connection.execute(statement)]


def queue(tx: Transaction, repository_id: int, digest: str) -> None:
    """Have a link reviewed at once."""
    mine = (repository_blobs.c.repository_id == repository_id) & (repository_blobs.c.digest == digest)
    due = sa.func.coalesce(repository_blobs.c.released_at, repository_blobs.c.linked_at)
    tx.connection.execute(sa.update(repository_blobs).where(mine).values(review_after=due))


def dangling_tags(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return (repository, tag) of current tags that name no manifest, a deleted one, or another digest."""
    good = (
        (manifests.c.id == tags.c.manifest_id)
        & (manifests.c.repository_id == tags.c.repository_id)
        & (manifests.c.digest == tags.c.digest)
        & manifests.c.deleted_at.is_(None)
    )
    statement = (
        sa.select(repositories.c.name, tags.c.name)
        .join(repositories, repositories.c.id == tags.c.repository_id)
        .outerjoin(manifests, good)
        .where(tags.c.until.is_(None), manifests.c.id.is_(None))
    )
    return [(repository, tag) for repository, tag in tx.connection.execute(statement)]


def manifests_after(tx: Transaction, after: int) -> Sequence[StoredManifest]:
    """Return a page of manifests with their bytes and edges, deleted ones as well."""
    statement = (
        sa.select(
            manifests.c.id,
            repositories.c.name,
            manifests.c.digest,
            manifests.c.media_type,
            manifests.c.payload,
        )
        .join(repositories, repositories.c.id == manifests.c.repository_id)
        .where(manifests.c.id > after)
        .order_by(manifests.c.id)
        .limit(_PAGE)
    )
    rows = tx.connection.execute(statement).all()
    edges: dict[int, set[tuple[str, str]]] = {row.id: set() for row in rows}
    wanted = sa.select(manifest_edges).where(manifest_edges.c.manifest_id.in_(edges))
    for edge in tx.connection.execute(wanted).mappings() if rows else ():
        edges[edge["manifest_id"]].add((edge["digest"], edge["kind"]))
    return [
        StoredManifest(
            row.id, row.name, row.digest, row.media_type, bytes(row.payload), frozenset(edges[row.id])
        )
        for row in rows
    ]


def blobs_after(tx: Transaction, after: str) -> Sequence[tuple[str, int]]:
    """Return (digest, size) of a page of blobs that are not known to be damaged."""
    statement = sa.select(blobs.c.digest, blobs.c.size).where(
        blobs.c.digest > after, blobs.c.damaged_at.is_(None)
    )
    rows = tx.connection.execute(statement.order_by(blobs.c.digest).limit(_PAGE))
    return [(digest, size) for digest, size in rows]


def _lock(tx: Transaction, statement: sa.Select[Any]) -> None:
    if tx.dialect == "postgresql":
        tx.connection.execute(statement.with_for_update()).all()
