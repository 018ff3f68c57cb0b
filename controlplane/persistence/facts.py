"""Facts about the deployment that are decided once: its directory, its default subscription, its owner."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import service_facts

TENANT = "tenant"
SUBSCRIPTION = "subscription"
OWNER = "owner"  # client id of the application made at first start


def get(tx: Transaction, name: str) -> str | None:
    """Return a fact, None while it is undecided."""
    found = tx.connection.execute(sa.select(service_facts.c.value).where(service_facts.c.name == name))
    value: str | None = found.scalar()
    return value


def set_default(tx: Transaction, name: str, value: str) -> str:
    """Decide a fact unless it is decided already; return the one in force."""
    insert = postgresql_insert if tx.dialect == "postgresql" else sqlite_insert
    tx.connection.execute(
        insert(service_facts).values(name=name, value=value).on_conflict_do_nothing(index_elements=["name"])
    )
    return get(tx, name) or value
