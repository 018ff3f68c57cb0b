"""The document of a resource, as an api-version shows it."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Context
from controlplane.arm.declaration import ResourceType
from controlplane.arm.shapes import STATE, resource
from controlplane.arm.validation import shown
from controlplane.persistence.resources import ResourceRow


def document(declared: ResourceType, row: ResourceRow, ctx: Context) -> dict[str, Any]:
    """Return what GET answers for a resource."""
    lifecycle = declared.lifecycle
    members = lifecycle.view_members or (lambda known, _version, _ctx: known.members)
    whole: dict[str, Any] = {"id": row.id, "name": row.name, "type": declared.type}
    if declared.tracked:
        whole |= {"location": row.location, "tags": dict(row.tags or {})}
    whole |= members(row, ctx.api_version, ctx)
    if declared.properties is not None:
        properties = dict(lifecycle.view(row, ctx.api_version, ctx))
        if declared.shows_state:
            properties[STATE] = row.provisioning_state.value
        whole["properties"] = properties
    whole["systemData"] = dict(row.system_data)
    return shown(resource(declared), whole, ctx.api_version)
