"""The tables of the artifact cache: rules, and when tags were last compared with their upstream."""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Moment

cache_rules = sa.Table(
    "cache_rules",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # of the resource row
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("credential_set", sa.Text),  # key of the resource
    sa.Column("ttl", sa.Integer, nullable=False),  # seconds
    sa.UniqueConstraint("registry_id", "target"),
)

cached_tags = sa.Table(
    "cached_tags",
    metadata,
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("compared_at", Moment, nullable=False),
)
