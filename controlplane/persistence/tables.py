"""Every table, in groups: resources and operations, identity, registries, content.

Ids of resources are kept twice: as given, and lower-cased (``key``), the form that is unique and compared.
Foreign keys exist inside the content group, where rows live and die together; the resource group is
ordered by the mechanism instead, since parents and children end through operations.
"""

from __future__ import annotations

import sqlalchemy as sa

from controlplane.persistence.types import BigId, Json, Moment

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

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
    sa.Column("kind", sa.Text, nullable=False),  # login | data
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
    sa.Column("manifest_count", sa.BigInteger, nullable=False),
    sa.Column("tag_count", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("registry_id", "name"),
)

# Bytes that are whole and verified. Global: equal bytes are stored once.
blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
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
    sa.Index("ix_repository_blobs_digest", "digest"),
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
    sa.UniqueConstraint("repository_id", "digest"),
    sa.Index("ix_manifests_subject", "repository_id", "subject", "digest"),
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
    sa.Column(
        "manifest_id", BigId, sa.ForeignKey("manifests.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("created_at", Moment, nullable=False),  # when the name first appeared, kept over re-tags
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment),
    sa.Index(
        "uq_tags_current",
        "repository_id",
        "name",
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    ),
    sa.Index("ix_tags_history", "repository_id", "name", "since"),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("repository_id", BigId, sa.ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    sa.Column("owner", sa.Text, nullable=False),  # who began it; nobody else may go on
    sa.Column("received", sa.BigInteger, nullable=False),  # bytes that are durable
    sa.Column("sha256", sa.Text),  # of those bytes, when the process that wrote them knew it
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False, index=True),
)
