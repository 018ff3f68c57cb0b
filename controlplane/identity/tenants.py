"""The ways a client names the directory in a path, and the URLs that follow from each.

There is one directory: ``common`` and ``organizations`` mean it, and ``adfs`` means it too, in the form that
spares clients the lookup of unknown authorities.
"""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.identity.oauth_errors import UNKNOWN_TENANT, OAuthFailure
from controlplane.services.audiences import Audiences
from controlplane.services.directory import Directory
from controlplane.settings.model import Settings

ADFS = "adfs"
ALIASES = frozenset({ADFS, "common", "organizations"})


@dataclass(frozen=True, slots=True)
class Tenant:
    """The directory as a request named it: ``segment`` is the first one of the path."""

    id: str
    segment: str

    @property
    def adfs(self) -> bool:
        """Tell whether the request used the ``/adfs`` form."""
        return self.segment == ADFS


@dataclass(frozen=True, slots=True)
class Tenants:
    """Resolves names of the directory and spells its URLs."""

    settings: Settings
    directory: Directory
    audiences: Audiences

    def resolve(self, segment: str) -> Tenant:
        """Return the directory a path names.

        Raises:
            OAuthFailure: UNKNOWN_TENANT.
        """
        name, own = segment.lower(), self.directory.tenant_id()
        if name not in ALIASES and name != own:
            raise OAuthFailure(UNKNOWN_TENANT, tenant=segment)
        return Tenant(own, name)

    def issuer(self, tenant: Tenant, version: str) -> str:
        """Return the ``iss`` of tokens got at ``oauth2/v2.0/token`` (2.0) or ``oauth2/token`` (1.0)."""
        if tenant.adfs:
            return self.audiences.issuer_adfs
        if version == "2.0":
            return self.audiences.issuer_v2(tenant.id)
        return self.audiences.issuer_v1(tenant.id)

    def url(self, tenant: Tenant, path: str) -> str:
        """Return the URL of an endpoint under the form the request used."""
        return f"{self.settings.public_url}/{tenant.segment}/{path}"
