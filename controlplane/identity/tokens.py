"""The token endpoints: ``/{tenant}/oauth2/v2.0/token`` (scope), ``/{tenant}/oauth2/token`` (resource).

One grant is served: client_credentials with a client secret, in the form or as HTTP Basic. Sources: RFC 6749
sections 4.4 and 2.3.1, and Entra's token endpoints, of which v1 answers with numbers as text.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from controlplane.identity import oauth_errors as errors
from controlplane.identity.oauth_errors import OAuthError, OAuthFailure
from controlplane.identity.tenants import Tenant, Tenants
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.services.authentication import CREDENTIAL_CLAIM, Refusal, SignIn
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA

V1, V2 = "1.0", "2.0"
MAX_BODY = 64 * 1024  # bytes of a token request
_SCOPE_ENDING = "/.default"
_log = logging.getLogger(__name__)

_REFUSALS: Mapping[Refusal, OAuthError] = {
    Refusal.UNKNOWN_APPLICATION: errors.UNKNOWN_APPLICATION,
    Refusal.WRONG_SECRET: errors.WRONG_SECRET,
    Refusal.EXPIRED_SECRET: errors.EXPIRED_SECRET,
    Refusal.NO_PRINCIPAL: errors.NO_PRINCIPAL,
    Refusal.DISABLED: errors.DISABLED,
}


@dataclass(frozen=True, slots=True)
class _Grant:
    """A token about to be issued. Times are seconds since 1970."""

    tenant: Tenant
    version: str
    resource: str
    client: SignIn
    issued: int
    expires: int


def token_blueprint(services: Services, tenants: Tenants) -> Blueprint:
    """Return the token endpoints of both versions, for every name of the directory."""
    blueprint = Blueprint("tokens", __name__)
    endpoint = _TokenEndpoint(services, tenants)

    for version, path in ((V2, "oauth2/v2.0/token"), (V1, "oauth2/token")):
        blueprint.add_url_rule(
            f"/<tenant>/{path}",
            endpoint=f"v{version[0]}",
            view_func=lambda tenant, version=version: endpoint.answer(tenant, version),
            methods=["GET", "POST"],
            provide_automatic_options=False,
        )

    @blueprint.errorhandler(OAuthFailure)
    def refused(failure: OAuthFailure) -> Response:
        return _uncached(errors.render(failure, services.clock, services.ids))

    @blueprint.errorhandler(DatabaseUnavailableError)
    def unavailable(_: DatabaseUnavailableError) -> Response:
        failure = OAuthFailure(errors.UNAVAILABLE)
        return _uncached(errors.render(failure, services.clock, services.ids))

    return blueprint


class _TokenEndpoint:
    def __init__(self, services: Services, tenants: Tenants) -> None:
        self._services = services
        self._tenants = tenants

    def answer(self, segment: str, version: str) -> Response:
        if request.method != "POST":
            raise OAuthFailure(errors.ONLY_POST, method=request.method)
        tenant = self._tenants.resolve(segment)
        form = _form()
        grant_type = _required(form, "grant_type")
        if grant_type != "client_credentials":
            raise OAuthFailure(errors.UNSUPPORTED_GRANT, grant=grant_type)
        app_id, secret = _client(form)
        resource = self._resource(form, tenant, version)
        client = self._signed_in(app_id, secret, tenant)
        return _uncached(jsonify(self._issued(self._grant(tenant, version, resource, client))))

    def _resource(self, form: Mapping[str, str], tenant: Tenant, version: str) -> str:
        """Read which resource is asked for; v1 (and AD FS) name it directly, v2 as a scope."""
        named = form.get("resource") if version == V1 or tenant.adfs else None
        if named is None:
            scope = _required(form, "scope" if version == V2 or "scope" in form else "resource")
            named = scope.removesuffix(_SCOPE_ENDING)
            if named == scope or " " in scope:
                raise OAuthFailure(errors.BAD_SCOPE, scope=scope)
        resource = named.rstrip("/")
        if not self._tenants.audiences.of(resource):
            raise OAuthFailure(errors.UNKNOWN_RESOURCE, resource=named, tenant=tenant.id)
        return resource

    def _signed_in(self, app_id: str, secret: str, tenant: Tenant) -> SignIn:
        outcome = self._services.authentication.sign_in(app_id, secret)
        if isinstance(outcome, Refusal):
            _log.info("sign-in of %r refused: %s", app_id[:64], outcome.value)
            raise OAuthFailure(_REFUSALS[outcome], app_id=app_id, tenant=tenant.id)
        return outcome

    def _grant(self, tenant: Tenant, version: str, resource: str, client: SignIn) -> _Grant:
        """Set the times: a token never outlives the secret it was got with."""
        issued = int(self._services.clock.now().timestamp())
        latest = int(client.expires_at.timestamp())
        expires = min(issued + self._services.settings.token_lifetime, latest)
        return _Grant(tenant, version, resource, client, issued, expires)

    def _issued(self, grant: _Grant) -> dict[str, Any]:
        token = self._services.issuer.sign(ENTRA, self._claims(grant))
        lifetime = grant.expires - grant.issued
        body: dict[str, Any] = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
        if grant.version == V1:
            body |= {"expires_on": grant.expires, "not_before": grant.issued}
            body = {name: str(value) for name, value in body.items()} | {"resource": grant.resource}
        return body | {"access_token": token}

    def _claims(self, grant: _Grant) -> dict[str, Any]:
        principal = grant.client.principal
        return {
            "aud": grant.resource,
            "iss": self._tenants.issuer(grant.tenant, grant.version),
            "iat": grant.issued,
            "nbf": grant.issued,
            "exp": grant.expires,
            "tid": grant.tenant.id,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "appid": principal.app_id,
            "azp": principal.app_id,
            "appidacr": "1",  # the client proved itself with a secret
            "idtyp": "app",
            "ver": grant.version,
            "uti": self._services.ids.token(16),
            CREDENTIAL_CLAIM: grant.client.key_id,
        }


def _form() -> Mapping[str, str]:
    """Read the form; a parameter given twice is refused (RFC 6749 section 3.2)."""
    request.max_content_length = MAX_BODY
    try:
        given = list(request.form.lists())
    except RequestEntityTooLarge:
        raise OAuthFailure(errors.TOO_LARGE, limit=MAX_BODY) from None
    for name, values in given:
        if len(values) > 1:
            raise OAuthFailure(errors.REPEATED_PARAMETER, name=name)
    return request.form


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthFailure(errors.MISSING_PARAMETER, name=name)
    return value


def _client(form: Mapping[str, str]) -> tuple[str, str]:
    """Read client id and secret from the header or the form; not from both (RFC 6749 section 2.3)."""
    header = request.authorization
    if header is not None and "client_secret" in form:
        raise OAuthFailure(errors.REPEATED_PARAMETER, name="client_secret")
    if header is not None:
        if header.type != "basic" or not header.username or header.password is None:
            raise OAuthFailure(errors.MALFORMED_BASIC)
        return unquote_plus(header.username), unquote_plus(header.password)
    app_id = _required(form, "client_id")
    if not form.get("client_secret"):
        raise OAuthFailure(errors.NO_SECRET)
    return app_id, form["client_secret"]


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store, no-cache"
    response.headers["Pragma"] = "no-cache"
    return response
