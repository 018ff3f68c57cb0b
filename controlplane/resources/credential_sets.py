"""Credential sets: Microsoft.ContainerRegistry/registries/credentialSets, the users of upstreams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import choice, items, model, moment, nested, text
from controlplane.arm.identities import IDENTITY
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.domain.upstreams import HOST_RULE, is_host
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.services import identities
from controlplane.services.graph import Services
from controlplane.services.secrets import is_identifier

_HEALTH = model(
    "CredentialHealth",
    {"status": choice(("Healthy", "Unhealthy")), "errorCode": text(), "errorMessage": text()},
)
_CREDENTIAL = model(
    "AuthCredential",
    {
        "name": choice(("Credential1",)),
        "usernameSecretIdentifier": text(),
        "passwordSecretIdentifier": text(),
        "credentialHealth": nested(_HEALTH, read_only=True),
    },
)
PROPERTIES = model(
    "CredentialSetProperties",
    {
        "loginServer": text(create_only=True),
        "authCredentials": items(nested(_CREDENTIAL), longest=1),
        "creationDate": moment(read_only=True),
    },
)
MEMBERS = model("CredentialSetMembers", {"identity": nested(IDENTITY)})
_IDENTIFIERS = ("usernameSecretIdentifier", "passwordSecretIdentifier")


def _validate(ctx: Validation) -> None:
    services: Services = ctx.services
    known = ctx.after.properties
    if not is_host(known.get("loginServer") or ""):
        raise wrong_member("properties.loginServer", HOST_RULE)
    credentials = known.get("authCredentials") or []
    if not credentials:
        raise wrong_member("properties.authCredentials", "must name the secrets of one credential")
    for name in _IDENTIFIERS:
        if not is_identifier(credentials[0].get(name) or ""):
            what = "must be https://VAULT.vault.azure.net/secrets/NAME"
            raise wrong_member(f"properties.authCredentials[0].{name}", what)
    credentials[0].setdefault("name", "Credential1")
    identities.give(ctx.tx, services.directory, ctx.scope, ctx.after.members)


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    identities.settle(tx, services.directory, after)


def _removed(tx: Transaction, row: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    services.directory.remove_identity(tx, row.key)


def _view(row: ResourceRow, _api_version: str, ctx: Context) -> Mapping[str, Any]:
    services: Services = ctx.services
    shown = [
        {**one, "credentialHealth": services.credential_sets.health(one)}
        for one in row.properties["authCredentials"]
    ]
    return {**row.properties, "authCredentials": shown, "creationDate": rfc3339(row.created_at)}


RESOURCE = ResourceType(
    type=f"{REGISTRY_TYPE}/credentialSets",
    model="CredentialSet",
    plural="CredentialSets",
    api_versions=("2025-11-01", "2026-09-01-preview"),
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    members=MEMBERS,
    name=NameRule(
        "[a-zA-Z0-9](?:[a-zA-Z0-9-]{3,48}[a-zA-Z0-9])",
        "A credential set's name has 5 to 50 letters, digits and dashes, none of them at an end a dash.",
    ),
    name_parameter="credentialSetName",
    deleted=204,
    lifecycle=Lifecycle(validate=_validate, saved=_saved, removed=_removed, view=_view),
)
