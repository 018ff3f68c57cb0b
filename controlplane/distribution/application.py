"""The distribution plane as one WSGI application: pulls and pushes as plain WSGI, and Flask for the rest."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from controlplane.distribution.absent import AbsentRoutes
from controlplane.distribution.acr import AcrRoutes
from controlplane.distribution.acr_attributes import AttributeRoutes
from controlplane.distribution.acr_deleted import DeletedRoutes
from controlplane.distribution.acr_time import TimeRoutes
from controlplane.distribution.answers import (
    COMMON,
    Environ,
    Headers,
    answer_failure,
    envelope,
    failure_headers,
)
from controlplane.distribution.blobs import BlobRoutes
from controlplane.distribution.bodies import drain
from controlplane.distribution.failures import as_failure
from controlplane.distribution.gate import Gate
from controlplane.distribution.hot import HotPath
from controlplane.distribution.listings import ListingRoutes
from controlplane.distribution.manifest_push import PushPath
from controlplane.distribution.manifests import ManifestRoutes
from controlplane.distribution.parts import Parts
from controlplane.distribution.plain import Frame, log, shown_rates
from controlplane.distribution.redirects import redirects
from controlplane.distribution.slow_connections import Guard
from controlplane.distribution.tokens import TokenRoutes
from controlplane.distribution.uploads import UploadPath
from controlplane.distribution.usage import UsageRoutes
from controlplane.domain.registry_errors import (
    METHOD_UNSUPPORTED,
    PARAMETER_INVALID,
    ROUTE_UNKNOWN,
)
from controlplane.domain.throttle import OF_METHOD, RequestClass
from controlplane.kernel.errors import ErrorKind, Failure
from controlplane.persistence.hot import HotReads
from controlplane.services.graph import Services
from controlplane.services.throttle_redis import Conversation, RedisExchange

_LARGEST_FORM = 64 * 1024
_OAUTH = "/oauth2/"
_PLACES = ("/v2", "/acr/v1", "/oauth2/token", "/oauth2/exchange")


def serves(path: str) -> bool:
    """Tell whether a path belongs to this plane."""
    return path.startswith(("/v2/", "/acr/v1/", "/helm/v1/")) or path in _PLACES


class DistributionPlane:
    """The plane as a WSGI application. Safe to share between threads, not across fork."""

    def __init__(self, services: Services) -> None:
        self._reads = HotReads(services.database, region=services.settings.serve_region)
        trusted = services.settings.trusted_networks
        gate = Gate(self._reads, services.registry_tokens, services.throttle, trusted)
        settings = services.settings
        hot = HotPath(
            gate, self._reads, services.regions, services.pull_times, redirects(settings), services.cache
        )
        frame = Frame(gate, self._reads, settings, services.ids)
        self._paths = hot, UploadPath(frame, services.uploads), PushPath(frame, services.pushes)
        self._flask = _flask(services, gate)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        try:
            for path in self._paths:
                answer = path(environ, start_response)
                if answer is not None:
                    return answer
        except Exception as error:  # noqa: BLE001 - the edge
            return answer_failure(as_failure(error), environ["REQUEST_METHOD"], start_response)
        return self._flask(environ, start_response)

    def close(self) -> None:
        """Close the connections of the hot path; those of ``services`` are their owner's."""
        self._reads.close()


def wsgi(services: Services) -> DistributionPlane:
    """Build the plane of one process."""
    return DistributionPlane(services)


def watch_connections(services: Services) -> None:
    """Start what runs beside the requests, in a process that a server serves from.

    Transfers that are too slow are ended, times of pulls are written, and counts of requests compared with
    those of other machines.
    """
    settings = services.settings
    services.pull_times.start()
    if settings.throttle_redis and settings.throttling == "on":
        Conversation(services.throttle, RedisExchange(settings.throttle_redis)).start()
    if settings.body_min_rate:
        Guard(settings.transfer_window, settings.body_min_rate).start()


def _flask(services: Services, gate: Gate) -> Flask:
    app = Flask("controlplane.distribution", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_FORM  # of forms; blobs and manifests are read apart
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's own provider
    parts = Parts(
        services,
        gate,
        services.deletions,
    )
    for routes in (
        TokenRoutes,
        ListingRoutes,
        BlobRoutes,
        ManifestRoutes,
        AcrRoutes,
        AttributeRoutes,
        DeletedRoutes,
        TimeRoutes,
        UsageRoutes,
        AbsentRoutes,
    ):
        routes(parts).add_to(app)
    _surround(app, services, gate)
    app.register_error_handler(Exception, _on_error)
    return app


def _surround(app: Flask, services: Services, gate: Gate) -> None:
    """Do what every request needs before and after its view."""

    def enter() -> None:
        g.began = time.perf_counter()
        registry, _ = g.registry = gate.registry(request.environ)
        if request.path.startswith(_OAUTH):
            gate.count(registry, "", RequestClass.OAUTH)

    def leave(response: Response) -> Response:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            drain(request.environ, services.settings)
        for name, value in (*_rates(gate, response), *COMMON):
            response.headers.setdefault(name, value)
        registry, _ = g.get("registry", (None, ""))
        log(request.environ, response.status_code, g.began, registry, g.get("caller"))
        return response

    app.before_request(enter)
    app.after_request(leave)


def _rates(gate: Gate, response: Response) -> Headers:
    """Return the headers that show the limits of this request; the hot path shows them with refusals only."""
    registry, _ = g.get("registry", (None, ""))
    if request.path.startswith(_OAUTH):
        return shown_rates(gate, registry, "", RequestClass.OAUTH, list(response.headers))
    is_referrers = request.endpoint == "referrers"
    kind = RequestClass.REFERRERS if is_referrers else OF_METHOD.get(request.method, RequestClass.READ)
    return shown_rates(gate, registry, g.get("caller"), kind, list(response.headers))


def _on_error(error: Exception) -> Response:
    failure = _translated(error)
    body = envelope(failure)
    return Response(body, status=failure.kind.status, headers=failure_headers(failure, body))


def _translated(error: Exception) -> Failure:
    return _http_failure(error) if isinstance(error, HTTPException) else as_failure(error)


def _http_failure(error: HTTPException) -> Failure:
    if isinstance(error, NotFound):
        return Failure(ROUTE_UNKNOWN, path=request.path[:255])
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return Failure(METHOD_UNSUPPORTED, headers={"Allow": allowed}, method=request.method, allowed=allowed)
    status = 413 if isinstance(error, RequestEntityTooLarge) else 400
    kind = ErrorKind(PARAMETER_INVALID.code, status, PARAMETER_INVALID.message)
    return Failure(kind, reason=error.name)
