"""Role assignments: Microsoft.Authorization/roleAssignments, at any scope from the root to a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import CRUD, Kind, Lifecycle, NameRule, ResourceType, Verb
from controlplane.arm.fields import choice, model, moment, text
from controlplane.domain.principals import PrincipalType
from controlplane.domain.scopes import ASSIGNMENT_TYPE, ROOT
from controlplane.kernel.catalogue import ROLE_ASSIGNMENT_EXISTS, ROLE_ASSIGNMENT_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.persistence import role_assignments
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.role_assignments import AssignmentRow
from controlplane.resources.role_assignments_list import assignment_items
from controlplane.services import roles
from controlplane.services.graph import Services

PROPERTIES = model(
    "RoleAssignmentProperties",
    {
        "scope": text(read_only=True),
        "roleDefinitionId": text(required=True),
        "principalId": text(required=True, pattern=roles.GUID, message="must be an object id (a GUID)"),
        "principalType": choice(PrincipalType),
        "description": text(longest=1024),
        "condition": text(),
        "conditionVersion": text(),
        "createdOn": moment(read_only=True),
        "updatedOn": moment(read_only=True),
        "createdBy": text(read_only=True),
        "updatedBy": text(read_only=True),
    },
)


def _validate(ctx: Validation) -> None:
    services: Services = ctx.services
    scope = ctx.scope.parent or ROOT
    ctx.after.properties = roles.check_assignment(ctx.tx, services.directory, scope, ctx.after.properties)
    if ctx.before is not None:
        roles.check_assignment_change(ctx.before.properties, ctx.after.properties)


def _saved(tx: Transaction, before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    known = after.properties
    if before is not None:
        role_assignments.set_condition(tx, after.key, known.get("condition"))
        return
    role_id = roles.role_guid(known["roleDefinitionId"])
    row = AssignmentRow(
        after.key,
        after.parent_key,
        known["principalId"],
        known["principalType"],
        role_id,
        known.get("condition"),
    )
    role_assignments.add(tx, row)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    role_assignments.remove(tx, row.key)


def _view(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    said = row.system_data
    return {
        **dict.fromkeys(("description", "condition", "conditionVersion")),
        **row.properties,
        "scope": row.id.rpartition("/providers/")[0] or "/",
        "createdOn": said["createdAt"],
        "updatedOn": said["lastModifiedAt"],
        "createdBy": said["createdBy"],
        "updatedBy": said["lastModifiedBy"],
    }


RESOURCE = ResourceType(
    type=ASSIGNMENT_TYPE,
    model="RoleAssignment",
    plural="RoleAssignments",
    api_versions=("2022-04-01",),
    kind=Kind.EXTENSION,
    properties=PROPERTIES,
    verbs=CRUD - {Verb.PATCH},
    name=NameRule(roles.GUID, "The role assignment's name must be a GUID."),
    name_parameter="roleAssignmentName",
    operations={Verb.PUT: "RoleAssignments_Create", Verb.LIST: "RoleAssignments_ListForScope"},
    queries=("$filter",),
    missing=lambda scope: Failure(ROLE_ASSIGNMENT_NOT_FOUND, name=scope.name),
    delete_shows=True,
    shows_state=False,
    shows_system_data=False,
    lifecycle=Lifecycle(
        validate=_validate,
        saved=_saved,
        removed=_removed,
        view=_view,
        taken=lambda _: Failure(ROLE_ASSIGNMENT_EXISTS),
        items=assignment_items,
    ),
)
