"""The gate: which registry, from where, by whom, with which right. Authorise first, then look."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from controlplane.distribution.answers import Environ
from controlplane.distribution.throttle import rate_headers, too_many
from controlplane.domain.client_address import Networks, client_address
from controlplane.domain.network_rules import DefaultAction, NetworkPolicy, admits
from controlplane.domain.registry_errors import (
    DENIED,
    NETWORK_DENIED,
    REGISTRY_UNKNOWN,
    UNAUTHORIZED,
)
from controlplane.domain.registry_scopes import CATALOG, REGISTRY, REPOSITORY, Right
from controlplane.domain.throttle import OF_METHOD, RequestClass
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import HotReads, RegistryView
from controlplane.services import content_quota
from controlplane.services.registry_tokens import Grant, RegistryTokens
from controlplane.services.throttling import Throttle

REFRESH_USER = "00000000-0000-0000-0000-000000000000"
_LONGEST_CHAIN = 1024  # characters of X-Forwarded-For that are looked at, from the right


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs: one of several actions; and the scope a client is told to ask for."""

    any_of: frozenset[str]
    asked: str
    kind: RequestClass | None = None  # what it counts as, where the method does not tell


PULL = Need(frozenset({Right.PULL.value}), "pull", RequestClass.READ)
REFERRERS = Need(frozenset({Right.PULL.value}), "pull", RequestClass.REFERRERS)
PUSH = Need(frozenset({Right.PUSH.value}), "pull,push")
DELETE = Need(frozenset({Right.DELETE.value}), "delete")
METADATA_READ = Need(frozenset({Right.METADATA_READ.value}), "metadata_read")
METADATA_WRITE = Need(frozenset({Right.METADATA_WRITE.value}), "metadata_read,metadata_write")
# A scanner marks what it looked at with the token it would push with; its right to do so is looked up.
VERDICT = Need(frozenset({Right.METADATA_WRITE.value, Right.PUSH.value}), METADATA_WRITE.asked)
LIST_TAGS = Need(frozenset({Right.METADATA_READ.value, Right.PULL.value}), "metadata_read")
LIST_CATALOG = Need(frozenset({"*"}), "*")
LIST_VISIBLE = Need(LIST_CATALOG.any_of | {Right.METADATA_READ.value}, "*")
"""What a list needs that shows no more of the catalog than the caller may read."""
CATALOG_RESOURCE = (REGISTRY, CATALOG)


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that was let in: the registry it asks, under which host, and what it may do there."""

    registry: RegistryView
    host: str
    grant: Grant


class Gate:
    """Lets requests in. Safe to share between threads."""

    def __init__(
        self, reads: HotReads, tokens: RegistryTokens, throttle: Throttle, trusted: Networks = ()
    ) -> None:
        self._reads = reads
        self._tokens = tokens
        self._throttle = throttle
        self._is_proxied = bool(trusted)
        self._client = lru_cache(maxsize=4096)(partial(client_address, trusted=tuple(trusted)))

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

        Where registries have loopback ports of their own the client is a loopback address, and rules are
        about loopback addresses.

        Raises:
            Failure: REGISTRY_UNKNOWN or NETWORK_DENIED.
        """
        if registry is None or not registry.ready:
            raise Failure(REGISTRY_UNKNOWN, host=host[:255])
        address = self.client(environ)
        if not _admits(bool(registry.public_access), registry.default_action, registry.ip_rules, address):
            raise Failure(NETWORK_DENIED, address=address)
        return registry

    def client(self, environ: Environ) -> str:
        """Return the client's address: the other end of the socket, unless that is a trusted proxy."""
        peer: str = environ.get("REMOTE_ADDR") or ""
        if not self._is_proxied:
            return peer
        forwarded: str = environ.get("HTTP_X_FORWARDED_FOR") or ""
        return self._client(peer, forwarded[-_LONGEST_CHAIN:])

    def count(self, registry: RegistryView, identity: str, kind: RequestClass) -> None:
        """Count a request of an identity; of nobody's (an empty text) where only the registry is limited.

        Raises:
            Failure: TOO_MANY_REQUESTS.
        """
        refused = self._throttle.take(registry, identity, kind)
        if refused is not None:
            raise too_many(refused)

    def shown_rates(self, registry: RegistryView, identity: str, kind: RequestClass) -> Mapping[str, str]:
        """Return the headers that tell what is left of the limits of a request."""
        rate = self._throttle.left(registry, identity, kind)
        return {} if rate is None else rate_headers(rate)

    def authorize(
        self,
        environ: Mapping[str, object],
        registry: RegistryView,
        host: str,
        resource: tuple[str, str] | None,
        need: Need,
    ) -> Grant:
        """Return the caller's grant, if it covers what is needed (nothing, where ``resource`` is None).

        A request counts for the limits as soon as it is known whose it is, also when it is refused then. What
        comes without a good credential counts for nobody: strangers must not use up what others may.

        Raises:
            Failure: UNAUTHORIZED with the challenge, DENIED for a password that lacks the right,
                TOO_MANY_REQUESTS, or STORAGE_FULL for a push.
        """
        scheme, _, value = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        scheme = scheme.lower()
        if scheme == "bearer":
            known = self._tokens.grant(registry, host, value.strip())
            if known is None:
                raise challenge(host, resource, need, "invalid_token")
            grant = known
        elif scheme == "basic":
            grant = self._basic(registry, host, value.strip(), resource, need)
        else:
            raise challenge(host, resource, need)
        kind = need.kind or OF_METHOD.get(str(environ["REQUEST_METHOD"]), RequestClass.READ)
        refused = self._throttle.take(registry, grant.credential.identity, kind)
        if refused is not None:
            raise too_many(refused)
        if resource is not None and not grant.allows(resource, need.any_of):
            if grant.is_password:
                raise Failure(DENIED, reason=f"the user lacks {need.asked}")
            raise challenge(host, resource, need, "insufficient_scope")
        if need is PUSH and kind is RequestClass.WRITE:
            content_quota.refuse_full(registry.size, registry.tier)
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
            return self._tokens.basic(registry, username, password, resource)
        except (ValueError, Failure) as error:
            raise challenge(host, resource, need, "invalid_token") from error


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
