"""From a body to a row: what a write makes of what is stored and what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from controlplane.arm import shapes, validation
from controlplane.arm.contexts import Draft, Validation
from controlplane.arm.declaration import ResourceType
from controlplane.arm.naming import new_id
from controlplane.domain import locations
from controlplane.domain.principals import Principal
from controlplane.domain.scopes import GROUP_TYPE, Scope
from controlplane.kernel.catalogue import (
    INVALID_GROUP_LOCATION,
    INVALID_RESOURCE_LOCATION,
    LOCATION_NOT_AVAILABLE,
    LOCATION_REQUIRED,
)
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence.resources import ResourceRow

_ENVELOPE = ("location", "tags", "properties")


def draft(  # noqa: PLR0913 - what a draft is made of
    declared: ResourceType,
    before: ResourceRow | None,
    given: Mapping[str, Any],
    api_version: str,
    available: tuple[str, ...],
    *,
    patch: bool,
) -> Draft:
    """Check a body and return the resource it asks for, complete.

    Raises:
        Failure: the body is wrong, changes what is fixed at creation, or names no region of this deployment.
    """
    shape = shapes.body(declared)
    stored = {} if before is None else body_of(declared, before)
    if patch:
        loaded = validation.read_patch(shape, stored, given, api_version)
        spoken = validation.merged(stored, given)
    else:
        sent = {"properties": {}, **given} if declared.properties is not None else given
        loaded = validation.read(shape, validation.with_secrets(shape, stored, sent), api_version)
        spoken = given
    if declared.tracked:
        loaded["location"] = _location(declared, before, loaded.get("location"), available)
    if before is not None:
        validation.carry(shape, stored, loaded, spoken, api_version)
        validation.refuse_changes(shape, stored, loaded)
    return Draft(
        location=loaded.get("location"),
        tags=dict(loaded.get("tags") or {}) if declared.tracked else None,
        members={name: value for name, value in loaded.items() if name not in _ENVELOPE},
        properties=dict(loaded.get("properties") or {}),
    )


def body_of(declared: ResourceType, row: ResourceRow) -> dict[str, Any]:
    """Return a stored resource in the form of a body."""
    body: dict[str, Any] = dict(row.members)
    if declared.tracked:
        body |= {"location": row.location, "tags": dict(row.tags or {})}
    if declared.properties is not None:
        body["properties"] = dict(row.properties)
    return body


def row_of(declared: ResourceType, scope: Scope, ctx: Validation, state: ProvisioningState) -> ResourceRow:
    """Return the row to store for a checked draft: a new one, or the old one changed."""
    after = ctx.after
    changed: dict[str, Any] = {
        "tags": after.tags,
        "members": after.members,
        "properties": after.properties,
        "provisioning_state": state,
        "system_data": _system_data(ctx.before, ctx.principal, ctx.now),
    }
    if ctx.before is not None:
        return replace(ctx.before, **changed)
    resource_id = new_id(declared, ctx.parent, scope.name)
    group = None if declared.type == GROUP_TYPE or scope.group is None else scope.group
    return ResourceRow(
        key=resource_id.lower(),
        id=resource_id,
        type=declared.key,
        name=scope.name,
        parent_key="/" if ctx.parent is None else ctx.parent.key,
        subscription=scope.subscription,
        group_key=group and f"/subscriptions/{scope.subscription}/resourcegroups/{group}".lower(),
        location=after.location,
        version=1,
        created_at=ctx.now,
        **changed,
    )


def _location(
    declared: ResourceType, before: ResourceRow | None, given: str | None, available: tuple[str, ...]
) -> str:
    if given is None:
        raise Failure(LOCATION_REQUIRED, target="location")
    if before is not None and before.location is not None:
        if locations.normalise(given) == before.location:
            return before.location
        kind = INVALID_GROUP_LOCATION if declared.type == GROUP_TYPE else INVALID_RESOURCE_LOCATION
        existing, wanted = before.location, locations.normalise(given)
        raise Failure(kind, name=before.name, existing=existing, location=wanted, target="location")
    found = locations.find(given, available)
    if found is None:
        known = ", ".join(available)
        raise Failure(
            LOCATION_NOT_AVAILABLE, location=given, type=declared.type, available=known, target="location"
        )
    return found


def _system_data(before: ResourceRow | None, principal: Principal | None, now: datetime) -> dict[str, Any]:
    name, kind = ("", "Application") if principal is None else principal.actor
    moment = rfc3339(now)
    last = {"lastModifiedBy": name, "lastModifiedByType": kind, "lastModifiedAt": moment}
    if before is not None:
        return {**before.system_data, **last}
    return {"createdBy": name, "createdByType": kind, "createdAt": moment, **last}
