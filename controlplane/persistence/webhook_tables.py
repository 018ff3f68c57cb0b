"""The tables of webhooks: where to, and each delivery with its last attempt."""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Json, Moment

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # of the resource row
    sa.Column(
        "registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("region", sa.Text, nullable=False),  # events of this region's endpoint
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("actions", Json, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("service_uri", sa.Text, nullable=False),  # sealed: it may carry a secret
    sa.Column("headers", sa.Text, nullable=False),  # sealed JSON object
    sa.Column("signing_secret", sa.Text),  # sealed
    sa.Column("failing_since", Moment),  # nothing but failures since then
    sqlite_autoincrement=True,
)

_WAITING = sa.text("state = 'pending'")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=True),  # order of delivery in a repository
    sa.Column("id", sa.Text, nullable=False, unique=True),  # GUID, the same for every attempt
    sa.Column("webhook_id", BigId, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # exactly the bytes that are sent
    sa.Column("state", sa.Text, nullable=False),  # pending | delivered | failed
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("request", Json),  # of the last attempt, as it may be shown
    sa.Column("response", Json),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Index("ix_deliveries_webhook", "webhook_id", "seq"),
    sa.Index("ix_deliveries_created", "created_at"),
    sa.Index(
        "ix_deliveries_line",
        "webhook_id",
        "repository",
        "seq",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    sa.Index("ix_deliveries_due", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    sqlite_autoincrement=True,
)
