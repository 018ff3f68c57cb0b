"""Which repository may be asked for which blob, and what a registry's blobs add up to.

``registry_blobs`` counts the repositories of a registry that hold a blob; the first link adds its bytes to
the registry's size, the last one to go takes them away. A link whose last manifest went is *released*:
neither served nor counted, but a push under way may take it back. Functions that change links return by how
much registry and repository grow or shrink, and put what they touch into the queues of ``content_reviews``.

Rows are locked in one order, so that nobody waits in a circle: the repository, blobs by digest, links,
``registry_blobs`` by digest, the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.kernel.batches import batches
from controlplane.persistence.content_tables import (
    blobs,
    manifest_edges,
    registry_blobs,
    repositories,
    repository_blobs,
)
from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement


@dataclass(frozen=True, slots=True)
class Holder:
    """A repository and the registry it is counted for."""

    registry_id: int
    repository_id: int


class Growth(NamedTuple):
    """By how many bytes the sizes of a registry and of a repository of it change."""

    registry: int = 0
    repository: int = 0

    def plus(self, other: Growth) -> Self:
        """Return both together."""
        return type(self)(self.registry + other.registry, self.repository + other.repository)

    def plus_bytes(self, size: int) -> Self:
        """Return it with bytes that only this repository has."""
        return self.plus(Growth(size, size))


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A blob that a repository holds, or held and may take back."""

    digest: str
    size: int
    released: bool


# Statements of the push path are compiled once; see ``statements``.
_LINKS = (
    sa.select(blobs.c.digest, blobs.c.size, repository_blobs.c.released_at.is_not(None))
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(
        blobs.c.damaged_at.is_(None),
        repository_blobs.c.repository_id == sa.bindparam("repository"),
        repository_blobs.c.digest.in_(sa.bindparam("digests", expanding=True)),
    )
)
_HEALED = sa.or_(blobs.c.damaged_at.is_not(None), blobs.c.size != sa.literal_column("excluded.size"))
_HEAL: dict[str, Any] = {
    "damaged_at": None,
    "size": sa.literal_column("excluded.size"),
    "verified_at": sa.literal_column("excluded.verified_at"),
}
# On conflict PostgreSQL locks the row even where nothing changes: it waits for whoever is about to delete it.
_ADD_BLOB = Statement(
    {
        "sqlite": sqlite.insert(blobs).on_conflict_do_update(
            index_elements=["digest"], set_=_HEAL, where=_HEALED
        ),
        "postgresql": postgresql.insert(blobs).on_conflict_do_update(
            index_elements=["digest"], set_=_HEAL, where=_HEALED
        ),
    }
)
_ADD_LINK = Statement(
    {
        "sqlite": sqlite.insert(repository_blobs)
        .on_conflict_do_nothing(index_elements=["repository_id", "digest"])
        .returning(repository_blobs.c.digest),
        "postgresql": postgresql.insert(repository_blobs)
        .on_conflict_do_nothing(index_elements=["repository_id", "digest"])
        .returning(repository_blobs.c.digest),
    }
)
_MORE = {"links": registry_blobs.c.links + 1}
_COUNT_IN = Statement(
    {
        "sqlite": sqlite.insert(registry_blobs)
        .on_conflict_do_update(index_elements=["registry_id", "digest"], set_=_MORE)
        .returning(registry_blobs.c.links),
        "postgresql": postgresql.insert(registry_blobs)
        .on_conflict_do_update(index_elements=["registry_id", "digest"], set_=_MORE)
        .returning(registry_blobs.c.links),
    }
)


def links(tx: Transaction, repository_id: int, digests: Sequence[str]) -> dict[str, LinkRow]:
    """Return what a repository has of the given blobs; not those whose bytes are damaged."""
    found = {}
    for step in batches(digests):
        rows = tx.connection.execute(_LINKS, {"repository": repository_id, "digests": step})
        for digest, size, released in rows:
            found[digest] = LinkRow(digest, size, bool(released))
    return found


def size_of(tx: Transaction, repository_id: int, digest: str) -> int | None:
    """Return the size of a blob that a repository holds and whose bytes are good."""
    row = links(tx, repository_id, [digest]).get(digest)
    return None if row is None or row.released else row.size


def holders(tx: Transaction, registry_id: int, digest: str, limit: int) -> Sequence[str]:
    """Return names of repositories of a registry that hold a blob, the oldest first."""
    statement = (
        sa.select(repositories.c.name)
        .join(repository_blobs, repository_blobs.c.repository_id == repositories.c.id)
        .where(
            repositories.c.registry_id == registry_id,
            repository_blobs.c.digest == digest,
            repository_blobs.c.released_at.is_(None),
        )
        .order_by(repositories.c.id)
        .limit(limit)
    )
    return tx.connection.execute(statement).scalars().all()


def link(tx: Transaction, holder: Holder, digest: str, size: int, now: datetime) -> Growth:
    """Let a repository hold a blob whose bytes were verified and are in the store; heals a damaged one.

    From here to the end of the transaction nobody can delete the blob. Somebody may have until now: look
    afterwards whether the store still has it.
    """
    _ADD_BLOB.run(tx, digest=digest, size=size, created_at=now, verified_at=now)
    made = _ADD_LINK.first(
        tx, repository_id=holder.repository_id, digest=digest, linked_at=now, review_after=now
    )
    return _count_in(tx, holder, digest, size) if made else take_back(tx, holder, [digest], now)


