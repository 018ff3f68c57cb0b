"""The member ``identity`` of resources that may have an identity of their own, as ARM models it."""

from __future__ import annotations

from controlplane.arm.fields import choice, model, nested, table, text

_USER_IDENTITY = model(
    "UserIdentityProperties", {"principalId": text(read_only=True), "clientId": text(read_only=True)}
)
IDENTITY = model(
    "IdentityProperties",
    {
        "principalId": text(read_only=True),
        "tenantId": text(read_only=True),
        "type": choice(("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None")),
        "userAssignedIdentities": table(nested(_USER_IDENTITY)),
    },
)
