"""Tokens: Microsoft.ContainerRegistry/registries/tokens. An action of the registry makes their passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Lifecycle, NameRule, Reference, ResourceType, Verb
from controlplane.arm.fields import choice, items, model, moment, nested, text
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.clock import rfc3339
from controlplane.persistence import tokens
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.tokens import TokenRow
from controlplane.resources.tokens_schemas import PASSWORD
from controlplane.services import token_rules
from controlplane.services.token_credentials import (
    bump,
    passwords_of,
    registry_id_above,
)

_ENABLED = "enabled"
_CERTIFICATE = model(
    "TokenCertificate",
    {
        "name": choice(("certificate1", "certificate2")),
        "expiry": moment(),
        "thumbprint": text(),
        "encodedPemCertificate": text(),
    },
)
_CREDENTIALS = model(
    "TokenCredentialsProperties",
    {"certificates": items(nested(_CERTIFICATE)), "passwords": items(nested(PASSWORD))},
)
PROPERTIES = model(
    "TokenProperties",
    {
        "creationDate": moment(read_only=True),
        "scopeMapId": text(),
        "credentials": nested(_CREDENTIALS),
        "status": choice((_ENABLED, "disabled"), default=_ENABLED),
    },
)


def _validate(ctx: Validation) -> None:
    registry = ctx.scope.parent
    token_rules.refuse_name(ctx.scope.name, "" if registry is None else registry.name)
    given = ctx.given.get("properties") or {}
    before = None if ctx.before is None else ctx.before.properties
    after = ctx.after.properties
    ctx.after.properties = {**after, "credentials": token_rules.kept(given, before, after)}


def _saved(tx: Transaction, before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    known, registry_id = after.properties, registry_id_above(tx, after.parent_key)
    map_id = known.get("scopeMapId")
    row = TokenRow(
        after.key, registry_id, after.name.lower(), known["status"] == _ENABLED, map_id and map_id.lower()
    )
    tokens.put(tx, row)
    if before is not None:
        tokens.keep_passwords(tx, after.key, [one["name"] for one in passwords_of(known)])
        bump(tx, after)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    tokens.delete(tx, row.key)
    bump(tx, row)


def _view(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    return {**row.properties, "creationDate": rfc3339(row.created_at)}


RESOURCE = ResourceType(
    type=f"{REGISTRY_TYPE}/tokens",
    model="Token",
    plural="Tokens",
    api_versions=("2025-11-01", "2026-09-01-preview"),
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    name=NameRule("[a-zA-Z0-9-]{5,50}", "Names have 5 to 50 characters: letters, digits and dashes."),
    name_parameter="tokenName",
    operations={Verb.PUT: "Tokens_Create"},
    quota="tokens",
    references=(Reference("scopeMapId", f"{REGISTRY_TYPE}/scopeMaps"),),
    lifecycle=Lifecycle(validate=_validate, saved=_saved, removed=_removed, view=_view),
)
