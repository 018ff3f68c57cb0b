"""Sending pulls of large blobs to the object store, when the operator wants it."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.blobs.store import BlobStore
from controlplane.domain.digests import Digest
from controlplane.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Redirects:
    """Which blobs are fetched from the store itself. The caller has checked who asks.

    ``smallest`` is bytes, None when nothing is redirected; ``lifetime`` of a URL is seconds.
    """

    smallest: int | None = None
    lifetime: int = 0

    def url(self, blobs: BlobStore, digest: Digest, size: int) -> str | None:
        """Return where to fetch a blob; None when this process streams it.

        A blob of which the store has not all bytes is streamed, which says so.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        if self.smallest is None or size < self.smallest or blobs.size(digest) != size:
            return None
        return blobs.signed_url(digest, self.lifetime)


def redirects(settings: Settings) -> Redirects:
    """Return what the settings say."""
    return Redirects(
        settings.blob_redirect_size if settings.blob_redirect else None, settings.blob_redirect_lifetime
    )
