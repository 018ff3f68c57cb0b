"""The stores of all regions, and reading from another region what one's own does not have (yet).

A store that cannot be reached is remembered as down for a few seconds, so that requests of other regions do
not wait for it. In a deployment of one region nothing of this happens: its store is asked, every time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from controlplane.blobs.choice import blob_store
from controlplane.blobs.store import (
    BlobMissingError,
    BlobReader,
    BlobStat,
    BlobStore,
    BlobWriter,
    StoredBlob,
    StoreUnavailableError,
)
from controlplane.domain.digests import Digest
from controlplane.persistence import replicas
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings

log = logging.getLogger(__name__)

_DOWN = 3.0  # seconds for which a store that failed is not asked again
_KNOWN = 2.0  # seconds for which the list of regions is good

_T = TypeVar("_T")


class Regions:
    """The blob stores by region. Safe to share between threads.

    Raises:
        ValueError: a URL names no known driver.
        OSError: the home region's folder cannot be made.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.home = settings.location
        self._settings = settings
        self._database = database
        self._lock = threading.Lock()
        self._stores: dict[str, BlobStore] = {self.home: blob_store(settings)}
        self._readers: dict[str, RegionalStore] = {}
        self._known: tuple[str, ...] = (self.home,)
        self._known_until = 0.0
        self._down: dict[str, float] = {}

    def store(self, region: str) -> BlobStore:
        """Return the store of a region (empty: the home region), which has only what is there.

        Raises:
            StoreUnavailableError: it cannot be opened.
        """
        found = self._stores.get(region or self.home)
        if found is None:
            with self._lock:
                found = self._stores.get(region) or self._opened(region)
        return found

    def reader(self, region: str) -> RegionalStore:
        """Return the store of a region (empty: the home region) that reads through to the others."""
        found = self._readers.get(region or self.home)
        if found is None:
            found = self._readers.setdefault(region or self.home, RegionalStore(self, region or self.home))
        return found

    @property
    def names(self) -> Sequence[str]:
        """The regions whose stores may hold blobs, the home region first.

        Raises:
            DatabaseUnavailableError: the list is old, and cannot be read again.
        """
        if time.monotonic() > self._known_until:
            with self._database.read() as tx:
                found = replicas.blob_regions(tx)
            self._known = tuple(dict.fromkeys((self.home, *found)))
            self._known_until = time.monotonic() + _KNOWN
        return self._known

    def others(self, region: str) -> Iterator[tuple[str, BlobStore]]:
        """Yield the other regions with their stores, without those that are down."""
        for name in self.names:
            if name != region and not self.is_down(name):
                try:
                    yield name, self.store(name)
                except StoreUnavailableError as error:
                    self.note_down(name, error)

    def is_down(self, region: str) -> bool:
        """Tell whether a region's store failed a moment ago."""
        return bool(self._down) and self._down.get(region, 0.0) > time.monotonic()

    def note_down(self, region: str, error: Exception) -> None:
        """Remember that a region's store failed."""
        if not self.is_down(region):
            log.warning("the blob store of region %s cannot be used: %s", region, error)
        self._down[region] = time.monotonic() + _DOWN

    def newest(self, digest: Digest) -> BlobStat | None:
        """Return what is known of the copy that was stored last, None when no store that answers has one."""
        found = self._each(lambda store: store.stat(digest))
        return max(found, key=lambda stat: stat.modified, default=None)

    def delete_everywhere(self, digest: Digest) -> None:
        """Drop a blob from all stores. What cannot be reached now keeps it until an orphan search."""

        def drop(store: BlobStore) -> None:
            store.delete(digest)

        self._each(drop)

    def discard(self, upload: str, region: str) -> None:
        """Drop an upload of a region, if it can be reached; what stays is found by its age."""
        try:
            self.store(region).discard(upload)
        except (StoreUnavailableError, OSError) as error:
            self.note_down(region or self.home, error)

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Return uploads that nobody has written to since, each with its region."""
        found: list[tuple[str, str]] = []
        for name in self.names:
            try:
                idle = self.store(name).idle_uploads(before, limit)
            except (StoreUnavailableError, OSError) as error:
                self.note_down(name, error)
                continue
            found += [(upload, name) for upload in idle]
        return found[:limit]

    def _each(self, ask: Callable[[BlobStore], _T | None]) -> list[_T]:
        """Ask every store; when there is just one, its failure is the caller's."""
        answers, names = [], self.names
        for name in names:
            try:
                answer = ask(self.store(name))
            except (StoreUnavailableError, OSError) as error:
                if len(names) == 1:
                    raise
                self.note_down(name, error)
                continue
            if answer is not None:
                answers.append(answer)
        return answers

    def _opened(self, region: str) -> BlobStore:
        if region not in self._settings.all_locations:
            raise StoreUnavailableError(f"this deployment has no region {region}")
        try:
            made = self._stores[region] = blob_store(self._settings, region)
        except OSError as error:
            raise StoreUnavailableError(str(error)) from error
        return made


