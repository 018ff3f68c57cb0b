"""The regions of a subscription: those of the deployment's settings."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import Endpoint
from controlplane.arm.fields import items, model, nested, text
from controlplane.domain.api_versions import SUBSCRIPTIONS
from controlplane.domain.locations import display_name
from controlplane.services.graph import Services

_METADATA = model("LocationMetadata", {"regionType": text(), "regionCategory": text()})
_LOCATION = model(
    "Location",
    {
        "id": text(),
        "subscriptionId": text(),
        "name": text(),
        "type": text(),
        "displayName": text(),
        "regionalDisplayName": text(),
        "metadata": nested(_METADATA),
    },
)
_PAGE = model("LocationListResult", {"value": items(nested(_LOCATION))})


def _list(ctx: Call) -> dict[str, Any]:
    services: Services = ctx.services
    return {
        "value": [_location(ctx.scope.subscription or "", name) for name in services.settings.all_locations]
    }


def _location(subscription: str, name: str) -> dict[str, Any]:
    shown = display_name(name)
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "subscriptionId": subscription,
        "name": name,
        "type": "Region",
        "displayName": shown,
        "regionalDisplayName": shown,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/subscriptions/{subscriptionId}/locations",
        operation_id="Subscriptions_ListLocations",
        permission="Microsoft.Resources/subscriptions/locations/read",
        api_versions=SUBSCRIPTIONS,
        run=_list,
        response=_PAGE,
    ),
)
