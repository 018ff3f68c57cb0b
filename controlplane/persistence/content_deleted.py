"""Content that was deleted and can still be restored, and the history of tags.

A deleted manifest keeps its row and edges, marked by ``deleted_at``; a deleted tag is an interval that ended
and has a ``purge_after``. What can no longer be restored is history at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from controlplane.domain.locks import Lock
from controlplane.kernel.batches import batches
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_tables import manifest_edges, manifests, repositories, tags
from controlplane.persistence.content_tags import Ended, Target
from controlplane.persistence.database import Transaction
from controlplane.persistence.types import MICROS_A_DAY

_MANIFEST = sa.select(*(manifests.c[field.name] for field in fields(ManifestRow)))
_DELETED = manifests.c.deleted_at.is_not(None)
_RESTORABLE = tags.c.purge_after.is_not(None) & tags.c.manifest_id.is_not(None)


@dataclass(frozen=True, slots=True)
class EndedTag:
    """An interval of a tag. ``until`` is None for what the tag names now."""

    id: int
    name: str
    digest: str
    manifest_id: int | None
    created_at: datetime
    since: datetime
    until: datetime | None
    ended_by: str | None
    purge_after: datetime | None
    locks: int
    revision: int


_TAG = sa.select(*(tags.c[field.name] for field in fields(EndedTag)))


def catalog(tx: Transaction, registry_id: int, after: str, limit: int) -> Sequence[str]:
    """Return names of repositories that something can be restored in, in byte order, after a name."""
    lost = sa.select(manifests.c.id).where(manifests.c.repository_id == repositories.c.id, _DELETED)
    untagged = sa.select(tags.c.id).where(tags.c.repository_id == repositories.c.id, _RESTORABLE)
    statement = (
        sa.select(repositories.c.name)
        .where(
            repositories.c.registry_id == registry_id,
            repositories.c.name > after,
            repositories.c.locks.op("&")(Lock.LIST.value) == 0,
            lost.exists() | untagged.exists(),
        )
        .order_by(repositories.c.name)
        .limit(limit)
    )
    return tx.connection.execute(statement).scalars().all()


def page(tx: Transaction, repository_id: int, after: str, limit: int) -> Sequence[ManifestRow]:
    """Return deleted manifests of a repository in the order of their digests, after a digest."""
    statement = (
        _MANIFEST.where(manifests.c.repository_id == repository_id, _DELETED, manifests.c.digest > after)
        .order_by(manifests.c.digest)
        .limit(limit)
    )
    return [ManifestRow(*row) for row in tx.connection.execute(statement)]


def find(tx: Transaction, repository_id: int, digest: str) -> ManifestRow | None:
    """Return a deleted manifest."""
    statement = _MANIFEST.where(
        manifests.c.repository_id == repository_id, manifests.c.digest == digest, _DELETED
    )
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else ManifestRow(*row)


def tags_page(tx: Transaction, repository_id: int, after: tuple[str, int], limit: int) -> Sequence[EndedTag]:
    """Return deleted tags by name and then in the order they were set, after a (name, id)."""
    name, row_id = after
    statement = _TAG.where(
        tags.c.repository_id == repository_id,
        _RESTORABLE,
        (tags.c.name > name) | ((tags.c.name == name) & (tags.c.id > row_id)),
    )
    return _tags(tx, statement.order_by(tags.c.name, tags.c.id).limit(limit))


def tags_ended_with(tx: Transaction, manifest_ids: Sequence[int]) -> Sequence[EndedTag]:
    """Return the tags that were deleted with manifests, the oldest first."""
    found: list[EndedTag] = []
    for some in batches(manifest_ids):
        statement = _TAG.where(
            tags.c.manifest_id.in_(some),
            _RESTORABLE,
            tags.c.ended_by == Ended.DELETED.value,
        )
        found += _tags(tx, statement.order_by(tags.c.until, tags.c.id))
    return found


def last_ended(tx: Transaction, repository_id: int, name: str, digest: str) -> EndedTag | None:
    """Return how a tag named a digest when it did so last, if that can be restored."""
    statement = _TAG.where(
        tags.c.repository_id == repository_id, tags.c.name == name, tags.c.digest == digest, _RESTORABLE
    )
    found = _tags(tx, statement.order_by(tags.c.until.desc(), tags.c.id.desc()).limit(1))
    return found[0] if found else None


def last(tx: Transaction, repository_id: int, name: str) -> EndedTag | None:
    """Return what a tag has named last, or names now."""
    found = history(tx, repository_id, name, None, 1)
    return found[0] if found else None


def belonging(tx: Transaction, repository_id: int, row: ManifestRow) -> Sequence[ManifestRow]:
    """Return the deleted manifests that a deleted one needs or that went with it.

    That is: what an index names, and the referrers that were deleted at the same moment.
    """
    named = (
        sa.select(manifest_edges.c.digest)
        .where(manifest_edges.c.manifest_id == row.id, manifest_edges.c.kind == "child")
        .scalar_subquery()
    )
    went = (manifests.c.subject == row.digest) & (manifests.c.deleted_at == row.deleted_at)
    statement = _MANIFEST.where(
        manifests.c.repository_id == repository_id, _DELETED, manifests.c.digest.in_(named) | went
    )
    return [ManifestRow(*found) for found in tx.connection.execute(statement)]


def revive(tx: Transaction, manifest_ids: Sequence[int], now: datetime) -> None:
    """Bring deleted manifests back; their age, which retention looks at, begins anew."""
    back = {"deleted_at": None, "purge_after": None, "updated_at": now, "untagged_at": now}
    for some in batches(manifest_ids):
        mine = manifests.c.id.in_(some)
        tx.connection.execute(sa.update(manifests).where(mine).values(back))


def set_tag(
    tx: Transaction, repository_id: int, target: Target, like: EndedTag | None, now: datetime
) -> None:
    """Let a tag that names nothing now name a manifest again, with the locks and the age it had."""
    values = {
        "repository_id": repository_id,
        "name": target.name,
        "manifest_id": target.manifest_id,
        "digest": target.digest,
        "created_at": now if like is None else like.created_at,
        "since": now,
        "locks": 0 if like is None else like.locks,
        "revision": 0 if like is None else like.revision,
    }
    tx.connection.execute(sa.insert(tags).values(values))
    this = manifests.c.id == target.manifest_id
    tx.connection.execute(sa.update(manifests).where(this).values(untagged_at=None))
    mine = (tags.c.repository_id == repository_id) & (tags.c.name == target.name)
    restored = mine & (tags.c.digest == target.digest)
    tx.connection.execute(sa.update(tags).where(restored).values(purge_after=None))


# --- when the time is over -------------------------------------------------------------------------------


def due(tx: Transaction, now: datetime, limit: int) -> Sequence[tuple[int, int]]:
    """Return (repository, manifest) ids of what was deleted and whose time is over, the oldest first."""
    statement = (
        sa.select(manifests.c.repository_id, manifests.c.id)
        .where(manifests.c.purge_after <= now)
        .order_by(manifests.c.purge_after)
        .limit(limit)
    )
    return [(repository, manifest) for repository, manifest in tx.connection.execute(statement)]


def due_rows(
    tx: Transaction, repository_id: int, manifest_ids: Sequence[int], now: datetime
) -> Sequence[ManifestRow]:
    """Return those of some manifests that are deleted and whose time is over."""
    statement = _MANIFEST.where(
        manifests.c.repository_id == repository_id,
        manifests.c.id.in_(manifest_ids),
        _DELETED,
        manifests.c.purge_after <= now,
    )
    return [ManifestRow(*row) for row in tx.connection.execute(statement)]


def close_tags(tx: Transaction, now: datetime, limit: int) -> int:
    """Make history of deleted tags whose time is over, at most so many; return how many."""
    over = sa.select(tags.c.id).where(tags.c.purge_after <= now).limit(limit)
    statement = sa.update(tags).where(tags.c.id.in_(over.scalar_subquery()))
    return tx.connection.execute(statement.values(purge_after=None)).rowcount


def close_tags_of(tx: Transaction, repository_id: int) -> int:
    """Make history of every deleted tag of a repository; return how many there were."""
    mine = (tags.c.repository_id == repository_id) & tags.c.purge_after.is_not(None)
    return tx.connection.execute(sa.update(tags).where(mine).values(purge_after=None)).rowcount


def reschedule(tx: Transaction, registry_id: int, days: int) -> None:
    """Let what was deleted before be restorable for so many days from its deletion, as what comes is."""
    mine = sa.select(repositories.c.id).where(repositories.c.registry_id == registry_id).scalar_subquery()
    for table, deleted in ((manifests, manifests.c.deleted_at), (tags, tags.c.until)):
        until = sa.type_coerce(deleted, sa.BigInteger) + days * MICROS_A_DAY
        waiting = table.c.purge_after.is_not(None)
        statement = sa.update(table).where(waiting, table.c.repository_id.in_(mine))
        tx.connection.execute(statement.values(purge_after=until))


# --- history ---------------------------------------------------------------------------------------------


def history(
    tx: Transaction, repository_id: int, name: str, before: int | None, limit: int
) -> Sequence[EndedTag]:
    """Return what a tag has named, what it names now first; ``before`` is the id of the last one seen."""
    statement = _TAG.where(tags.c.repository_id == repository_id, tags.c.name == name)
    if before is not None:
        statement = statement.where(tags.c.id < before)
    return _tags(tx, statement.order_by(tags.c.id.desc()).limit(limit))


def _tags(tx: Transaction, statement: sa.Select[Any]) -> list[EndedTag]:
    return [EndedTag(*row) for row in tx.connection.execute(statement)]
