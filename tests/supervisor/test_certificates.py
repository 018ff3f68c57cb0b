"""The certificates of the local authority, judged by OpenSSL and Python as clients judge them."""

from __future__ import annotations

import socket
import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from controlplane.settings.model import Settings
from controlplane.supervisor import certificates
from controlplane.supervisor.certificates import Certificates

NOW = datetime.now(UTC)


def settings_for(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"state_dir": folder, **given})


def ensure(folder: Path, now: datetime = NOW, **given: object) -> Certificates:
    return certificates.ensure(settings_for(folder, **given), now)


def leaf(made: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.certificate.read_bytes())


def test_openssl_verifies_the_server_certificate_strictly(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    judged = subprocess.run(
        [
            "openssl",
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-verify_hostname",
            "demo.azurecr.localhost",
            "-CAfile",
            str(made.authority),
            str(made.certificate),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stderr


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "::1", "azurecr.localhost", "demo.azurecr.localhost", "acr.example.com"],
)
def test_a_tls_client_accepts_every_name(tmp_path: Path, name: str) -> None:
    made = ensure(tmp_path, tls_names="acr.example.com, 10.1.2.3")
    assert _handshake(made, name) in {"TLSv1.2", "TLSv1.3"}


def test_a_tls_client_refuses_another_name(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _handshake(made, "elsewhere.example.com")


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = ensure(tmp_path / "state")
    for key in (made.key, made.key.parent / "ca.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    before = first.certificate.read_bytes()
    again = ensure(tmp_path)
    assert first.renewed
    assert not again.renewed
    assert again.certificate.read_bytes() == before


def test_a_certificate_is_renewed_before_it_ends_and_the_authority_stays(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    assert made.authority is not None
    authority = made.authority.read_bytes()
    assert leaf(made).not_valid_after_utc - leaf(made).not_valid_before_utc <= timedelta(days=825)
    soon = leaf(made).not_valid_after_utc - timedelta(days=29)
    renewed = ensure(tmp_path, now=soon)
    assert renewed.renewed
    assert leaf(renewed).not_valid_after_utc > soon + timedelta(days=390)
    assert made.authority.read_bytes() == authority


def test_a_new_name_renews_the_certificate(tmp_path: Path) -> None:
    ensure(tmp_path)
    assert ensure(tmp_path, public_host="registry.example.com").renewed
    assert not ensure(tmp_path, public_host="registry.example.com").renewed


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    made.certificate.write_text("not a certificate")
    assert ensure(tmp_path).renewed
    assert _handshake(made, "localhost")


def test_an_operators_own_certificate_is_used_as_it_is(tmp_path: Path) -> None:
    own = ensure(tmp_path / "own")
    used = ensure(tmp_path / "state", tls_cert=own.certificate, tls_key=own.key)
    assert (used.certificate, used.key, used.authority) == (own.certificate, own.key, None)
    assert not (tmp_path / "state").exists()


def _handshake(made: Certificates, name: str) -> str | None:
    """Make a TLS connection as a client that trusts only the local authority; return the protocol."""
    server_side, client_side = socket.socketpair()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(made.certificate, made.key)

    def serve() -> None:
        try:
            with server_context.wrap_socket(server_side, server_side=True) as connection:
                connection.recv(1)
        except (ssl.SSLError, OSError):
            server_side.close()

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context(cafile=str(made.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with client_side, context.wrap_socket(client_side, server_hostname=name) as connection:
            connection.sendall(b"x")
            return connection.version()
    finally:
        thread.join()
