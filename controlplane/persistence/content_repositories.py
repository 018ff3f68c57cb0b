"""Repositories: their rows, their counters and the catalog.

A repository is visible while it has a manifest; its row begins with the first upload. Whoever changes
what a repository holds locks its row first, so that a push and a deletion see each other whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.content_tables import manifests, repositories, repository_blobs
from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """One repository. See ``tables.repositories`` for the columns."""

    id: int
    registry_id: int
    name: str
    created_at: datetime
    updated_at: datetime
    manifest_count: int
    tag_count: int
    size: int
    locks: int
    revision: int


# Statements of the push path are compiled once; see ``statements``.
_BY_NAME = sa.select(repositories).where(
    repositories.c.registry_id == sa.bindparam("registry"), repositories.c.name == sa.bindparam("wanted")
)
_FIND = Statement(_BY_NAME)
_LOCK = Statement({"sqlite": _BY_NAME, "postgresql": _BY_NAME.with_for_update()})
_INSERT = Statement(
    {
        "sqlite": sqlite.insert(repositories).on_conflict_do_nothing(index_elements=["registry_id", "name"]),
        "postgresql": postgresql.insert(repositories).on_conflict_do_nothing(
            index_elements=["registry_id", "name"]
        ),
    }
)
_COUNT = Statement(
    sa.update(repositories)
    .where(repositories.c.id == sa.bindparam("repository"))
    .values(
        manifest_count=repositories.c.manifest_count + sa.bindparam("manifests"),
        tag_count=repositories.c.tag_count + sa.bindparam("tags"),
        size=repositories.c.size + sa.bindparam("growth"),
        updated_at=sa.bindparam("now"),
    )
)


def find(tx: Transaction, registry_id: int, name: str) -> RepositoryRow | None:
    """Return a repository, also one that has no manifest yet."""
    row = _FIND.first(tx, registry=registry_id, wanted=name)
    return None if row is None else RepositoryRow(*row)


def lock(tx: Transaction, registry_id: int, name: str) -> RepositoryRow | None:
    """Return a repository and keep it from being changed by others until the transaction ends."""
    row = _LOCK.first(tx, registry=registry_id, wanted=name)
    return None if row is None else RepositoryRow(*row)


def find_by_id(tx: Transaction, repository_id: int) -> RepositoryRow | None:
    """Return a repository by its row id."""
    row = tx.connection.execute(
        sa.select(repositories).where(repositories.c.id == repository_id)
    ).one_or_none()
    return None if row is None else RepositoryRow(*row)


def lock_by_id(tx: Transaction, repository_id: int) -> RepositoryRow | None:
    """Return a repository by its row id, kept from being changed by others as ``lock`` does."""
    statement = sa.select(repositories).where(repositories.c.id == repository_id).with_for_update()
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else RepositoryRow(*row)


def ensure(tx: Transaction, registry_id: int, name: str, now: datetime) -> RepositoryRow:
    """Return a repository, locked, and make it first if there is none."""
    while True:
        row = lock(tx, registry_id, name)
        if row is not None:
            return row
        values = {"registry_id": registry_id, "name": name, "created_at": now, "updated_at": now}
        counters = {"manifest_count": 0, "tag_count": 0, "size": 0, "locks": 0, "revision": 0}
        _INSERT.run(tx, **values, **counters)


@dataclass(frozen=True, slots=True)
class Counts:
    """By how much a repository's counters change; ``growth`` is in bytes."""

    manifests: int = 0
    tags: int = 0
    growth: int = 0


def count(tx: Transaction, repository_id: int, counts: Counts, now: datetime) -> None:
    """Add to a repository's counters and note the change."""
    values = {"manifests": counts.manifests, "tags": counts.tags, "growth": counts.growth}
    _COUNT.run(tx, **values, repository=repository_id, now=now)


def delete(tx: Transaction, repository_id: int) -> None:
    """Remove a repository with everything that still hangs on it."""
    tx.connection.execute(sa.delete(repositories).where(repositories.c.id == repository_id))


def any_names(tx: Transaction, registry_id: int, limit: int) -> Sequence[str]:
    """Return names of repositories, visible or not, in no particular order."""
    statement = sa.select(repositories.c.name).where(repositories.c.registry_id == registry_id).limit(limit)
    return tx.connection.execute(statement).scalars().all()


def empty(tx: Transaction, after: int, limit: int) -> tuple[int | None, Sequence[int]]:
    """Look at so many repositories after a row id for those that hold nothing at all.

    Returns the last id looked at, None when there are no more, and the ids of empty ones.
    """
    statement = sa.select(repositories.c.id, repositories.c.manifest_count)
    statement = statement.where(repositories.c.id > after).order_by(repositories.c.id).limit(limit)
    seen = tx.connection.execute(statement).all()
    found = [row.id for row in seen if row.manifest_count == 0 and is_empty(tx, row.id)]
    return (seen[-1].id if len(seen) == limit else None), found


def is_empty(tx: Transaction, repository_id: int) -> bool:
    """Tell whether a repository has no manifest, deleted or not, and no blob, released or not."""
    held = (
        sa.select(sa.literal(1)).where(table.c.repository_id == repository_id).limit(1)
        for table in (manifests, repository_blobs)
    )
    return not any(tx.connection.execute(statement).first() for statement in held)
