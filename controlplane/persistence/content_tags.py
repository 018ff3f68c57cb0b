"""Tags as intervals: the row without an end is what a tag names now, the others are its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from controlplane.persistence.content_pages import Page
from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import manifests, tags

_CURRENT = tags.c.until.is_(None)


@dataclass(frozen=True, slots=True)
class TagRow:
    """What a tag names now, since when, and when the tag first appeared (``created_at``)."""

    name: str
    digest: str
    manifest_id: int
    created_at: datetime
    since: datetime


_ROW = sa.select(tags.c.name, manifests.c.digest, tags.c.manifest_id, tags.c.created_at, tags.c.since).join(
    manifests, manifests.c.id == tags.c.manifest_id
)


# Built once; see content_repositories.
_ONE = (tags.c.repository_id == sa.bindparam("repository")) & (tags.c.name == sa.bindparam("tag")) & _CURRENT
_FIND = _ROW.where(_ONE)
_INSERT = sa.insert(tags)
_END = sa.update(tags).where(_ONE).values(until=sa.bindparam("now")).returning(tags.c.id)


def find(tx: Transaction, repository_id: int, name: str) -> TagRow | None:
    """Return what a tag names now."""
    row = tx.connection.execute(_FIND, {"repository": repository_id, "tag": name}).one_or_none()
    return None if row is None else TagRow(*row)


def put(tx: Transaction, repository_id: int, name: str, manifest_id: int, now: datetime) -> bool:
    """Let a tag name a manifest from now on; True when the tag is new. The repository must be locked."""
    before = find(tx, repository_id, name)
    if before is not None and before.manifest_id == manifest_id:
        return False
    if before is not None:
        end(tx, repository_id, name, now)
    values = {"repository_id": repository_id, "name": name, "manifest_id": manifest_id, "since": now}
    created = now if before is None else before.created_at
    tx.connection.execute(_INSERT, {**values, "created_at": created})
    return before is None


def end(tx: Transaction, repository_id: int, name: str, now: datetime) -> bool:
    """End what a tag names now; False when there is no such tag."""
    ended = tx.connection.execute(_END, {"repository": repository_id, "tag": name, "now": now})
    return ended.first() is not None


def of_manifests(tx: Transaction, manifest_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the current tags of manifests, by manifest, in byte order."""
    statement = (
        sa.select(tags.c.manifest_id, tags.c.name)
        .where(tags.c.manifest_id.in_(manifest_ids), _CURRENT)
        .order_by(tags.c.name)
    )
    found: dict[int, list[str]] = {}
    for manifest_id, name in tx.connection.execute(statement):
        found.setdefault(manifest_id, []).append(name)
    return found


def names(tx: Transaction, repository_id: int, after: str, limit: int) -> Sequence[str]:
    """Return tags in byte order, beginning after a name."""
    statement = (
        sa.select(tags.c.name)
        .where(tags.c.repository_id == repository_id, _CURRENT, tags.c.name > after)
        .order_by(tags.c.name)
        .limit(limit)
    )
    return tx.connection.execute(statement).scalars().all()


def page(tx: Transaction, repository_id: int, wanted: Page) -> Sequence[TagRow]:
    """Return a page of a repository's tags, by name or by when they came to name what they name."""
    statement = _ROW.where(tags.c.repository_id == repository_id, _CURRENT)
    if wanted.match is not None:
        statement = statement.where(manifests.c.digest == wanted.match)
    if wanted.order == "none":
        statement = statement.where(tags.c.name > wanted.after).order_by(tags.c.name)
    else:
        statement = _by_time(tx, repository_id, statement, wanted)
    return [TagRow(*row) for row in tx.connection.execute(statement.limit(wanted.limit))]


def _by_time(tx: Transaction, repository_id: int, statement: sa.Select[Any], wanted: Page) -> sa.Select[Any]:
    down = wanted.order == "timedesc"
    place = sa.tuple_(tags.c.since, tags.c.name)
    last = find(tx, repository_id, wanted.after) if wanted.after else None
    if last is not None:
        edge = sa.tuple_(sa.literal(last.since, tags.c.since.type), sa.literal(last.name))
        statement = statement.where(place < edge if down else place > edge)
    columns = (tags.c.since, tags.c.name)
    return statement.order_by(*(column.desc() if down else column.asc() for column in columns))
