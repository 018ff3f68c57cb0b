"""Referrers: manifests that name another as their subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from controlplane.domain.quarantine import State
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_tables import manifests
from controlplane.persistence.database import Transaction

_LIVE = manifests.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class ReferrerRow:
    """One manifest that names another as its subject."""

    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    annotations: Mapping[str, str] | None


def referrers(
    tx: Transaction, repository_id: int, subject: str, wanted: Page, *, passed: bool = False
) -> Sequence[tuple[str, int]]:
    """Return (digest, size) of manifests with a subject, in digest order.

    ``passed``: of those alone that are out of quarantine.
    """
    statement = sa.select(manifests.c.digest, manifests.c.size).where(
        manifests.c.repository_id == repository_id,
        manifests.c.subject == subject,
        _LIVE,
        manifests.c.digest > wanted.after,
    )
    if wanted.match is not None:
        statement = statement.where(_artifact_type() == wanted.match)
    if passed:
        statement = statement.where(manifests.c.quarantine_state == State.PASSED.value)
    rows = tx.connection.execute(statement.order_by(manifests.c.digest).limit(wanted.limit))
    return [(digest, size) for digest, size in rows]


def referrer_rows(tx: Transaction, repository_id: int, digests: Sequence[str]) -> Sequence[ReferrerRow]:
    """Return what a referrers listing shows of the given manifests, in digest order."""
    statement = (
        sa.select(
            manifests.c.digest,
            manifests.c.media_type,
            _artifact_type(),
            manifests.c.size,
            manifests.c.annotations,
        )
        .where(manifests.c.repository_id == repository_id, manifests.c.digest.in_(digests), _LIVE)
        .order_by(manifests.c.digest)
    )
    return [ReferrerRow(*row) for row in tx.connection.execute(statement)]


def _artifact_type() -> sa.ColumnElement[str | None]:
    """The type a referrer is known by: its own, or else its config's."""
    return sa.func.coalesce(manifests.c.artifact_type, manifests.c.config_media_type)
