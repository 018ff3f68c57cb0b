"""What the OpenAPI document says about a route."""

from __future__ import annotations

from typing import Any

from controlplane.arm.fields import Shape, anything, items, model, nested, text
from controlplane.management.routes import Route

ERROR_DETAIL = model(
    "ErrorDetail",
    {
        "code": text(doc="What went wrong, for programs."),
        "message": text(doc="What went wrong, for people."),
        "target": text(doc="The member of the request it is about."),
        "details": items(
            nested(model("ErrorFinding", {"code": text(), "message": text(), "target": text()}))
        ),
        "additionalInfo": items(nested(model("ErrorAdditionalInfo", {"type": text(), "info": anything()}))),
    },
)
ERROR = model("ErrorResponse", {"error": nested(ERROR_DETAIL), "status": text()})

_CONDITIONS = ("If-Match", "If-None-Match")
_STATUS = {
    200: "Done.",
    201: "Created.",
    202: "Accepted; follow Azure-AsyncOperation or Location.",
    204: "Done; there is nothing to show.",
}
_QUERY_WORDS = {
    "$top": "Most resources on a page.",
    "$skiptoken": "Where the page begins; from the nextLink of the page before.",
    "$filter": "Which resources to list.",
    "$expand": "Which further members to show, separated by commas.",
}
_FOLLOW = {
    "Azure-AsyncOperation": {"description": "URL of the operation's status.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before looking.", "schema": {"type": "integer"}},
}


def of(route: Route) -> dict[str, Any]:
    """Return the operation object of a route; schemas are resolved into named components."""
    shown = route.responses.items()
    document: dict[str, Any] = {
        "operationId": route.operation_id + ("AtRoot" if route.root else ""),
        "parameters": _parameters(route),
        "responses": {str(status): _response(status, shape, route) for status, shape in shown},
    }
    document["responses"]["default"] = {"description": "Refused or failed.", **_content(ERROR)}
    if route.request is not None:
        document["requestBody"] = {"required": True, **_content(route.request)}
    return document


def _parameters(route: Route) -> list[dict[str, Any]]:
    versions = {"type": "string", "enum": list(route.api_versions)}
    found = [{"in": "query", "name": "api-version", "required": True, "schema": versions}]
    for name in route.queries:
        kind = "integer" if name == "$top" else "string"
        words = _QUERY_WORDS.get(name, "")
        found.append({"in": "query", "name": name, "schema": {"type": kind}, "description": words})
    if route.conditional:
        found += [{"in": "header", "name": name, "schema": {"type": "string"}} for name in _CONDITIONS]
    return found


def _response(status: int, shape: Shape | None, route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _STATUS[status]}
    if shape is not None:
        described |= _content(shape)
    if route.long_running and status != 204:  # noqa: PLR2004 - No Content
        described["headers"] = _FOLLOW
    return described


def _content(shape: Shape) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": shape}}}
