"""Registries: Microsoft.ContainerRegistry/registries.

A write puts settings in force in its own transaction; what takes longer is the login server, which must
accept connections before a new registry counts as created. A delete closes the registry first, then takes
its content away in small steps, and gives up name and login server in the transaction that ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import (
    CRUD,
    Kind,
    Lifecycle,
    NameRule,
    ResourceType,
    Verb,
)
from controlplane.domain import names
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import registries as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.registries import RegistrySettings
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.registries_actions import ACTIONS, CHECK_NAME, admin_user
from controlplane.resources.registries_policies import PREVIEW, STABLE
from controlplane.resources.registries_schemas import MEMBERS, PROPERTIES
from controlplane.resources.registries_steps import DEPROVISION, PROVISION
from controlplane.services import registries, registry_rules
from controlplane.services.graph import Services


def _validate(ctx: Validation) -> None:
    after = ctx.after
    tier = registry_rules.tier_of(after.members["sku"])
    properties = registry_rules.checked(after.properties, tier, ctx.now)
    before = store.by_key(ctx.tx, ctx.scope.key)
    if before is not None and before.tier is not tier:
        registries.refuse_tier(ctx.tx, before, properties, tier)
    registry_rules.refuse_beyond_tier(properties, tier)
    if before is None:
        properties["loginServer"] = _create(ctx, registry_rules.settings_of(tier, properties))
    after.properties = properties
    after.members["sku"] = {"name": tier.value, "tier": tier.value}
    _identify(ctx)


def _create(ctx: Validation, chosen: RegistrySettings) -> str:
    """Take name and login server here, before the row is written, since the row shows them."""
    services: Services = ctx.services
    location = ctx.after.location or services.settings.location
    new = registries.NewRegistry(ctx.scope.key, ctx.scope.name, location, chosen)
    row, login_server = registries.create(ctx.tx, services.settings, new)
    admin_user(ctx).create(ctx.tx, row.id)
    return login_server


def _identify(ctx: Validation) -> None:
    """Give the registry the identity it asks for; one that is not wanted any more ends when the write has."""
    services: Services = ctx.services
    if not registry_rules.wants_identity(ctx.after.members.pop("identity", None)):
        return
    principal = services.directory.ensure_identity(ctx.tx, ctx.scope.key, ctx.scope.name)
    tenant = services.directory.tenant_id()
    ctx.after.members["identity"] = {
        "type": "SystemAssigned",
        "principalId": principal.id,
        "tenantId": tenant,
    }


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    tier = registry_rules.tier_of(after.members["sku"])
    registries.put_in_force(tx, after.key, registry_rules.settings_of(tier, after.properties))


def _deleting(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    registries.close_to_clients(tx, row.key)


def _settled(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    if row.provisioning_state is not ProvisioningState.SUCCEEDED:
        registries.close_to_clients(tx, row.key)
    if "identity" not in row.members:
        services.directory.remove_identity(tx, row.key)


def _removed(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    services.directory.remove_identity(tx, row.key)
    registries.forget(tx, row.key)


def _view(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    return {**row.properties, "creationDate": rfc3339(row.created_at)}


RESOURCE = ResourceType(
    type=REGISTRY_TYPE,
    model="Registry",
    plural="Registries",
    api_versions=(STABLE, PREVIEW),
    kind=Kind.TRACKED,
    properties=PROPERTIES,
    members=MEMBERS,
    verbs=CRUD | {Verb.LIST_ALL},
    name=NameRule(names.REGISTRY_NAME_PATTERN, names.REGISTRY_NAME_RULE),
    name_parameter="registryName",
    operations={
        Verb.PUT: "Registries_Create",
        Verb.LIST: "Registries_ListByResourceGroup",
        Verb.LIST_ALL: "Registries_List",
    },
    lifecycle=Lifecycle(
        validate=_validate,
        saved=_saved,
        deleting=_deleting,
        settled=_settled,
        removed=_removed,
        view=_view,
        provision=PROVISION,
        deprovision=DEPROVISION,
    ),
    actions=ACTIONS,
)
ENDPOINTS = (CHECK_NAME,)
