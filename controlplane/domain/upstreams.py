"""Other registries: how they are named, how they ask for credentials, and who may be given some.

Source: OCI distribution, RFC 6750 and RFC 7235 for challenges; Docker Hub's own names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from controlplane.domain.digests import is_digest
from controlplane.domain.references import is_tag
from controlplane.domain.repository_names import is_repository_name

_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_HUB = "registry-1.docker.io"
_HOST = re.compile(r"(?:[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_LATEST = "latest"

# Token services that registries are known to have on hosts of their own.
_KNOWN_REALMS: Mapping[str, frozenset[str]] = MappingProxyType({_HUB: frozenset({"auth.docker.io"})})


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an upstream wants: ``basic`` or ``bearer`` (lower case), and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Image:
    """A repository, and a manifest of it by tag or by digest; one without either means ``latest``."""

    repository: str
    reference: str

    @property
    def by_digest(self) -> bool:
        """Tell whether the reference is a digest."""
        return ":" in self.reference

    @property
    def text(self) -> str:
        """The image as people write it."""
        return f"{self.repository}{'@' if self.by_digest else ':'}{self.reference}"


HOST_RULE = "must be the name of a registry, such as registry.example.com"


def is_host(text: str) -> bool:
    """Tell whether a text can be the name of a registry: ``host`` or ``host:port``."""
    return len(text) <= 255 and _HOST.fullmatch(text) is not None  # noqa: PLR2004 - DNS


def host_of(text: str) -> str:
    """Return the host that serves a registry; Docker Hub has several names and answers under one."""
    name = text.lower().removeprefix("https://").rstrip("/")
    return _HUB if name in _HUB_NAMES else name


def repository_at(host: str, repository: str) -> str:
    """Return a repository as the registry at a host calls it; Docker Hub's own images are in ``library``."""
    return f"library/{repository}" if host == _HUB and "/" not in repository else repository


def parse_image(text: str) -> Image:
    """Read ``repository``, ``repository:tag`` or ``repository@digest``.

    Raises:
        ValueError: it is none of them; the text says why.
    """
    name, at, digest = text.partition("@")
    if at:
        name = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        reference, sound = digest, is_digest(digest)
    else:
        name, colon, tag = name.partition(":")
        reference, sound = tag or _LATEST, not colon or is_tag(tag)
    if not is_repository_name(name):
        raise ValueError(f"'{text}' does not begin with a repository")
    if not sound:
        raise ValueError(f"'{text}' does not end with a tag or a digest")
    return Image(name, reference)


def parse_challenges(headers: Sequence[str]) -> tuple[Challenge, ...]:
    """Read WWW-Authenticate headers, one challenge each; others than Basic and Bearer are left out."""
    found = []
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() in {"basic", "bearer"}:
            parameters = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}
            found.append(Challenge(scheme.lower(), parameters))
    return tuple(found)


def may_have_credentials(host: str, realm: str, trusted: Sequence[str] = ()) -> bool:
    """Tell whether the token service at ``realm`` may be given credentials for the registry at ``host``.

    A registry names its token service in an answer that anybody on the way could have made up: only its own
    host, one that is known to be its own, and those an operator names are trusted with a password.
    """
    parts = urlsplit(realm)
    if parts.scheme not in {"https", "http"} or parts.username is not None:
        return False
    allowed = {host, *_KNOWN_REALMS.get(host, ()), *trusted}
    return parts.netloc.lower() in {name.lower() for name in allowed}
