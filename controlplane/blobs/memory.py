"""Blobs in the memory of one process, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from controlplane.blobs.store import (
    BlobMissingError,
    BlobStat,
    StoredBlob,
    UploadBusyError,
    UploadMissingError,
)
from controlplane.domain.digests import Digest, parse_digest

CHUNK = 64 * 1024


class MemoryDriver:
    """A dictionary of blobs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.damaged: dict[str, bytes] = {}
        self.open_uploads: set[str] = set()
        self.modified: dict[str, datetime] = {}  # of blobs by digest and of uploads by id

    def begin(self, upload: str) -> None:
        """Make an upload of no bytes."""
        with self.lock:
            self.uploads[upload] = bytearray()
            self.modified[upload] = datetime.now(UTC)

    def received(self, upload: str) -> int | None:
        """Return how many bytes an upload has."""
        content = self.uploads.get(upload)
        return None if content is None else len(content)

    def write(self, upload: str, least: int | None = None) -> MemoryWriter:
        """Open an upload; see the protocol."""
        with self.lock:
            if upload in self.open_uploads:
                raise UploadBusyError(upload)
            content = self.uploads.setdefault(upload, bytearray()) if least == 0 else self.uploads.get(upload)
            if content is None or len(content) < (least or 0):
                raise UploadMissingError(upload)
            self.open_uploads.add(upload)
            self.modified.setdefault(upload, datetime.now(UTC))
        return MemoryWriter(self, upload, content)

    def glimpse(self, upload: str, start: int, length: int) -> bytes | None:
        """Return bytes of an upload that somebody writes to."""
        with self.lock:
            return bytes(self.uploads.get(upload, b"")[start : start + length])

    def discard(self, upload: str) -> None:
        """Drop an upload, if there is one."""
        with self.lock:
            self.uploads.pop(upload, None)
            self.modified.pop(upload, None)

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob; None when it is not here."""
        content = self.blobs.get(str(digest))
        return None if content is None else len(content)

    def stat(self, digest: Digest) -> BlobStat | None:
        """Return size and time of a blob; None when it is not here."""
        content = self.blobs.get(str(digest))
        return None if content is None else BlobStat(len(content), self.modified[str(digest)])

    def open(self, digest: Digest, start: int = 0, length: int | None = None) -> MemoryReader:
        """Open a blob or a part of it; see the protocol."""
        content = self.blobs.get(str(digest))
        if content is None or start + (length or 0) > len(content):
            raise BlobMissingError(str(digest))
        return MemoryReader(content[start:] if length is None else content[start : start + length])

    def delete(self, digest: Digest) -> None:
        """Drop a blob, if it is here."""
        self.blobs.pop(str(digest), None)

    def set_aside(self, digest: Digest) -> None:
        """Move a blob to where it is not served from."""
        with self.lock:
            content = self.blobs.pop(str(digest), None)
            if content is not None:
                self.damaged[str(digest)] = content

    def walk(self, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
        """Return a page of blobs; see the protocol."""
        with self.lock:
            names = sorted(name for name in self.blobs if after is None or name > str(after))[:limit]
            return [
                StoredBlob(parse_digest(name), len(self.blobs[name]), self.modified[name]) for name in names
            ]

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[str]:
        """Return uploads that were not written to since; see the protocol."""
        with self.lock:
            return [upload for upload in self.uploads if self.modified[upload] < before][:limit]

    def signed_url(self, digest: Digest, seconds: int) -> str | None:  # noqa: ARG002
        """Return None: memory has no address of its own."""
        return None


class MemoryWriter:
    """An upload that nobody else has open; see the protocol."""

    def __init__(self, driver: MemoryDriver, upload: str, content: bytearray) -> None:
        self._driver = driver
        self._upload = upload
        self._content = content

    @property
    def offset(self) -> int:
        """How many bytes there are."""
        return len(self._content)

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._content += chunk
        self._driver.modified[self._upload] = datetime.now(UTC)

    def flush(self) -> int:
        """Return how many bytes there are."""
        self._find()
        return len(self._content)

    def _find(self) -> None:
        if self._driver.uploads.get(self._upload) is not self._content:
            raise UploadMissingError(self._upload)

    def peek(self, start: int, length: int) -> bytes | None:
        """Return bytes that were written."""
        return bytes(self._content[start : start + length])

    def read(self) -> Iterator[bytes]:
        """Give all bytes."""
        yield bytes(self._content)

    def rewind(self, offset: int) -> None:
        """Drop the bytes after ``offset``."""
        del self._content[offset:]

    def finish(self, digest: Digest) -> None:
        """Make it the blob of a digest."""
        with self._driver.lock:
            self._find()
            self._driver.blobs[str(digest)] = bytes(self._content)
            self._driver.modified[str(digest)] = datetime.now(UTC)
        self._driver.discard(self._upload)

    def close(self) -> None:
        """Let others open it."""
        with self._driver.lock:
            self._driver.open_uploads.discard(self._upload)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class MemoryReader:
    """A part of a blob; see the protocol."""

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self._content = content
        self._at = 0

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next chunk."""
        chunk = self._content[self._at : self._at + CHUNK]
        if not chunk:
            raise StopIteration
        self._at += len(chunk)
        return chunk

    def close(self) -> None:
        """Let go of the bytes."""
        self._content = b""
