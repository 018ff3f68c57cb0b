"""The errors of the token service: OAuth 2.0 codes with Entra's numbers, which clients match on.

Source: the AADSTS codes documented by Entra ID; statuses are those of RFC 6749.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify, request

from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids


@dataclass(frozen=True, slots=True)
class OAuthError:
    """One entry: Entra's number, OAuth's code, the status, and a format string."""

    number: int
    code: str
    status: int
    message: str


MISSING_PARAMETER = OAuthError(
    900144, "invalid_request", 400, "The request body must contain the following parameter: '{name}'."
)
REPEATED_PARAMETER = OAuthError(
    90023, "invalid_request", 400, "The parameter '{name}' is given more than once."
)
TOO_LARGE = OAuthError(90023, "invalid_request", 413, "The request is larger than {limit} bytes.")
ONLY_POST = OAuthError(
    900561, "invalid_request", 405, "The endpoint only accepts POST requests. Received a {method} request."
)
UNKNOWN_TENANT = OAuthError(
    90002,
    "invalid_request",
    400,
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
)
UNSUPPORTED_GRANT = OAuthError(
    70003,
    "unsupported_grant_type",
    400,
    "The app requested an unsupported grant type '{grant}'. This service supports client_credentials.",
)
UNSUPPORTED_RESPONSE = OAuthError(
    700054,
    "unsupported_response_type",
    400,
    "This service has no interactive sign-in; sign in as a service principal (client_credentials).",
)
NO_SECRET = OAuthError(
    7000216,
    "invalid_client",
    401,
    "'client_secret' is required for the 'client_credentials' grant type; client assertions are not "
    "supported.",
)
MALFORMED_BASIC = OAuthError(
    7000215, "invalid_client", 401, "The Authorization header holds no client id and secret."
)
UNKNOWN_APPLICATION = OAuthError(
    700016,
    "unauthorized_client",
    400,
    "Application with identifier '{app_id}' was not found in the directory '{tenant}'.",
)
WRONG_SECRET = OAuthError(
    7000215,
    "invalid_client",
    401,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
    "not the client secret ID, for a secret added to app '{app_id}'.",
)
EXPIRED_SECRET = OAuthError(
    7000222, "invalid_client", 401, "The provided client secret keys for app '{app_id}' are expired."
)
NO_PRINCIPAL = OAuthError(
    7000229,
    "unauthorized_client",
    400,
    "The client application {app_id} is missing service principal in the tenant {tenant}.",
)
DISABLED = OAuthError(7000112, "unauthorized_client", 400, "Application '{app_id}' is disabled.")
BAD_SCOPE = OAuthError(
    1002012,
    "invalid_scope",
    400,
    "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
    "/.default suffixed to the resource identifier (application ID URI).",
)
UNKNOWN_RESOURCE = OAuthError(
    500011,
    "invalid_resource",
    400,
    "The resource principal named {resource} was not found in the tenant named {tenant}.",
)
UNAVAILABLE = OAuthError(
    90033, "temporarily_unavailable", 503, "A transient error has occurred. Please try again."
)


class OAuthFailure(Exception):  # noqa: N818 - the client's mistake, not ours
    """A token request is refused, and the catalogue says why."""

    def __init__(self, kind: OAuthError, **params: object) -> None:
        self.kind = kind
        self.message = f"AADSTS{kind.number}: {kind.message.format(**params)}"
        super().__init__(self.message)


def render(failure: OAuthFailure, clock: Clock, ids: Ids) -> Response:
    """Answer in the shape Entra answers in (RFC 6749 section 5.2 with members of its own)."""
    now = clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = ids.uuid(), request.headers.get("client-request-id") or ids.uuid()
    description = f"{failure.message} Trace ID: {trace} Correlation ID: {correlation[:64]} Timestamp: {now}"
    body: dict[str, Any] = {
        "error": failure.kind.code,
        "error_description": description,
        "error_codes": [failure.kind.number],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation[:64],
    }
    response = jsonify(body)
    response.status_code = failure.kind.status
    if failure.kind.status == 401 and request.authorization is not None:  # noqa: PLR2004 - unauthorized
        response.headers["WWW-Authenticate"] = 'Basic realm="token"'
    if failure.kind.status == 405:  # noqa: PLR2004 - method not allowed
        response.headers["Allow"] = "POST"
    if failure.kind.status == 503:  # noqa: PLR2004 - unavailable
        response.headers["Retry-After"] = "1"
    return response
