from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from controlplane.kernel.errors import Failure
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA, REFRESH, REGISTRY, SKEW, Issuer
from tests.support.clocks import ManualClock


def claims(services: Services, **changes: Any) -> dict[str, Any]:
    now = int(services.clock.now().timestamp())
    return {"iss": "i", "aud": "a", "iat": now, "nbf": now, "exp": now + 600, "sub": "s"} | changes


def refused(issuer: Issuer, purpose: str, token: str, audience: str | None = None) -> str:
    with pytest.raises(Failure) as caught:
        issuer.verify(purpose, token, audience)
    return caught.value.kind.code


def unsigned(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(("purpose", "algorithm"), [(ENTRA, "RS256"), (REGISTRY, "ES256")])
def test_a_token_verifies_for_its_purpose_and_with_its_algorithm(
    services: Services, purpose: str, algorithm: str
) -> None:
    token = services.issuer.sign(purpose, claims(services))
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert services.issuer.verify(purpose, token, "a")["sub"] == "s"


def test_published_keys_verify_tokens_for_anybody(services: Services) -> None:
    for purpose, algorithm in ((ENTRA, "RS256"), (REGISTRY, "ES256")):
        token = services.issuer.sign(purpose, claims(services))
        keys = jwt.PyJWKSet.from_dict(services.issuer.jwks(purpose))
        key = keys[jwt.get_unverified_header(token)["kid"]]
        decoded = jwt.decode(
            token,
            key,
            [algorithm],
            audience="a",
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        assert decoded["sub"] == "s"


def test_no_private_part_is_published(services: Services) -> None:
    for purpose in (ENTRA, REGISTRY):
        for key in services.issuer.jwks(purpose)["keys"]:
            assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()


def test_private_keys_are_stored_sealed(services: Services) -> None:
    services.issuer.jwks(ENTRA)
    with services.database.read() as tx:
        stored = tx.connection.exec_driver_sql("SELECT private FROM signing_keys").scalars().all()
    assert stored
    assert not any("PRIVATE KEY" in text for text in stored)


def test_a_key_of_the_other_purpose_does_not_verify(services: Services) -> None:
    issuer = services.issuer
    assert refused(issuer, ENTRA, issuer.sign(REGISTRY, claims(services))) == "InvalidAuthenticationToken"
    assert refused(issuer, REGISTRY, issuer.sign(ENTRA, claims(services))) == "InvalidAuthenticationToken"


def test_an_unsigned_token_is_refused(services: Services) -> None:
    kid = services.issuer.jwks(ENTRA)["keys"][0]["kid"]
    for algorithm in ("none", "None", "NONE", ""):
        token = unsigned({"alg": algorithm, "kid": kid, "typ": "JWT"}, claims(services))
        assert refused(services.issuer, ENTRA, token) == "InvalidAuthenticationToken"


def test_the_public_key_used_as_a_shared_secret_is_refused(services: Services) -> None:
    key = services.issuer.jwks(ENTRA)["keys"][0]
    public = jwt.PyJWK.from_dict(key).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (public, public.strip(), json.dumps(key).encode()):
        header = {"alg": "HS256", "kid": key["kid"], "typ": "JWT"}
        signed = unsigned(header, claims(services)).rpartition(".")[0]
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            signed.encode(), secret
        )
        token = f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert refused(services.issuer, ENTRA, token) == "InvalidAuthenticationToken"


def test_a_key_brought_along_in_the_header_is_not_used(services: Services) -> None:
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = services.issuer.jwks(ENTRA)["keys"][0]["kid"]
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(foreign.public_key(), as_dict=True)
    for header in (
        {"kid": kid, "jwk": jwk},
        {"jwk": jwk},
        {"kid": "other", "jku": "https://evil.example/keys"},
    ):
        token = jwt.encode(claims(services), foreign, "RS256", headers=header)
        assert refused(services.issuer, ENTRA, token) == "InvalidAuthenticationToken"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "é.é.é", "." * 10, "e30.e30.", "A" * 20_000])
