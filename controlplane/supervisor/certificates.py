"""The local certificate authority and the server certificate it signs.

Made so that Go, rustls, OpenSSL, GnuTLS and Python accept them: P-256 keys, version 3, subject alternative
names, the server authentication usage, key identifiers on both, and a leaf that lives no longer than
verifiers allow (825 days for certificates of private authorities).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controlplane.settings.model import Settings
from controlplane.supervisor.places import PUBLIC_FILE, Places, write_file

AUTHORITY_LIFETIME = timedelta(days=3652)
SERVER_LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=10)
_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files a server needs. ``authority`` is unset when the operator brought a certificate."""

    certificate: Path
    key: Path
    authority: Path | None
    renewed: bool


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def server_names(settings: Settings) -> tuple[str, ...]:
    """Return every name and address clients may use, each once, in a stable order."""
    more = (name.strip() for name in settings.tls_names.split(","))
    names = (
        "localhost",
        "127.0.0.1",
        "::1",
        settings.public_host,
        settings.login_host,
        settings.login_domain,
        f"*.{settings.login_domain}",
        *_regional_names(settings),
        *more,
    )
    return tuple(dict.fromkeys(name.lower() for name in names if name))


def _regional_names(settings: Settings) -> tuple[str, ...]:
    """Return the wildcards of regional and data endpoints, which have a label more than a wildcard covers."""
    if settings.login_server_mode != "domain":
        return ()
    domain = settings.login_domain
    return tuple(
        f"*.{region}.{kind}.{domain}" for kind in ("geo", "data") for region in settings.all_locations
    )


def ensure(settings: Settings, now: datetime) -> Certificates:
    """Return usable certificates; make or renew those of the local authority where needed.

    The authority is kept for as long as it is valid, so that clients which trust it need not be told again.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        return Certificates(settings.tls_cert.resolve(), settings.tls_key.resolve(), None, renewed=False)
    places = Places(settings.state_dir.resolve())
    places.make()
    authority, new_authority = _authority(places.tls, now)
    names = server_names(settings)
    certificate, key = places.tls / "server.pem", places.tls / "server.key"
    current = None if new_authority else _load(certificate, key)
    renewed = current is None or not _serves(current.certificate, authority.certificate, names, now)
    if renewed:
        _save(_server(authority, names, now), certificate, key)
    return Certificates(certificate, key, places.tls / "ca.pem", renewed)


def _authority(folder: Path, now: datetime) -> tuple[_Pair, bool]:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    found = _load(certificate, key)
    if found is not None and now + SERVER_LIFETIME < found.certificate.not_valid_after_utc:
        return found, False
    made = _new_authority(now)
    _save(made, certificate, key)
    return made, True


def _load(certificate: Path, key: Path) -> _Pair | None:
    try:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.public_key() != parsed.public_key():
        return None
    return _Pair(parsed, loaded)


def _save(pair: _Pair, certificate: Path, key: Path) -> None:
    private = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(key, private)
    write_file(certificate, pair.certificate.public_bytes(serialization.Encoding.PEM), PUBLIC_FILE)


def _serves(
    leaf: x509.Certificate, authority: x509.Certificate, names: tuple[str, ...], now: datetime
) -> bool:
    if now + RENEW_BEFORE >= leaf.not_valid_after_utc or leaf.issuer != authority.subject:
        return False
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == _alternatives(names)


def _new_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two authorities never share a name: a client that trusts an old one would otherwise pick its key.
    name = _name(f"acrctl local authority {identifier.digest[:4].hex()}")
    builder = (
        _builder(name, name, key, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _server(authority: _Pair, names: tuple[str, ...], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name("acrctl"), issuer.subject, key, now, SERVER_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_alternatives(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*granted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in granted for usage in _KEY_USAGES})


def _alternatives(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(name) for name in names])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
