"""Uploads under way: where each belongs, who began it, how many of its bytes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


# Built once; see content_repositories.
_INSERT = sa.insert(uploads)
_FIND = (
    sa.select(uploads.c.id, uploads.c.repository_id, uploads.c.owner, uploads.c.received, uploads.c.sha256)
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


def insert(tx: Transaction, upload_id: str, repository_id: int, owner: str, now: datetime) -> None:
    """Begin an upload with no bytes."""
    values = {"id": upload_id, "repository_id": repository_id, "owner": owner, "received": 0}
    tx.connection.execute(_INSERT, {**values, "created_at": now, "updated_at": now})


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


def of_repository(tx: Transaction, repository_id: int) -> Sequence[str]:
    """Return the ids of a repository's uploads."""
    statement = sa.select(uploads.c.id).where(uploads.c.repository_id == repository_id)
    return tx.connection.execute(statement).scalars().all()
