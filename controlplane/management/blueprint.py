"""From declarations to Flask: one blueprint a group, one view a route, and the OpenAPI document of them.

Bodies are checked by the mechanism after authorisation, not by flask-smorest, whose validation would run
before; flask-smorest is given what it needs to document them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Response, request
from flask_smorest import Api, Blueprint

from controlplane.arm.mechanism import Mechanism
from controlplane.arm.requests import Conditions, Request
from controlplane.domain.scopes import ROOT, Scope, parse_scope
from controlplane.kernel.catalogue import AUTHENTICATION_FAILED, ROUTE_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.management import bodies, documentation, state, versions
from controlplane.management.answers import Answers
from controlplane.management.routes import Route

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Serving:
    """What views are made with."""

    mechanism: Mechanism
    answers: Answers


def register(api: Api, serving: Serving, routes: Iterable[Route]) -> None:
    """Add every route to the application and to its OpenAPI document."""
    groups: dict[str, Blueprint] = {}
    for route in routes:
        name = route.group + ("AtRoot" if route.root else "")
        blueprint = groups.setdefault(name, Blueprint(name, __name__))
        view = blueprint.doc(**documentation.of(route))(_view(serving, route))
        blueprint.add_url_rule(
            flask_rule(route.path),
            endpoint=route.operation_id,
            view_func=view,
            methods=[route.method],
            tags=[route.group],
        )
    for blueprint in groups.values():
        api.register_blueprint(blueprint)


def flask_rule(path: str) -> str:
    """Spell a path template as Werkzeug does; ``{scope}`` may hold slashes."""
    return _PARAMETER.sub(lambda found: _rule_of(found.group(1)), path)


def arm_request(api_version: str, scope: Scope, path: dict[str, str]) -> Request:
    """Return the mechanism's view of the HTTP request being served."""
    known = state.current()
    if known.principal is None:
        raise Failure(AUTHENTICATION_FAILED, reason="The caller is not known.")
    return Request(
        principal=known.principal,
        api_version=api_version,
        scope=scope,
        query={name: value for name, value in request.args.items() if name != versions.PARAMETER},
        path=path,
        conditions=Conditions(request.headers.get("If-Match"), request.headers.get("If-None-Match")),
        body=lambda: bodies.read_object(request),
        correlation=known.correlation_id,
    )


def scope_of(path: str, segments: int | None) -> Scope:
    """Return the scope that the first (or, negative, all but the last) segments of a path name.

    Raises:
        Failure: ROUTE_NOT_FOUND, they name none.
    """
    parts = path.strip("/").split("/")
    try:
        return parse_scope("/" + "/".join(parts[:segments])) if parts[:segments] else ROOT
    except ValueError:
        raise Failure(ROUTE_NOT_FOUND, method=request.method, path=path) from None


def _view(serving: Serving, route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        version = versions.check(request.args, route.api_versions, route.type_path)
        scope = scope_of(request.path, route.scope_segments)
        if route.any_caller:
            state.current().authorised = True
        answer = route.handler(serving.mechanism, arm_request(version, scope, path))
        response = serving.answers.render(answer, request)
        if not route.type_path.startswith(versions.PROVIDERLESS):
            response.headers["api-supported-versions"] = ", ".join(route.api_versions)
        return response

    return view


def _rule_of(parameter: str) -> str:
    return f"<path:{parameter}>" if parameter == "scope" else f"<{parameter}>"
