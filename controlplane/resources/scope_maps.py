"""Scope maps: Microsoft.ContainerRegistry/registries/scopeMaps, those of users and those of the system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Lifecycle, NameRule, ResourceType, Verb
from controlplane.arm.fields import items, model, moment, text
from controlplane.domain.scope_maps import MAX_ACTIONS, SYSTEM_MAPS, MapType
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.catalogue import SCOPE_MAP_SYSTEM_DEFINED
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import tokens
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.scope_maps_system import TYPE, find_map, system_rows
from controlplane.services.token_credentials import bump, registry_id_above
from controlplane.services.token_rules import checked_actions

_LONGEST_DESCRIPTION = 256

PROPERTIES = model(
    "ScopeMapProperties",
    {
        "description": text(longest=_LONGEST_DESCRIPTION),
        "type": text(read_only=True),
        "creationDate": moment(read_only=True),
        "actions": items(text(), longest=MAX_ACTIONS, required=True),
    },
)


def _validate(ctx: Validation) -> None:
    _refuse_system(ctx.scope.name)
    after = ctx.after.properties
    ctx.after.properties = {**after, "type": MapType.USER.value, "actions": checked_actions(after["actions"])}


def _saved(tx: Transaction, before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    tokens.put_scope_map(tx, registry_id_above(tx, after.parent_key), after.key, after.properties["actions"])
    if before is not None:
        bump(tx, after)


def _ending(_tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    _refuse_system(row.name)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    tokens.delete_scope_map(tx, row.key)
    bump(tx, row)


def _view(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    return {**row.properties, "creationDate": rfc3339(row.created_at)}


def _refuse_system(name: str) -> None:
    if name.lower() in SYSTEM_MAPS:
        raise Failure(SCOPE_MAP_SYSTEM_DEFINED, name=name)


RESOURCE = ResourceType(
    type=TYPE,
    model="ScopeMap",
    plural="ScopeMaps",
    api_versions=("2025-11-01", "2026-09-01-preview"),
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    name=NameRule(
        "[a-zA-Z0-9_-]{5,50}", "Names have 5 to 50 characters: letters, digits, dashes and underscores."
    ),
    name_parameter="scopeMapName",
    operations={Verb.PUT: "ScopeMaps_Create"},
    quota="scope_maps",
    lifecycle=Lifecycle(
        validate=_validate,
        saved=_saved,
        ending=_ending,
        removed=_removed,
        view=_view,
        find=find_map,
        built_in=system_rows,
    ),
)
