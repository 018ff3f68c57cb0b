"""Rules of the artifact cache, and when a tag was last compared with its upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from controlplane.persistence.cache_tables import cache_rules, cached_tags
from controlplane.persistence.content_tables import registries
from controlplane.persistence.database import Transaction


@dataclass(frozen=True, slots=True)
class CacheRuleRow:
    """One rule; ``target`` and ``source`` are as given, ``ttl`` in seconds."""

    key: str
    registry_id: int
    target: str
    source: str
    credential_set: str | None
    ttl: int


def put(tx: Transaction, row: CacheRuleRow) -> None:
    """Store a rule or change it.

    Raises:
        UniqueViolationError: another rule of the registry has the target.
    """
    values = asdict(row)
    changed = tx.connection.execute(sa.update(cache_rules).where(cache_rules.c.key == row.key).values(values))
    if changed.rowcount == 0:
        tx.connection.execute(sa.insert(cache_rules).values(values))
    _announce(tx, row.registry_id)


def remove(tx: Transaction, key: str) -> None:
    """Remove a rule; what it brought stays."""
    statement = sa.delete(cache_rules).where(cache_rules.c.key == key).returning(cache_rules.c.registry_id)
    for registry_id in tx.connection.execute(statement).scalars().all():
        _announce(tx, registry_id)


def rules(tx: Transaction, registry_id: int) -> Sequence[CacheRuleRow]:
    """Return the rules of a registry."""
    statement = sa.select(cache_rules).where(cache_rules.c.registry_id == registry_id)
    return [CacheRuleRow(**found) for found in tx.connection.execute(statement).mappings()]


def compared_at(tx: Transaction, registry_id: int, repository: str, tag: str) -> datetime | None:
    """Return when a tag was last found to be what its upstream has."""
    statement = sa.select(cached_tags.c.compared_at).where(
        cached_tags.c.registry_id == registry_id,
        cached_tags.c.repository == repository,
        cached_tags.c.tag == tag,
    )
    found: datetime | None = tx.connection.execute(statement).scalar()
    return found


def note_compared(tx: Transaction, registry_id: int, repository: str, tag: str, now: datetime) -> None:
    """Note that a tag is what its upstream has."""
    values = {"registry_id": registry_id, "repository": repository, "tag": tag, "compared_at": now}
    made = (postgresql if tx.dialect == "postgresql" else sqlite).insert(cached_tags).values(values)
    keys = ["registry_id", "repository", "tag"]
    tx.connection.execute(made.on_conflict_do_update(index_elements=keys, set_={"compared_at": now}))


def _announce(tx: Transaction, registry_id: int) -> None:
    """Let the data plane know whether there are rules, and that they changed."""
    there = sa.exists().where(cache_rules.c.registry_id == registry_id)
    statement = sa.update(registries).where(registries.c.id == registry_id)
    tx.connection.execute(statement.values(cached=there, stamp=registries.c.stamp + 1))
