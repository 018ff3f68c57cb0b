"""Which store serves a deployment: decided by the scheme of the blob store's URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from controlplane.blobs.files import FilesDriver
from controlplane.blobs.store import BlobStore
from controlplane.settings.model import Settings


def blob_store(settings: Settings) -> BlobStore:
    """Make the store of the home region.

    Raises:
        ValueError: the URL has a scheme no driver knows.
        OSError: the folder cannot be made.
    """
    url = urlsplit(settings.blobs)
    if url.scheme == "file" and url.netloc in {"", "localhost"}:
        return FilesDriver(Path(unquote(url.path)), settings.location)
    raise ValueError(f"ACRCTL_BLOB_URL: no blob driver for '{url.scheme}://{url.netloc}'; use file:///path")
