"""Tokens of the distribution plane: what a caller proves, what it is granted, and whether that still holds.

A token names the credential it rests on and carries two stamps: the registry's and that of identity, as
they were when its rights were worked out. A request compares them with the ones of now, which come with
the content it asks for; only when one has moved are the credential and the rights looked at again. So a
disabled admin user, a renewed password, a deleted principal or a removed role ends the next request, in
every process, without a lookup on all the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from controlplane.domain.registry_scopes import REGISTRY, ScopeRequest
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence.hot import RegistryView
from controlplane.services.issuer import REGISTRY as PURPOSE
from controlplane.services.issuer import Issuer
from controlplane.services.registry_callers import Credential, RegistryCallers
from controlplane.settings.model import Settings

ISSUER = "Azure Container Registry"
ACCESS = "access_token"
REFRESH = "refresh_token"
_CACHE_SIZE = 8192  # verified tokens a process remembers

Resource = tuple[str, str]  # type and name, as in a scope


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller may do now. ``expires`` is in seconds since 1970, ``stamps`` are (registry, identity)."""

    credential: Credential
    access: Mapping[Resource, frozenset[str]]
    stamps: tuple[int, int]
    expires: int
    is_password: bool = False

    def allows(self, resource: Resource, any_of: frozenset[str]) -> bool:
        """Tell whether one of several actions on a resource is granted."""
        return not any_of.isdisjoint(self.access.get(resource, ()))


class Minted(NamedTuple):
    """A token just signed, and for how many seconds it counts."""

    text: str
    lifetime: int


@dataclass(frozen=True, slots=True)
class _Known:
    """A verified token: where it counts, what it was issued for, and what is left of that under stamps."""

    place: tuple[int, str]
    issued: Grant
    stamps: tuple[int, int]
    current: Grant | None


