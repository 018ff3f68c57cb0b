"""What the routes of the distribution plane are made of, and how each of them lets a request in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, g, request

from controlplane.distribution.gate import Caller, Gate, Need
from controlplane.distribution.plain import origin, refuse_data_endpoint
from controlplane.domain.digests import Digest, parse_digest
from controlplane.domain.events import Origin
from controlplane.domain.registry_errors import DIGEST_INVALID, NAME_INVALID
from controlplane.domain.registry_scopes import REPOSITORY
from controlplane.domain.repository_names import is_repository_name
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import RegistryView
from controlplane.services.content_deletes import Deletions
from controlplane.services.graph import Services


@dataclass(frozen=True, slots=True)
class Parts:
    """The functions the routes call."""

    services: Services
    gate: Gate
    deletions: Deletions

    def origin(self, caller: Caller) -> Origin:
        """Return where the current request comes from, as events tell it."""
        return origin(request.environ, caller, self.gate.client(request.environ), self.services.ids.uuid())

    def let_in(self, repository: str, need: Need) -> Caller:
        """Return the caller of a request about a repository.

        Raises:
            Failure: NAME_INVALID, UNAUTHORIZED or DENIED.
        """
        if not is_repository_name(repository):
            raise Failure(NAME_INVALID)
        return self.let_in_to((REPOSITORY, repository), need)

    def let_in_to(self, resource: tuple[str, str] | None, need: Need) -> Caller:
        """Return the caller of a request about a resource, or about none.

        Raises:
            Failure: UNAUTHORIZED or DENIED.
        """
        registry, host = asked()
        refuse_data_endpoint(registry, request.method)
        grant = self.gate.authorize(request.environ, registry, host, resource, need)
        g.caller = grant.credential.identity
        return Caller(registry, host, grant)


def asked() -> tuple[RegistryView, str]:
    """Return the registry the current request is for, and the host it was asked under."""
    found: tuple[RegistryView, str] = g.registry
    return found


def digest_in(text: str | None) -> Digest:
    """Read a digest out of a request.

    Raises:
        Failure: DIGEST_INVALID.
    """
    try:
        return parse_digest(text or "")
    except ValueError as error:
        raise Failure(DIGEST_INVALID, reason="it is not a sha256 or sha512 digest") from error


def empty(status: int, **headers: str) -> Response:
    """Return an answer without a body; underscores in header names stand for dashes."""
    response = Response(status=status)
    response.headers.pop("Content-Type", None)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response
