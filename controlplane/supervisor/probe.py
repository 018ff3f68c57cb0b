"""Questions to a running server: is it alive, is it ready."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path

from controlplane.settings.model import Settings
from controlplane.supervisor.places import Places

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class Answer:
    """What a health endpoint said. ``status`` is 0 when nobody answered."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """Tell whether the answer was yes."""
        return self.status == http.HTTPStatus.OK


def local_address(settings: Settings) -> tuple[str, int]:
    """Return an address on which this machine reaches the TLS port."""
    return _WILDCARDS.get(settings.host, settings.host), settings.port


def ask(settings: Settings, path: str, timeout: float = 3.0) -> Answer:
    """GET a health endpoint through TLS.

    The local authority's certificate is verified. With an operator's own certificate only the connection is
    encrypted: it names public hosts, this asks the local address, and no secret is sent.
    """
    host, port = local_address(settings)
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=_context(settings))
    try:
        connection.request("GET", path, headers={"Host": settings.public_authority})
        response = connection.getresponse()
        return Answer(response.status, response.read(4096).decode(errors="replace").strip())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error) or type(error).__name__)
    finally:
        connection.close()


def _context(settings: Settings) -> ssl.SSLContext:
    authority: Path = Places(settings.state_dir.resolve()).tls / "ca.pem"
    context = ssl.create_default_context()
    if settings.tls_cert is None and authority.exists():
        context.load_verify_locations(authority)
    if settings.tls_cert is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif local_address(settings)[0] not in {"127.0.0.1", "::1"}:
        context.check_hostname = False
    return context
