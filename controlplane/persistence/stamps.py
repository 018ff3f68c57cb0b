"""Revocation stamps: a counter a name, growing with every change that may take rights away.

What was verified is remembered together with the stamp it was verified under; when the stamp has moved,
it is verified again. ``identity`` covers principals, secrets, role definitions and role assignments.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import stamps

IDENTITY = "identity"


def bump(tx: Transaction, name: str) -> None:
    """Let a stamp grow by one, in the transaction of the change it announces."""
    insert = postgresql_insert if tx.dialect == "postgresql" else sqlite_insert
    tx.connection.execute(
        insert(stamps)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": stamps.c.value + 1})
    )


_READ = sa.select(stamps.c.value).where(stamps.c.name == sa.bindparam("wanted"))


def read(tx: Transaction, name: str) -> int:
    """Return a stamp's value; 0 before the first change."""
    value = tx.connection.execute(_READ, {"wanted": name}).scalar()
    return int(value or 0)
