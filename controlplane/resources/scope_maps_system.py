"""Scope maps of the system as rows: data of the service that every registry shows and nothing changes."""

from __future__ import annotations

from controlplane.arm.contexts import Context, Listing
from controlplane.domain.scope_maps import SYSTEM_MAPS, MapType, SystemMap
from controlplane.domain.scopes import REGISTRY_TYPE, Scope
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import resources
from controlplane.persistence.resources import ResourceRow

TYPE = f"{REGISTRY_TYPE}/scopeMaps"


def find_map(ctx: Context, scope: Scope) -> ResourceRow | None:
    """Return a scope map, stored or of the system; None when there is none."""
    system = SYSTEM_MAPS.get(scope.name.lower())
    if system is None:
        return resources.get(ctx.tx, scope.key)
    above = None if scope.parent is None else resources.get(ctx.tx, scope.parent.key)
    return None if above is None else _system_row(system, above)


def system_rows(listing: Listing) -> list[ResourceRow]:
    """Return the scope maps of the system on the registry that a list is about."""
    above = resources.get(listing.tx, listing.scope.key)
    return [] if above is None else [_system_row(system, above) for system in SYSTEM_MAPS.values()]


def _system_row(system: SystemMap, registry: ResourceRow) -> ResourceRow:
    """Return a scope map of the system as if it were stored, as old as the registry."""
    map_id = f"{registry.id}/scopeMaps/{system.name}"
    return ResourceRow(
        key=map_id.lower(),
        id=map_id,
        type=TYPE.lower(),
        name=system.name,
        parent_key=registry.key,
        subscription=registry.subscription,
        group_key=registry.group_key,
        location=None,
        tags=None,
        members={},
        properties={
            "description": system.description,
            "type": MapType.SYSTEM.value,
            "actions": list(system.actions),
        },
        provisioning_state=ProvisioningState.SUCCEEDED,
        version=1,
        system_data={},
        created_at=registry.created_at,
    )
