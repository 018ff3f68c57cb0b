"""Tags as intervals: the row without an end is what a tag names now, the others are its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from controlplane.domain.locks import BARS_DELETION, Lock
from controlplane.domain.quarantine import State
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_tables import manifests, tags
from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement

_CURRENT = tags.c.until.is_(None)
_LISTED = tags.c.locks.op("&")(Lock.LIST.value) == 0


@dataclass(frozen=True, slots=True)
class TagRow:
    """What a tag names now, since when, and when the tag first appeared (``created_at``)."""

    name: str
    digest: str
    manifest_id: int
    created_at: datetime
    since: datetime
    locks: int
    revision: int
    pulled_at: datetime | None


class Ended(StrEnum):
    """Why a tag names something no more."""

    MOVED = "moved"
    UNTAGGED = "untagged"
    DELETED = "deleted"  # with its manifest


_ROW = sa.select(
    tags.c.name,
    tags.c.digest,
    tags.c.manifest_id,
    tags.c.created_at,
    tags.c.since,
    tags.c.locks,
    tags.c.revision,
    tags.c.pulled_at,
)


_ONE = (tags.c.repository_id == sa.bindparam("repository")) & (tags.c.name == sa.bindparam("tag")) & _CURRENT
# Statements of the push path are compiled once; see ``statements``.
_FIND = Statement(_ROW.where(_ONE))
_INSERT = Statement(sa.insert(tags))
_END = Statement(
    sa.update(tags)
    .where(_ONE)
    .values(until=sa.bindparam("now"), ended_by=sa.bindparam("by"), purge_after=sa.bindparam("purge"))
    .returning(tags.c.manifest_id)
)
_OTHERS = (
    sa.select(tags.c.id).where(tags.c.manifest_id == manifests.c.id, _CURRENT).correlate(manifests).exists()
)
_NOTE_UNTAGGED = Statement(
    sa.update(manifests)
    .where(manifests.c.id == sa.bindparam("manifest"), ~_OTHERS)
    .values(untagged_at=sa.bindparam("now"))
)


def find(tx: Transaction, repository_id: int, name: str) -> TagRow | None:
    """Return what a tag names now."""
    row = _FIND.first(tx, repository=repository_id, tag=name)
    return None if row is None else TagRow(*row)


@dataclass(frozen=True, slots=True)
class Target:
    """A tag, and the manifest it is to name."""

    name: str
    manifest_id: int
    digest: str


@dataclass(frozen=True, slots=True)
class Ending:
    """When and why a tag ends; it can be restored until ``purge_after``, None: not at all."""

    at: datetime
    by: Ended
    purge_after: datetime | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What is stored of it."""
        return {"until": self.at, "ended_by": self.by.value, "purge_after": self.purge_after}


def put(tx: Transaction, repository_id: int, target: Target, before: TagRow | None, now: datetime) -> None:
    """Let a tag name another manifest from now on, or begin to name one. The repository must be locked.

    ``before`` is what it names now; its locks stay.
    """
    if before is not None:
        end(tx, repository_id, before.name, Ending(now, Ended.MOVED))
    values = {
        "repository_id": repository_id,
        "name": target.name,
        "manifest_id": target.manifest_id,
        "digest": target.digest,
        "created_at": now if before is None else before.created_at,
        "since": now,
        "locks": 0 if before is None else before.locks,
        "revision": 0 if before is None else before.revision,
    }
    _INSERT.run(tx, **values)


def end(tx: Transaction, repository_id: int, name: str, ending: Ending) -> bool:
    """End what a tag names now; False when there is no such tag."""
    values: dict[str, Any] = {"repository": repository_id, "tag": name}
    values |= {"now": ending.at, "by": ending.by.value, "purge": ending.purge_after}
    ended = _END.first(tx, **values)
    if ended is None:
        return False
    _NOTE_UNTAGGED.run(tx, manifest=ended[0], now=ending.at)
    return True


def end_all(tx: Transaction, manifest_ids: Sequence[int], ending: Ending) -> None:
    """End every tag of manifests that are deleted."""
    statement = sa.update(tags).where(tags.c.manifest_id.in_(manifest_ids), _CURRENT)
    tx.connection.execute(statement.values(ending.columns))


def locked(tx: Transaction, repository_id: int) -> Sequence[TagRow]:
    """Return a tag of a repository that may not be deleted, if there is one."""
    statement = _ROW.where(
        tags.c.repository_id == repository_id, _CURRENT, tags.c.locks.op("&")(BARS_DELETION.value) != 0
    )
    return [TagRow(*row) for row in tx.connection.execute(statement.limit(1))]


def rows_of_manifests(tx: Transaction, manifest_ids: Sequence[int]) -> Sequence[TagRow]:
    """Return the current tags of manifests, in byte order."""
    statement = _ROW.where(tags.c.manifest_id.in_(manifest_ids), _CURRENT).order_by(tags.c.name)
    return [TagRow(*row) for row in tx.connection.execute(statement)]


def of_manifests(tx: Transaction, manifest_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the names of the current tags of manifests, by manifest, in byte order."""
    found: dict[int, list[str]] = {}
    for row in rows_of_manifests(tx, manifest_ids):
        found.setdefault(row.manifest_id, []).append(row.name)
    return found


def names(
    tx: Transaction, repository_id: int, after: str, limit: int, *, passed: bool = False
) -> Sequence[str]:
    """Return tags in byte order, beginning after a name; ``passed``: of images out of quarantine alone."""
    statement = (
        sa.select(tags.c.name)
        .where(tags.c.repository_id == repository_id, _CURRENT, _LISTED, tags.c.name > after)
        .order_by(tags.c.name)
        .limit(limit)
    )
    if passed:
        statement = statement.join(manifests).where(manifests.c.quarantine_state == State.PASSED.value)
    return tx.connection.execute(statement).scalars().all()


def page(tx: Transaction, repository_id: int, wanted: Page) -> Sequence[TagRow]:
    """Return a page of a repository's tags, by name or by when they came to name what they name."""
    statement = _ROW.where(tags.c.repository_id == repository_id, _CURRENT, _LISTED)
    if wanted.match is not None:
        statement = statement.where(tags.c.digest == wanted.match)
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
