"""The tables of registry tokens and scope maps: what a login and a right are looked up by.

The ARM resources are the truth for people; these rows are written in the resources' transactions.
"""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Json, Moment

# Those that users made; the ones of the system are data of the service.
scope_maps = sa.Table(
    "scope_maps",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # of the resource row
    sa.Column(
        "registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("actions", Json, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # of the resource row
    sa.Column("registry_id", BigId, sa.ForeignKey("registries.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),  # lower case
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("scope_map_key", sa.Text),  # of the resource, one of the system's included
    sa.UniqueConstraint("registry_id", "name"),
)

token_passwords = sa.Table(
    "token_passwords",
    metadata,
    sa.Column("token_key", sa.Text, sa.ForeignKey("tokens.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # password1 | password2
    sa.Column("lookup", sa.Text, nullable=False),  # part of the password that is not secret
    sa.Column("hash", sa.Text, nullable=False),  # keyed hash
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment),  # NULL: never
)
