"""Replications: Microsoft.ContainerRegistry/registries/replications.

A replication is a further region of a registry, and named like it. Making one copies what the registry holds,
and is done when that is there, or goes on beside it; deleting one removes what only that region needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Call, Context, Validation
from controlplane.arm.declaration import Action, Kind, Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import choice, flag, model, nested
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.domain.tiers import Feature
from controlplane.kernel.catalogue import FEATURE_NOT_SUPPORTED, INVALID_REQUEST_CONTENT
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import registries, replicas, resources
from controlplane.persistence.database import Transaction
from controlplane.persistence.replicas import ReplicaRow
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.replications_schemas import PROGRESS, STATUS
from controlplane.resources.replications_steps import DEPROVISION, PROVISION
from controlplane.services import endpoints
from controlplane.services.graph import Services

PROPERTIES = model(
    "ReplicationProperties",
    {
        "regionEndpointEnabled": flag(default=True),
        "zoneRedundancy": choice(("Enabled", "Disabled"), default="Disabled", create_only=True),
        "status": nested(STATUS, read_only=True),
    },
)


def _validate(ctx: Validation) -> None:
    if ctx.after.properties["zoneRedundancy"] == "Enabled":
        feature, hint = "Zone redundancy", "Leave it at its default, 'Disabled'."
        raise Failure(FEATURE_NOT_SUPPORTED, feature=feature, hint=hint, target="properties.zoneRedundancy")
    if ctx.creating and ctx.parent is not None:
        if ctx.after.location == ctx.parent.location:
            raise _refused("location", f"the registry's home region is '{ctx.parent.location}' already")
        if ctx.scope.name.lower() != ctx.after.location:
            raise _refused("name", f"a replication is named like its region, '{ctx.after.location}'")


def _refused(target: str, reason: str) -> Failure:
    return Failure(INVALID_REQUEST_CONTENT, reason=f"{target}: {reason}", target=target)


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, ctx: Context) -> None:
    registry = registries.by_key(tx, after.parent_key)
    if registry is not None:
        is_open, region = bool(after.properties["regionEndpointEnabled"]), after.location or ""
        ctx.services.replicas.join(tx, ReplicaRow(registry.id, region, after.key, is_open, ctx.now))
        _arrange(tx, after, ctx)


def _arrange(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    parent = resources.get(tx, row.parent_key)
    if parent is not None:
        endpoints.arrange(tx, ctx.services.settings, parent.key, parent.properties)


def _closed(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    """Want nothing in the region any more, and let no endpoint mean it."""
    registry = registries.by_key(tx, row.parent_key)
    if registry is not None:
        replicas.remove_replica(tx, registry.id, row.location or "")
        _arrange(tx, row, ctx)


def _settled(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    if row.provisioning_state is not ProvisioningState.SUCCEEDED:
        _saved(tx, None, row, ctx)  # a delete that failed leaves it as it was


def _view(row: ResourceRow, _api_version: str, ctx: Context) -> Mapping[str, Any]:
    registry = registries.by_key(ctx.tx, row.parent_key)
    if registry is None:
        return row.properties
    shown = ctx.services.replicas.shown(ctx.tx, registry.id, row.location or "", row.created_at)
    return {**row.properties, "status": shown}


def _status(ctx: Call) -> dict[str, Any]:
    registry = registries.by_key(ctx.tx, ctx.resource.parent_key)
    if registry is None:
        raise LookupError(f"{ctx.resource.id} has no registry")
    services: Services = ctx.services
    return services.replicas.status(ctx.tx, registry.id, ctx.resource.location or "")


RESOURCE = ResourceType(
    type=f"{REGISTRY_TYPE}/replications",
    model="Replication",
    plural="Replications",
    api_versions=("2025-11-01", "2026-09-01-preview"),
    kind=Kind.TRACKED,
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    name=NameRule("[a-zA-Z0-9]{5,50}", "A replication is named like its region: 5 to 50 letters and digits."),
    name_parameter="replicationName",
    gate=Feature.GEO_REPLICATION,
    lifecycle=Lifecycle(
        validate=_validate,
        saved=_saved,
        deleting=_closed,
        settled=_settled,
        removed=_closed,
        view=_view,
        provision=PROVISION,
        deprovision=DEPROVISION,
        provisions=lambda before, _after: before is None,
    ),
    actions=(Action("status", "Replications_Status", _status, method="GET", response=PROGRESS),),
)
