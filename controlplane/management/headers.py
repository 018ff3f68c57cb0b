"""The headers of every answer, and the line each request leaves in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote

from flask import Response, request

from controlplane.management.state import RequestState

log = logging.getLogger("controlplane.access")

# Source: what ARM puts on every answer.
_ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
)


def add(response: Response, state: RequestState, region: str) -> None:
    """Put ARM's headers on an answer."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    response.headers["x-ms-request-id"] = state.request_id
    response.headers["x-ms-correlation-request-id"] = state.correlation_id
    response.headers["x-ms-routing-request-id"] = f"{region.upper()}:{moment}:{state.request_id}"
    if state.echo_client_id and state.client_request_id:
        response.headers["x-ms-client-request-id"] = state.client_request_id


def record(response: Response, state: RequestState) -> None:
    """Log a request: who did what, with which outcome. Paths are quoted, queries and bodies left out."""
    caller = "-" if state.principal is None else state.principal.object_id
    log.info(
        "method=%s path=%s status=%d ms=%.1f caller=%s request=%s correlation=%s",
        request.method,
        quote(request.path),
        response.status_code,
        (time.perf_counter() - state.began) * 1000,
        caller,
        state.request_id,
        state.correlation_id,
    )
