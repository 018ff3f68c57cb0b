"""Uploads under way: where each belongs, who began it, how many of its bytes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import repositories, uploads


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One upload. See ``tables.uploads`` for the columns."""

    id: str
    repository_id: int
    owner: str
    received: int
    sha256: str | None


def insert(tx: Transaction, upload_id: str, repository_id: int, owner: str, now: datetime) -> None:
    """Begin an upload with no bytes."""
    tx.connection.execute(
        sa.insert(uploads).values(
            id=upload_id,
            repository_id=repository_id,
            owner=owner,
            received=0,
            created_at=now,
            updated_at=now,
        )
    )


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


def find(tx: Transaction, registry_id: int, repository: str, upload_id: str, owner: str) -> UploadRow | None:
    """Return an upload of a repository to the one who began it; to anyone else there is none."""
    row = tx.connection.execute(
        _FIND,
        {"upload": upload_id, "caller": owner, "registry": registry_id, "repository": repository},
    ).one_or_none()
    return None if row is None else UploadRow(*row)


def advance(tx: Transaction, before: UploadRow, received: int, sha256: str | None, now: datetime) -> bool:
    """Note more bytes; False when the upload is no longer as it was read."""
    done = tx.connection.execute(
        sa.update(uploads)
        .where(uploads.c.id == before.id, uploads.c.received == before.received)
        .values(received=received, sha256=sha256, updated_at=now)
        .returning(uploads.c.id)
    )
    return done.first() is not None


def delete(tx: Transaction, upload_id: str) -> bool:
    """Forget an upload; False when it was forgotten before."""
    done = tx.connection.execute(sa.delete(uploads).where(uploads.c.id == upload_id).returning(uploads.c.id))
    return done.first() is not None


def of_repository(tx: Transaction, repository_id: int) -> Sequence[str]:
    """Return the ids of a repository's uploads."""
    statement = sa.select(uploads.c.id).where(uploads.c.repository_id == repository_id)
    return tx.connection.execute(statement).scalars().all()
