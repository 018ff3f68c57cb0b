"""Writing the attributes of repositories, tags and manifests: locks and quarantine.

Each write lets the object's revision grow, by which other regions tell the newer of two states. The
repository's row must be locked: a push or a deletion then sees the attributes of before or of after.
"""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.content_tables import manifests, repositories, tags
from controlplane.persistence.database import Transaction


def lock_repository(tx: Transaction, repository_id: int, locks: int) -> None:
    """Set the locks of a repository (``domain.locks``)."""
    statement = sa.update(repositories).where(repositories.c.id == repository_id)
    tx.connection.execute(statement.values(locks=locks, revision=repositories.c.revision + 1))


def lock_tag(tx: Transaction, repository_id: int, name: str, locks: int) -> None:
    """Set the locks of a tag; its history keeps those it had."""
    statement = sa.update(tags).where(
        tags.c.repository_id == repository_id, tags.c.name == name, tags.c.until.is_(None)
    )
    tx.connection.execute(statement.values(locks=locks, revision=tags.c.revision + 1))


def set_manifest(
    tx: Transaction, manifest_id: int, locks: int, quarantine_state: str | None, details: str | None
) -> None:
    """Set the locks of a manifest, and what is known of it in quarantine."""
    statement = sa.update(manifests).where(manifests.c.id == manifest_id)
    tx.connection.execute(
        statement.values(
            locks=locks,
            quarantine_state=quarantine_state,
            quarantine_details=details,
            revision=manifests.c.revision + 1,
        )
    )