def test_text_that_is_no_token_is_refused(services: Services, token: str) -> None:
    assert refused(services.issuer, ENTRA, token) == "InvalidAuthenticationToken"


def test_a_token_of_another_audience_is_refused(services: Services) -> None:
    token = services.issuer.sign(ENTRA, claims(services))
    assert refused(services.issuer, ENTRA, token, "b") == "InvalidAuthenticationToken"
    several = services.issuer.sign(ENTRA, claims(services, aud=["a", "b"]))
    assert refused(services.issuer, ENTRA, several, "a") == "InvalidAuthenticationToken"


def test_a_token_ends_on_time(services: Services, clock: ManualClock) -> None:
    token = services.issuer.sign(ENTRA, claims(services))
    clock.pass_by(599)
    services.issuer.verify(ENTRA, token)
    clock.pass_by(1)
    assert refused(services.issuer, ENTRA, token) == "ExpiredAuthenticationToken"


def test_a_token_of_the_future_is_refused_beyond_the_skew_of_clocks(services: Services) -> None:
    now = int(services.clock.now().timestamp())
    near = services.issuer.sign(ENTRA, claims(services, nbf=now + SKEW, iat=now + SKEW))
    services.issuer.verify(ENTRA, near)
    for name in ("nbf", "iat"):
        far = services.issuer.sign(ENTRA, claims(services, **{name: now + SKEW + 1}))
        assert refused(services.issuer, ENTRA, far) == "InvalidAuthenticationToken"


@pytest.mark.parametrize(
    "changes", [{"exp": None}, {"exp": "soon"}, {"exp": 1e400}, {"iat": "x"}, {"exp": True}]
)
def test_times_that_make_no_sense_are_refused(services: Services, changes: dict[str, Any]) -> None:
    token = services.issuer.sign(ENTRA, claims(services, **changes))
    assert refused(services.issuer, ENTRA, token) in {
        "InvalidAuthenticationToken",
        "ExpiredAuthenticationToken",
    }


@pytest.mark.parametrize("missing", ["exp", "iat", "aud", "iss"])
def test_a_token_without_a_needed_claim_is_refused(services: Services, missing: str) -> None:
    body = claims(services)
    del body[missing]
    assert refused(services.issuer, ENTRA, services.issuer.sign(ENTRA, body)) == "InvalidAuthenticationToken"


def test_rotation_lets_the_old_key_verify_until_its_tokens_have_ended(
    services: Services, clock: ManualClock
) -> None:
    issuer = services.issuer
    old = issuer.sign(ENTRA, claims(services, exp=int(clock.now().timestamp()) + 10**6))
    kid = issuer.rotate(ENTRA)
    new = issuer.sign(ENTRA, claims(services))
    assert jwt.get_unverified_header(new)["kid"] == kid
    assert {key["kid"] for key in issuer.jwks(ENTRA)["keys"]} == {kid, jwt.get_unverified_header(old)["kid"]}
    issuer.verify(ENTRA, old)
    issuer.verify(ENTRA, new)
    clock.pass_by(3600 + REFRESH + SKEW)
    assert refused(issuer, ENTRA, old) == "InvalidAuthenticationToken"
    assert [key["kid"] for key in issuer.jwks(ENTRA)["keys"]] == [kid]


def test_rotation_leaves_the_other_purpose_alone(services: Services) -> None:
    before = services.issuer.jwks(REGISTRY)
    services.issuer.rotate(ENTRA)
    assert services.issuer.jwks(REGISTRY) == before


def test_a_process_verifies_with_a_key_that_another_made(build: Callable[[], Services]) -> None:
    here, there = build(), build()
    token = here.issuer.sign(REGISTRY, claims(here))
    there.issuer.verify(REGISTRY, token)
    there.issuer.sign(REGISTRY, claims(there))
    here.issuer.rotate(REGISTRY)
    later = here.issuer.sign(REGISTRY, claims(here))
    there.issuer._loaded = float("-inf")  # noqa: SLF001 - as if the pause between two looks were over
    there.issuer.verify(REGISTRY, later)
