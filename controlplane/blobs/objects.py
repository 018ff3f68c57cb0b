"""Blobs as objects of S3, Azure Blob Storage or Google Cloud Storage.

Names are those of the files driver below the URL's prefix. A blob is written under its name in one atomic
step (one request, or a multipart upload that is completed); before that its bytes are parts of an upload
(`object_uploads.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice

from controlplane.blobs.object_client import ObjectClient, StoredObject
from controlplane.blobs.object_lease import LEASE, UploadFolder
from controlplane.blobs.object_uploads import ObjectWriter
from controlplane.blobs.store import (
    BlobMissingError,
    BlobStat,
    StoredBlob,
    StoreUnavailableError,
    UploadMissingError,
)
from controlplane.domain.digests import Digest, is_digest

CHUNK = 128 * 1024
_COPIED = 1024 * 1024
_UPLOAD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_ALGORITHMS = ("sha256", "sha512")


class ObjectDriver:
    """A prefix of a bucket or container.

    Args:
        client: the bucket.
        prefix: what all names begin with; may be empty.
        region: name of the region whose blobs these are.
        lease: seconds after which a writer that fell silent loses its upload.
    """

    def __init__(self, client: ObjectClient, prefix: str, region: str, lease: float = LEASE) -> None:
        self._client = client
        root = f"{prefix.strip('/')}/{region}".lstrip("/")
        self._blobs, self._uploads, self._damaged = f"{root}/blobs", f"{root}/uploads", f"{root}/damaged"
        self._lease = lease

    def begin(self, upload: str) -> None:
        """Make the first lease, which nobody holds."""
        self._folder(upload).begin()

    def received(self, upload: str) -> int | None:
        """Return how many bytes the parts of an upload have."""
        return self._folder(upload).received()

    def write(self, upload: str, least: int | None = None) -> ObjectWriter:
        """Open an upload; see the protocol."""
        return ObjectWriter(self._folder(upload).claim(upload, least), self._blob)

    def glimpse(self, upload: str, start: int, length: int) -> bytes | None:  # noqa: ARG002
        """Return None: parts are on their way."""
        return None

    def discard(self, upload: str) -> None:
        """Drop an upload; a writer that has it open finds its parts missing."""
        self._folder(upload).clear()

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob; None when it is not there."""
        found = self._client.head(self._blob(digest))
        return None if found is None else found.size

    def stat(self, digest: Digest) -> BlobStat | None:
        """Return size and time of a blob; None when it is not there."""
        found = self._client.head(self._blob(digest))
        return None if found is None else BlobStat(found.size, found.modified)

    def open(self, digest: Digest, start: int = 0, length: int | None = None) -> ObjectReader:
        """Open a blob or a part of it; see the protocol."""
        if length == 0 or (start and length is None):
            size = self.size(digest)  # stores refuse a range of no bytes
            if size is None or start + (length or 0) > size:
                raise BlobMissingError(str(digest))
            length = size - start if length is None else length
            if length == 0:
                return ObjectReader(iter(()), 0)
        return self._open(digest, start, length)

    def _open(self, digest: Digest, start: int, length: int | None) -> ObjectReader:
        try:
            found = self._client.get(self._blob(digest), start, length, CHUNK)
        except StoreUnavailableError:
            # A range that begins after the end is an error of the request, which tells nothing apart.
            if start and (self.size(digest) or 0) <= start:
                raise BlobMissingError(str(digest)) from None
            raise
        if found is None or start + (length or 0) > found[0]:
            raise BlobMissingError(str(digest))
        return ObjectReader(found[1], found[0] - start if length is None else length)

    def delete(self, digest: Digest) -> None:
        """Drop a blob, if it is there."""
        self._client.delete([self._blob(digest)])

    def set_aside(self, digest: Digest) -> None:
        """Copy a blob below ``damaged``, through this process, and drop it."""
        found = self._client.get(self._blob(digest), 0, None, _COPIED)
        if found is not None:
            size, chunks = found
            self._client.put_all(f"{self._damaged}/{digest.algorithm}-{digest.hex}", chunks, size)
            self.delete(digest)

    def walk(self, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
        """Return a page of blobs; see the protocol."""
        found = (_stored(row) for row in self._listed(after))
        return list(islice((blob for blob in found if blob is not None), limit))

    def _listed(self, after: Digest | None) -> Iterator[StoredObject]:
        """Give the objects after a digest; where stores list from the start only, folder by folder."""
        last = self._blob(after) if after else None
        if self._client.skips_natively:
            yield from self._client.list(self._blobs, last)
            return
        for algorithm in _ALGORITHMS:
            for folder in self._client.folders(f"{self._blobs}/{algorithm}"):
                prefix = f"{self._blobs}/{algorithm}/{folder}"
                if last is None or prefix >= last[: len(prefix)]:
                    yield from self._client.list(prefix, last)

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[str]:
        """Return uploads none of whose objects changed since; see the protocol."""
        return list(islice(self._idle(before), limit))

    def _idle(self, before: datetime) -> Iterator[str]:
        start = len(self._uploads) + 1
        rows = self._client.list(self._uploads)
        for upload, group in groupby(rows, key=lambda row: row.key[start:].partition("/")[0]):
            if max(row.modified for row in group) < before:
                yield upload

    def signed_url(self, digest: Digest, seconds: int) -> str | None:
        """Return a URL of the store that serves the blob; None when the credentials cannot sign."""
        return self._client.sign(self._blob(digest), seconds)

    def _blob(self, digest: Digest) -> str:
        return f"{self._blobs}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"

    def _folder(self, upload: str) -> UploadFolder:
        if not _UPLOAD_ID.fullmatch(upload):
            raise UploadMissingError(upload[:64])
        return UploadFolder(self._client, f"{self._uploads}/{upload}", self._lease)


class ObjectReader:
    """A part of a blob on its way; see the protocol."""

    __slots__ = ("_chunks", "_left", "length")

    def __init__(self, chunks: Iterator[bytes], length: int) -> None:
        self._chunks = chunks
        self._left = length
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next chunk."""
        if self._left == 0:
            raise StopIteration
        chunk = next(self._chunks, b"")
        if not chunk or len(chunk) > self._left:
            raise BlobMissingError("the object has another length")
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Let go of the connection; twice is fine."""
        self._chunks = iter(())


def _stored(row: StoredObject) -> StoredBlob | None:
    algorithm, _, name = row.key.split("/")[-3:]
    if not is_digest(f"{algorithm}:{name}"):
        return None
    return StoredBlob(Digest(algorithm, name), row.size, row.modified)
