"""Which store serves a deployment: decided by the scheme of the blob store's URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from controlplane.blobs.files import FilesDriver
from controlplane.blobs.object_client import ObjectClient
from controlplane.blobs.objects import ObjectDriver
from controlplane.blobs.store import BlobStore
from controlplane.settings.model import Settings

_OBJECTS = {"s3": "s3", "az": "az", "azure": "az", "gs": "gs"}
_ENDPOINTS = ("endpoint", "base_url")  # what obstore calls it for S3 and Azure, and for Google
_CA_FILE = "ca_file"  # ours: a PEM file of authorities to trust besides the system's


def blob_store(settings: Settings, region: str | None = None) -> BlobStore:
    """Make the store of a region, of the home region by default. Object stores are not asked anything yet.

    A region without a URL of its own shares the home region's, and has a folder or prefix of its own there.

    Raises:
        ValueError: the URL has a scheme no driver knows, or an option the store does not have.
        OSError: the folder cannot be made, or the file of an option not read.
    """
    region = region or settings.location
    own = settings.region_urls.get(region)
    url = urlsplit(own or settings.blobs)
    if url.scheme == "file" and url.netloc in {"", "localhost"}:
        return FilesDriver(Path(unquote(url.path)), region)
    if url.scheme in _OBJECTS and url.netloc:
        options = settings.blob_options.get_secret_value()
        if url.query:
            options = ",".join(f"{name}={value}" for name, value in parse_qsl(url.query))
        return ObjectDriver(_client(url, options), unquote(url.path), region)
    name = "ACRCTL_REGIONS" if own else "ACRCTL_BLOB_URL"
    raise ValueError(
        f"{name}: no blob driver for '{url.scheme}://{url.netloc}'; "
        "use file:///path, s3://bucket, az://container or gs://bucket"
    )


def _client(url: SplitResult, text: str) -> ObjectClient:
    options = _options(text)
    client: dict[str, Any] = {}
    if _CA_FILE in options:
        client["root_certificate"] = Path(options.pop(_CA_FILE)).read_bytes()
    if any(options.get(name, "").startswith("http://") for name in _ENDPOINTS):
        client["allow_http"] = True
    made = ObjectClient(_OBJECTS[url.scheme], url.netloc, options, client)
    try:
        made.check()
    except ValueError as error:
        raise ValueError(f"ACRCTL_BLOB_OPTIONS: {error}") from None
    return made


def _options(text: str) -> dict[str, str]:
    """Take ``name=value,name=value`` apart; values may have equals signs, but no commas."""
    options = {}
    for row in filter(None, (row.strip() for row in text.split(","))):
        name, equals, value = row.partition("=")
        if not equals:
            raise ValueError("ACRCTL_BLOB_OPTIONS: must be name=value, separated by commas")
        options[name.strip().lower()] = value.strip()
    return options
