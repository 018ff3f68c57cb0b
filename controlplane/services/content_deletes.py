"""Deleting content: manifests, tags, blobs, repositories, and all content of a registry.

What "deleted" comes to, under the registry's policy, is ``content_removal``'s. Large deletions go in bounded
transactions; each leaves a consistent state, and repeating one that was interrupted finishes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.domain.events import Origin
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
)
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_policy, content_removal
from controlplane.services.content_events import Events, Place

_BATCH = 200


@dataclass(slots=True)
class Deleted:
    """What a deletion of a repository took away."""

    manifests: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class Deletions:
    """Takes content out of registries."""

    def __init__(self, database: Database, clock: Clock, events: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    def manifest(self, registry_id: int, repository: str, digest: str, origin: Origin) -> None:
        """Delete a manifest and every tag that names it.

        Raises:
            Failure: NAME_UNKNOWN, MANIFEST_UNKNOWN or CONTENT_LOCKED.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            manifest = content_manifests.find(tx, row.id, digest)
            if manifest is None:
                raise Failure(MANIFEST_UNKNOWN)
            tags = content_tags.rows_of_manifests(tx, [manifest.id])
            content_policy.refuse_deletion(row, [manifest], tags)
            content_policy.refuse_taking_apart(tx, row, manifest)
            changes = content_removal.delete(tx, row, [manifest], now)
            self._events.record(tx, Place(registry_id, repository), origin, changes, now)

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
            changes = content_removal.untag(tx, row, [tag], now)
            self._events.record(tx, Place(registry_id, repository), origin, changes, now)

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
            content_removal.count(tx, row, change, now)

    def repository(self, registry_id: int, repository: str, origin: Origin) -> Deleted:
        """Delete a repository with everything in it; nothing is touched when a part of it is locked.

        Its row goes with the last manifest, unless something in it can still be restored.

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
        while self._delete_live(registry_id, repository, deleted, origin):
            pass
        while self._clear_some(registry_id, repository):
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
                while self._purge_some(registry_id, name) or self._clear_some(registry_id, name):
                    between()
                between()

    def _delete_live(self, registry_id: int, repository: str, deleted: Deleted, origin: Origin) -> bool:
        """Delete a batch of a repository's manifests; False when none is left."""
        now = self._clock.now()
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            batch = [] if row is None else content_manifests.some(tx, row.id, _BATCH, live=True)
            if row is None or not batch:
                return False
            tags = content_tags.rows_of_manifests(tx, [manifest.id for manifest in batch])
            content_policy.refuse_deletion(row, batch, tags)
            changes = content_removal.delete(tx, row, batch, now)
            self._events.record(tx, Place(registry_id, repository), origin, changes, now)
        deleted.manifests += [manifest.digest for manifest in batch]
        deleted.tags += [tag.name for tag in tags]
        return True

    def _purge_some(self, registry_id: int, repository: str) -> bool:
        """Remove a batch of a repository's manifests for good; False when none is left."""
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            batch = [] if row is None else content_manifests.some(tx, row.id, _BATCH)
            if row is not None and batch:
                content_removal.purge(tx, row, batch, self._clock.now())
        return bool(batch)

    def _clear_some(self, registry_id: int, repository: str) -> bool:
        """Remove what is left of a repository without manifests, in the end its row; False when done."""
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            if row is None or content_manifests.some(tx, row.id, 1):
                return False
            if linked := content_blobs.some(tx, row.id, _BATCH):
                change = content_blobs.unlink(tx, Holder(registry_id, row.id), linked)
                content_removal.count(tx, row, change, row.updated_at)
                return True
            content_repositories.delete(tx, row.id)
        return False


def _locked(tx: Transaction, registry_id: int, repository: str) -> RepositoryRow:
    row = content_repositories.lock(tx, registry_id, repository)
    if row is None:
        raise Failure(NAME_UNKNOWN)
    return row
