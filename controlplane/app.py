"""The web process: its object graph, and the planes as one WSGI application.

Paths decide which plane answers; none collides with another. Which registry a distribution request is about
follows from its Host header, which that plane looks up itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from controlplane import resources
from controlplane.arm.mechanism import Mechanism
from controlplane.arm.types import Types
from controlplane.distribution import application as distribution
from controlplane.domain.principals import Principal
from controlplane.identity.blueprints import identity_blueprints
from controlplane.kernel import logs
from controlplane.kernel.catalogue import INVALID_TOKEN
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import RandomIds
from controlplane.management import application as management
from controlplane.management import health
from controlplane.management.frontdoor import FrontDoor
from controlplane.management.hosts import Hosts
from controlplane.management.state import WitnessedAccess
from controlplane.services.access import Access
from controlplane.services.assembly import assemble, open_database
from controlplane.services.graph import Services
from controlplane.settings.model import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# First segments of the management plane's paths; everything that is not another plane's is its to refuse.
_IDENTITY = frozenset({"metadata", "v1.0", "adfs", "common", "organizations"})
# `/{tenant}/…`: what follows the directory's name in a path of the token service.
_AFTER_TENANT = frozenset({"oauth2", "v2.0", ".well-known", "discovery"})


def create(settings: Settings | None = None) -> WSGIApplication:
    """Return the WSGI application of one process, serving the plane that the settings name.

    Raises:
        VaultError: the deployment has no master key yet.
    """
    settings = settings or Settings()
    logs.configure(settings.log_level, settings.log_format)
    services = assemble(settings, open_database(settings))
    distribution.watch_connections(services)
    return of(services)


def of(services: Services) -> WSGIApplication:
    """Return the WSGI application over an object graph."""
    plane = services.settings.plane
    if plane == "distribution":
        return DataPlane(services)
    data = None if plane == "management" else distribution.wsgi(services)
    return Planes(management_plane(services), identity_plane(services), data)


def management_plane(services: Services, types: Types | None = None) -> Flask:
    """Return the management API; tests bring types of their own."""
    mechanism = Mechanism(
        types=types or Types.discover(resources),
        database=services.database,
        access=WitnessedAccess(services.access),
        services=services,
        clock=services.clock,
        ids=services.ids,
        settings=services.settings,
    )
    return management.build(mechanism, services.authentication.bearer, services.directory.tenant_id)


def identity_plane(services: Services) -> Flask:
    """Return the token service, discovery and the directory API; they authenticate callers themselves."""
    app = Flask("controlplane.identity", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's own provider
    for blueprint in identity_blueprints(services):
        app.register_blueprint(blueprint)
    settings = services.settings
    FrontDoor(
        services.authentication.bearer,
        services.directory.tenant_id,
        Hosts.of(settings),
        settings.location,
        public=None,
    ).install(app)
    return app


def openapi_document(settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document of the management API; connects to no database."""
    database = open_database(settings)
    mechanism = Mechanism(
        types=Types.discover(resources),
        database=database,
        access=WitnessedAccess(Access(database)),
        services=None,
        clock=SystemClock(),
        ids=RandomIds(),
        settings=settings,
    )
    return management.openapi(management.build(mechanism, _refuse, str))


def _refuse(_token: str) -> Principal:
    raise Failure(INVALID_TOKEN, reason="This process describes the service and does not serve it.")


class DataPlane:
    """The distribution plane served alone, with the health checks that every process answers."""

    def __init__(self, services: Services) -> None:
        self._plane = distribution.wsgi(services)
        self._health = Flask("controlplane.health", static_folder=None)
        health.add_to(self._health, services.database)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        asked_for_health = environ.get("PATH_INFO") in health.PATHS
        return (self._health if asked_for_health else self._plane)(environ, start_response)


class Planes:
    """Hands each request to the plane its path belongs to."""

    def __init__(
        self, management: WSGIApplication, identity: WSGIApplication, distribution: WSGIApplication | None
    ) -> None:
        self._management = management
        self._identity = identity
        self._distribution = distribution

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        path: str = environ.get("PATH_INFO", "/")
        if self._distribution is not None and distribution.serves(path):
            return self._distribution(environ, start_response)
        return (self._identity if _is_identity(path) else self._management)(environ, start_response)


def _is_identity(path: str) -> bool:
    first, _, rest = path.lstrip("/").lower().partition("/")
    return first in _IDENTITY or rest.partition("/")[0] in _AFTER_TENANT