class RegionalStore:
    """The store of a region for those who serve from it: what it does not have is read from another.

    Writes, deletions and walks are of the region itself. See the protocol ``BlobStore``.
    """

    def __init__(self, regions: Regions, region: str) -> None:
        self.regions = regions
        self.region = region

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob, wherever it is."""
        return self._first(lambda store: store.size(digest))

    def stat(self, digest: Digest) -> BlobStat | None:
        """Return size and time of a blob, wherever it is."""
        return self._first(lambda store: store.stat(digest))

    def open(self, digest: Digest, start: int = 0, length: int | None = None) -> BlobReader:
        """Open a blob here, or where it is."""
        found = self._first(lambda store: store.open(digest, start, length))
        if found is None:
            raise BlobMissingError(str(digest))
        return found

    def signed_url(self, digest: Digest, seconds: int) -> str | None:
        """Return a URL of a store that has the blob."""
        return self._first(
            lambda store: None if store.size(digest) is None else store.signed_url(digest, seconds)
        )

    def begin(self, upload: str) -> None:
        """Make an upload here."""
        self._own.begin(upload)

    def received(self, upload: str) -> int | None:
        """Return how many bytes an upload has here."""
        return self._own.received(upload)

    def write(self, upload: str, least: int | None = None) -> BlobWriter:
        """Open an upload here."""
        return self._own.write(upload, least)

    def glimpse(self, upload: str, start: int, length: int) -> bytes | None:
        """Return bytes of an upload that somebody writes to here."""
        return self._own.glimpse(upload, start, length)

    def discard(self, upload: str) -> None:
        """Drop an upload here."""
        self._own.discard(upload)

    def delete(self, digest: Digest) -> None:
        """Drop a blob here."""
        self._own.delete(digest)

    def set_aside(self, digest: Digest) -> None:
        """Move a damaged blob away here."""
        self._own.set_aside(digest)

    def walk(self, after: Digest | None, limit: int) -> Sequence[StoredBlob]:
        """Return a page of the blobs that are here."""
        return self._own.walk(after, limit)

    def idle_uploads(self, before: datetime, limit: int) -> Sequence[str]:
        """Return uploads that are idle here."""
        return self._own.idle_uploads(before, limit)

    @property
    def _own(self) -> BlobStore:
        return self.regions.store(self.region)

    def _first(self, ask: Callable[[BlobStore], _T | None]) -> _T | None:
        """Return the first answer, the own store's if it has one; None when no store has any.

        Raises:
            StoreUnavailableError: no store has an answer, and not all could be asked.
        """
        trouble: Exception | None = None
        if not self.regions.is_down(self.region):
            try:
                found = ask(self.regions.store(self.region))
            except BlobMissingError:
                pass
            except StoreUnavailableError as error:
                trouble = error
            else:
                if found is not None:
                    return found
        return self._elsewhere(ask, trouble)

    def _elsewhere(self, ask: Callable[[BlobStore], _T | None], trouble: Exception | None) -> _T | None:
        """Ask the other stores; those that failed a moment ago come last, when nobody else has it."""
        regions = self.regions
        if trouble is not None and len(regions.names) > 1:
            regions.note_down(self.region, trouble)
        skipped = [name for name in regions.names if regions.is_down(name)]
        if trouble is not None and self.region in skipped:
            skipped.remove(self.region)
        others = [name for name in regions.names if name != self.region and name not in skipped]
        for name in (*others, *skipped):
            try:
                found = ask(regions.store(name))
            except BlobMissingError:
                continue
            except StoreUnavailableError as error:
                regions.note_down(name, error)
                trouble = error
                continue
            if found is not None:
                return found
        if trouble is not None:
            raise StoreUnavailableError(str(trouble)) from trouble
        return None
