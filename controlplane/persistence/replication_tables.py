"""The tables of geo-replication: which registry is where, and which copies of blobs are wanted."""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Json, Moment

WANTED, PRESENT = "wanted", "present"
_WANTED = sa.text("state <> 'present'")

# Regions whose stores may hold blobs: those that ever had an endpoint, beside the home region.
blob_regions = sa.Table(
    "blob_regions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
)

# The regions of registries that have more than one; the home region of such a registry has a row as well.
replicas = sa.Table(
    "replicas",
    metadata,
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),  # of the resource row; empty for the home region
    sa.Column("endpoint_enabled", sa.Boolean, nullable=False),  # the login server may be served there
    sa.Column("created_at", Moment, nullable=False),
)

# Copies of blobs that a region is to have. The stores are the truth for where bytes are.
blob_places = sa.Table(
    "blob_places",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("blobs.digest", ondelete="CASCADE"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # wanted | present
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("wanted_at", Moment, nullable=False),
    sa.Column("stored_at", Moment),  # when it was copied; NULL for one that was there already
    sa.Column("error", sa.Text),  # why the last attempt failed
    sa.Index("ix_blob_places_digest", "digest"),
    sa.Index("ix_blob_places_due", "region", "due_at", sqlite_where=_WANTED, postgresql_where=_WANTED),
    sa.Index("ix_blob_places_stored", "region", "stored_at"),
)

# What the webhooks of a region are to be told once all blobs of the manifest are there.
arrivals = sa.Table(
    "arrivals",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=True),
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("region", sa.Text, nullable=False, index=True),
    sa.Column(
        "manifest_id", BigId, sa.ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("change", Json, nullable=False),  # domain.events.Change
    sa.Column("origin", Json, nullable=False),  # domain.events.Origin
    sqlite_autoincrement=True,
)
