"""What the files driver does with folders: pages of blobs, and uploads that somebody or nobody writes to."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from controlplane.blobs.store import (
    BlobStat,
    StoredBlob,
    StoreUnavailableError,
    UploadBusyError,
    UploadMissingError,
)
from controlplane.domain.digests import Digest, is_digest


def stat(path: Path) -> BlobStat | None:
    """Return size and time of a file; None when it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailableError(str(error)) from error
    return BlobStat(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def walk(blobs: Path, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
    """Return a page of the blobs in a tree; names of one leaf folder are in memory at a time."""
    return list(islice(_files(blobs, after), limit))


def idle(uploads: Path, before: datetime, limit: int) -> Sequence[str]:
    """Return up to ``limit`` names of files that were last changed before a time."""
    return list(islice(_unchanged(uploads, before.timestamp()), limit))


def glimpse(upload: str, start: int, length: int) -> bytes:
    """Return bytes of a file that another process writes to; none when it has not got so far."""
    try:
        descriptor = os.open(upload, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreUnavailableError(str(error)) from error
    try:
        return os.pread(descriptor, length, start)
    finally:
        os.close(descriptor)


def claim(descriptor: int, path: str, least: int) -> int:
    """Lock the file and make sure that it still is the upload and has the bytes; return its size."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UploadBusyError(path) from error
    found = os.fstat(descriptor)
    # Between open and lock the upload may have been finished: then this file is a blob by now.
    if not _is_same(path, found) or found.st_size < least:
        raise UploadMissingError(path)
    os.lseek(descriptor, 0, os.SEEK_END)
    return found.st_size


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(blobs: Path, after: Digest | None) -> Iterator[StoredBlob]:
    for algorithm in _names(blobs, after.algorithm if after else ""):
        last = after.hex if after and after.algorithm == algorithm else ""
        for folder in _names(blobs / algorithm, last[:2]):
            for name in _names(blobs / algorithm / folder, last):
                # What is no digest, or has gone since it was listed, is no blob.
                if name > last and is_digest(f"{algorithm}:{name}"):
                    found = stat(blobs / algorithm / folder / name)
                    if found is not None:
                        yield StoredBlob(Digest(algorithm, name), found.size, found.modified)


def _names(folder: Path, first: str) -> list[str]:
    """Return the sorted names in a folder from ``first`` on; none when there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name >= first)  # noqa: PTH208 - names only
    except (FileNotFoundError, NotADirectoryError):
        return []


def _unchanged(uploads: Path, before: float) -> Iterator[str]:
    with os.scandir(uploads) as entries:
        for entry in entries:
            try:
                if entry.stat().st_mtime < before:
                    yield entry.name
            except FileNotFoundError:  # finished or discarded meanwhile
                continue


def _is_same(path: str, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), found)  # noqa: PTH116 - called for every write
    except FileNotFoundError:
        return False
