"""Files that make other programs trust the service's own certificate authority."""

from __future__ import annotations

from pathlib import Path

from cli.errors import CommandError
from cli.files import config_dir, write_private
from cli.profiles import Profile

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def _authority(profile: Profile) -> str:
    try:
        return Path(profile.ca_file).read_text(encoding="ascii")
    except (OSError, ValueError) as problem:
        raise CommandError(f"Cannot read the certificate authority {profile.ca_file}: {problem}") from problem


def _system_authorities() -> str:
    for name in _SYSTEM_BUNDLES:
        path = Path(name)
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    import certifi  # noqa: PLC0415 - only where the system keeps no bundle

    return Path(certifi.where()).read_text(encoding="utf-8")


def bundle(profile: Profile) -> Path | None:
    """Write the system's authorities and the service's own into one file and return it.

    Programs that take one bundle (requests, Go's TLS) would otherwise lose the rest of the internet.
    None when the profile names no authority of its own.
    """
    if not profile.ca_file:
        return None
    path = config_dir() / f"ca-bundle-{profile.name}.pem"
    write_private(path, f"{_system_authorities().rstrip()}\n{_authority(profile)}")
    return path


def cert_dir(profile: Profile) -> Path | None:
    """Write a folder as skopeo, podman and buildah want it for `--cert-dir`; None without an authority."""
    if not profile.ca_file:
        return None
    path = config_dir() / "certs" / profile.name / "ca.crt"
    write_private(path, _authority(profile))
    return path.parent
