"""Regions of a registry: joining one with all content, how far it is, and leaving it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from controlplane.blobs.store import StoreUnavailableError, UploadBusyError
from controlplane.domain.digests import Digest, parse_digest
from controlplane.kernel import catalogue
from controlplane.kernel.clock import Clock, rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries, replicas, replication
from controlplane.persistence.content_pages import Page
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.registries import LOGIN
from controlplane.persistence.replicas import ReplicaRow
from controlplane.services.graph import Services
from controlplane.services.regions import Regions
from controlplane.services.replication import CopyError, Replicator
from controlplane.settings.model import Settings

_PAGE = 500
_LEAVING_PAGE = 50
_LAGS = 500  # newest copies that a lag is told of
_PAUSE = 0.2  # seconds between two looks at what other workers copy
_MEDIAN, _LATE = 0.5, 0.99

Report = Callable[[int], None]
Write = Callable[[], AbstractContextManager[Transaction]]


class Replicas:
    """What happens to a registry's regions, beside the copying. Safe to share between threads."""

    def __init__(
        self, database: Database, regions: Regions, replicator: Replicator, clock: Clock, settings: Settings
    ) -> None:
        self._database = database
        self._regions = regions
        self._replicator = replicator
        self._clock = clock
        self._patience = min(settings.replication_deadline, settings.operation_deadline / 2)

    def join(self, tx: Transaction, wanted: ReplicaRow) -> None:
        """Let a registry be in a region.

        From then on what is pushed elsewhere is wanted there, and the other way round.
        """
        home = home_region(tx, wanted.registry_id)
        replicas.put_replica(tx, ReplicaRow(wanted.registry_id, home, "", True, wanted.created_at))
        replicas.add_blob_region(tx, wanted.region)
        replicas.put_replica(tx, wanted)

    def synchronise(self, registry_id: int, region: str, write: Write, report: Report) -> int:
        """Want all content of a registry in a region and copy it; return how many blobs are still to come.

        Twice: what is there is skipped. Dies midway: the next attempt goes on. What takes longer than an
        operation may goes on without it. ``report`` is called with the percentage and may end it by raising.
        """
        after = ""
        while (page := self._want(registry_id, region, after, write)) is not None:
            after = page
            report(0)
        end, total = time.monotonic() + self._patience, 0
        while True:
            with self._database.read() as tx:
                found = replicas.backlog(tx, registry_id, region)
                total = max(total, found.pending_bytes, 1)
            report(min(99, (total - found.pending_bytes) * 100 // total))
            if not found.pending_blobs or time.monotonic() > end:
                return found.pending_blobs
            if not (self._replicator.serves(region) and self._replicator.run(region)):
                time.sleep(_PAUSE)

    def leave(self, registry_id: int, region: str, report: Report) -> int:
        """Remove what only this registry needed in a region; return how many blobs that were.

        What is nowhere else is brought to the registry's home region before. Twice, or dying midway: it goes
        on with what is left.

        Raises:
            Failure: REPLICA_NOT_COPIED, retryable, while something is nowhere else and cannot be copied.
        """
        with self._database.read() as tx:
            total, home = replicas.held_count(tx, registry_id), home_region(tx, registry_id)
        after, seen, removed = "", 0, 0
        while True:
            with self._database.read() as tx:
                page = replicas.held_after(tx, registry_id, after, _LEAVING_PAGE)
            if not page:
                return removed
            for digest, size in page:
                removed += self._vacate(registry_id, region, home, (parse_digest(digest), size))
            after, seen = page[-1][0], seen + len(page)
            report(min(99, seen * 100 // max(total, 1)))

    def status(self, tx: Transaction, registry_id: int, region: str) -> dict[str, Any]:
        """Return how far a region is with a registry's content; lags are seconds, sizes bytes."""
        found = replicas.backlog(tx, registry_id, region)
        lags = replicas.lags(tx, registry_id, region, _LAGS)
        return {
            "lag": {"p50": _at(lags, _MEDIAN), "p99": _at(lags, _LATE)},
            "pendingBytes": found.pending_bytes,
            "pendingBlobs": found.pending_blobs,
            "failed": found.failed,
            "lastError": found.last_error,
            "copiedBytes": replicas.copied_bytes(tx, registry_id, region),
        }

    def shown(self, tx: Transaction, registry_id: int, region: str, since: datetime) -> dict[str, str]:
        """Return the member ``status`` of a replication."""
        found = replicas.backlog(tx, registry_id, region)
        word, message = "Ready", "The region has all content."
        if found.pending_blobs:
            word = "Syncing"
            message = f"{found.pending_blobs} blobs ({found.pending_bytes} bytes) are still to be copied."
            message += f" Last error: {found.last_error}" if found.last_error else ""
        return {
            "displayStatus": word,
            "message": message,
            "timestamp": rfc3339(replicas.last_copy(tx, region) or since),
        }

    def reconcile(self, registry_id: int, after: str, limit: int = _PAGE) -> str | None:
        """Want a page of a registry's blobs wherever they are not; return its last digest, None at the end.

        A push that began before a region was joined, and content that was mounted, come to be copied so.
        """
        now, last = self._clock.now(), None
        with self._database.write() as tx:
            for region in replicas.regions_of(tx, registry_id):
                page = replication.want_page(tx, registry_id, region, Page(limit, after), now)
                last = None if page is None else page[0]
        return last

    def _want(self, registry_id: int, region: str, after: str, write: Write) -> str | None:
        with write() as tx:
            found = replication.want_page(tx, registry_id, region, Page(_PAGE, after), self._clock.now())
        return None if found is None else found[0]

    def _vacate(self, registry_id: int, region: str, home: str, blob: tuple[Digest, int]) -> bool:
        digest, size = blob
        for _ in range(2):
            with self._database.write() as tx:
                # Under the blob's lock: of two regions that are left at once one sees that it is the last.
                if not replicas.lock_blob(tx, str(digest)):
                    return False
                if replicas.is_needed(tx, registry_id, region, str(digest)):
                    return False
                if self._is_elsewhere(region, digest, size):
                    replicas.forget_place(tx, region, str(digest))
                    return self._delete(region, digest)
            if self._is_lost(region, digest):
                return False
            try:
                self._replicator.fetch(home, digest, size)
            except (CopyError, UploadBusyError) as error:
                raise _not_copied(region, digest, error) from error
        raise _not_copied(region, digest, "its copy is gone again")

    def _is_elsewhere(self, region: str, digest: Digest, size: int) -> bool:
        for name, store in self._regions.others(region):
            try:
                if store.size(digest) == size:
                    return True
            except StoreUnavailableError as error:
                self._regions.note_down(name, error)
        return False

    def _is_lost(self, region: str, digest: Digest) -> bool:
        """Tell whether a blob that is nowhere else is not here either."""
        try:
            return self._regions.store(region).size(digest) is None
        except StoreUnavailableError:
            return False

    def _delete(self, region: str, digest: Digest) -> bool:
        """Delete a blob of a region; one whose store cannot be reached keeps it."""
        if self._regions.is_down(region):
            return False
        try:
            self._regions.store(region).delete(digest)
        except StoreUnavailableError as error:
            self._regions.note_down(region, error)
            return False
        return True


def home_region(tx: Transaction, registry_id: int) -> str:
    """Return the region of a registry's login server, empty when it has none (any more)."""
    found = registries.endpoints(tx, registry_id)
    return next((one.region for one in found if one.kind == LOGIN), "")


def _at(values: Sequence[float], part: float) -> float:
    """Return the value that a part of sorted values does not exceed, 0 when there are none."""
    return round(values[min(len(values) - 1, int(len(values) * part))], 3) if values else 0.0


def _not_copied(region: str, digest: Digest, reason: object) -> Failure:
    return Failure(catalogue.REPLICA_NOT_COPIED, region=region, digest=digest, reason=reason, retryable=True)


def reconcile_step(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Want what replicated registries hold and their regions were never asked to have, page by page."""
    with services.database.read() as tx:
        registry = replicas.next_registry(tx, int(state.get("registry", 0)))
    if registry is None:
        return {}, False
    after = services.replicas.reconcile(registry, str(state.get("after", "")))
    if after is None:
        return {"registry": registry + 1}, True
    return {"registry": registry, "after": after}, True