class RegistryTokens:
    """Mints and verifies access and refresh tokens. Safe to share between threads."""

    def __init__(
        self, callers: RegistryCallers, issuer: Issuer, clock: Clock, ids: Ids, settings: Settings
    ) -> None:
        self.callers = callers
        self._issuer = issuer
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._cache: dict[bytes, _Known] = {}

    def access_token(
        self, registry: RegistryView, host: str, credential: Credential, scopes: Iterable[ScopeRequest]
    ) -> Minted:
        """Mint a token for those of the wanted scopes that the credential has rights on."""
        access = [
            {"type": scope.type, "name": scope.name, "actions": list(actions)}
            for scope in scopes
            if (actions := scope.granted(self._rights(registry, credential, scope)))
        ]
        claims = {"grant_type": ACCESS, "access": access, "stamps": _stamps(registry)}
        return self._mint(registry, host, credential, claims, self._settings.registry_token_lifetime)

    def refresh_token(self, registry: RegistryView, host: str, credential: Credential) -> Minted:
        """Mint a token that stands for the credential when access tokens are asked for.

        Its claims are plain ASCII without ``>``, ``?`` and ``~``: the Python SDK decodes them as standard
        base64, where those would turn into other letters.
        """
        rights = sorted(self.callers.rights(registry, credential, None))
        claims = {"grant_type": REFRESH, "permissions": {"actions": rights}}
        return self._mint(registry, host, credential, claims, self._settings.registry_refresh_lifetime)

    def refreshed(self, registry: RegistryView, host: str, token: str) -> Credential | None:
        """Return the credential behind a refresh token, None when the token or it is not good any more."""
        claims = self._claims(registry, host, token, REFRESH)
        credential = None if claims is None else Credential.parse(str(claims.get("cred")))
        return credential if credential and self.callers.holds(registry, credential) else None

    def grant(self, registry: RegistryView, host: str, token: str) -> Grant | None:
        """Return what an access token grants now, None when it is not good (any more).

        ``registry`` must have been read for this request.
        """
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._cache.get(key)
        if known is None or known.place != (registry.id, host):
            issued = self._issued(registry, host, token)
            if issued is None:
                return None
            known = _Known((registry.id, host), issued, issued.stamps, issued)
            self._remember(key, known)
        if known.issued.expires <= self._clock.now().timestamp():
            self._cache.pop(key, None)
            return None
        stamps = _stamps(registry)
        if known.stamps != stamps:
            known = _Known(known.place, known.issued, stamps, self._again(registry, known.issued, stamps))
            self._remember(key, known)
        current = known.current
        if current is None or not self.callers.is_open(registry, current.credential):
            return None
        return current

    def basic(self, registry: RegistryView, username: str, password: str, resource: Resource | None) -> Grant:
        """Return what a user name and a password grant on one resource, or on none.

        Raises:
            Failure: CREDENTIAL_REFUSED.
        """
        credential = self.callers.password(registry, username, password)
        access = {}
        if resource is not None:
            scope = ScopeRequest(resource[0], resource[1], ("*",))
            access[resource] = frozenset(scope.granted(self._rights(registry, credential, scope)))
        return Grant(credential, access, _stamps(registry), 0, is_password=True)

    def _rights(self, registry: RegistryView, credential: Credential, scope: ScopeRequest) -> frozenset[str]:
        return self.callers.rights(registry, credential, None if scope.type == REGISTRY else scope.name)

    def _mint(
        self,
        registry: RegistryView,
        host: str,
        credential: Credential,
        claims: Mapping[str, Any],
        lifetime: int,
    ) -> Minted:
        """Sign a token, which lives no longer than the password or secret it rests on."""
        now = int(self._clock.now().timestamp())
        end = self.callers.ends_at(registry, credential)
        if end is not None:
            lifetime = min(lifetime, max(0, int(end.timestamp()) - now))
        common = {
            "jti": self._ids.uuid(),
            "sub": credential.identity,
            "nbf": now,
            "iat": now,
            "exp": now + lifetime,
            "iss": ISSUER,
            "aud": host,
            "version": "1.0",
            "roles": [],
            "cred": str(credential),
            "registry": registry.id,
        }
        return Minted(self._issuer.sign(PURPOSE, {**common, **claims}), lifetime)

    def _claims(self, registry: RegistryView, host: str, token: str, use: str) -> dict[str, Any] | None:
        """Return the claims of a token of this registry and host for one use, None for any other token."""
        try:
            claims = self._issuer.verify(PURPOSE, token, host)
        except Failure:
            return None
        mine = claims.get("registry") == registry.id and claims.get("iss") == ISSUER
        return claims if mine and claims.get("grant_type") == use else None

    def _issued(self, registry: RegistryView, host: str, token: str) -> Grant | None:
        claims = self._claims(registry, host, token, ACCESS)
        credential = None if claims is None else Credential.parse(str(claims.get("cred")))
        if claims is None or credential is None:
            return None
        access = {(one["type"], one["name"]): frozenset(one["actions"]) for one in claims["access"]}
        return Grant(credential, access, tuple(claims["stamps"]), claims["exp"])

    def _again(self, registry: RegistryView, issued: Grant, stamps: tuple[int, int]) -> Grant | None:
        """Work out what is left of a token's rights, None when its credential is not good any more.

        The stamps were read before: a change since then shows on the next request.
        """
        if not self.callers.holds(registry, issued.credential):
            return None
        access = {}
        for (kind, name), actions in issued.access.items():
            scope = ScopeRequest(kind, name, tuple(actions))
            access[kind, name] = frozenset(scope.granted(self._rights(registry, issued.credential, scope)))
        return Grant(issued.credential, access, stamps, issued.expires)

    def _remember(self, key: bytes, known: _Known) -> None:
        if len(self._cache) >= _CACHE_SIZE:
            for old in list(self._cache)[: _CACHE_SIZE // 4]:
                self._cache.pop(old, None)
        self._cache[key] = known


def _stamps(registry: RegistryView) -> tuple[int, int]:
    return registry.stamp, registry.identity_stamp
