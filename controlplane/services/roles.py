"""The rules of role definitions and role assignments, as their resources are written.

Source: Azure RBAC. A custom role is one object known by its GUID at every scope it concerns; changing or
deleting it takes the right to do so at each of its assignable scopes, so that nobody changes through a scope
of their own what counts in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controlplane.domain.conditions import VERSION, ConditionError, parse_condition
from controlplane.domain.principals import Principal
from controlplane.domain.roles import (
    CUSTOM,
    MAX_ROLE_NAME,
    Role,
    action_problem,
    assignable_scope_problem,
    built_in_roles,
    covers,
    permission_from_json,
    supports_conditions,
)
from controlplane.domain.scopes import DEFINITION_TYPE, Scope, parse_scope
from controlplane.kernel.catalogue import (
    ASSIGNED_ROLE_NOT_FOUND,
    CONDITION_INVALID,
    PRINCIPAL_NOT_FOUND,
    PRINCIPAL_TYPE_WRONG,
    ROLE_ASSIGNMENT_FIXED,
    ROLE_ASSIGNMENT_INVALID,
    ROLE_DEFINITION_INVALID,
    ROLE_DEFINITION_NAME_TAKEN,
    ROLE_NOT_ASSIGNABLE,
)
from controlplane.kernel.errors import Failure
from controlplane.persistence import role_assignments as store
from controlplane.persistence.database import Transaction
from controlplane.services.access import Access
from controlplane.services.directory import Directory

GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_ROLE_ID = re.compile(rf"(?:/.*)?/providers/{re.escape(DEFINITION_TYPE)}/({GUID})", re.IGNORECASE)


def role_guid(role_definition_id: str) -> str:
    """Return the GUID a role definition's id ends in; ids of one role differ in what stands before it.

    Raises:
        Failure: ROLE_ASSIGNMENT_INVALID.
    """
    found = _ROLE_ID.fullmatch(role_definition_id)
    if found is None:
        raise Failure(
            ROLE_ASSIGNMENT_INVALID,
            reason=f"'{role_definition_id}' is not the id of a role definition.",
            target="properties.roleDefinitionId",
        )
    return found[1].lower()


def role_id_at(guid: str, subscription: str | None) -> str:
    """Return a role definition's id as answers about a subscription (None: about the root) spell it."""
    above = "" if subscription is None else f"/subscriptions/{subscription}"
    return f"{above}/providers/{DEFINITION_TYPE}/{guid}"


def role_of(tx: Transaction, guid: str) -> Role | None:
    """Return a role, built in or custom."""
    if guid in built_in_roles():
        return built_in_roles()[guid]
    row = store.custom_role(tx, role_id=guid)
    if row is None:
        return None
    permissions = tuple(permission_from_json(block) for block in row.permissions)
    return Role(
        id=guid,
        name=row.role_name_key,
        description="",
        permissions=permissions,
        type=CUSTOM,
        assignable=tuple(row.assignable_scopes),
        conditions=supports_conditions(permissions),
    )


def concerns(assignable: Iterable[str], scope_key: str) -> bool:
    """Tell whether a custom role concerns a scope: it may be assigned there, above or below."""
    return any(covers(scope, scope_key) or covers(scope_key, scope.lower()) for scope in assignable)


# --- assignments -----------------------------------------------------------------------------------------


