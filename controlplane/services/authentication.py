"""Who is calling: from a client secret, or from an access token of the token service.

A token is as good as what it rests on: each call checks that the service principal still exists and is
enabled and that the secret the token was got with is still there. The result is remembered by the token's
hash under the identity stamp, so that a repeated call costs one small query and a change acts at once.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from threading import Lock
from typing import Any

from controlplane.domain.principals import Principal, PrincipalType
from controlplane.domain.secrets import lookup_of
from controlplane.kernel.catalogue import EXPIRED_TOKEN, INVALID_TOKEN
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import facts, identity, stamps
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.identity import ServicePrincipalRow
from controlplane.services.audiences import MANAGEMENT, Audiences
from controlplane.services.issuer import ENTRA, Issuer
from controlplane.services.vault import Vault

CACHE_SIZE = 4096  # verified tokens a process remembers

CREDENTIAL_CLAIM = "cred"
"""Claim of an access token that names the secret it was got with (its key id)."""


class Refusal(Enum):
    """Why a client with a secret may not sign in."""

    UNKNOWN_APPLICATION = "unknown application"
    WRONG_SECRET = "wrong secret"  # noqa: S105 - a reason
    EXPIRED_SECRET = "expired secret"  # noqa: S105 - a reason
    NO_PRINCIPAL = "no service principal"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A client that proved who it is: with the secret of a key id, which is valid until ``expires_at``."""

    principal: Principal
    key_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Verified:
    stamp: int
    expires_at: datetime
    audience: str
    principal: Principal


class Authentication:
    """Turns credentials into principals. Safe to share between threads."""

    def __init__(
        self, database: Database, vault: Vault, issuer: Issuer, clock: Clock, audiences: Audiences
    ) -> None:
        self._database = database
        self._vault = vault
        self._issuer = issuer
        self._clock = clock
        self._audiences = audiences
        self._cache: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = Lock()

    def client_secret(self, app_id: str, secret: str) -> Principal | None:
        """Return who presents a client id with a valid secret, None for anything that is not right."""
        found = self.sign_in(app_id, secret)
        return found.principal if isinstance(found, SignIn) else None

    def sign_in(self, app_id: str, secret: str) -> SignIn | Refusal:
        """Check a client id with a secret, in constant time as to the secret, and say what is wrong.

        That a secret has expired, or its principal is missing or disabled, is told only to who has it.
        """
        with self._database.read() as tx:
            application = identity.application(tx, app_id=app_id.lower())
            if application is None:
                return Refusal.UNKNOWN_APPLICATION
            lookup = lookup_of(secret)
            rows = identity.secrets_by_lookup(tx, application.id, lookup) if lookup else ()
            row = next((row for row in rows if self._vault.matches(secret, row.hash)), None)
            if row is None:
                return Refusal.WRONG_SECRET
            if not row.valid_at(self._clock.now()):
                return Refusal.EXPIRED_SECRET
            principal = identity.principal(tx, app_id=application.app_id)
            if principal is None:
                return Refusal.NO_PRINCIPAL
            if not principal.enabled:
                return Refusal.DISABLED
            return SignIn(_principal(tx, principal), row.key_id, row.expires_at)

    def bearer(self, token: str, accept: frozenset[str] = frozenset({MANAGEMENT})) -> Principal:
        """Return who presents an access token of the token service.

        ``accept`` names the audiences (``services.audiences``) the called API answers to.

        Raises:
            Failure: INVALID_TOKEN or EXPIRED_TOKEN, also when the principal or its secret is gone.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        with self._database.read() as tx:
            stamp = stamps.read(tx, stamps.IDENTITY)
        known = self._cache.get(digest)
        if known is None or known.stamp != stamp:
            known = self._verified(token, stamp)
            self._remember(digest, known)
        if known.expires_at <= self._clock.now():
            raise Failure(EXPIRED_TOKEN)
        if not self._audiences.of(known.audience) & accept:
            raise Failure(INVALID_TOKEN, reason=f"Its audience '{known.audience}' is not that of this API.")
        return known.principal

    def principal(self, object_id: str, key_id: str | None = None) -> Principal | None:
        """Return a principal of the directory that may act, None when it is unknown or disabled.

        With ``key_id``, the secret of that id must be there and valid too: for tokens that rest on it.
        """
        with self._database.read() as tx:
            row = identity.principal(tx, object_id=object_id)
            if row is None or not row.enabled:
                return None
            if key_id is not None:
                secret = identity.secret(tx, key_id)
                if secret is None or not secret.valid_at(self._clock.now()):
                    return None
            return _principal(tx, row)

    def _verified(self, token: str, stamp: int) -> _Verified:
        """Verify a token and what it rests on. ``stamp`` was read before, so a change since shows."""
        claims = self._issuer.verify(ENTRA, token)
        with self._database.read() as tx:
            tenant = facts.get(tx, facts.TENANT)
            if claims.get("tid") != tenant or claims["iss"] not in self._audiences.issuers(str(tenant)):
                raise Failure(INVALID_TOKEN, reason="It was issued by another directory.")
            row = identity.principal(tx, object_id=str(claims.get("oid")))
            if row is None or not row.enabled:
                raise Failure(INVALID_TOKEN, reason="Its principal does not exist any more or is disabled.")
            ends = [datetime.fromtimestamp(claims["exp"], tz=UTC), *_credential_end(tx, claims)]
            return _Verified(stamp, min(ends), str(claims["aud"]), _principal(tx, row))

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        with self._lock:
            self._cache[digest] = verified
            self._cache.move_to_end(digest)
            while len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)


def _principal(tx: Transaction, row: ServicePrincipalRow) -> Principal:
    return Principal(
        object_id=row.id,
        type=PrincipalType.SERVICE_PRINCIPAL,
        tenant_id=facts.get(tx, facts.TENANT) or "",
        app_id=row.app_id,
        display_name=row.display_name,
    )


def _credential_end(tx: Transaction, claims: Mapping[str, Any]) -> list[datetime]:
    key_id = claims.get(CREDENTIAL_CLAIM)
    if key_id is None:  # a managed identity has no secret
        return []
    found = identity.secret(tx, str(key_id))
    if found is None:
        raise Failure(INVALID_TOKEN, reason="The secret it was obtained with has been removed.")
    return [found.expires_at]
