"""The issuer: signs and verifies tokens, publishes the keys that verify them, and rotates these.

Two purposes, each with keys and an algorithm of its own: ``entra`` (RS256, as Entra's clients expect) for
access tokens of the token service, ``registry`` (ES256, short) for tokens of the distribution plane. A key
never verifies for the other purpose, and a token never chooses its algorithm: both follow from the purpose.

Rotation: a new key signs at once; the old one verifies until every token it can have signed has expired, with
a margin for processes that have not yet seen the new one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from controlplane.kernel.catalogue import EXPIRED_TOKEN, INVALID_TOKEN
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence import signing_keys
from controlplane.persistence.database import Database
from controlplane.persistence.signing_keys import SigningKeyRow
from controlplane.services.vault import Vault

ENTRA = "entra"
REGISTRY = "registry"
ALGORITHMS: Mapping[str, str] = MappingProxyType({ENTRA: "RS256", REGISTRY: "ES256"})

REFRESH = 30.0  # seconds after which a process looks for keys made elsewhere
SKEW = 60  # seconds that clocks of two servers may differ
MAX_TOKEN = 16 * 1024  # characters


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    row: SigningKeyRow
    private: Any
    public: Any


class Issuer:
    """Signs and verifies tokens. Safe to share between threads.

    Args:
        lifetimes: longest validity of a token by purpose, in seconds; decides how long old keys verify.
    """

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, ids: Ids, lifetimes: Mapping[str, int]
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._lifetimes = dict(lifetimes)
        self._lock = threading.Lock()
        self._keys: Mapping[str, _Key] = {}  # newest first
        self._loaded = float("-inf")

    def sign(self, purpose: str, claims: Mapping[str, Any]) -> str:
        """Sign claims as they are; the caller sets ``iss``, ``aud``, ``iat``, ``nbf`` and ``exp``."""
        key = self._signer(purpose)
        return jwt.encode(
            dict(claims), key.private, algorithm=ALGORITHMS[purpose], headers={"kid": key.row.kid}
        )

    def verify(self, purpose: str, token: str, audience: str | None = None) -> dict[str, Any]:
        """Return the claims of a token that this deployment signed for a purpose and that is valid now.

        ``audience`` None leaves the audience to the caller.

        Raises:
            Failure: INVALID_TOKEN or EXPIRED_TOKEN.
        """
        key = self._verifier(purpose, token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHMS[purpose]],
                # Times are checked below against the injected clock, the audience too.
                options={
                    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
                    "require": ["exp", "iat", "aud", "iss"],
                },
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            raise _invalid("Its signature or form is wrong.") from error
        self._check_times(claims)
        if audience is not None and claims["aud"] != audience:
            raise _invalid("It was issued for another audience.")
        return claims

    def jwks(self, purpose: str = ENTRA) -> dict[str, Any]:
        """Return the public keys that verify tokens of a purpose, as a JSON Web Key Set (RFC 7517)."""
        self._signer(purpose)  # the very first question makes the first key
        return {"keys": [_jwk(key) for key in self._current(purpose)]}

    def rotate(self, purpose: str) -> str:
        """Make a new signing key and let the others retire; return the new key's id.

        Twice: there is one key more, nothing else. Keys that verify no more are removed.
        """
        now = self._clock.now()
        row = self._new_row(purpose, now)
        retires_at = now + timedelta(seconds=self._lifetimes[purpose] + REFRESH + SKEW)
        with self._database.write() as tx:
            signing_keys.remove_retired(tx, now)
            signing_keys.add(tx, row)
            signing_keys.retire(tx, purpose, keep=row.kid, retires_at=retires_at)
        self._load()
        return row.kid

    def _signer(self, purpose: str) -> _Key:
        self._refresh(REFRESH)
        for attempt in (0, 1):
            for key in self._current(purpose):
                if key.row.retires_at is None:
                    return key
            if attempt == 0:
                self._make_first(purpose)
        raise LookupError(f"no key signs for {purpose}")

    def _verifier(self, purpose: str, token: str) -> _Key:
        if len(token) > MAX_TOKEN:
            raise _invalid("It is too long.")
        try:
            kid = str(jwt.get_unverified_header(token).get("kid"))
        except jwt.InvalidTokenError as error:
            raise _invalid("It is not a signed JSON Web Token.") from error
        self._refresh(REFRESH)
        if kid not in self._keys:
            self._load()  # another process may have made it just now; one small query, as any request has
        key = self._keys.get(kid)
        if key is None or key not in self._current(purpose):
            raise _invalid("It was not signed with a key of this service.")
        return key

    def _current(self, purpose: str) -> Sequence[_Key]:
        now = self._clock.now()
        return [
            key
            for key in self._keys.values()
            if key.row.purpose == purpose and (key.row.retires_at is None or key.row.retires_at > now)
        ]

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = int(self._clock.now().timestamp())
        times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
        if not all(isinstance(value, int) for value in times):
            raise _invalid("Its times are not numbers.")
        if times[0] <= now:
            raise Failure(EXPIRED_TOKEN)
        if max(times[1:]) > now + SKEW:
            raise _invalid("It is not valid yet.")

    def _refresh(self, older_than: float) -> None:
        if time.monotonic() - self._loaded > older_than:
            self._load()

    def _load(self) -> None:
        with self._database.read() as tx:
            rows = signing_keys.usable(tx, self._clock.now())
        with self._lock:
            known = self._keys
            self._keys = {row.kid: self._opened(row, known.get(row.kid)) for row in rows}
            self._loaded = time.monotonic()

    def _opened(self, row: SigningKeyRow, known: _Key | None) -> _Key:
        if known is not None:
            return _Key(row, known.private, known.public)
        pem = self._vault.open(row.private).encode()
        # What opens is what this service sealed; checking its arithmetic again would take 50 ms.
        private = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        return _Key(row, private, load_pem_public_key(row.public.encode()))

    def _make_first(self, purpose: str) -> None:
        """Make a key when there is none. Two processes may both: then the newer signs and both verify."""
        row = self._new_row(purpose, self._clock.now())
        with self._database.write() as tx:
            if all(found.purpose != purpose for found in signing_keys.usable(tx, row.created_at)):
                signing_keys.add(tx, row)
        self._load()

    def _new_row(self, purpose: str, now: datetime) -> SigningKeyRow:
        private = _generate(ALGORITHMS[purpose])
        sealed = self._vault.seal(
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        )
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return SigningKeyRow(self._ids.token(16), purpose, ALGORITHMS[purpose], sealed, public, now, None)


def _generate(algorithm: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _jwk(key: _Key) -> dict[str, Any]:
    maker = RSAAlgorithm if key.row.algorithm == "RS256" else ECAlgorithm
    body = maker.to_jwk(key.public, as_dict=True)
    body.pop("key_ops", None)
    return {**body, "kid": key.row.kid, "use": "sig", "alg": key.row.algorithm}


def _invalid(reason: str) -> Failure:
    return Failure(INVALID_TOKEN, reason=reason)
