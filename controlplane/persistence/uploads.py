"""Uploads under way: where each belongs, who began it, how many of its bytes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from controlplane.persistence.content_tables import repositories, uploads
from controlplane.persistence.database import Transaction


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One upload. See ``tables.uploads`` for the columns."""

    id: str
    repository_id: int
    owner: str
    received: int
    sha256: str | None
    region: str = ""


# Built once; see content_repositories.
_INSERT = sa.insert(uploads)
_COLUMNS = tuple(uploads.c[name] for name in UploadRow.__dataclass_fields__)
_FIND = (
    sa.select(*_COLUMNS)
    .join(repositories, repositories.c.id == uploads.c.repository_id)
    .where(
        uploads.c.id == sa.bindparam("upload"),
        uploads.c.owner == sa.bindparam("caller"),
        repositories.c.registry_id == sa.bindparam("registry"),
        repositories.c.name == sa.bindparam("repository"),
    )
)
_ADVANCE = (
    sa.update(uploads)
    .where(uploads.c.id == sa.bindparam("upload"), uploads.c.received == sa.bindparam("before"))
    .values(received=sa.bindparam("after"), sha256=sa.bindparam("taken"), updated_at=sa.bindparam("now"))
    .returning(uploads.c.id)
)
_DELETE = sa.delete(uploads).where(uploads.c.id == sa.bindparam("upload")).returning(uploads.c.id)


def insert(tx: Transaction, row: UploadRow, now: datetime) -> None:
    """Begin an upload."""
    tx.connection.execute(_INSERT, {**asdict(row), "created_at": now, "updated_at": now})


def find(tx: Transaction, registry_id: int, repository: str, upload_id: str, owner: str) -> UploadRow | None:
    """Return an upload of a repository to the one who began it; to anyone else there is none."""
    row = tx.connection.execute(
        _FIND,
        {"upload": upload_id, "caller": owner, "registry": registry_id, "repository": repository},
    ).one_or_none()
    return None if row is None else UploadRow(*row)


def advance(tx: Transaction, before: UploadRow, received: int, sha256: str | None, now: datetime) -> bool:
    """Note more bytes; False when the upload is no longer as it was read."""
    values = {"upload": before.id, "before": before.received, "after": received, "taken": sha256, "now": now}
    done = tx.connection.execute(_ADVANCE, values)
    return done.first() is not None


def delete(tx: Transaction, upload_id: str) -> bool:
    """Forget an upload; False when it was forgotten before."""
    done = tx.connection.execute(_DELETE, {"upload": upload_id})
    return done.first() is not None


def delete_idle(tx: Transaction, before: datetime, limit: int) -> Sequence[UploadRow]:
    """Forget uploads that nobody has gone on with since, the longest idle first; return them."""
    idle = sa.select(uploads.c.id).where(uploads.c.updated_at < before).order_by(uploads.c.updated_at)
    statement = (
        sa.delete(uploads)
        .where(uploads.c.id.in_(idle.limit(limit)), uploads.c.updated_at < before)
        .returning(*_COLUMNS)
    )
    return [UploadRow(*row) for row in tx.connection.execute(statement)]


def known(tx: Transaction, upload_ids: Sequence[str]) -> set[str]:
    """Return which of the given uploads there are."""
    if not upload_ids:
        return set()
    statement = sa.select(uploads.c.id).where(uploads.c.id.in_(upload_ids))
    return set(tx.connection.execute(statement).scalars())


def of_repository(tx: Transaction, repository_id: int) -> Sequence[UploadRow]:
    """Return a repository's uploads."""
    statement = sa.select(*_COLUMNS).where(uploads.c.repository_id == repository_id)
    return [UploadRow(*row) for row in tx.connection.execute(statement)]
