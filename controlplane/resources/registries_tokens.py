"""Passwords of a registry's tokens: generateCredentials of a registry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import Action
from controlplane.arm.fields import choice, items, model, moment, nested, text
from controlplane.domain.scopes import REGISTRY_TYPE, parse_scope
from controlplane.kernel.catalogue import INVALID_REQUEST_CONTENT, REFERENCE_INVALID
from controlplane.kernel.clock import parse_rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import resources
from controlplane.persistence.resources import ResourceRow
from controlplane.resources.tokens_schemas import PASSWORD
from controlplane.services.graph import Services
from controlplane.services.token_credentials import TokenPasswordName, TokenPasswords

_TOKENS = f"{REGISTRY_TYPE}/tokens".lower()
_PARAMETERS = model(
    "GenerateCredentialsParameters",
    {"tokenId": text(), "expiry": moment(), "name": choice(TokenPasswordName)},
)
_RESULT = model("GenerateCredentialsResult", {"username": text(), "passwords": items(nested(PASSWORD))})


def _generate(ctx: Call) -> dict[str, Any]:
    """Make the password that is named, or both; this answer alone shows them."""
    services: Services = ctx.services
    token, expires_at = _token(ctx), _expiry(ctx)
    name = ctx.body.get("name")
    names = list(TokenPasswordName) if name is None else [TokenPasswordName(name)]
    passwords = TokenPasswords(services.vault, services.ids, services.clock)
    made = passwords.generate(ctx.tx, token, names, expires_at)
    return {"username": token.name, "passwords": [one.to_json() for one in made]}


def _token(ctx: Call) -> ResourceRow:
    held = ctx.body.get("tokenId")
    if not held:
        raise Failure(INVALID_REQUEST_CONTENT, reason="'tokenId' is required.", target="tokenId")
    try:
        scope = parse_scope(held)
    except ValueError:
        raise _refused(held, "it is not a resource id.") from None
    # Looked at before anything is looked up: a token elsewhere is nobody's business here.
    if scope.type.lower() != _TOKENS or scope.parent is None or scope.parent.key != ctx.resource.key:
        raise _refused(held, f"it must be the id of a token of {ctx.resource.id}.")
    row = resources.get(ctx.tx, scope.key, lock=True)
    if row is None:
        raise _refused(held, "there is no such resource.")
    return row


def _refused(held: str, reason: str) -> Failure:
    return Failure(REFERENCE_INVALID, id=held, path="tokenId", reason=reason, target="tokenId")


def _expiry(ctx: Call) -> datetime | None:
    text_ = ctx.body.get("expiry")
    expires_at = None if text_ is None else parse_rfc3339(text_)
    if expires_at is not None and expires_at <= ctx.now:
        raise Failure(INVALID_REQUEST_CONTENT, reason="'expiry' lies in the past.", target="expiry")
    return expires_at


GENERATE = Action(
    "generateCredentials",
    "Registries_GenerateCredentials",
    _generate,
    request=_PARAMETERS,
    response=_RESULT,
    writes=True,
)
