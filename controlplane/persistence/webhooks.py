"""Webhooks as deliveries need them; the ARM resource is the truth for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from controlplane.persistence.database import Transaction
from controlplane.persistence.statements import Statement
from controlplane.persistence.webhook_tables import webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What an owner sets. ``service_uri``, ``headers`` and ``signing_secret`` are sealed."""

    region: str
    enabled: bool
    actions: tuple[str, ...]
    scope: str
    service_uri: str
    headers: str
    signing_secret: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow(WebhookSettings):
    """One webhook, as stored. See ``webhook_tables.webhooks``."""

    id: int
    key: str
    registry_id: int
    failing_since: datetime | None


def by_key(tx: Transaction, key: str) -> WebhookRow | None:
    """Return the webhook of an ARM resource (lower-cased id)."""
    return _first(tx, webhooks.c.key == key)


def by_id(tx: Transaction, webhook_id: int) -> WebhookRow | None:
    """Return the webhook with a row id."""
    return _first(tx, webhooks.c.id == webhook_id)


# Asked with every event; see ``statements``.
_ANY = Statement(
    sa.select(webhooks.c.id)
    .where(webhooks.c.registry_id == sa.bindparam("registry"), webhooks.c.enabled)
    .limit(1)
)


def any_enabled(tx: Transaction, registry_id: int) -> bool:
    """Tell whether anybody is to be told of a registry's events."""
    return _ANY.first(tx, registry=registry_id) is not None


def enabled(tx: Transaction, registry_id: int) -> Sequence[WebhookRow]:
    """Return the webhooks of a registry that are to be told."""
    statement = sa.select(webhooks).where(webhooks.c.registry_id == registry_id, webhooks.c.enabled)
    return [_row(found) for found in tx.connection.execute(statement).mappings()]


def put(tx: Transaction, key: str, registry_id: int, settings: WebhookSettings) -> None:
    """Store a webhook or change it; a change forgives the failures so far."""
    values = {**asdict(settings), "actions": list(settings.actions), "failing_since": None}
    changed = tx.connection.execute(sa.update(webhooks).where(webhooks.c.key == key).values(values))
    if changed.rowcount == 0:
        tx.connection.execute(sa.insert(webhooks).values(key=key, registry_id=registry_id, **values))


def remove(tx: Transaction, key: str) -> None:
    """Remove a webhook with its deliveries."""
    tx.connection.execute(sa.delete(webhooks).where(webhooks.c.key == key))


def note_success(tx: Transaction, webhook_ids: Sequence[int]) -> None:
    """Note that webhooks answered."""
    statement = sa.update(webhooks).where(
        webhooks.c.id.in_(webhook_ids), webhooks.c.failing_since.is_not(None)
    )
    tx.connection.execute(statement.values(failing_since=None))


def note_failure(tx: Transaction, webhook_id: int, now: datetime) -> datetime:
    """Note that a webhook failed; return since when it has been failing."""
    statement = sa.update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.failing_since.is_(None))
    tx.connection.execute(statement.values(failing_since=now))
    row = by_id(tx, webhook_id)
    return now if row is None or row.failing_since is None else row.failing_since


def disable(tx: Transaction, webhook_id: int) -> bool:
    """Disable a webhook; False when it was disabled already."""
    statement = sa.update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.enabled)
    return tx.connection.execute(statement.values(enabled=False)).rowcount > 0


def _first(tx: Transaction, condition: sa.ColumnElement[bool]) -> WebhookRow | None:
    found = tx.connection.execute(sa.select(webhooks).where(condition)).mappings().one_or_none()
    return None if found is None else _row(found)


def _row(found: sa.RowMapping) -> WebhookRow:
    return WebhookRow(**{**found, "actions": tuple(found["actions"])})
