"""Subscriptions in the shape in which az lists accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.profiles import Profile


def account(profile: Profile, subscription: Mapping[str, Any], cloud_key: str) -> dict[str, Any]:
    """Return a subscription as an account; the profile's name stands for the cloud's.

    ``cloud_key`` is `cloudName` in lists and `environmentName` in a single account, as with az.
    """
    tenant = subscription.get("tenantId") or profile.tenant_id
    managed = subscription.get("managedByTenants")
    return {
        cloud_key: profile.name,
        "homeTenantId": tenant,
        "id": subscription["subscriptionId"],
        "isDefault": subscription["subscriptionId"] == profile.subscription_id,
        "managedByTenants": [{"tenantId": t.get("tenantId")} for t in managed]
        if managed is not None
        else None,
        "name": subscription.get("displayName", ""),
        "state": subscription.get("state", "Enabled"),
        "tenantId": tenant,
        "user": {"name": profile.client_id, "type": "servicePrincipal"},
    }
