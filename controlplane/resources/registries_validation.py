"""Checks and completes what a registry is to become, and takes a name and a login server for a new one."""

from __future__ import annotations

from controlplane.arm.contexts import Validation
from controlplane.persistence import registries as store
from controlplane.persistence.registries import RegistrySettings
from controlplane.services import identities, registries, registry_rules
from controlplane.services.graph import Services
from controlplane.services.registry_credentials import AdminUser


def validate(ctx: Validation) -> None:
    """Check a write against the tier and what is in use; the row is complete afterwards.

    Raises:
        Failure: what the rules, the tier, the name or the login server refuse.
    """
    after = ctx.after
    tier = registry_rules.tier_of(after.members["sku"])
    known = None if ctx.before is None else ctx.before.properties
    properties = registry_rules.checked(after.properties, tier, ctx.now, known)
    before = store.by_key(ctx.tx, ctx.scope.key)
    if before is not None and before.tier is not tier:
        registries.refuse_tier(ctx.tx, before, properties, tier)
    registry_rules.refuse_beyond_tier(properties, tier)
    if before is None:
        properties["loginServer"] = _create(ctx, registry_rules.settings_of(tier, properties))
    after.properties = properties
    after.members["sku"] = {"name": tier.value, "tier": tier.value}
    services: Services = ctx.services
    identities.give(ctx.tx, services.directory, ctx.scope, after.members)


def _create(ctx: Validation, chosen: RegistrySettings) -> str:
    """Take name and login server here, before the row is written, since the row shows them."""
    services: Services = ctx.services
    location = ctx.after.location or services.settings.location
    new = registries.NewRegistry(ctx.scope.key, ctx.scope.name, location, chosen)
    row, login_server = registries.create(ctx.tx, services.settings, new)
    AdminUser(services.vault, services.ids, services.clock).create(ctx.tx, row.id)
    return login_server
