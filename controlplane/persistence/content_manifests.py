"""Manifests of repositories and their edges: what each names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.domain.locks import BARS_DELETION, Lock
from controlplane.kernel.batches import batches
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_tables import manifest_edges, manifests
from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement

_SHOWN = tuple(column for column in manifests.columns if column.name not in {"payload", "annotations"})


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A manifest without its bytes and annotations. See ``tables.manifests`` for the columns."""

    id: int
    repository_id: int
    digest: str
    media_type: str
    artifact_type: str | None
    config_media_type: str | None
    subject: str | None
    architecture: str | None
    os: str | None
    size: int
    image_size: int
    created_at: datetime
    updated_at: datetime
    locks: int
    revision: int
    quarantine_state: str | None
    quarantine_details: str | None
    untagged_at: datetime | None
    pulled_at: datetime | None
    deleted_at: datetime | None
    purge_after: datetime | None


class Found(StrEnum):
    """What a repository knew of a manifest that was pushed."""

    NEW = "new"
    DELETED = "deleted"  # it was, and could still be restored
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class NewManifest:
    """What is stored of a manifest that is pushed."""

    digest: str
    media_type: str
    artifact_type: str | None
    config_media_type: str | None
    subject: str | None
    annotations: Mapping[str, str] | None
    architecture: str | None
    os: str | None
    image_size: int
    payload: bytes
    edges: Sequence[tuple[str, str]]  # digest, kind
    quarantine_state: str | None = None


# Statements of the push path are compiled once; see ``statements``.
_THIS = (manifests.c.repository_id == sa.bindparam("repository")) & (
    manifests.c.digest == sa.bindparam("wanted")
)
_LIVE = manifests.c.deleted_at.is_(None)
_FIND = Statement(sa.select(*_SHOWN).where(_THIS, _LIVE))
_EXISTING = sa.select(manifests.c.digest).where(
    manifests.c.repository_id == sa.bindparam("repository"),
    _LIVE,
    manifests.c.digest.in_(sa.bindparam("digests", expanding=True)),
)
_INSERT = Statement(
    {
        "sqlite": sqlite.insert(manifests)
        .on_conflict_do_nothing(index_elements=["repository_id", "digest"])
        .returning(manifests.c.id),
        "postgresql": postgresql.insert(manifests)
        .on_conflict_do_nothing(index_elements=["repository_id", "digest"])
        .returning(manifests.c.id),
    }
)
_INSERT_EDGES = Statement(sa.insert(manifest_edges))
_REVIVE = Statement(
    sa.update(manifests)
    .where(_THIS, ~_LIVE)
    .values(deleted_at=None, purge_after=None, quarantine_state=sa.bindparam("quarantine"))
    .returning(manifests.c.id)
)
_TOUCH = Statement(
    sa.update(manifests)
    .where(_THIS)
    .values(updated_at=sa.bindparam("now"), untagged_at=sa.bindparam("untagged"))
    .returning(manifests.c.id)
)
_TOUCH_UNTAGGED = Statement(
    sa.update(manifests).where(_THIS).values(updated_at=sa.bindparam("now")).returning(manifests.c.id)
)


def find(tx: Transaction, repository_id: int, digest: str) -> ManifestRow | None:
    """Return a manifest of a repository."""
    row = _FIND.first(tx, repository=repository_id, wanted=digest)
    return None if row is None else ManifestRow(*row)


def existing(tx: Transaction, repository_id: int, digests: Sequence[str]) -> set[str]:
    """Return which of the given manifests a repository has."""
    found: set[str] = set()
    for some in batches(digests):
        values = {"repository": repository_id, "digests": some}
        found.update(tx.connection.execute(_EXISTING, values).scalars())
    return found


def insert(
    tx: Transaction, repository_id: int, new: NewManifest, now: datetime, *, tagged: bool
) -> tuple[int, Found]:
    """Store a manifest with its edges; return its id and what the repository knew of it.

    One that was deleted and can still be restored comes back to life. ``tagged``: the push sets a tag.
    """
    values = {
        "repository_id": repository_id,
        "digest": new.digest,
        "media_type": new.media_type,
        "artifact_type": new.artifact_type,
        "config_media_type": new.config_media_type,
        "subject": new.subject,
        "annotations": None if new.annotations is None else dict(new.annotations),
        "architecture": new.architecture,
        "os": new.os,
        "size": len(new.payload),
        "image_size": new.image_size,
        "payload": new.payload,
        "created_at": now,
        "updated_at": now,
        "locks": 0,
        "revision": 0,
        "quarantine_state": new.quarantine_state,
        "untagged_at": None if tagged else now,
    }
    made = _INSERT.first(tx, **values)
    if made is None:
        return _push_again(tx, repository_id, new, now, tagged=tagged)
    if new.edges:
        rows = [
            {"manifest_id": made[0], "digest": digest, "kind": kind, "repository_id": repository_id}
            for digest, kind in new.edges
        ]
        _INSERT_EDGES.run_each(tx, rows)
    return int(made[0]), Found.NEW


