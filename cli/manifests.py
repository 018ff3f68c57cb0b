"""Reading manifests, of every kind a registry may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import requests

    from cli.dataplane import RegistryClient

_KINDS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.cncf.oras.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
ACCEPT = ", ".join(("*/*", *_KINDS))


def read_manifest(client: RegistryClient, token: str, repository: str, reference: str) -> requests.Response:
    """Return the answer with a manifest, by tag or digest; NotFoundError when there is none."""
    path = f"/v2/{quote(repository)}/manifests/{quote(reference, safe=':')}"
    return client.call("GET", path, token, accept=ACCEPT)
