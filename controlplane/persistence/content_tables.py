"""The tables of registries and of what they hold: endpoints, repositories, blobs, manifests, tags, events.

Rows of content live and die together, so they have foreign keys, unlike the resources.
"""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Json, Moment


def _some(name: str, columns: str | tuple[str, ...], where: str | None = None) -> sa.Index:
    """Return an index of only those rows that are waited for, which makes it a queue."""
    names = (columns,) if isinstance(columns, str) else columns
    condition = sa.text(where or f"{names[0]} IS NOT NULL")
    return sa.Index(name, *names, sqlite_where=condition, postgresql_where=condition)


# --- registries ------------------------------------------------------------------------------------------

registries = sa.Table(
    "registries",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # of the resource row
    sa.Column("name", sa.Text, nullable=False, unique=True),  # lower case, unique in the whole service
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("admin_enabled", sa.Boolean, nullable=False),
    sa.Column("anonymous_pull", sa.Boolean, nullable=False),
    sa.Column("role_assignment_mode", sa.Text, nullable=False),
    sa.Column("arm_tokens_accepted", sa.Boolean, nullable=False),  # azureADAuthenticationAsArmPolicy
    sa.Column("public_access", sa.Boolean, nullable=False),
    sa.Column("default_action", sa.Text, nullable=False),
    sa.Column("ip_rules", Json, nullable=False),  # CIDR texts
    sa.Column("size", sa.BigInteger, nullable=False),  # bytes of distinct blobs and manifests
    sa.Column("stamp", sa.BigInteger, nullable=False),  # grows with every change of who may do what
    sa.Column("quarantine", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("retention_days", sa.BigInteger),  # untagged manifests go after so many days; NULL: never
    sa.Column("soft_delete_days", sa.BigInteger),  # what is deleted can be restored so long; NULL: not at all
    sa.Column("write_once", Json, nullable=False, server_default="[]"),  # repository patterns
    sa.Column("cached", sa.Boolean, nullable=False, server_default=sa.false()),  # it has cache rules
    sa.Column("ready", sa.Boolean, nullable=False),  # false until provisioned and while it is deleted
    # Tokens name the id: one that was freed must never be given to another registry.
    sqlite_autoincrement=True,
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("host", sa.Text, primary_key=True),  # host[:port], lower case, as clients send it
    sa.Column(
        "registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("kind", sa.Text, nullable=False),  # login | regional | data
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("port", sa.Integer, unique=True),  # loopback port the supervisor opens for it
)

admin_passwords = sa.Table(
    "admin_passwords",
    metadata,
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # password | password2
    sa.Column("value", sa.Text, nullable=False),  # encrypted with the master key
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

# --- content ---------------------------------------------------------------------------------------------

repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text(collation="C").with_variant(sa.Text(), "sqlite"), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("manifest_count", sa.BigInteger, nullable=False),  # those that are not deleted
    sa.Column("tag_count", sa.BigInteger, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),  # bytes of its blobs and manifests
    sa.Column("locks", sa.BigInteger, nullable=False, server_default="0"),  # domain.locks
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),  # of the locks
    sa.UniqueConstraint("registry_id", "name"),
)

# Bytes that are whole and verified. Global: equal bytes are stored once.
blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("review_after", Moment),  # when to see whether anybody still holds it
    sa.Column("verified_at", Moment),  # when the stored bytes were last hashed
    sa.Column(
        "damaged_at", Moment
    ),  # they were found wrong: not served until they are pushed or fetched again
    _some("ix_blobs_review", "review_after"),
    sa.Index("ix_blobs_verified", "verified_at"),
    _some("ix_blobs_damaged", "damaged_at"),
)

# Which registry holds which blob, counted over its repositories; `registries.size` adds these up.
registry_blobs = sa.Table(
    "registry_blobs",
    metadata,
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("blobs.digest"), primary_key=True),
    sa.Column("links", sa.BigInteger, nullable=False),
    sa.Index("ix_registry_blobs_digest", "digest"),
)

