"""The list of tenants: the one directory of this deployment, for every caller."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import ANY_CALLER, Endpoint
from controlplane.arm.fields import items, model, nested, text
from controlplane.domain.api_versions import SUBSCRIPTIONS
from controlplane.services.graph import Services

_TENANT = model(
    "TenantIdDescription",
    {"id": text(), "tenantId": text(), "tenantCategory": text(), "displayName": text()},
)
_PAGE = model("TenantListResult", {"value": items(nested(_TENANT)), "nextLink": text()})


def _list(ctx: Call) -> dict[str, Any]:
    services: Services = ctx.services
    tenant = services.directory.tenant_id()
    one = {"id": f"/tenants/{tenant}", "tenantId": tenant, "tenantCategory": "Home", "displayName": "acrctl"}
    return {"value": [one]}


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/tenants",
        operation_id="Tenants_List",
        permission=ANY_CALLER,
        api_versions=SUBSCRIPTIONS,
        run=_list,
        response=_PAGE,
    ),
)
