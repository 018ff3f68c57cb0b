"""The management API as one Flask application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response
from flask_smorest import Api

from controlplane.arm.mechanism import Mechanism
from controlplane.arm.types import Types
from controlplane.management import (
    absent,
    all_resources,
    blueprint,
    health,
    operations,
    page,
    providers,
    routes,
)
from controlplane.management.answers import Answers
from controlplane.management.blueprint import Serving
from controlplane.management.canonical import CanonicalPaths
from controlplane.management.frontdoor import Bearer, FrontDoor
from controlplane.management.hosts import Hosts
from controlplane.management.routes import Route

_PUBLIC = frozenset({"api-docs.openapi_json", "docs", "healthz", "readyz"})
_OPENAPI = {
    "API_TITLE": "acrctl management API",
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{"bearer": []}],
    },
}


class _Api(Api):  # type: ignore[misc]
    """flask-smorest without its own errors and pages: both have ARM's shape here."""

    def _register_responses(self) -> None:
        """Describe no answers that are never given."""

    def _register_pagination_header(self) -> None:
        """Describe no header that is never sent."""

    def _register_error_handlers(self) -> None:
        """Leave errors to the front door."""


def build(mechanism: Mechanism, bearer: Bearer, tenant: Callable[[], str]) -> Flask:
    """Return the application.

    Args:
        mechanism: the resource mechanism with all types; its access must be a ``WitnessedAccess``.
        bearer: turns an access token into a principal.
        tenant: returns the directory's id.
    """
    settings = mechanism.settings
    hosts = Hosts.of(settings)
    known = all_routes(mechanism.types)
    app = Flask("controlplane.management", static_folder=None)
    newest = max(version for declared in mechanism.types for version in declared.api_versions)
    app.config.update(_OPENAPI, API_VERSION=newest, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    api = _Api(app)
    answers = Answers(hosts, settings.retry_after, settings.location)
    blueprint.register(api, Serving(mechanism, answers), known)
    _add_plain_routes(app, api, mechanism)
    FrontDoor(bearer, tenant, hosts, settings.location, _PUBLIC).install(app)
    app.wsgi_app = CanonicalPaths(app.wsgi_app, [route.path for route in known])  # type: ignore[method-assign]
    return app


def all_routes(types: Types) -> list[Route]:
    """Return every route of the management API."""
    parts = (routes, absent, all_resources, operations, providers)
    return [route for part in parts for route in part.routes_of(types)]


def openapi(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return document


def _add_plain_routes(app: Flask, api: Api, mechanism: Mechanism) -> None:
    def docs() -> Response:
        return Response(page.render(api.spec.to_dict()), mimetype="text/html")

    app.add_url_rule("/docs", "docs", docs)
    health.add_to(app, mechanism.database)