# Which blobs a repository may be asked for.
repository_blobs = sa.Table(
    "repository_blobs",
    metadata,
    sa.Column("repository_id", BigId, sa.ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("blobs.digest"), primary_key=True),
    sa.Column("linked_at", Moment, nullable=False),
    # When the last manifest that named it went: no longer served or counted, but a push that was under
    # way may take it back until collection takes the row.
    sa.Column("released_at", Moment),
    sa.Column("review_after", Moment),  # when to see whether a manifest names it
    sa.Index("ix_repository_blobs_digest", "digest"),
    _some("ix_repository_blobs_review", "review_after"),
)

manifests = sa.Table(
    "manifests",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("repository_id", BigId, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("artifact_type", sa.Text),
    sa.Column("config_media_type", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("annotations", Json),
    sa.Column("architecture", sa.Text),
    sa.Column("os", sa.Text),
    sa.Column("size", sa.BigInteger, nullable=False),  # of the manifest itself
    sa.Column("image_size", sa.BigInteger, nullable=False),  # with config and layers
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("locks", sa.BigInteger, nullable=False, server_default="0"),  # domain.locks
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),  # of locks and quarantine
    sa.Column("quarantine_state", sa.Text),  # Quarantined | Passed | Failed
    sa.Column("quarantine_details", sa.Text),
    sa.Column("untagged_at", Moment),  # since when no tag names it
    sa.Column("pulled_at", Moment),
    sa.Column("deleted_at", Moment),  # deleted, and can be restored until ``purge_after``
    sa.Column("purge_after", Moment),
    sa.UniqueConstraint("repository_id", "digest"),
    sa.Index("ix_manifests_subject", "repository_id", "subject", "digest"),
    sa.Index("ix_manifests_updated", "repository_id", "updated_at", "digest"),
    _some("ix_manifests_untagged", "untagged_at", "untagged_at IS NOT NULL AND deleted_at IS NULL"),
    _some("ix_manifests_purge", "purge_after"),
    _some("ix_manifests_deleted", "repository_id", "deleted_at IS NOT NULL"),
)

# What a manifest names: its config and layers (blobs), its children (manifests).
manifest_edges = sa.Table(
    "manifest_edges",
    metadata,
    sa.Column("manifest_id", BigId, sa.ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # config | layer | child
    sa.Column("repository_id", BigId, nullable=False),
    sa.Index("ix_manifest_edges_target", "repository_id", "digest"),
)

# A tag is a row of intervals: the one without an end is what the tag names now.
tags = sa.Table(
    "tags",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("repository_id", BigId, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text(collation="C").with_variant(sa.Text(), "sqlite"), nullable=False),
    sa.Column("manifest_id", BigId, sa.ForeignKey("manifests.id", ondelete="SET NULL"), index=True),
    sa.Column("digest", sa.Text, nullable=False),  # history outlives the manifest
    sa.Column("created_at", Moment, nullable=False),  # when the name first appeared, kept over re-tags
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment),
    sa.Column("ended_by", sa.Text),  # moved | untagged | deleted (with its manifest)
    sa.Column("purge_after", Moment),  # a deleted tag can be restored until then
    sa.Column("locks", sa.BigInteger, nullable=False, server_default="0"),  # domain.locks; kept over re-tags
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),  # of the locks
    sa.Column("pulled_at", Moment),
    sa.Index(
        "uq_tags_current",
        "repository_id",
        "name",
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    ),
    sa.Index("ix_tags_history", "repository_id", "name", "since"),
    _some("ix_tags_time", ("repository_id", "since", "name"), "until IS NULL"),
    _some("ix_tags_deleted", ("repository_id", "name"), "purge_after IS NOT NULL"),
    _some("ix_tags_ended", "until"),
)

# --- events ----------------------------------------------------------------------------------------------

# What happened to content, written in the transaction that did it.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),  # GUID
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("action", sa.Text, nullable=False),  # domain.events
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("tag", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("media_type", sa.Text),
    sa.Column("size", sa.BigInteger),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("request", Json, nullable=False),  # id, host, method, useragent, addr
    sa.Column("actor", sa.Text),
    sa.Column("created_at", Moment, nullable=False, index=True),
    sa.Column("untold_since", Moment),  # a webhook is still to be told of it
    sa.Index("ix_events_registry", "registry_id", "seq"),
    _some("ix_events_untold", ("registry_id", "seq"), "untold_since IS NOT NULL"),
    sqlite_autoincrement=True,
)
