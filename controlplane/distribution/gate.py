"""The gate: which registry, from where, by whom, with which right. Authorise first, then look."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from controlplane.distribution.answers import Environ
from controlplane.domain.network_rules import DefaultAction, NetworkPolicy, admits
from controlplane.domain.registry_errors import (
    DENIED,
    NETWORK_DENIED,
    REGISTRY_UNKNOWN,
    UNAUTHORIZED,
)
from controlplane.domain.registry_scopes import CATALOG, REGISTRY, REPOSITORY, Right
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import HotReads, RegistryView
from controlplane.services.registry_tokens import Grant, RegistryTokens

REFRESH_USER = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs: one of several actions; and the scope a client is told to ask for."""

    any_of: frozenset[str]
    asked: str


PULL = Need(frozenset({Right.PULL.value}), "pull")
PUSH = Need(frozenset({Right.PUSH.value}), "pull,push")
DELETE = Need(frozenset({Right.DELETE.value}), "delete")
METADATA_READ = Need(frozenset({Right.METADATA_READ.value}), "metadata_read")
METADATA_WRITE = Need(frozenset({Right.METADATA_WRITE.value}), "metadata_read,metadata_write")
LIST_TAGS = Need(frozenset({Right.METADATA_READ.value, Right.PULL.value}), "metadata_read")
LIST_CATALOG = Need(frozenset({"*"}), "*")
CATALOG_RESOURCE = (REGISTRY, CATALOG)


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that was let in: the registry it asks, under which host, and what it may do there."""

    registry: RegistryView
    host: str
    grant: Grant


class Gate:
    """Lets requests in. Safe to share between threads."""

    def __init__(self, reads: HotReads, tokens: RegistryTokens) -> None:
        self._reads = reads
        self._tokens = tokens

    def registry(self, environ: Environ) -> tuple[RegistryView, str]:
        """Return the registry a request is for, and the host it was asked under.

        Raises:
            Failure: REGISTRY_UNKNOWN or NETWORK_DENIED.
        """
        host = host_of(environ)
        registry = self._reads.registry(host)
        return self.admit(environ, host, registry), host

    def admit(self, environ: Environ, host: str, registry: RegistryView | None) -> RegistryView:
        """Return a registry that was found, if it is open and its network rules admit the client.

        The client's address is that of the socket. Where registries have loopback ports of their own the
        client is a loopback address, and rules are about loopback addresses.

        Raises:
            Failure: REGISTRY_UNKNOWN or NETWORK_DENIED.
        """
        if registry is None or not registry.ready:
            raise Failure(REGISTRY_UNKNOWN, host=host[:255])
        address = environ.get("REMOTE_ADDR") or ""
        if not _admits(
            bool(registry.public_access), registry.default_action, registry.ip_rules, str(address)
        ):
            raise Failure(NETWORK_DENIED, address=address)
        return registry

    def authorize(
        self,
        environ: Mapping[str, object],
        registry: RegistryView,
        host: str,
        resource: tuple[str, str] | None,
        need: Need,
    ) -> Grant:
        """Return the caller's grant, if it covers what is needed (nothing, where ``resource`` is None).

        Raises:
            Failure: UNAUTHORIZED with the challenge, or DENIED for a password that lacks the right.
        """
        kind, _, value = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        scheme = kind.lower()
        if scheme == "basic":
            return self._basic(registry, host, value.strip(), resource, need)
        if scheme != "bearer":
            raise challenge(host, resource, need)
        grant = self._tokens.grant(registry, host, value.strip())
        if grant is None:
            raise challenge(host, resource, need, "invalid_token")
        if resource is not None and not grant.allows(resource, need.any_of):
            raise challenge(host, resource, need, "insufficient_scope")
        return grant

    def has(self, grant: Grant, registry: RegistryView, repository: str, right: Right) -> bool:
        """Tell whether a caller that was let in has a right on another repository as well.

        A token has what it was asked for; a password has what its user has.
        """
        if grant.is_password:
            return self.could_have(grant, registry, repository, right)
        return grant.allows((REPOSITORY, repository), frozenset({right.value}))

    def could_have(self, grant: Grant, registry: RegistryView, repository: str, right: Right) -> bool:
        """Tell whether a caller has a right that its token may not have been asked for."""
        return right in self._tokens.callers.rights(registry, grant.credential, repository)

    def _basic(
        self,
        registry: RegistryView,
        host: str,
        encoded: str,
        resource: tuple[str, str] | None,
        need: Need,
    ) -> Grant:
        try:
            username, password = basic_credentials(encoded)
            grant = self._tokens.basic(registry, username, password, resource)
        except (ValueError, Failure) as error:
            raise challenge(host, resource, need, "invalid_token") from error
        if resource is not None and not grant.allows(resource, need.any_of):
            raise Failure(DENIED, reason=f"the user lacks {need.asked}")
        return grant


def basic_credentials(encoded: str) -> tuple[str, str]:
    """Read the value of a Basic authorization header (RFC 7617).

    Raises:
        ValueError: it is malformed.
    """
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except binascii.Error as error:
        raise ValueError("not base64") from error
    username, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise ValueError("not a user name and a password")
    return username, password


def host_of(environ: Environ) -> str:
    """Return the host a client asked, as endpoints are named: lower case, port 443 left out."""
    host = str(environ.get("HTTP_HOST", "")).lower()
    return host.removesuffix(":443")


def challenge(
    host: str, resource: tuple[str, str] | None, need: Need, error: str | None = None, *more: str
) -> Failure:
    """Return the refusal that tells a client where to get a token, and for what; ``more`` scopes follow.

    No space follows a comma, and every refusal but that of ``/v2/`` names a scope: az and the SDKs read
    the header by splitting it.
    """
    parts = [f'realm="https://{host}/oauth2/token"', f'service="{host}"']
    detail = []
    if resource is not None:
        kind, name = resource
        scope = " ".join((f"{kind}:{name}:{need.asked}", *more))
        parts.append(f'scope="{scope}"')
        detail = [{"Type": kind, "Name": name, "Action": action} for action in need.asked.split(",")]
    if error is not None:
        parts.append(f'error="{error}"')
    return Failure(UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer " + ",".join(parts)}, info=detail)


@lru_cache(maxsize=4096)
def _admits(public_access: bool, default_action: str, ip_rules: str, address: str) -> bool:
    rules = tuple(json.loads(ip_rules))
    return admits(NetworkPolicy(public_access, DefaultAction(default_action), rules), address)