def check_assignment(
    tx: Transaction, directory: Directory, scope: Scope, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Check a role assignment at a scope and return its properties in the form that is stored.

    Raises:
        Failure: role or principal do not exist or do not fit, or the condition is not understood.
    """
    guid = role_guid(given["roleDefinitionId"])
    role = role_of(tx, guid)
    if role is None:
        raise Failure(ASSIGNED_ROLE_NOT_FOUND, id=guid, target="properties.roleDefinitionId")
    if not role.assignable_at(scope.key):
        raise Failure(ROLE_NOT_ASSIGNABLE, role=guid, scope=scope.id, target="properties.roleDefinitionId")
    principal_id = given["principalId"].lower()
    actual = directory.principal_type(tx, principal_id)
    if actual is None:
        tenant = directory.tenant_id()
        raise Failure(
            PRINCIPAL_NOT_FOUND, principal=principal_id, tenant=tenant, target="properties.principalId"
        )
    wanted = given.get("principalType")
    if wanted not in (None, actual.value):
        raise Failure(PRINCIPAL_TYPE_WRONG, principal=principal_id, actual=actual.value, given=wanted)
    _check_condition(role, given)
    return {
        **given,
        "roleDefinitionId": role_id_at(guid, scope.subscription),
        "principalId": principal_id,
        "principalType": actual.value,
    }


def check_assignment_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse to let an assignment become another; condition and description may change.

    Raises:
        Failure: ROLE_ASSIGNMENT_FIXED.
    """
    same_role = role_guid(before["roleDefinitionId"]) == role_guid(after["roleDefinitionId"])
    if not same_role or before["principalId"] != after["principalId"]:
        raise Failure(ROLE_ASSIGNMENT_FIXED)


def _check_condition(role: Role, given: Mapping[str, Any]) -> None:
    condition, version = given.get("condition"), given.get("conditionVersion")
    target = "properties.condition"
    if condition is None:
        if version is not None:
            raise Failure(CONDITION_INVALID, reason="conditionVersion needs a condition", target=target)
        return
    if version != VERSION:
        raise Failure(CONDITION_INVALID, reason=f"conditionVersion must be '{VERSION}'", target=target)
    if not role.conditions:
        raise Failure(
            CONDITION_INVALID,
            reason="the role grants no data action on repositories that a condition could narrow",
            target=target,
        )
    try:
        parse_condition(condition)
    except ConditionError as error:
        raise Failure(CONDITION_INVALID, reason=str(error), target=target) from None


# --- custom roles ----------------------------------------------------------------------------------------


def check_definition(tx: Transaction, guid: str, given: Mapping[str, Any]) -> None:
    """Check a custom role: its name is free, its actions and assignable scopes make sense.

    Raises:
        Failure: ROLE_DEFINITION_INVALID or ROLE_DEFINITION_NAME_TAKEN.
    """
    name = given["roleName"]
    if not name.strip() or len(name) > MAX_ROLE_NAME:
        raise _invalid(f"roleName must have 1 to {MAX_ROLE_NAME} characters.", "roleName")
    if not given.get("assignableScopes"):
        raise _invalid("assignableScopes must name at least one scope.", "assignableScopes")
    for problem in map(assignable_scope_problem, given["assignableScopes"]):
        if problem is not None:
            raise _invalid(problem, "assignableScopes")
    for pattern in _patterns(given.get("permissions") or ()):
        problem = action_problem(pattern)
        if problem is not None:
            raise _invalid(problem, "permissions")
    other = store.custom_role(tx, role_name=name)
    built_in = any(role.name.lower() == name.lower() for role in built_in_roles().values())
    if built_in or (other is not None and other.role_id != guid):
        raise Failure(ROLE_DEFINITION_NAME_TAKEN, role=name, target="properties.roleName")


def require_everywhere(
    tx: Transaction, access: Access, principal: Principal | None, action: str, scopes: Iterable[str]
) -> None:
    """Require a right at each assignable scope of a role. A worker (no principal) acts for who had it.

    Raises:
        Failure: AUTHORIZATION_FAILED.
    """
    if principal is not None:
        for scope in scopes:
            access.require_in(tx, principal, action, parse_scope(scope))


def _patterns(blocks: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for block in blocks:
        for patterns in block.values():
            yield from patterns


def _invalid(reason: str, member: str) -> Failure:
    return Failure(ROLE_DEFINITION_INVALID, reason=reason, target=f"properties.{member}")
