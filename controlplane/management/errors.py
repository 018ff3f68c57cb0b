"""Every failure in ARM's envelope. Nothing a client can do makes an answer of another shape."""

from __future__ import annotations

import logging
from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from controlplane.kernel.catalogue import (
    INTERNAL_ERROR,
    INVALID_REQUEST_CONTENT,
    INVALID_RESOURCE_NAMESPACE,
    INVALID_RESOURCE_TYPE,
    METHOD_NOT_ALLOWED,
    REQUEST_TOO_LARGE,
    ROUTE_NOT_FOUND,
    SERVICE_UNAVAILABLE,
)
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.management import state
from controlplane.persistence.database import DatabaseUnavailableError

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5
_NAMESPACES = frozenset({"microsoft.containerregistry", "microsoft.authorization", "microsoft.resources"})


def envelope(failure: Failure) -> dict[str, Any]:
    """Return the body of an error answer.

    Errors of the resource provider carry a ``status`` beside the error, those of the front door do not.
    """
    error = ErrorRecord.of(failure).to_json()
    if failure.info:
        error["additionalInfo"] = [dict(one) for one in failure.info]
    return {"error": error, "status": "Failed"} if failure.kind.provider else {"error": error}


def answer(failure: Failure) -> Response:
    """Render a failure."""
    response: Response = jsonify(envelope(failure))
    response.status_code = failure.kind.status
    response.headers.update(failure.headers)
    if not failure.kind.provider:
        response.headers["x-ms-failure-cause"] = "gateway"
    return response


def from_http(error: HTTPException) -> Response:
    """Render what Werkzeug refused by itself."""
    return answer(_translated(error))


def from_database(error: DatabaseUnavailableError) -> Response:
    """Say that nothing was accepted and when to come back."""
    log.warning("request %s: no database: %s", state.current().request_id, error)
    failure = Failure(
        SERVICE_UNAVAILABLE, headers={"Retry-After": str(_RETRY_SECONDS)}, seconds=_RETRY_SECONDS
    )
    return answer(failure)


def from_anything(error: Exception) -> Response:
    """Answer for a mistake of the service: the log knows, the client gets the id to ask with."""
    request_id = state.current().request_id
    log.error("request %s failed", request_id, exc_info=error)
    return answer(Failure(INTERNAL_ERROR, request_id=request_id))


def _translated(error: HTTPException) -> Failure:
    if isinstance(error, NotFound):
        return _nothing_there(request.path)
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return Failure(METHOD_NOT_ALLOWED, method=request.method, allowed=allowed, headers={"Allow": allowed})
    if isinstance(error, RequestEntityTooLarge):
        return Failure(REQUEST_TOO_LARGE, limit=request.max_content_length)
    return Failure(INVALID_REQUEST_CONTENT, reason=error.description or error.name)


def _nothing_there(path: str) -> Failure:
    """Tell an unknown provider and an unknown type from an address that means nothing at all."""
    _, providers, after = path.rpartition("/providers/")
    namespace, _, rest = after.partition("/")
    if not providers or not namespace:
        return Failure(ROUTE_NOT_FOUND, method=request.method, path=path)
    if namespace.lower() not in _NAMESPACES:
        return Failure(INVALID_RESOURCE_NAMESPACE, namespace=namespace)
    version = request.args.get("api-version", "")
    kind = "/".join(rest.split("/")[::2])
    return Failure(INVALID_RESOURCE_TYPE, type=kind, namespace=namespace, version=version)
