"""Locks, soft delete, quarantine, review queues, chores and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.persistence import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chores",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", types.Moment(), nullable=False),
        sa.Column("rung_at", types.Moment(), nullable=True),
        sa.Column("lease_until", types.Moment(), nullable=True),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("ended_at", types.Moment(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
    with op.batch_alter_table("chores", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chores_due_at"), ["due_at"], unique=False)

    op.create_table(
        "events",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("created_at", types.Moment(), nullable=False),
        sa.Column("untold_since", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registry_id"], ["registries.id"], name=op.f("fk_events_registry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_events_registry", ["registry_id", "seq"], unique=False)
        batch_op.create_index(
            "ix_events_untold",
            ["registry_id", "seq"],
            unique=False,
            sqlite_where=sa.text("untold_since IS NOT NULL"),
            postgresql_where=sa.text("untold_since IS NOT NULL"),
        )

    op.create_table(
        "webhooks",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("service_uri", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("signing_secret", sa.Text(), nullable=True),
        sa.Column("failing_since", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registry_id"],
            ["registries.id"],
            name=op.f("fk_webhooks_registry_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("key", name=op.f("uq_webhooks_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhooks_registry_id"), ["registry_id"], unique=False)

    op.create_table(
        "cache_rules",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("credential_set", sa.Text(), nullable=True),
        sa.Column("ttl", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registry_id"],
            ["registries.id"],
            name=op.f("fk_cache_rules_registry_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_cache_rules")),
        sa.UniqueConstraint("registry_id", "target", name=op.f("uq_cache_rules_registry_id_target")),
    )
    op.create_table(
        "cached_tags",
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("compared_at", types.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registry_id"],
            ["registries.id"],
            name=op.f("fk_cached_tags_registry_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("registry_id", "repository", "tag", name=op.f("pk_cached_tags")),
    )
    op.create_table(
        "deliveries",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", types.Moment(), nullable=False),
        sa.Column("lease_until", types.Moment(), nullable=True),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("response", sa.JSON(), nullable=True),
        sa.Column("created_at", types.Moment(), nullable=False),
        sa.Column("ended_at", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_created", ["created_at"], unique=False)
        batch_op.create_index("ix_deliveries_webhook", ["webhook_id", "seq"], unique=False)
        batch_op.create_index(
            "ix_deliveries_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_deliveries_line",
            ["webhook_id", "repository", "seq"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("review_after", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("verified_at", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("damaged_at", types.Moment(), nullable=True))
        batch_op.create_index(
            "ix_blobs_damaged",
            ["damaged_at"],
            unique=False,
            sqlite_where=sa.text("damaged_at IS NOT NULL"),
            postgresql_where=sa.text("damaged_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_blobs_review",
            ["review_after"],
            unique=False,
            sqlite_where=sa.text("review_after IS NOT NULL"),
            postgresql_where=sa.text("review_after IS NOT NULL"),
        )
        batch_op.create_index("ix_blobs_verified", ["verified_at"], unique=False)

    with op.batch_alter_table("manifests", schema=None) as batch_op:
        batch_op.add_column(sa.Column("locks", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("quarantine_state", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("quarantine_details", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("untagged_at", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("pulled_at", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("purge_after", types.Moment(), nullable=True))
        batch_op.create_index(
            "ix_manifests_deleted",
            ["repository_id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_manifests_purge",
            ["purge_after"],
            unique=False,
            sqlite_where=sa.text("purge_after IS NOT NULL"),
            postgresql_where=sa.text("purge_after IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_manifests_untagged",
            ["untagged_at"],
            unique=False,
            sqlite_where=sa.text("untagged_at IS NOT NULL AND deleted_at IS NULL"),
            postgresql_where=sa.text("untagged_at IS NOT NULL AND deleted_at IS NULL"),
        )
        batch_op.create_index("ix_manifests_updated", ["repository_id", "updated_at", "digest"], unique=False)

    # Not copied into a new table, which would forget which ids were given out (see tables.registries).
    with op.batch_alter_table("registries", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("quarantine", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("retention_days", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("soft_delete_days", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("write_once", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("cached", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("size", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("locks", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("repository_blobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("review_after", types.Moment(), nullable=True))
        batch_op.create_index(
            "ix_repository_blobs_review",
            ["review_after"],
            unique=False,
            sqlite_where=sa.text("review_after IS NOT NULL"),
            postgresql_where=sa.text("review_after IS NOT NULL"),
        )

    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.add_column(sa.Column("digest", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("ended_by", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("purge_after", types.Moment(), nullable=True))
        batch_op.add_column(sa.Column("locks", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("pulled_at", types.Moment(), nullable=True))
        batch_op.alter_column("manifest_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_index(
            "ix_tags_deleted",
            ["repository_id", "name"],
            unique=False,
            sqlite_where=sa.text("purge_after IS NOT NULL"),
            postgresql_where=sa.text("purge_after IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tags_ended",
            ["until"],
            unique=False,
            sqlite_where=sa.text("until IS NOT NULL"),
            postgresql_where=sa.text("until IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_tags_time",
            ["repository_id", "since", "name"],
            unique=False,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )
        batch_op.drop_constraint(batch_op.f("fk_tags_manifest_id"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_tags_manifest_id"), "manifests", ["manifest_id"], ["id"], ondelete="SET NULL"
        )

    op.create_table(
        "blob_regions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_blob_regions")),
    )
    op.create_table(
        "replicas",
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("endpoint_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registry_id"], ["registries.id"], name=op.f("fk_replicas_registry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("registry_id", "region", name=op.f("pk_replicas")),
    )
    op.create_table(
        "blob_places",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", types.Moment(), nullable=False),
        sa.Column("lease_until", types.Moment(), nullable=True),
        sa.Column("wanted_at", types.Moment(), nullable=False),
        sa.Column("stored_at", types.Moment(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["digest"], ["blobs.digest"], name=op.f("fk_blob_places_digest"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("region", "digest", name=op.f("pk_blob_places")),
    )
    with op.batch_alter_table("blob_places", schema=None) as batch_op:
        batch_op.create_index("ix_blob_places_digest", ["digest"], unique=False)
        batch_op.create_index(
            "ix_blob_places_due",
            ["region", "due_at"],
            unique=False,
            sqlite_where=sa.text("state <> 'present'"),
            postgresql_where=sa.text("state <> 'present'"),
        )
        batch_op.create_index("ix_blob_places_stored", ["region", "stored_at"], unique=False)
    op.create_table(
        "arrivals",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("manifest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("change", sa.JSON(), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifests.id"], name=op.f("fk_arrivals_manifest_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["registry_id"], ["registries.id"], name=op.f("fk_arrivals_registry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_arrivals")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("arrivals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_arrivals_region"), ["region"], unique=False)
        batch_op.create_index(batch_op.f("ix_arrivals_manifest_id"), ["manifest_id"], unique=False)
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.add_column(sa.Column("region", sa.Text(), server_default="", nullable=False))

    _fill()


def downgrade() -> None:
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.drop_column("region")
    for table in ("arrivals", "blob_places", "replicas", "blob_regions"):
        op.drop_table(table)
    op.drop_table("cached_tags")
    op.drop_table("cache_rules")
    op.drop_table("deliveries")
    op.drop_table("webhooks")
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_tags_manifest_id"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_tags_manifest_id"), "manifests", ["manifest_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.drop_index(
            "ix_tags_time", sqlite_where=sa.text("until IS NULL"), postgresql_where=sa.text("until IS NULL")
        )
        batch_op.drop_index(
            "ix_tags_ended",
            sqlite_where=sa.text("until IS NOT NULL"),
            postgresql_where=sa.text("until IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_tags_deleted",
            sqlite_where=sa.text("purge_after IS NOT NULL"),
            postgresql_where=sa.text("purge_after IS NOT NULL"),
        )
        batch_op.alter_column("manifest_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("pulled_at")
        batch_op.drop_column("revision")
        batch_op.drop_column("locks")
        batch_op.drop_column("purge_after")
        batch_op.drop_column("ended_by")
        batch_op.drop_column("digest")

    with op.batch_alter_table("repository_blobs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_repository_blobs_review",
            sqlite_where=sa.text("review_after IS NOT NULL"),
            postgresql_where=sa.text("review_after IS NOT NULL"),
        )
        batch_op.drop_column("review_after")

    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.drop_column("revision")
        batch_op.drop_column("locks")
        batch_op.drop_column("size")

    kept = {"sqlite_autoincrement": True}
    with op.batch_alter_table("registries", schema=None, table_kwargs=kept) as batch_op:
        batch_op.drop_column("cached")
        batch_op.drop_column("write_once")
        batch_op.drop_column("soft_delete_days")
        batch_op.drop_column("retention_days")
        batch_op.drop_column("quarantine")

    with op.batch_alter_table("manifests", schema=None) as batch_op:
        batch_op.drop_index("ix_manifests_updated")
        batch_op.drop_index(
            "ix_manifests_untagged",
            sqlite_where=sa.text("untagged_at IS NOT NULL AND deleted_at IS NULL"),
            postgresql_where=sa.text("untagged_at IS NOT NULL AND deleted_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_manifests_purge",
            sqlite_where=sa.text("purge_after IS NOT NULL"),
            postgresql_where=sa.text("purge_after IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_manifests_deleted",
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.drop_column("purge_after")
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("pulled_at")
        batch_op.drop_column("untagged_at")
        batch_op.drop_column("quarantine_details")
        batch_op.drop_column("quarantine_state")
        batch_op.drop_column("revision")
        batch_op.drop_column("locks")

    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.drop_index("ix_blobs_verified")
        batch_op.drop_index(
            "ix_blobs_review",
            sqlite_where=sa.text("review_after IS NOT NULL"),
            postgresql_where=sa.text("review_after IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_blobs_damaged",
            sqlite_where=sa.text("damaged_at IS NOT NULL"),
            postgresql_where=sa.text("damaged_at IS NOT NULL"),
        )
        batch_op.drop_column("damaged_at")
        batch_op.drop_column("verified_at")
        batch_op.drop_column("review_after")

    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_registry")
        batch_op.drop_index(batch_op.f("ix_events_created_at"))

    op.drop_table("events")
    with op.batch_alter_table("chores", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chores_due_at"))

    op.drop_table("chores")


# What the new columns say of content that is there already.
_FILLED = (
    "INSERT INTO blob_regions (name) SELECT DISTINCT region FROM endpoints",
    "UPDATE tags SET digest = (SELECT m.digest FROM manifests m WHERE m.id = tags.manifest_id)",
    "UPDATE tags SET ended_by = 'moved' WHERE until IS NOT NULL",
    """UPDATE manifests SET untagged_at = updated_at WHERE NOT EXISTS
       (SELECT 1 FROM tags t WHERE t.manifest_id = manifests.id AND t.until IS NULL)""",
    """UPDATE repositories SET size =
       COALESCE((SELECT SUM(b.size) FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
                 WHERE l.repository_id = repositories.id AND l.released_at IS NULL), 0)
       + COALESCE((SELECT SUM(m.size) FROM manifests m WHERE m.repository_id = repositories.id), 0)""",
    "UPDATE repository_blobs SET review_after = COALESCE(released_at, linked_at)",
    """UPDATE blobs SET review_after = created_at WHERE NOT EXISTS
       (SELECT 1 FROM repository_blobs l WHERE l.digest = blobs.digest)""",
)


def _fill() -> None:
    for statement in _FILLED:
        op.execute(statement)
