"""What clients read before they ask for a token: OpenID configuration and signing keys.

Sources: OpenID Connect Discovery 1.0, RFC 8414, RFC 7517, and the paths Entra ID and AD FS use. MSAL insists
on an ``authorization_endpoint``; asking it explains that there is no interactive sign-in.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from controlplane.identity import oauth_errors as errors
from controlplane.identity.oauth_errors import OAuthFailure
from controlplane.identity.tenants import Tenant, Tenants
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.services.graph import Services
from controlplane.services.issuer import ALGORITHMS, ENTRA

_KEYS_AGE = 300  # seconds that clients may keep the signing keys


def discovery_blueprint(services: Services, tenants: Tenants) -> Blueprint:
    """Return the discovery endpoints for every name of the directory."""
    blueprint = Blueprint("discovery", __name__)

    @blueprint.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def configuration_v2(tenant: str) -> Response:
        return jsonify(_configuration(tenants, tenants.resolve(tenant), "2.0", "oauth2/v2.0"))

    @blueprint.get("/<tenant>/.well-known/openid-configuration")
    def configuration(tenant: str) -> Response:
        resolved = tenants.resolve(tenant)
        return jsonify(
            # AD FS has one document; its clients use the v2.0 endpoints.
            _configuration(tenants, resolved, "1.0", "oauth2/v2.0" if resolved.adfs else "oauth2")
        )

    @blueprint.get("/<tenant>/discovery/v2.0/keys")
    @blueprint.get("/<tenant>/discovery/keys")
    def keys(tenant: str) -> Response:
        tenants.resolve(tenant)
        response = jsonify(services.issuer.jwks(ENTRA))
        response.headers["Cache-Control"] = f"public, max-age={_KEYS_AGE}"
        return response

    @blueprint.get("/<tenant>/oauth2/v2.0/authorize")
    @blueprint.get("/<tenant>/oauth2/authorize")
    def authorize(tenant: str) -> Response:
        tenants.resolve(tenant)
        raise OAuthFailure(errors.UNSUPPORTED_RESPONSE)

    @blueprint.errorhandler(OAuthFailure)
    def refused(failure: OAuthFailure) -> Response:
        return errors.render(failure, services.clock, services.ids)

    @blueprint.errorhandler(DatabaseUnavailableError)
    def unavailable(_: DatabaseUnavailableError) -> Response:
        return errors.render(OAuthFailure(errors.UNAVAILABLE), services.clock, services.ids)

    return blueprint


def _configuration(tenants: Tenants, tenant: Tenant, version: str, oauth: str) -> dict[str, Any]:
    keys = "discovery/v2.0/keys" if version == "2.0" else "discovery/keys"
    return {
        "issuer": tenants.issuer(tenant, version),
        "authorization_endpoint": tenants.url(tenant, f"{oauth}/authorize"),
        "token_endpoint": tenants.url(tenant, f"{oauth}/token"),
        "jwks_uri": tenants.url(tenant, keys),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "scopes_supported": [".default"],
        "id_token_signing_alg_values_supported": [ALGORITHMS[ENTRA]],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "aud", "iss", "iat", "nbf", "exp", "tid", "oid", "sub", "appid", "azp", "idtyp", "ver", "uti",
        ],
    }  # fmt: skip
