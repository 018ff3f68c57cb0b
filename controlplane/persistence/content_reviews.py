"""The review queues of collection: links that nobody may need any more, and blobs that nobody holds.

``repository_blobs.review_after`` and ``blobs.review_after`` are the queues; what is not in doubt has
none. Who changes content puts rows in, due at once; the reviewer (``services.content_collection``) says when
to look again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tables import (
    blobs,
    manifest_edges,
    registry_blobs,
    repositories,
    repository_blobs,
)
from controlplane.persistence.database import Transaction

_MICROSECONDS = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Link:
    """A blob's link to a repository, in doubt. ``named``: a manifest of the repository names the blob."""

    digest: str
    linked_at: datetime
    released_at: datetime | None
    named: bool


def due_links(tx: Transaction, now: datetime, limit: int) -> dict[int, list[str]]:
    """Return digests of links that are due, the longest due first, by repository."""
    statement = (
        sa.select(repository_blobs.c.repository_id, repository_blobs.c.digest)
        .where(repository_blobs.c.review_after <= now)
        .order_by(repository_blobs.c.review_after)
        .limit(limit)
    )
    found: dict[int, list[str]] = {}
    for repository_id, digest in tx.connection.execute(statement):
        found.setdefault(repository_id, []).append(digest)
    return found


def lock(tx: Transaction, repository_id: int) -> RepositoryRow | None:
    """Return a repository, locked; None when it is gone or somebody is changing it right now."""
    statement = sa.select(repositories).where(repositories.c.id == repository_id)
    if tx.dialect == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    row = tx.connection.execute(statement).one_or_none()
    return None if row is None else RepositoryRow(*row)


def links(tx: Transaction, repository_id: int, digests: Sequence[str], now: datetime) -> Sequence[Link]:
    """Return those of the given links that are still due. The repository must be locked."""
    named = (
        sa.select(manifest_edges.c.digest)
        .where(
            manifest_edges.c.repository_id == repository_id,
            manifest_edges.c.digest == repository_blobs.c.digest,
        )
        .exists()
    )
    columns = (repository_blobs.c.digest, repository_blobs.c.linked_at, repository_blobs.c.released_at)
    statement = (
        sa.select(*columns, named)
        .where(
            repository_blobs.c.repository_id == repository_id,
            repository_blobs.c.digest.in_(digests),
            repository_blobs.c.review_after <= now,
        )
        .order_by(repository_blobs.c.digest)
    )
    rows = tx.connection.execute(statement)
    return [Link(digest, linked, released, bool(is_named)) for digest, linked, released, is_named in rows]


def settle(tx: Transaction, repository_id: int, digests: Sequence[str]) -> None:
    """Take links out of the queue: they are needed."""
    _set_review(tx, repository_id, digests, None)


def postpone(tx: Transaction, repository_id: int, digests: Sequence[str], until: timedelta) -> None:
    """Look at links again when so much time has passed since they were released or, if not, made."""
    moment = sa.func.coalesce(repository_blobs.c.released_at, repository_blobs.c.linked_at)
    later = sa.type_coerce(moment, sa.BigInteger) + until // _MICROSECONDS
    _set_review(tx, repository_id, digests, later)


# --- blobs -----------------------------------------------------------------------------------------------


def due_blobs(tx: Transaction, now: datetime, limit: int) -> Sequence[str]:
    """Return digests of blobs that are due, the longest due first."""
    statement = sa.select(blobs.c.digest).where(blobs.c.review_after <= now)
    return tx.connection.execute(statement.order_by(blobs.c.review_after).limit(limit)).scalars().all()


def lock_blob(tx: Transaction, digest: str, now: datetime) -> bool:
    """Keep everybody from linking a blob; False when it is no longer due or somebody is at it right now."""
    statement = sa.select(blobs.c.digest).where(blobs.c.digest == digest, blobs.c.review_after <= now)
    if tx.dialect == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    return tx.connection.execute(statement).first() is not None


def is_held(tx: Transaction, digest: str) -> bool:
    """Tell whether any repository has a link to a blob, released or not."""
    for table in (repository_blobs, registry_blobs):
        if tx.connection.execute(sa.select(table.c.digest).where(table.c.digest == digest).limit(1)).first():
            return True
    return False


def review_blob(tx: Transaction, digest: str, at: datetime | None) -> None:
    """Look at a blob at that time, None: no more."""
    tx.connection.execute(sa.update(blobs).where(blobs.c.digest == digest).values(review_after=at))


def delete_blob(tx: Transaction, digest: str) -> None:
    """Forget a blob that nobody holds."""
    tx.connection.execute(sa.delete(blobs).where(blobs.c.digest == digest))


_ADOPT = {
    "sqlite": sqlite.insert(blobs).on_conflict_do_nothing(index_elements=["digest"]),
    "postgresql": postgresql.insert(blobs).on_conflict_do_nothing(index_elements=["digest"]),
}


def unknown(tx: Transaction, digests: Sequence[str]) -> set[str]:
    """Return those of the given digests that no blob has."""
    found = tx.connection.execute(sa.select(blobs.c.digest).where(blobs.c.digest.in_(digests))).scalars()
    return set(digests).difference(found)


def adopt(tx: Transaction, digest: str, size: int, now: datetime) -> None:
    """Make a blob of bytes that were found in the store, to be reviewed at once; one that is known stays."""
    values = {"digest": digest, "size": size, "created_at": now, "review_after": now}
    tx.connection.execute(_ADOPT[tx.dialect], values)


def forgotten(tx: Transaction, after: str, limit: int) -> tuple[Sequence[str], str | None]:
    """Of a page of blobs after a digest, return those nobody holds and no queue has; and the page's end."""
    page = sa.select(blobs.c.digest, blobs.c.review_after).where(blobs.c.digest > after)
    page = page.order_by(blobs.c.digest).limit(limit)
    rows = tx.connection.execute(page).all()
    unqueued = [row.digest for row in rows if row.review_after is None]
    held = sa.select(repository_blobs.c.digest).where(repository_blobs.c.digest.in_(unqueued)).distinct()
    lost = set(unqueued).difference(tx.connection.execute(held).scalars()) if unqueued else set()
    return sorted(lost), rows[-1].digest if len(rows) == limit else None


def _set_review(
    tx: Transaction, repository_id: int, digests: Sequence[str], review_after: sa.ColumnElement[int] | None
) -> None:
    if digests:
        statement = sa.update(repository_blobs).where(
            repository_blobs.c.repository_id == repository_id, repository_blobs.c.digest.in_(digests)
        )
        tx.connection.execute(statement.values(review_after=review_after))
