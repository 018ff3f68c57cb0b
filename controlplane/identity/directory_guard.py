"""Who may use the directory API, and the envelope its errors come in.

Every principal of the directory may read. Writing takes the right to assign any role anywhere, that is
``Microsoft.Authorization/roleAssignments/write`` at the root scope (Owner or User Access Administrator
there): whoever can add a secret to any application can act as it, so the right must not be weaker.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from controlplane.domain.principals import Principal
from controlplane.domain.scopes import ROOT
from controlplane.kernel.catalogue import AUTHENTICATION_FAILED, DIRECTORY_DENIED, SERVICE_UNAVAILABLE
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.services.audiences import GRAPH
from controlplane.services.graph import Services

WRITE_ACTION = "Microsoft.Authorization/roleAssignments/write"
READS_BY_POST = frozenset({"get_by_ids"})
_ACCEPT = frozenset({GRAPH})


def add_guard(services: Services, blueprint: Blueprint) -> None:
    """Let a request through only when its caller may make it, before anything is looked up."""

    @blueprint.before_request
    def authorise() -> None:
        header = request.authorization
        if header is None or header.type != "bearer" or not header.token:
            raise Failure(AUTHENTICATION_FAILED, reason="The 'Authorization' header is missing.")
        principal = services.authentication.bearer(header.token, _ACCEPT)
        g.directory_caller = principal
        endpoint = (request.endpoint or "").rpartition(".")[2]
        if request.method in {"GET", "HEAD"} or endpoint in READS_BY_POST:
            return
        with services.database.read() as tx:
            if not services.access.allowed(tx, principal, WRITE_ACTION, ROOT):
                raise Failure(DIRECTORY_DENIED, action=WRITE_ACTION)


def caller() -> Principal:
    """Return who makes the current request."""
    principal: Principal = g.directory_caller
    return principal


def add_error_handlers(services: Services, blueprint: Blueprint) -> None:
    """Answer failures in Graph's envelope."""

    @blueprint.errorhandler(Failure)
    def refused(failure: Failure) -> Response:
        return _envelope(services, failure)

    @blueprint.errorhandler(DatabaseUnavailableError)
    def unavailable(_: DatabaseUnavailableError) -> Response:
        return _envelope(services, Failure(SERVICE_UNAVAILABLE, seconds=1, headers={"Retry-After": "1"}))


def _envelope(services: Services, failure: Failure) -> Response:
    request_id = services.ids.uuid()
    inner = {"date": rfc3339(services.clock.now()), "request-id": request_id}
    body: dict[str, Any] = {
        "error": {"code": failure.kind.code, "message": failure.message, "innerError": inner}
    }
    response = jsonify(body)
    response.status_code = failure.kind.status
    response.headers.update({"request-id": request_id, **failure.headers})
    if failure.kind.status == 401:  # noqa: PLR2004 - unauthorized
        here = services.settings.public_url
        response.headers["WWW-Authenticate"] = (
            f'Bearer realm="", authorization_uri="{here}/common/oauth2/authorize", error="invalid_token"'
        )
    return response
