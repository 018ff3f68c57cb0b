"""Objects of the directory as Microsoft Graph spells them.

Secrets belong to applications; a service principal shows those of its application, because that is what a
client that holds either wants to see and reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controlplane.kernel.clock import rfc3339
from controlplane.persistence.identity import (
    MANAGED_IDENTITY,
    ApplicationRow,
    SecretRow,
    ServicePrincipalRow,
)

PRINCIPAL_TYPE = "#microsoft.graph.servicePrincipal"
APPLICATION_TYPE = "#microsoft.graph.application"
AUDIENCE = "AzureADMyOrg"  # applications serve this directory only


def application_json(row: ApplicationRow, secrets: Sequence[SecretRow]) -> dict[str, Any]:
    """Spell an application."""
    return {
        "id": row.id,
        "appId": row.app_id,
        "displayName": row.display_name,
        "createdDateTime": rfc3339(row.created_at),
        "deletedDateTime": None,
        "identifierUris": [],
        "signInAudience": AUDIENCE,
        "passwordCredentials": [secret_json(secret) for secret in secrets],
        "keyCredentials": [],
    }


def principal_json(row: ServicePrincipalRow, tenant: str, secrets: Sequence[SecretRow]) -> dict[str, Any]:
    """Spell a service principal."""
    managed = row.kind == MANAGED_IDENTITY
    return {
        "id": row.id,
        "appId": row.app_id,
        "displayName": row.display_name,
        "appDisplayName": None if managed else row.display_name,
        "appOwnerOrganizationId": None if managed else tenant,
        "accountEnabled": row.enabled,
        "servicePrincipalType": row.kind,
        "servicePrincipalNames": [row.app_id],
        "alternativeNames": ["isExplicit=False", row.resource_key] if managed else [],
        "createdDateTime": rfc3339(row.created_at),
        "deletedDateTime": None,
        "passwordCredentials": [secret_json(secret) for secret in secrets],
        "keyCredentials": [],
    }


def secret_json(row: SecretRow, text: str | None = None) -> dict[str, Any]:
    """Spell a secret; ``text`` is given by the call that made it, and by no other."""
    return {
        "keyId": row.key_id,
        "displayName": row.display_name,
        "hint": row.hint,
        "startDateTime": rfc3339(row.starts_at),
        "endDateTime": rfc3339(row.expires_at),
        "secretText": text,
        "customKeyIdentifier": None,
    }
