"""Deleting content: manifests, tags, blobs, repositories, and all content of a registry.

Where the registry's soft-delete policy is on, manifests and tags are marked and can be restored until their
time is over; they keep what they name, and are still counted in the sizes.
What no manifest of a repository names any more is released, not removed: a push that was under way may
still take it back (see ``persistence.content_blobs``). Large deletions go in bounded transactions; each
leaves a consistent state, and repeating one that was interrupted finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controlplane.blobs.store import BlobStore
from controlplane.domain.events import CHART_CONFIG, Action, Change, Origin
from controlplane.domain.registry_errors import (
    BLOB_IN_USE,
    BLOB_UNKNOWN,
    MANIFEST_UNKNOWN,
    NAME_UNKNOWN,
    TAG_UNKNOWN,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import (
    content_blobs,
    content_manifests,
    content_repositories,
    content_tags,
    registries,
    uploads,
)
from controlplane.persistence.content_blobs import Growth, Holder
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import Counts, RepositoryRow
from controlplane.persistence.content_tags import Ended, Ending, TagRow
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_policy
from controlplane.services.content_events import Events, Place

_BATCH = 200


@dataclass(slots=True)
class Deleted:
    """What a deletion of a repository took away."""

    manifests: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class Deletions:
    """Takes content out of registries."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock, events: Events) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._events = events

    def manifest(self, registry_id: int, repository: str, digest: str, origin: Origin) -> None:
        """Delete a manifest and every tag that names it.

        Raises:
            Failure: NAME_UNKNOWN, MANIFEST_UNKNOWN or CONTENT_LOCKED.
        """
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            manifest = content_manifests.find(tx, row.id, digest)
            if manifest is None:
                raise Failure(MANIFEST_UNKNOWN)
            tags = content_tags.rows_of_manifests(tx, [manifest.id])
            content_policy.refuse_deletion(row, [manifest], tags)
            self._delete(tx, row, [manifest], tags, origin)

    def tag(self, registry_id: int, repository: str, name: str, origin: Origin) -> None:
        """Delete a tag; the manifest stays.

        Raises:
            Failure: NAME_UNKNOWN, TAG_UNKNOWN or CONTENT_LOCKED.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            tag = content_tags.find(tx, row.id, name)
            if tag is None:
                raise Failure(TAG_UNKNOWN)
            content_policy.refuse_deletion(row, tags=[tag])
            until = _restorable_until(tx, registry_id, now)
            content_tags.end(tx, row.id, name, Ending(now, Ended.UNTAGGED, until))
            content_repositories.count(tx, row.id, Counts(tags=-1), now)
            change = Change(Action.UNTAG, tag.name, tag.digest)
            self._events.record(tx, Place(registry_id, repository), origin, [change], now)

    def blob(self, registry_id: int, repository: str, digest: str) -> None:
        """Take a blob that no manifest names out of a repository.

        Raises:
            Failure: NAME_UNKNOWN, BLOB_UNKNOWN, CONTENT_LOCKED, or BLOB_IN_USE when a manifest names it.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            if content_blobs.size_of(tx, row.id, digest) is None:
                raise Failure(BLOB_UNKNOWN)
            if content_manifests.names(tx, row.id, digest):
                raise Failure(BLOB_IN_USE)
            content_policy.refuse_deletion(row)
            change = content_blobs.unlink(tx, Holder(registry_id, row.id), [digest])
            _count(tx, row, change, now)

    def repository(self, registry_id: int, repository: str, origin: Origin) -> Deleted:
        """Delete a repository with everything in it; nothing is touched when a part of it is locked.

        Raises:
            Failure: NAME_UNKNOWN or CONTENT_LOCKED.
        """
        deleted = Deleted()
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, repository)
            if row is None or row.manifest_count == 0:
                raise Failure(NAME_UNKNOWN)
            content_policy.refuse_deletion(
                row, content_manifests.locked(tx, row.id), content_tags.locked(tx, row.id)
            )
            soft = _restorable_until(tx, registry_id, self._clock.now()) is not None
        while self._delete_live(registry_id, repository, deleted, origin):
            pass
        while not soft and self._purge_some(registry_id, repository):
            pass
        return deleted

    def registry_content(self, registry_id: int, between: Callable[[], None] = lambda: None) -> None:
        """Delete all content of a registry that takes no more pushes. Twice: the second time finds less.

        ``between`` is called after each transaction and may end the work by raising. Dies midway: what is
        left is found again.
        """
        while True:
            with self._database.read() as tx:
                names = content_repositories.any_names(tx, registry_id, _BATCH)
            if not names:
                return
            for name in names:
                while self._purge_some(registry_id, name):
                    between()
                between()

    def _delete_live(self, registry_id: int, repository: str, deleted: Deleted, origin: Origin) -> bool:
        """Delete a batch of a repository's manifests; False when none is left."""
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            batch = [] if row is None else content_manifests.some(tx, row.id, _BATCH, live=True)
            if row is None or not batch:
                return False
            tags = content_tags.rows_of_manifests(tx, [manifest.id for manifest in batch])
            content_policy.refuse_deletion(row, batch, tags)
            self._delete(tx, row, batch, tags, origin)
        deleted.manifests += [manifest.digest for manifest in batch]
        deleted.tags += [tag.name for tag in tags]
        return True

    def _purge_some(self, registry_id: int, repository: str) -> bool:
        """Remove a batch of a repository for good, in the end the repository; False when nothing is left."""
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            if row is None:
                return False
            if batch := content_manifests.some(tx, row.id, _BATCH):
                self._purge(tx, row, batch)
                return True
            if linked := content_blobs.some(tx, row.id, _BATCH):
                _count(tx, row, content_blobs.unlink(tx, Holder(registry_id, row.id), linked), row.updated_at)
                return True
            abandoned = uploads.of_repository(tx, row.id)
            content_repositories.delete(tx, row.id)
        for upload in abandoned:
            self._blobs.discard(upload)
        return False

    def _delete(
        self,
        tx: Transaction,
        row: RepositoryRow,
        batch: Sequence[ManifestRow],
        tags: Sequence[TagRow],
        origin: Origin,
    ) -> None:
        """Delete live manifests of a locked repository, with their tags."""
        now = self._clock.now()
        until = _restorable_until(tx, row.registry_id, now)
        if until is None:
            self._purge(tx, row, batch)
        else:
            ids = [manifest.id for manifest in batch]
            content_tags.end_all(tx, ids, Ending(now, Ended.DELETED, until))
            content_manifests.mark_deleted(tx, ids, now, until)
            content_repositories.count(tx, row.id, Counts(-len(ids), -len(tags)), now)
        place = Place(row.registry_id, row.name)
        self._events.record(tx, place, origin, _changes(batch), now)

    def _purge(self, tx: Transaction, row: RepositoryRow, batch: Sequence[ManifestRow]) -> None:
        """Remove manifests of a locked repository for good, be they deleted already or not."""
        now = self._clock.now()
        ids = [manifest.id for manifest in batch]
        live = [manifest for manifest in batch if manifest.deleted_at is None]
        tags = len(content_tags.rows_of_manifests(tx, ids))
        content_tags.end_all(tx, ids, Ending(now, Ended.DELETED))
        named = content_manifests.delete(tx, ids)
        change = content_blobs.release(tx, Holder(row.registry_id, row.id), sorted(named), now)
        change = change.plus_bytes(-sum(manifest.size for manifest in batch))
        _count(tx, row, change, now, Counts(-len(live), -tags))


def _changes(batch: Sequence[ManifestRow]) -> Iterator[Change]:
    for manifest in batch:
        yield Change(Action.DELETE, None, manifest.digest, manifest.media_type)
        if manifest.config_media_type == CHART_CONFIG:
            yield Change(Action.CHART_DELETE, None, manifest.digest, manifest.media_type)


def _restorable_until(tx: Transaction, registry_id: int, now: datetime) -> datetime | None:
    """Return until when what is deleted now can be restored; None: not at all."""
    registry = registries.by_id(tx, registry_id)
    days = None if registry is None else registry.soft_delete_days
    return None if days is None else now + timedelta(days=days)


def _count(
    tx: Transaction, row: RepositoryRow, change: Growth, now: datetime, gone: Counts | None = None
) -> None:
    counts = replace(gone or Counts(), growth=change.repository)
    content_repositories.count(tx, row.id, counts, now)
    if change.registry:
        registries.add_size(tx, row.registry_id, change.registry)


def _locked(tx: Transaction, registry_id: int, repository: str) -> RepositoryRow:
    row = content_repositories.lock(tx, registry_id, repository)
    if row is None:
        raise Failure(NAME_UNKNOWN)
    return row
