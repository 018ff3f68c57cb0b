"""Webhooks: Microsoft.ContainerRegistry/registries/webhooks.

A write is done at once: there is nothing to provision. Deliveries are the business of ``services``.
"""

from __future__ import annotations

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Kind, Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import choice, items, model, table, text
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.domain.webhooks import WebhookAction
from controlplane.kernel.catalogue import INVALID_REQUEST_CONTENT
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries, resources, webhooks
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.webhooks_actions import ACTIONS
from controlplane.services.graph import Services

PROPERTIES = model(
    "WebhookProperties",
    {
        "serviceUri": text(required=True, secret=True),
        "customHeaders": table(text(), longest=64, secret=True, replaced=True),
        "signingSecret": text(secret=True, own=True, doc="Deliveries are signed with it (HMAC-SHA256)."),
        "status": choice(("enabled", "disabled"), default="enabled"),
        "scope": text(default=""),
        "actions": items(choice(WebhookAction), required=True),
    },
)


def _validate(ctx: Validation) -> None:
    services: Services = ctx.services
    stored = {} if ctx.before is None else ctx.before.properties
    ctx.after.properties = services.webhooks.sealed(ctx.after.properties, stored)
    if ctx.creating and ctx.parent is not None:
        _check_region(ctx, ctx.parent)


def _check_region(ctx: Validation, registry: ResourceRow) -> None:
    where = resources.Where(types=[f"{REGISTRY_TYPE}/replications".lower()], parent_key=registry.key)
    regions = {registry.location, *(row.location for row in resources.every(ctx.tx, where))}
    if ctx.after.location not in regions:
        known = ", ".join(map(str, regions))
        reason = f"location: the registry is not in '{ctx.after.location}'; it is in {known}"
        raise Failure(INVALID_REQUEST_CONTENT, reason=reason, target="location")


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    registry = registries.by_key(tx, after.parent_key)
    if registry is not None:
        wanted = services.webhooks.settings(after.location or "", after.properties)
        webhooks.put(tx, after.key, registry.id, wanted)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    webhooks.remove(tx, row.key)


RESOURCE = ResourceType(
    type=f"{REGISTRY_TYPE}/webhooks",
    model="Webhook",
    plural="Webhooks",
    api_versions=("2025-11-01", "2026-09-01-preview"),
    kind=Kind.TRACKED,
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    create_models=("WebhookCreateParameters", "WebhookPropertiesCreateParameters"),
    name=NameRule("[a-zA-Z0-9]{5,50}", "A webhook's name has 5 to 50 letters and digits."),
    name_parameter="webhookName",
    quota="webhooks",
    lifecycle=Lifecycle(validate=_validate, saved=_saved, removed=_removed),
    actions=ACTIONS,
)
