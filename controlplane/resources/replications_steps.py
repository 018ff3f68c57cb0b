"""What takes time about replications: the first copies of what a registry holds, and leaving a region."""

from __future__ import annotations

from controlplane.arm.contexts import ResourceStepContext
from controlplane.arm.declaration import ResourceStep
from controlplane.persistence import registries as store
from controlplane.services import registries
from controlplane.services.graph import Services


def _registry_of(ctx: ResourceStepContext) -> int | None:
    services: Services = ctx.services
    key = ctx.row.parent_key
    with services.database.read() as tx:
        registry = store.by_key(tx, key)
    return None if registry is None else registry.id


def _synchronise(ctx: ResourceStepContext) -> int:
    """Copy the registry's content. Twice, or dying midway: what is there is skipped."""
    services: Services = ctx.services
    registry = _registry_of(ctx)
    if registry is None:
        return 0
    return services.replicas.synchronise(registry, ctx.row.location or "", ctx.write, ctx.progress)


def _open_endpoints(ctx: ResourceStepContext) -> None:
    """Wait until the region's endpoints accept connections. Twice, or dying midway: it only looks."""
    services: Services = ctx.services
    key = ctx.row.parent_key
    with services.database.read() as tx:
        ports = registries.ports(tx, services.settings, key)
    for host, port in ports:
        registries.wait_until_open(host, port)


def _leave(ctx: ResourceStepContext) -> int:
    """Remove what only the region needed. Twice, or dying midway: it goes on with what is left.

    With its registry nothing has to be kept: collection removes the content from all regions.
    """
    services: Services = ctx.services
    registry, row = _registry_of(ctx), ctx.row
    if registry is None or ctx.operation.resource_id.lower() != row.key:
        return 0
    return services.replicas.leave(registry, row.location or "", ctx.progress)


PROVISION = (
    ResourceStep("open-endpoints", _open_endpoints),
    ResourceStep("synchronise", _synchronise),
)
DEPROVISION = (ResourceStep("leave", _leave),)
