"""Subscriptions: Microsoft.Resources/subscriptions, to be read only; the first start makes the one there is.

Whoever holds a role anywhere below a subscription sees it, since clients begin by listing subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context
from controlplane.arm.declaration import READ_ONLY, Kind, Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import model, text
from controlplane.domain.api_versions import SUBSCRIPTIONS
from controlplane.domain.scopes import SUBSCRIPTION_TYPE, Scope
from controlplane.persistence import role_assignments
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.role_assignments import Around
from controlplane.services.graph import Services

MEMBERS = model(
    "SubscriptionMembers",
    {
        "subscriptionId": text(read_only=True),
        "tenantId": text(read_only=True),
        "displayName": text(read_only=True),
        "state": text(read_only=True),
        "authorizationSource": text(read_only=True),
    },
)


def _members(row: ResourceRow, _api_version: str, ctx: Context) -> Mapping[str, Any]:
    services: Services = ctx.services
    return {
        **row.properties,
        "subscriptionId": row.name,
        "tenantId": services.directory.tenant_id(),
        "authorizationSource": "RoleBased",
    }


def _sees(ctx: Context, scope: Scope) -> bool:
    ids = () if ctx.principal is None else ctx.principal.ids
    places = (Around([scope.key], below=scope.key, principal_id=one) for one in ids)
    return any(role_assignments.keys_around(ctx.tx, place) for place in places)


RESOURCE = ResourceType(
    type=SUBSCRIPTION_TYPE,
    model="Subscription",
    plural="Subscriptions",
    api_versions=SUBSCRIPTIONS,
    kind=Kind.SCOPE,
    parent="",
    properties=None,
    members=MEMBERS,
    verbs=READ_ONLY,
    name=NameRule(r"[0-9a-fA-F-]{36}", "A subscription is named by a GUID."),
    name_parameter="subscriptionId",
    envelope=("id",),
    shows_state=False,
    shows_system_data=False,
    lifecycle=Lifecycle(view_members=_members, sees=_sees),
)
