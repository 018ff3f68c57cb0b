"""What access tokens are for: the resources clients name, and the APIs of this service behind them.

Clients name a resource in many ways: Azure's own ids (the SDKs' defaults), this deployment's URL (from
``/metadata/endpoints``, and what the JavaScript SDK derives from its endpoint), a login server. All compare
without regard to case and trailing slashes. Issuers belong here too: a token's ``iss`` depends on which token
endpoint was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from controlplane.settings.model import Settings

MANAGEMENT = "management"
GRAPH = "graph"
REGISTRY = "registry"

_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "https://management.azure.com": MANAGEMENT,
        "https://management.core.windows.net": MANAGEMENT,
        "https://graph.microsoft.com": GRAPH,
        "https://containerregistry.azure.net": REGISTRY,
    }
)


class Audiences:
    """Resource names and issuers of one deployment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = settings.public_url.lower()

    def of(self, resource: str) -> frozenset[str]:
        """Return the APIs a resource name stands for; empty when it is not one of this deployment."""
        name = resource.lower().rstrip("/")
        if name == self._own:
            return frozenset({MANAGEMENT, GRAPH})
        if name in _KNOWN:
            return frozenset({_KNOWN[name]})
        return frozenset({REGISTRY}) if self._is_login_server(name) else frozenset()

    def issuers(self, tenant: str) -> frozenset[str]:
        """Return every ``iss`` that tokens of this deployment carry."""
        return frozenset({self.issuer_v2(tenant), self.issuer_v1(tenant), self.issuer_adfs})

    def issuer_v2(self, tenant: str) -> str:
        """Return the issuer of tokens of ``/{tenant}/oauth2/v2.0/token``."""
        return f"{self._settings.public_url}/{tenant}/v2.0"

    def issuer_v1(self, tenant: str) -> str:
        """Return the issuer of tokens of ``/{tenant}/oauth2/token``."""
        return f"{self._settings.public_url}/{tenant}/"

    @property
    def issuer_adfs(self) -> str:
        """The issuer of tokens of ``/adfs/…``."""
        return f"{self._settings.public_url}/adfs"

    def _is_login_server(self, name: str) -> bool:
        try:
            parts = urlsplit(name)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.scheme != "https" or parts.path or parts.query or parts.fragment or parts.username:
            return False
        if self._settings.login_server_mode == "domain":
            return host.endswith("." + self._settings.login_domain.lower())
        first, last = self._settings.login_port_range
        return host == self._settings.login_host.lower() and port is not None and first <= port <= last
