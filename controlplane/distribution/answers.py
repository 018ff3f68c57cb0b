"""Answers of the distribution plane: the OCI error envelope and headers every answer carries."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from controlplane.kernel.errors import Failure

Headers = list[tuple[str, str]]
Environ = WSGIEnvironment

JSON = "application/json; charset=utf-8"
COMMON: tuple[tuple[str, str], ...] = (
    ("Docker-Distribution-Api-Version", "registry/2.0"),
    ("X-Content-Type-Options", "nosniff"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
)
STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def envelope(failure: Failure) -> bytes:
    """Return the OCI error body of a failure."""
    error: dict[str, Any] = {"code": failure.kind.code, "message": failure.message}
    if failure.info:
        error["detail"] = [dict(item) for item in failure.info]
    return json.dumps({"errors": [error]}).encode()


def failure_headers(failure: Failure, body: bytes) -> Headers:
    """Return the headers of a failure's answer."""
    return [
        ("Content-Type", JSON),
        ("Content-Length", str(len(body))),
        *COMMON,
        *failure.headers.items(),
    ]


def answer_failure(failure: Failure, method: str, start_response: StartResponse) -> list[bytes]:
    """Answer a request on the plain WSGI path with a failure."""
    body = envelope(failure)
    start_response(STATUS_LINES[failure.kind.status], failure_headers(failure, body))
    return [] if method == "HEAD" else [body]
