"""Certificates for the peer: one for its TLS port, and the key pair its token service signs with."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_LIFETIME = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM files: a self-signed certificate and its key."""

    certificate: Path
    key: Path


def tls_pair(folder: Path) -> KeyPair:
    """Make a certificate for localhost, of the kind our own authority makes (P-256)."""
    return _write(folder, "tls", ec.generate_private_key(ec.SECP256R1()))


def signing_pair(folder: Path) -> KeyPair:
    """Make the key pair of a token service (RSA, which docker-registry 2 needs for RS256)."""
    return _write(folder, "signing", rsa.generate_private_key(65537, 2048))


def key_id(key: rsa.RSAPrivateKey) -> str:
    """Return the name docker-registry gives a key: 240 bits of a hash in base 32, in groups of four.

    The rule is libtrust's, which docker-registry uses up to version 2.8.
    """
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def thumbprint(key: rsa.RSAPrivateKey) -> str:
    """Return the name distribution 3 gives a key: its thumbprint by RFC 7638."""
    numbers = key.public_key().public_numbers()
    members = {"e": _unsigned(numbers.e), "kty": "RSA", "n": _unsigned(numbers.n)}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _unsigned(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> KeyPair:
    pair = KeyPair(folder / f"{name}.crt", folder / f"{name}.key")
    pair.certificate.write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pair


def _certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
