"""The tables of resources, operations and identity; ``content_tables`` has those of registries.

Ids of resources are kept twice: as given, and lower-cased (``key``), the form that is unique and compared.
Resources have no foreign keys: the mechanism orders them, since parents and children end through operations.
"""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.metadata import metadata
from controlplane.persistence.types import BigId, Json, Moment

# --- resources and operations ----------------------------------------------------------------------------

resources = sa.Table(
    "resources",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),  # lower case
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("parent_key", sa.Text, nullable=False),  # parent resource, or the group, subscription, root
    sa.Column("subscription", sa.Text),
    sa.Column("group_key", sa.Text),  # lower-cased id of the resource group
    sa.Column("location", sa.Text),
    sa.Column("tags", Json),
    sa.Column("members", Json, nullable=False),  # other top-level members: sku, identity
    sa.Column("properties", Json, nullable=False),
    sa.Column("provisioning_state", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),  # the ETag
    sa.Column("system_data", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_resources_type_parent", "type", "parent_key", "key"),
    sa.Index("ix_resources_type_subscription", "type", "subscription", "key"),
    sa.Index("ix_resources_group", "group_key", "key"),
    sa.Index("ix_resources_subscription", "subscription", "key"),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # "<type>/write", "<type>/delete", "<type>/<name>/action"
    sa.Column("resource_key", sa.Text, nullable=False),
    sa.Column("resource_id", sa.Text, nullable=False),
    sa.Column("subscription", sa.Text),
    sa.Column("location", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("deadline", Moment, nullable=False),
    sa.Column("rung_at", Moment, nullable=False),  # when it was last put in the outbox
    sa.Column("not_before", Moment, nullable=False),  # a retried step waits until then
    sa.Column("checkpoints", Json, nullable=False),  # step name -> its recorded result
    sa.Column("input", Json, nullable=False),
    sa.Column("previous", Json),  # the resource as it was, to revert to
    sa.Column("result", Json),
    sa.Column("error", Json),
    sa.Column("percent", sa.Integer, nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("caller", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    # One live operation a resource: a second writer gets a 409 without a race.
    sa.Index(
        "uq_operations_live",
        "resource_key",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index("ix_operations_subscription", "subscription", "created_at", "id"),
    sa.Index("ix_operations_resource", "resource_key", "created_at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

# --- identity --------------------------------------------------------------------------------------------

applications = sa.Table(
    "applications",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # object id
    sa.Column("app_id", sa.Text, nullable=False, unique=True),  # client id
    sa.Column("display_name", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
)

application_secrets = sa.Table(
    "application_secrets",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column(
        "application_id",
        sa.Text,
        sa.ForeignKey("applications.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("display_name", sa.Text),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("lookup", sa.Text, nullable=False, index=True),  # part of the secret that is not secret
    sa.Column("hash", sa.Text, nullable=False),  # keyed hash
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)

service_principals = sa.Table(
    "service_principals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # object id, the one role assignments name
    sa.Column("app_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),  # Application | ManagedIdentity (has no application)
    sa.Column("resource_key", sa.Text, unique=True),  # the resource a managed identity belongs to
    sa.Column("display_name", sa.Text, nullable=False, index=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),  # entra | registry
    sa.Column("algorithm", sa.Text, nullable=False),
    sa.Column("private", sa.Text, nullable=False),  # PEM, encrypted with the master key
    sa.Column("public", sa.Text, nullable=False),  # PEM
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("retires_at", Moment),  # signs no more; verifies until removed
)

role_assignments = sa.Table(
    "role_assignments",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # of the resource row
    sa.Column("scope_key", sa.Text, nullable=False),
    sa.Column("principal_id", sa.Text, nullable=False),
    sa.Column("principal_type", sa.Text, nullable=False),
    sa.Column("role_id", sa.Text, nullable=False),  # trailing GUID of the role definition
    sa.Column("condition", sa.Text),
    sa.UniqueConstraint("scope_key", "principal_id", "role_id"),
    sa.Index("ix_role_assignments_principal", "principal_id", "scope_key"),
)

# Custom roles, for the evaluator: it reads permissions by GUID, and role names are unique.
role_definitions = sa.Table(
    "role_definitions",
    metadata,
    sa.Column("role_id", sa.Text, primary_key=True),  # GUID
    sa.Column("key", sa.Text, nullable=False, unique=True),  # of the resource row
    sa.Column("role_name_key", sa.Text, nullable=False, unique=True),  # lower case
    sa.Column("permissions", Json, nullable=False),  # as on the wire
    sa.Column("assignable_scopes", Json, nullable=False),
)

# One row a name; a change that may take rights away adds one. Verified tokens remember the value they
# were verified under, so that a cache never outlives a right.
stamps = sa.Table(
    "stamps",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

service_facts = sa.Table(
    "service_facts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # tenant, subscription, owner
    sa.Column("value", sa.Text, nullable=False),
)

# Work that is done over and over. One process at a time has a chore; whoever dies with it loses it to the
# next when the lease ends.
chores = sa.Table(
    "chores",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("due_at", Moment, nullable=False, index=True),
    sa.Column("rung_at", Moment),  # when a worker was last asked to do it
    sa.Column("lease_until", Moment),
    sa.Column("attempt", sa.BigInteger, nullable=False),
    sa.Column("state", Json, nullable=False),  # where the work stands, the chore's own
    sa.Column("ended_at", Moment),
    sa.Column("error", sa.Text),
)
