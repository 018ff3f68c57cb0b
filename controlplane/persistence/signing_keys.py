"""Keys that sign tokens: stored with their private part sealed, retired by a moment, then removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import signing_keys


@dataclass(frozen=True, slots=True)
class SigningKeyRow:
    """One key pair. ``private`` is sealed; a key with ``retires_at`` only verifies, until then."""

    kid: str
    purpose: str
    algorithm: str
    private: str
    public: str
    created_at: datetime
    retires_at: datetime | None


def add(tx: Transaction, row: SigningKeyRow) -> None:
    """Store a key."""
    values = {name: getattr(row, name) for name in SigningKeyRow.__slots__}
    tx.connection.execute(signing_keys.insert().values(**values))


def usable(tx: Transaction, now: datetime) -> Sequence[SigningKeyRow]:
    """Return the keys of every purpose that still verify, newest first."""
    query = (
        sa.select(signing_keys)
        .where(signing_keys.c.retires_at.is_(None) | (signing_keys.c.retires_at > now))
        .order_by(signing_keys.c.created_at.desc(), signing_keys.c.kid)
    )
    return [SigningKeyRow(**row) for row in tx.connection.execute(query).mappings()]


def retire(tx: Transaction, purpose: str, *, keep: str, retires_at: datetime) -> None:
    """Let every key of a purpose but one end at a moment; those that end already keep theirs."""
    tx.connection.execute(
        signing_keys.update()
        .where(
            signing_keys.c.purpose == purpose,
            signing_keys.c.kid != keep,
            signing_keys.c.retires_at.is_(None),
        )
        .values(retires_at=retires_at)
    )


def remove_retired(tx: Transaction, now: datetime) -> None:
    """Forget the keys that verify no more."""
    tx.connection.execute(signing_keys.delete().where(signing_keys.c.retires_at <= now))