def _push_again(
    tx: Transaction, repository_id: int, new: NewManifest, now: datetime, *, tagged: bool
) -> tuple[int, Found]:
    this = {"repository": repository_id, "wanted": new.digest, "now": now}
    revived = _REVIVE.first(tx, repository=repository_id, wanted=new.digest, quarantine=new.quarantine_state)
    if tagged or revived is not None:
        touched = _TOUCH.first(tx, **this, untagged=None if tagged else now)
    else:
        touched = _TOUCH_UNTAGGED.first(tx, **this)
    if touched is None:
        raise LookupError(new.digest)  # the repository is locked: nobody can have removed it
    return int(touched[0]), Found.KNOWN if revived is None else Found.DELETED


def some(
    tx: Transaction, repository_id: int, limit: int, *, live: bool | None = None
) -> Sequence[ManifestRow]:
    """Return manifests of a repository in no particular order: live ones, deleted ones, or any."""
    statement = sa.select(*_SHOWN).where(manifests.c.repository_id == repository_id).limit(limit)
    if live is not None:
        statement = statement.where(_LIVE if live else ~_LIVE)
    return [ManifestRow(*row) for row in tx.connection.execute(statement)]


def rows(tx: Transaction, manifest_ids: Sequence[int]) -> Sequence[ManifestRow]:
    """Return those of some manifests that are not deleted."""
    statement = sa.select(*_SHOWN).where(manifests.c.id.in_(manifest_ids), _LIVE)
    return [ManifestRow(*row) for row in tx.connection.execute(statement)]


def delete(tx: Transaction, manifest_ids: Sequence[int]) -> set[str]:
    """Remove manifests with their edges; return the digests of what they named.

    Their tags have ended before; what is left of those is history.
    """
    edges = sa.select(manifest_edges.c.digest).where(manifest_edges.c.manifest_id.in_(manifest_ids))
    named = set(tx.connection.execute(edges.distinct()).scalars())
    tx.connection.execute(sa.delete(manifests).where(manifests.c.id.in_(manifest_ids)))
    return named


def locked(tx: Transaction, repository_id: int) -> Sequence[ManifestRow]:
    """Return a manifest of a repository that may not be deleted, if there is one."""
    statement = sa.select(*_SHOWN).where(
        manifests.c.repository_id == repository_id,
        _LIVE,
        manifests.c.locks.op("&")(BARS_DELETION.value) != 0,
    )
    return [ManifestRow(*row) for row in tx.connection.execute(statement.limit(1))]


def mark_deleted(tx: Transaction, manifest_ids: Sequence[int], now: datetime, purge_after: datetime) -> None:
    """Delete manifests so that they can be restored until ``purge_after``; their edges stay."""
    statement = sa.update(manifests).where(manifests.c.id.in_(manifest_ids))
    tx.connection.execute(statement.values(deleted_at=now, purge_after=purge_after))


def names(tx: Transaction, repository_id: int, digest: str) -> bool:
    """Tell whether a manifest of the repository names a digest."""
    return naming(tx, repository_id, digest) is not None


def naming(tx: Transaction, repository_id: int, digest: str) -> int | None:
    """Return the row id of a manifest of the repository that names a digest; None when none does."""
    statement = sa.select(manifest_edges.c.manifest_id).where(
        manifest_edges.c.repository_id == repository_id, manifest_edges.c.digest == digest
    )
    return tx.connection.execute(statement.limit(1)).scalar()


def page(tx: Transaction, repository_id: int, wanted: Page) -> Sequence[ManifestRow]:
    """Return a page of a repository's manifests, by digest or by the time of their last change."""
    statement = sa.select(*_SHOWN).where(
        manifests.c.repository_id == repository_id, _LIVE, manifests.c.locks.op("&")(Lock.LIST.value) == 0
    )
    if wanted.order == "none":
        statement = statement.order_by(manifests.c.digest)
        if wanted.after:
            statement = statement.where(manifests.c.digest > wanted.after)
    else:
        statement = _by_time(tx, repository_id, statement, wanted)
    return [ManifestRow(*row) for row in tx.connection.execute(statement.limit(wanted.limit))]


def _by_time(tx: Transaction, repository_id: int, statement: sa.Select[Any], wanted: Page) -> sa.Select[Any]:
    down = wanted.order == "timedesc"
    place = sa.tuple_(manifests.c.updated_at, manifests.c.digest)
    last = find(tx, repository_id, wanted.after) if wanted.after else None
    if last is not None:
        edge = sa.tuple_(sa.literal(last.updated_at, manifests.c.updated_at.type), sa.literal(last.digest))
        statement = statement.where(place < edge if down else place > edge)
    columns = (manifests.c.updated_at, manifests.c.digest)
    return statement.order_by(*(column.desc() if down else column.asc() for column in columns))


def payload(tx: Transaction, manifest_id: int) -> bytes:
    """Return the bytes of a manifest."""
    found = tx.connection.execute(sa.select(manifests.c.payload).where(manifests.c.id == manifest_id))
    return bytes(found.scalar_one())
