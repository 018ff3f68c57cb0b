"""Registry tokens and scope maps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controlplane.persistence import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scope_maps",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registry_id"], ["registries.id"], name=op.f("fk_scope_maps_registry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_scope_maps")),
    )
    with op.batch_alter_table("scope_maps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_scope_maps_registry_id"), ["registry_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("registry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("scope_map_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registry_id"], ["registries.id"], name=op.f("fk_tokens_registry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tokens")),
        sa.UniqueConstraint("registry_id", "name", name=op.f("uq_tokens_registry_id_name")),
    )

    op.create_table(
        "token_passwords",
        sa.Column("token_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lookup", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", types.Moment(), nullable=False),
        sa.Column("expires_at", types.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["token_key"], ["tokens.key"], name=op.f("fk_token_passwords_token_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_key", "name", name=op.f("pk_token_passwords")),
    )


def downgrade() -> None:
    op.drop_table("token_passwords")
    op.drop_table("tokens")
    with op.batch_alter_table("scope_maps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_scope_maps_registry_id"))

    op.drop_table("scope_maps")
