"""The protocol every store fulfils; `tests/contract/test_blobs.py` holds each driver to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from controlplane.domain.digests import Digest


class BlobMissingError(Exception):
    """The store has no such blob, or not all of its bytes."""


class UploadBusyError(Exception):
    """Another request, in this process or another one, is writing to the upload."""


class UploadMissingError(Exception):
    """The store has lost the upload, or bytes of it that were there."""


class StoreUnavailableError(Exception):
    """The store cannot be reached or is full; the request may be repeated later."""


@dataclass(frozen=True, slots=True)
class BlobStat:
    """What a store knows of a blob: its size, and when its bytes were put there (UTC)."""

    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that a walk came across."""

    digest: Digest
    size: int
    modified: datetime


class BlobReader(Protocol):
    """Bytes of a blob as an iterator of chunks, which ends only when all were given.

    It must be closed, also when it was not read to its end.
    """

    @property
    def length(self) -> int:
        """How many bytes it gives."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        ...

    def __next__(self) -> bytes:
        """Return the next chunk.

        Raises:
            BlobMissingError: the store has fewer bytes than it said.
        """
        ...

    def close(self) -> None:
        """Let go of the blob."""
        ...


class BlobWriter(Protocol):
    """An upload opened for writing by one request; leaving its ``with`` block keeps the bytes written."""

    @property
    def offset(self) -> int:
        """How many bytes the upload has."""
        ...

    def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises:
            StoreUnavailableError: the store took none or only some of them.
        """
        ...

    def flush(self) -> int:
        """Make what was written survive this process; return how many bytes the upload has.

        Bytes may be told of only after this; until then the store may hold them in memory.

        Raises:
            StoreUnavailableError: not all of them could be kept.
            UploadMissingError: the upload was discarded meanwhile.
        """
        ...

    def peek(self, start: int, length: int) -> bytes | None:
        """Return bytes that were written; None when the store cannot give them before they are a blob."""
        ...

    def read(self) -> Iterator[bytes]:
        """Give all bytes the upload has, from its beginning, and stay at its end."""
        ...

    def rewind(self, offset: int) -> None:
        """Drop the bytes after ``offset``."""
        ...

    def finish(self, digest: Digest) -> None:
        """Make the upload the blob of this digest, all of it or nothing, durably; nothing may follow.

        The caller has verified the digest. A blob that is there already is replaced by its equal.

        Raises:
            StoreUnavailableError: the blob is not there; the upload still is.
            UploadMissingError: the upload was discarded meanwhile.
        """
        ...

    def close(self) -> None:
        """Let go of the upload; twice is fine."""
        ...

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        ...


class BlobStore(Protocol):
    """One store of one region. Safe to use from any number of threads and processes.

    Upload ids are chosen by the caller (letters, digits and dashes). Sizes and offsets are bytes.
    """

    def begin(self, upload: str) -> None:
        """Make an upload of no bytes. It is there until it is finished or discarded.

        Raises:
            StoreUnavailableError: the store cannot be written to.
        """
        ...

    def received(self, upload: str) -> int | None:
        """Return how many bytes an upload has, also while somebody writes to it; None when there is none.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        ...

    def write(self, upload: str, least: int | None = None) -> BlobWriter:
        """Open an upload that has ``least`` bytes or more; 0 begins it if need be.

        Without ``least`` any upload that is there is opened, as it is. A process that died may have left more
        bytes than anybody was told of: who counts them calls ``rewind``.

        Raises:
            UploadBusyError: somebody else has it open.
            UploadMissingError: it is not there, or it has fewer bytes.
            StoreUnavailableError: the store cannot be written to.
        """
        ...

    def glimpse(self, upload: str, start: int, length: int) -> bytes | None:
        """Return bytes of an upload that somebody else may be writing to; none when it has no such yet.

        None says that the store cannot show them before they are a blob. What is seen may be dropped again.

        Raises:
            StoreUnavailableError: the store cannot be read.
        """
        ...

    def discard(self, upload: str) -> None:
        """Drop an upload, if there is one."""
        ...

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob; None when the store does not have it."""
        ...

    def stat(self, digest: Digest) -> BlobStat | None:
        """Return size and time of a blob; None when the store does not have it.

        A blob that is finished once more gets the time of that, so one that somebody has just pushed is
        never old.
        """
        ...

    def open(self, digest: Digest, start: int = 0, length: int | None = None) -> BlobReader:
        """Open a blob, or ``length`` bytes of it from ``start``.

        Raises:
            BlobMissingError: the store does not have it, or it has fewer bytes.
            StoreUnavailableError: the store does not answer; ``size`` and ``stat`` raise it as well.
        """
        ...

    def delete(self, digest: Digest) -> None:
        """Drop a blob, if it is there; readers that have it open go on."""
        ...

    def set_aside(self, digest: Digest) -> None:
        """Move a damaged blob, if it is there, out of the place it is served from.

        Its bytes are kept under ``damaged`` until an operator removes them; the last ones win.
        """
        ...

    def walk(self, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
        """Return up to ``limit`` blobs that come after a digest (None: from the first).

        They are sorted by algorithm, then hex digits. An empty page is the end. A blob that is there during
        the whole walk is met; one that comes or goes meanwhile may be.
        """
        ...

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[str]:
        """Return up to ``limit`` ids of uploads that nobody has written to since ``before`` (UTC).

        They come in no order, and again until they are discarded.
        """
        ...

    def signed_url(self, digest: Digest, seconds: int) -> str | None:
        """Return a URL that serves the blob for a while; None when the store cannot."""
        ...
