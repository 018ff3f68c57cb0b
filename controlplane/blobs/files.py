"""Blobs as plain files in a folder, which several processes may share.

A writer holds an exclusive lock on its upload's file, so a process that dies lets go of it at once. An
upload becomes a blob by: sync the file, rename it, sync the folder. A folder on a network file system
must support ``flock`` and atomic renames.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from controlplane.blobs import folders
from controlplane.blobs.folders import sync_folder
from controlplane.blobs.store import (
    BlobMissingError,
    BlobStat,
    StoredBlob,
    StoreUnavailableError,
    UploadMissingError,
)
from controlplane.domain.digests import Digest

CHUNK = 128 * 1024  # larger ones cost memory with slow readers and gain nothing
_FLUSH = 8 * 1024 * 1024
_UPLOAD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_FILE_MODE = 0o640


class FilesDriver:
    """A folder of blobs.

    Args:
        root: the folder all regions share.
        region: name of the region whose blobs these are.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, root: Path, region: str) -> None:
        self._blobs = root / region / "blobs"
        self._uploads = root / region / "uploads"
        self._damaged = root / region / "damaged"
        for folder in (self._blobs, self._uploads):
            folder.mkdir(parents=True, exist_ok=True)
        self._prefix = f"{self._blobs}/"

    def begin(self, upload: str) -> None:
        """Make an empty file."""
        try:
            os.close(os.open(self._upload(upload), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def received(self, upload: str) -> int | None:
        """Return the size of an upload's file."""
        return _size(self._upload(upload))

    def write(self, upload: str, least: int | None = None) -> FileWriter:
        """Open an upload; see the protocol."""
        path = self._upload(upload)
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if least == 0 else 0)
        try:
            descriptor = os.open(path, flags, _FILE_MODE)
        except FileNotFoundError as error:
            raise UploadMissingError(upload) from error
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error
        try:
            size = folders.claim(descriptor, path, least or 0)
        except BaseException:
            os.close(descriptor)
            raise
        return FileWriter(self, descriptor, path, size)

    def glimpse(self, upload: str, start: int, length: int) -> bytes | None:
        """Return bytes of an upload that somebody writes to; see the protocol."""
        return folders.glimpse(self._upload(upload), start, length)

    def discard(self, upload: str) -> None:
        """Drop an upload; one that is being written to just loses its name."""
        with suppress(FileNotFoundError):
            os.unlink(self._upload(upload))  # noqa: PTH108 - see _upload

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob; None when it is not here."""
        return _size(self._blob(digest))

    def stat(self, digest: Digest) -> BlobStat | None:
        """Return size and time of a blob; None when it is not here."""
        return folders.stat(Path(self._blob(digest)))

    def open(self, digest: Digest, start: int = 0, length: int | None = None) -> FileReader:
        """Open a blob or a part of it; see the protocol."""
        try:
            descriptor = os.open(self._blob(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise BlobMissingError(str(digest)) from error
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error
        available = os.fstat(descriptor).st_size - start
        wanted = available if length is None else length
        if wanted > available or available < 0:
            os.close(descriptor)
            raise BlobMissingError(str(digest))
        return FileReader(descriptor, start, wanted)

    def delete(self, digest: Digest) -> None:
        """Drop a blob, if it is here."""
        try:
            Path(self._blob(digest)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def set_aside(self, digest: Digest) -> None:
        """Move a blob into the folder ``damaged``."""
        self._damaged.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            Path(self._blob(digest)).rename(self._damaged / f"{digest.algorithm}-{digest.hex}")

    def walk(self, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
        """Return a page of blobs; see the protocol."""
        return folders.walk(self._blobs, after, limit)

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[str]:
        """Return uploads whose files have not changed since; see the protocol."""
        return folders.idle(self._uploads, before, limit)

    def signed_url(self, digest: Digest, seconds: int) -> str | None:  # noqa: ARG002
        """Return None: a folder has no address of its own."""
        return None

    def place(self, digest: Digest) -> str:
        """Return where a blob belongs, its folder made and known to the disk."""
        path = self._blob(digest)
        folder = path.rpartition("/")[0]
        if not os.path.isdir(folder):  # noqa: PTH112 - asked for every push
            for made in (Path(folder).parent, Path(folder)):
                made.mkdir(exist_ok=True)
                sync_folder(made.parent)
        return path

    def _blob(self, digest: Digest) -> str:
        # One string operation instead of pathlib: every read comes through here.
        return f"{self._prefix}{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"

    def _upload(self, upload: str) -> str:
        if not _UPLOAD_ID.fullmatch(upload):
            raise UploadMissingError(upload[:64])
        return f"{self._uploads}/{upload}"


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - called for every HEAD
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailableError(str(error)) from error


class FileWriter:
    """An upload's file, locked; see the protocol."""

    def __init__(self, driver: FilesDriver, descriptor: int, path: str, size: int) -> None:
        self._driver = driver
        self._descriptor = descriptor
        self._path = path
        self._offset = size
        self._flushed = size

    @property
    def offset(self) -> int:
        """How many bytes the file has."""
        return self._offset

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        view = memoryview(chunk)
        try:
            while view:
                written = os.write(self._descriptor, view)
                self._offset += written
                view = view[written:]
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error
        if self._offset - self._flushed >= _FLUSH:
            self._begin_writeback()

    def flush(self) -> int:
        """Return how many bytes there are: the file keeps them when this process dies."""
        if os.fstat(self._descriptor).st_nlink == 0:
            raise UploadMissingError(self._path)
        return self._offset

    def _begin_writeback(self) -> None:
        """Let the disk begin with what was written, so that the sync at the end finds little left.

        The advice makes Linux write dirty pages back without anybody waiting; a 500 MB push gains a third.
        """
        if hasattr(os, "posix_fadvise"):
            length = self._offset - self._flushed
            os.posix_fadvise(self._descriptor, self._flushed, length, os.POSIX_FADV_DONTNEED)
        self._flushed = self._offset

    def peek(self, start: int, length: int) -> bytes | None:
        """Return bytes that were written."""
        return os.pread(self._descriptor, length, start)

    def read(self) -> Iterator[bytes]:
        """Give all bytes of the file."""
        at = 0
        while at < self._offset:
            chunk = os.pread(self._descriptor, min(4 * CHUNK, self._offset - at), at)
            if not chunk:
                raise UploadMissingError(self._path)
            at += len(chunk)
            yield chunk

    def rewind(self, offset: int) -> None:
        """Cut the file."""
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        self._offset = offset
        self._flushed = min(self._flushed, offset)

    def finish(self, digest: Digest) -> None:
        """Make it durable under its digest."""
        try:
            os.utime(self._descriptor)  # a blob is as old as its finish, not as its last byte
            os.fsync(self._descriptor)
            place = self._driver.place(digest)
            os.rename(self._path, place)  # noqa: PTH104 - see place
            sync_folder(place.rpartition("/")[0])
        except FileNotFoundError as error:
            raise UploadMissingError(self._path) from error
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error

    def close(self) -> None:
        """Close the file, which unlocks it; twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

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


class FileReader:
    """A part of a blob's file; see the protocol."""

    __slots__ = ("_at", "_descriptor", "_left", "length")

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._descriptor = descriptor
        self._at = start
        self._left = length
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next chunk."""
        if self._left == 0:
            raise StopIteration
        chunk = os.pread(self._descriptor, min(CHUNK, self._left), self._at)
        if not chunk:
            raise BlobMissingError("the file has become shorter")
        self._at += len(chunk)
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file; twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        """Close a file that its reader forgot."""
        self.close()
