"""Roles: scopes, definitions by name, assignments as az shows them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from cli.arm import ROLE_ASSIGNMENTS_API, ROLE_DEFINITIONS_API
from cli.errors import BadUsageError, CommandError, ConflictError, NotFoundError
from cli.graph import display_name, is_guid, quoted
from cli.shapes import shape

if TYPE_CHECKING:
    from cli.session import Session

PROVIDER = "providers/Microsoft.Authorization"


def scope_of(session: Session, scope: str | None, group: str | None) -> str:
    """Return the scope that options name; the subscription when they name none."""
    if scope and group:
        raise BadUsageError("give --scope or --resource-group, not both")
    if scope:
        return "/" + scope.strip("/")
    return session.path("resourceGroups", group) if group else session.path()


def definitions(session: Session, scope: str, name: str = "") -> list[Any]:
    """Return role definitions at a scope, only those with this GUID or name if one is given."""
    params = {"$filter": f"roleName eq '{quoted(name)}'"} if name and not is_guid(name) else None
    found = session.arm.list(f"{scope}/{PROVIDER}/roleDefinitions", ROLE_DEFINITIONS_API, params)
    return [
        d
        for d in found
        if not name or name.lower() in (d["name"].lower(), d["properties"]["roleName"].lower())
    ]


def definition_id(session: Session, role: str, scope: str) -> str:
    """Return the id of a role given as id, GUID or name; NotFoundError for an unknown name."""
    if "/roledefinitions/" in role.lower():
        return role
    if is_guid(role):
        return f"{session.path()}/{PROVIDER}/roleDefinitions/{role}"
    found = definitions(session, scope, role)
    if not found:
        raise NotFoundError(f"Role '{role}' doesn't exist.", hint="acrctl role definition list -o table")
    if len(found) > 1:
        raise CommandError(f"There is more than one role '{role}'.", hint="Give the role's GUID.")
    return str(found[0]["id"])


def assign(session: Session, role: str, scope: str, members: dict[str, Any], name: str = "") -> Any:
    """Assign a role; an assignment that exists already is as good as a new one and is returned.

    ``members`` are those of the assignment's properties beside the role; None values are left out.
    """
    role_id = definition_id(session, role, scope)
    properties = {"roleDefinitionId": role_id} | {k: v for k, v in members.items() if v is not None}
    path = f"{scope}/{PROVIDER}/roleAssignments/{name or uuid.uuid4()}"
    try:
        wire = session.arm.call("PUT", path, ROLE_ASSIGNMENTS_API, json={"properties": properties})
    except ConflictError as conflict:
        if conflict.code != "RoleAssignmentExists":
            raise
        there = assignments(session, scope, members["principalId"], role)
        if not there:
            raise
        fill_names(session, there, scope)
        return there[0]
    return shape("RoleAssignment", wire)


def assignments(
    session: Session, scope: str | None, principal: str | None, role: str | None, *, inherited: bool = False
) -> list[Any]:
    """Return assignments at a scope (and above, if ``inherited``), or all of the subscription without one.

    Filtering by principal and role happens here, since the API combines neither with `atScope()`.
    """
    base = scope if scope is not None else session.path()
    params = {"$filter": "atScope()"} if scope is not None else None
    wire = session.arm.list(f"{base}/{PROVIDER}/roleAssignments", ROLE_ASSIGNMENTS_API, params)
    found = [_without_nulls(shape("RoleAssignment", one)) for one in wire]
    if scope is not None and not inherited:
        found = [one for one in found if one["scope"].lower() == scope.lower()]
    if principal:
        found = [one for one in found if one["principalId"].lower() == principal.lower()]
    if role:
        wanted = _guid_of(definition_id(session, role, base))
        found = [one for one in found if _guid_of(one["roleDefinitionId"]) == wanted]
    return found


def _without_nulls(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if value is not None}


def _guid_of(role_id: str) -> str:
    return role_id.rpartition("/")[2].lower()


def fill_names(
    session: Session, found: list[Any], scope: str, *, roles: bool = True, principals: bool = True
) -> None:
    """Add `roleDefinitionName` and `principalName` to assignments.

    Names are a help: a caller who may not read the directory gets assignments without them.
    """
    if found and roles:
        names = {_guid_of(d["id"]): d["properties"]["roleName"] for d in definitions(session, scope)}
        for one in found:
            one["roleDefinitionName"] = names.get(_guid_of(one["roleDefinitionId"]))
    if found and principals:
        try:
            known = session.graph.by_ids(sorted({one["principalId"] for one in found}))
        except CommandError as problem:
            session.tell(f"Names of principals could not be read: {problem.message}")
            return
        shown = {entry["id"]: display_name(entry) for entry in known}
        for one in found:
            one["principalName"] = shown.get(one["principalId"], "")
