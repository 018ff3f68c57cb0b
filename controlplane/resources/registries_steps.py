"""What takes time about registries: opening the login server of a new one, emptying one that ends."""

from __future__ import annotations

from controlplane.arm.contexts import ResourceStepContext
from controlplane.arm.declaration import ResourceStep
from controlplane.persistence import registries as store
from controlplane.services import registries
from controlplane.services.graph import Services


def _open_login_server(ctx: ResourceStepContext) -> None:
    """Wait until all endpoints accept connections. Twice, or dying midway: it only looks."""
    services: Services = ctx.services
    key = ctx.row.key
    with services.database.read() as tx:
        ports = registries.ports(tx, services.settings, key)
    for host, port in ports:
        registries.wait_until_open(host, port)


def _open_to_clients(ctx: ResourceStepContext) -> None:
    """Let the data plane serve the registry. Twice: the second time changes nothing."""
    key = ctx.row.key
    with ctx.write() as tx:
        registries.open_to_clients(tx, key)


def _remove_content(ctx: ResourceStepContext) -> None:
    """Remove what the registry stores. Twice, or dying midway: it goes on with what is left."""
    services: Services = ctx.services
    key = ctx.row.key
    with services.database.read() as tx:
        row = store.by_key(tx, key)
    if row is not None:
        services.deletions.registry_content(row.id, lambda: ctx.progress(ctx.operation.percent))


PROVISION = (
    ResourceStep("open-login-server", _open_login_server),
    ResourceStep("open-to-clients", _open_to_clients),
)
DEPROVISION = (ResourceStep("remove-content", _remove_content),)
