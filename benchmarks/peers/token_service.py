"""The token service that docker-registry is told to trust: Basic in, RS256 token out.

docker-registry has none of its own. It runs under the same server as our service, so that it costs the peer
no more than it must. The environment names its files and its one user.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.peers.certificates import key_id, thumbprint

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

ISSUER = "benchmark"
SERVICE = "docker-registry"
KEY = "BENCH_TOKEN_KEY"
USER = "BENCH_TOKEN_USER"
THUMBPRINTS = "BENCH_TOKEN_THUMBPRINTS"  # set: keys are named as distribution 3 does
_LIFETIME = 3600


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer ``GET /token?service=…&scope=repository:NAME:ACTIONS``."""
    given = str(environ.get("HTTP_AUTHORIZATION", ""))
    wanted = "Basic " + base64.b64encode(os.environ[USER].encode()).decode()
    if not hmac.compare_digest(given, wanted):
        start_response("401 Unauthorized", [("WWW-Authenticate", "Basic"), ("Content-Length", "0")])
        return [b""]
    scopes = parse_qs(str(environ["QUERY_STRING"])).get("scope", [])
    body = json.dumps({"token": _token(scopes), "expires_in": _LIFETIME}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _token(scopes: list[str]) -> str:
    key, name = _signing_key()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "benchmark",
        "aud": SERVICE,
        "iat": now,
        "nbf": now - 10,
        "exp": now + _LIFETIME,
        "jti": secrets.token_hex(16),
        "access": [_access(scope) for scope in scopes],
    }
    return jwt.encode(claims, key, "RS256", headers={"kid": name})


def _access(scope: str) -> dict[str, Any]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


@cache
def _signing_key() -> tuple[rsa.RSAPrivateKey, str]:
    key = serialization.load_pem_private_key(Path(os.environ[KEY]).read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the token service signs with RSA")
    return key, thumbprint(key) if os.environ.get(THUMBPRINTS) else key_id(key)
