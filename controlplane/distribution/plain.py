"""Routes that are asked too often for Flask: plain functions, and around them what every request needs.

What Flask costs a request is as much as a push of a small blob costs otherwise. A view is given the visit
and returns an answer or raises; the frame translates errors, reads what is left of a refused body, shows
the rates and writes the line in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qs, quote
from wsgiref.types import StartResponse

from controlplane.distribution.answers import (
    COMMON,
    STATUS_LINES,
    Environ,
    Headers,
    envelope,
    failure_headers,
)
from controlplane.distribution.bodies import drain
from controlplane.distribution.failures import as_failure
from controlplane.distribution.gate import Caller, Gate, Need, host_of
from controlplane.domain.events import Origin
from controlplane.domain.registry_errors import DENIED, NAME_INVALID, PARAMETER_INVALID
from controlplane.domain.registry_scopes import REPOSITORY
from controlplane.domain.repository_names import is_repository_name
from controlplane.domain.throttle import OF_METHOD, RequestClass
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence.hot import HotReads, RegistryView
from controlplane.persistence.registries import DATA
from controlplane.settings.model import Settings

_ACCESS = logging.getLogger("controlplane.access")
_FIELDS = 128  # more parameters than any route has
_LONGEST_AGENT = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view answers; it has no body."""

    status: int
    headers: Headers = field(default_factory=list)


@dataclass
class Visit:
    """One request, and what is found out about it on its way."""

    environ: Environ
    began: float
    registry: RegistryView | None = None
    caller: str | None = None

    @property
    def method(self) -> str:
        """The method, upper case."""
        return str(self.environ["REQUEST_METHOD"])

    @cached_property
    def query(self) -> Mapping[str, list[str]]:
        """The parameters; one that has no value is empty.

        Raises:
            Failure: PARAMETER_INVALID.
        """
        try:
            text: str = self.environ.get("QUERY_STRING", "")
            return parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError as error:
            raise Failure(PARAMETER_INVALID, reason=f"there are more than {_FIELDS} of them") from error

    def parameter(self, name: str) -> str | None:
        """Return the first value of a parameter."""
        values = self.query.get(name)
        return values[0] if values else None


View = Callable[[Visit], Answer]


@dataclass(frozen=True, slots=True)
class Frame:
    """Serves views. Safe to share between threads."""

    gate: Gate
    reads: HotReads
    settings: Settings
    ids: Ids

    def serve(self, environ: Environ, start_response: StartResponse, view: View) -> Iterable[bytes]:
        """Answer a request with what a view returns or raises."""
        visit = Visit(environ, time.perf_counter())
        body = b""
        try:
            answer = view(visit)
            status, headers = answer.status, [*answer.headers, *COMMON]
        except Exception as error:  # noqa: BLE001 - the edge
            failure = as_failure(error)
            drain(environ, self.settings)
            body = envelope(failure)
            status, headers = failure.kind.status, failure_headers(failure, body)
        kind = OF_METHOD.get(visit.method, RequestClass.READ)
        headers += shown_rates(self.gate, visit.registry, visit.caller, kind, headers)
        log(environ, status, visit.began, visit.registry, visit.caller)
        start_response(STATUS_LINES[status], headers)
        return [body] if body and visit.method != "HEAD" else []

    def origin(self, environ: Environ, caller: Caller) -> Origin:
        """Return where a request comes from, as events tell it."""
        return origin(environ, caller, self.gate.client(environ), self.ids.uuid())

    def let_in(self, visit: Visit, repository: str, need: Need) -> tuple[Caller, int]:
        """Return the caller of a request that changes a repository, and the repository's locks.

        Raises:
            Failure: REGISTRY_UNKNOWN, NETWORK_DENIED, NAME_INVALID, UNAUTHORIZED or DENIED.
        """
        host, is_name = host_of(visit.environ), is_repository_name(repository)
        if is_name:
            registry, locks = self.reads.repository(host, repository) or (None, 0)
        else:
            registry, locks = self.reads.registry(host), 0
        registry = visit.registry = self.gate.admit(visit.environ, host, registry)
        if not is_name:
            raise Failure(NAME_INVALID)
        refuse_data_endpoint(registry, visit.method)
        grant = self.gate.authorize(visit.environ, registry, host, (REPOSITORY, repository), need)
        visit.caller = grant.credential.identity
        return Caller(registry, host, grant), locks


def origin(environ: Environ, caller: Caller, address: str, request_id: str) -> Origin:
    """Return where a request comes from, as events tell it."""
    return Origin(
        region=caller.registry.region,
        actor=caller.grant.credential.identity,
        request_id=request_id,
        host=caller.host,
        method=environ["REQUEST_METHOD"],
        useragent=environ.get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT],
        addr=address,
    )


def refuse_data_endpoint(registry: RegistryView, method: str) -> None:
    """Refuse to change something by way of an endpoint that only serves bytes.

    Raises:
        Failure: DENIED.
    """
    if registry.endpoint == DATA and method not in {"GET", "HEAD"}:
        raise Failure(DENIED, reason="a data endpoint serves pulls only")


def shown_rates(
    gate: Gate, registry: RegistryView | None, caller: str | None, kind: RequestClass, shown: Headers
) -> Headers:
    """Return the headers that show the limits of a request; a refusal for its rate shows them itself."""
    if registry is None or caller is None:
        return []
    known = {name for name, _ in shown}
    rates = gate.shown_rates(registry, caller, kind)
    return [(name, value) for name, value in rates.items() if name not in known]


def log(
    environ: Environ, status: int, began: float, registry: RegistryView | None, caller: str | None
) -> None:
    """Write the line of a request; the hot path has none, it would cost it half its rate."""
    _ACCESS.info(
        "method=%s path=%s status=%d ms=%.1f registry=%s caller=%s",
        environ["REQUEST_METHOD"],
        quote(environ["PATH_INFO"], encoding="latin-1"),  # WSGI's bytes as text
        status,
        (time.perf_counter() - began) * 1000,
        "-" if registry is None else registry.name,
        "-" if caller is None else caller,
    )
