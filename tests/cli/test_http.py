"""The transport: patience, tokens, tracing, trouble."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli import masking
from cli.http import pause_after
from tests.cli.cli_runner import Runner
from tests.cli.stand_in import SECRET, Answer, Service, error, start


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(ready: Runner, service: Service, status: int) -> None:
    busy = error(status, "TooManyRequests", "Slow down.", Retry_After="0")
    service.next.extend([busy, busy])
    assert len(ready("registry", "list").json) == 1
    assert len(service.seen) == 3


def test_patience_ends(ready: Runner, service: Service) -> None:
    service.next.extend([error(429, "TooManyRequests", "Slow down.", Retry_After="0")] * 4)
    shown = ready("registry", "list")
    assert shown.code == 1
    assert "(TooManyRequests) Slow down." in shown.err


def test_the_servers_pause_counts_but_not_without_bound() -> None:
    assert pause_after(0, "3") == 3
    assert pause_after(0, "999") == 30
    assert pause_after(1, None) < pause_after(2, None) < 2


def test_a_server_error_is_not_hidden(ready: Runner, service: Service) -> None:
    service.next.append(error(500, "InternalServerError", "Oh."))
    shown = ready("registry", "list")
    assert shown.code == 1
    assert "(InternalServerError) Oh." in shown.err


def test_an_answer_without_an_envelope_is_told(ready: Runner, service: Service) -> None:
    service.next.append(Answer(502))
    assert "was answered 502" in ready("registry", "list").err


def test_nothing_listening_is_one_line(acrctl: Runner, config: Path, profile: dict[str, Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    content = {"current": "x", "profiles": {"x": profile | {"endpoint": f"http://127.0.0.1:{port}"}}}
    (config / "profiles.json").write_text(json.dumps(content))
    shown = acrctl("registry", "list")
    assert shown.code == 1
    assert shown.err.splitlines()[0] == f"ERROR: Nothing answers at 127.0.0.1:{port}."


def test_a_token_is_fetched_once_and_kept_private(ready: Runner, service: Service, config: Path) -> None:
    assert ready("registry", "list").code == 0
    assert ready("registry", "list").code == 0
    assert not service.asked("POST", "/token")
    assert (config / "token.json").stat().st_mode & 0o777 == 0o600
    assert SECRET not in (config / "token.json").read_text()


def test_a_refused_token_is_replaced_once(ready: Runner, service: Service) -> None:
    service.next.append(error(401, "ExpiredAuthenticationToken", "Expired."))
    assert ready("registry", "list").code == 0
    assert len(service.asked("POST", "/token")) == 1


def test_a_token_refused_twice_needs_a_login(ready: Runner, service: Service) -> None:
    refusal = error(401, "InvalidAuthenticationToken", "No.")
    service.next.extend([refusal, Answer(200, {"access_token": "x", "expires_in": 9}), refusal])
    shown = ready("registry", "list")
    assert shown.code == 4
    assert "(InvalidAuthenticationToken) No." in shown.err


def test_an_expired_token_is_fetched_again(ready: Runner, service: Service, config: Path) -> None:
    path = config / "token.json"
    content = json.loads(path.read_text())
    for entries in content.values():
        for entry in entries.values():
            entry["expiresOn"] = 1
    path.write_text(json.dumps(content))
    assert ready("registry", "list").code == 0
    assert len(service.asked("POST", "/token")) == 1


def test_a_cache_that_cannot_be_read_is_no_cache(ready: Runner, config: Path) -> None:
    (config / "token.json").write_text("{")
    assert ready("registry", "list").code == 0


def test_a_wrong_secret_needs_a_login(ready: Runner, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACRCTL_CLIENT_SECRET", "wrong")
    (config / "token.json").unlink()
    shown = ready("registry", "list")
    assert shown.code == 4
    assert "AADSTS7000215" in shown.err


def test_debug_shows_http_without_secrets(ready: Runner, config: Path) -> None:
    (config / "token.json").unlink()
    shown = ready("credential", "show", "-n", "demo01", "--debug")
    assert "> POST http://127.0.0.1" in shown.err
    assert "client_secret=***" in shown.err
    assert "< 200 OK" in shown.err
    for secret in (SECRET, "Bearer at:", "password-old"):
        assert secret not in shown.err


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"secretText": "x", "keyId": "1"}', '{"secretText": "***", "keyId": "1"}'),
        ('{"passwords": [{"name": "p", "value": "x"}]}', '{"passwords": [{"name": "p", "value": "***"}]}'),
        ("a=1&refresh_token=x.y&b=2", "a=1&refresh_token=***&b=2"),
        (b"\x00\x01 secret", "<9 characters>"),
        ("", ""),
    ],
)
def test_bodies_are_shown_without_secrets(body: str | bytes, shown: str) -> None:
    assert masking.body(body) == shown


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "authority.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(service: Service, authority: Path) -> Iterator[str]:
    """The endpoint of the stand-in behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    server = start(service, tls=context)
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def save(config: Path, profile: dict[str, Any]) -> None:
    (config / "profiles.json").write_text(json.dumps({"current": "x", "profiles": {"x": profile}}))


def test_the_profiles_authority_is_trusted_and_no_other(
    acrctl: Runner,
    config: Path,
    profile: dict[str, Any],
    secure: str,
    authority: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save(config, profile | {"endpoint": secure})
    refused = acrctl("registry", "list")
    assert refused.code == 1
    assert "is not trusted" in refused.err
    assert "caFile" in refused.err
    save(config, profile | {"endpoint": secure, "caFile": str(authority)})
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")  # the profile wins
    assert acrctl("registry", "list").json == []


def test_an_authority_that_is_not_there_is_told(
    acrctl: Runner, config: Path, profile: dict[str, Any]
) -> None:
    save(config, profile | {"endpoint": "https://127.0.0.1:1", "caFile": "/nowhere/ca.pem"})
    shown = acrctl("registry", "list")
    assert shown.code == 1
    assert "/nowhere/ca.pem" in shown.err
