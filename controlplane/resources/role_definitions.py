"""Role definitions: Microsoft.Authorization/roleDefinitions, built in (read-only) and custom."""

from __future__ import annotations

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import CRUD, Kind, Lifecycle, NameRule, ResourceType, Verb
from controlplane.arm.fields import choice, items, model, nested, text
from controlplane.domain.roles import BLOCK_MEMBERS, BUILT_IN, CUSTOM, built_in_roles
from controlplane.domain.scopes import DEFINITION_TYPE, ROOT, Scope
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Failure
from controlplane.persistence import resources, role_assignments
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.role_assignments import CustomRoleRow
from controlplane.resources.role_definitions_list import built_in_row, role_items
from controlplane.services import roles
from controlplane.services.graph import Services

PERMISSION = model("Permission", {name: items(text(), default=list) for name in BLOCK_MEMBERS})
PROPERTIES = model(
    "RoleDefinitionProperties",
    {
        "roleName": text(required=True),
        "type": choice((CUSTOM, BUILT_IN), default=CUSTOM),
        "description": text(longest=1024),
        "permissions": items(nested(PERMISSION), required=True),
        "assignableScopes": items(text(), required=True),
    },
)
_WRITE, _DELETE = f"{DEFINITION_TYPE}/write", f"{DEFINITION_TYPE}/delete"


def _validate(ctx: Validation) -> None:
    services: Services = ctx.services
    before, after = ctx.before, ctx.after.properties
    if before is not None:
        _refuse_built_in(before)
    if after["type"] != CUSTOM:
        raise Failure(catalogue.ROLE_DEFINITION_INVALID, reason="type must be CustomRole.")
    roles.check_definition(ctx.tx, ctx.scope.name.lower(), after)
    scopes = [*after["assignableScopes"], *(before.properties["assignableScopes"] if before else ())]
    roles.require_everywhere(ctx.tx, services.access, ctx.principal, _WRITE, scopes)


def _saved(tx: Transaction, before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    known = after.properties
    row = CustomRoleRow(
        after.name.lower(),
        after.key,
        known["roleName"].lower(),
        known["permissions"],
        known["assignableScopes"],
    )
    if before is None:
        role_assignments.add_custom_role(tx, row)
    else:
        role_assignments.change_custom_role(tx, row)


def _ending(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    _refuse_built_in(row)
    scopes = row.properties["assignableScopes"]
    roles.require_everywhere(tx, services.access, ctx.principal, _DELETE, scopes)
    if role_assignments.role_in_use(tx, row.name.lower()):
        raise Failure(catalogue.ROLE_DEFINITION_IN_USE, role=row.name)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    role_assignments.remove_custom_role(tx, row.name.lower())


def _refuse_built_in(row: ResourceRow) -> None:
    if row.properties["type"] == BUILT_IN:
        raise Failure(catalogue.ROLE_DEFINITION_BUILT_IN, role=row.properties["roleName"])


def _find(ctx: Context, scope: Scope) -> ResourceRow | None:
    above = scope.parent or ROOT
    role = built_in_roles().get(scope.name.lower())
    if role is not None:
        return built_in_row(role, above)
    known = role_assignments.custom_role(ctx.tx, role_id=scope.name.lower())
    if known is None or not roles.concerns(known.assignable_scopes, above.key):
        return None
    return resources.get(ctx.tx, known.key)


RESOURCE = ResourceType(
    type=DEFINITION_TYPE,
    model="RoleDefinition",
    plural="RoleDefinitions",
    api_versions=("2022-04-01", "2022-05-01-preview"),
    kind=Kind.EXTENSION,
    properties=PROPERTIES,
    verbs=CRUD - {Verb.PATCH},
    name=NameRule(roles.GUID, "The role definition's name must be a GUID."),
    name_parameter="roleDefinitionId",
    operations={Verb.PUT: "RoleDefinitions_CreateOrUpdate"},
    queries=("$filter",),
    missing=lambda scope: Failure(catalogue.ROLE_DEFINITION_NOT_FOUND, id=scope.name),
    replaced=201,
    delete_shows=True,
    shows_state=False,
    shows_system_data=False,
    lifecycle=Lifecycle(
        validate=_validate,
        saved=_saved,
        ending=_ending,
        removed=_removed,
        taken=lambda scope: Failure(catalogue.ROLE_DEFINITION_NAME_TAKEN, role=scope.name),
        find=_find,
        items=role_items,
    ),
)
