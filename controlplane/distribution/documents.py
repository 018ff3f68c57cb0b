"""JSON documents in request bodies: small, and with no member named twice."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from controlplane.distribution.bodies import Body
from controlplane.domain.registry_errors import PARAMETER_INVALID
from controlplane.kernel.errors import Failure
from controlplane.settings.model import Settings

_LARGEST = 64 * 1024


def document_of_request(settings: Settings) -> Any:
    """Return the JSON value a request carries; None when it carries nothing.

    Raises:
        Failure: PARAMETER_INVALID.
    """
    payload = Body(request.environ, settings).whole(_LARGEST)
    if payload is None:
        raise Failure(PARAMETER_INVALID, reason=f"the body is larger than {_LARGEST} bytes")
    if not payload:
        return None
    try:
        return json.loads(payload, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Failure(PARAMETER_INVALID, reason="the body is no JSON document") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members
