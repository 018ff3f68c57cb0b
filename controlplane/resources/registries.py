"""Registries: Microsoft.ContainerRegistry/registries.

A write puts settings in force in its own transaction; what takes longer is the login server, which must
accept connections before a new registry counts as created. A delete closes the registry first, then takes
its content away in small steps, and gives up name and login server in the transaction that ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context
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
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.registries_actions import ACTIONS
from controlplane.resources.registries_policies import PREVIEW, STABLE
from controlplane.resources.registries_schemas import MEMBERS, PROPERTIES
from controlplane.resources.registries_steps import DEPROVISION, PROVISION
from controlplane.resources.registries_validation import validate
from controlplane.services import endpoints, identities, registries, registry_rules
from controlplane.services.graph import Services


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    tier = registry_rules.tier_of(after.members["sku"])
    registries.put_in_force(tx, after.key, registry_rules.settings_of(tier, after.properties))
    endpoints.arrange(tx, services.settings, after.key, after.properties)


def _deleting(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    registries.close_to_clients(tx, row.key)


def _settled(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    if row.provisioning_state is not ProvisioningState.SUCCEEDED:
        registries.close_to_clients(tx, row.key)
    identities.settle(tx, services.directory, row)


def _removed(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    services.directory.remove_identity(tx, row.key)
    registries.forget(tx, row.key)


def _view(row: ResourceRow, _api_version: str, ctx: Context) -> Mapping[str, Any]:
    hosts = endpoints.host_names(ctx.tx, row.key, row.properties)
    return {**row.properties, **hosts, "creationDate": rfc3339(row.created_at)}


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
        validate=validate,
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