def take_back(tx: Transaction, holder: Holder, digests: Sequence[str], now: datetime) -> Growth:
    """Let a repository hold again what was released; blobs it holds anyway stay as they are."""
    change = Growth()
    for step in batches(digests):
        revived = tx.connection.execute(
            sa.update(repository_blobs)
            .where(
                repository_blobs.c.repository_id == holder.repository_id,
                repository_blobs.c.digest.in_(step),
                repository_blobs.c.released_at.is_not(None),
            )
            .values(released_at=None, linked_at=now, review_after=now)
            .returning(repository_blobs.c.digest)
        ).scalars()
        for digest, size in sorted(_sizes(tx, revived.all()).items()):
            change = change.plus(_count_in(tx, holder, digest, size))
    return change


def release(tx: Transaction, holder: Holder, digests: Sequence[str], now: datetime) -> Growth:
    """Release those of the given blobs that no manifest of the repository names any more."""
    change = Growth()
    named = sa.select(manifest_edges.c.digest).where(
        manifest_edges.c.repository_id == holder.repository_id,
        manifest_edges.c.digest == repository_blobs.c.digest,
    )
    for step in batches(digests):
        gone = tx.connection.execute(
            sa.update(repository_blobs)
            .where(
                repository_blobs.c.repository_id == holder.repository_id,
                repository_blobs.c.digest.in_(step),
                repository_blobs.c.released_at.is_(None),
                ~named.exists(),
            )
            .values(released_at=now, review_after=now)
            .returning(repository_blobs.c.digest)
        ).scalars()
        change = change.plus(_count_out(tx, holder.registry_id, gone.all()))
    return change


def unlink(tx: Transaction, holder: Holder, digests: Sequence[str]) -> Growth:
    """Remove links altogether, released or not."""
    change = Growth()
    for step in batches(digests):
        mine = (repository_blobs.c.repository_id == holder.repository_id) & repository_blobs.c.digest.in_(
            step
        )
        _lock_blobs(tx, step)
        gone = tx.connection.execute(
            sa.delete(repository_blobs)
            .where(mine)
            .returning(repository_blobs.c.digest, repository_blobs.c.released_at)
        ).all()
        _review_unlinked(tx, [digest for digest, _ in gone])
        held = [digest for digest, released_at in gone if released_at is None]
        change = change.plus(_count_out(tx, holder.registry_id, held))
    return change


def some(tx: Transaction, repository_id: int, limit: int) -> Sequence[str]:
    """Return digests of blobs linked to a repository, released or not, in no particular order."""
    statement = (
        sa.select(repository_blobs.c.digest)
        .where(repository_blobs.c.repository_id == repository_id)
        .limit(limit)
    )
    return tx.connection.execute(statement).scalars().all()


def _lock_blobs(tx: Transaction, digests: Sequence[str]) -> None:
    """Keep others from linking or unlinking these blobs, so that one of two sees that it was the last."""
    if tx.dialect == "postgresql":
        statement = sa.select(blobs.c.digest).where(blobs.c.digest.in_(digests)).order_by(blobs.c.digest)
        tx.connection.execute(statement.with_for_update(key_share=True)).all()


def _review_unlinked(tx: Transaction, digests: Sequence[str]) -> None:
    """Have it seen to at once what becomes of those of the given blobs that nobody holds any more."""
    linked = sa.select(repository_blobs.c.digest).where(repository_blobs.c.digest == blobs.c.digest)
    statement = sa.update(blobs).where(blobs.c.digest.in_(digests), ~linked.exists())
    tx.connection.execute(statement.values(review_after=blobs.c.created_at))


def _count_in(tx: Transaction, holder: Holder, digest: str, size: int) -> Growth:
    counted = _COUNT_IN.first(tx, registry_id=holder.registry_id, digest=digest, links=1)
    return Growth(size if counted == (1,) else 0, size)


def _count_out(tx: Transaction, registry_id: int, digests: Sequence[str]) -> Growth:
    if not digests:
        return Growth()
    mine = (registry_blobs.c.registry_id == registry_id) & registry_blobs.c.digest.in_(sorted(digests))
    if tx.dialect == "postgresql":
        ordered = sa.select(registry_blobs.c.digest).where(mine).order_by(registry_blobs.c.digest)
        tx.connection.execute(ordered.with_for_update()).all()
    tx.connection.execute(sa.update(registry_blobs).where(mine).values(links=registry_blobs.c.links - 1))
    last = tx.connection.execute(
        sa.delete(registry_blobs).where(mine, registry_blobs.c.links <= 0).returning(registry_blobs.c.digest)
    ).scalars()
    sizes = _sizes(tx, digests)
    return Growth(-sum(sizes[digest] for digest in last), -sum(sizes.values()))


def _sizes(tx: Transaction, digests: Sequence[str]) -> dict[str, int]:
    if not digests:
        return {}
    rows = tx.connection.execute(sa.select(blobs.c.digest, blobs.c.size).where(blobs.c.digest.in_(digests)))
    return {row.digest: row.size for row in rows}
