"""Deleting content: manifests, tags, blobs, repositories, and all content of a registry.

What no manifest of a repository names any more is released, not removed: a push that was under way may
still take it back (see ``persistence.content_blobs``). Large deletions go in bounded transactions; each
leaves a consistent state, and repeating one that was interrupted finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controlplane.blobs.store import BlobStore
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
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.database import Database, Transaction

_BATCH = 200


@dataclass(slots=True)
class Deleted:
    """What a deletion of a repository took away."""

    manifests: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class Deletions:
    """Takes content out of registries."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    def manifest(self, registry_id: int, repository: str, digest: str) -> None:
        """Delete a manifest and every tag that names it.

        Raises:
            Failure: NAME_UNKNOWN or MANIFEST_UNKNOWN.
        """
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            manifest = content_manifests.find(tx, row.id, digest)
            if manifest is None:
                raise Failure(MANIFEST_UNKNOWN)
            self._drop(tx, row, [manifest])

    def tag(self, registry_id: int, repository: str, name: str) -> None:
        """Delete a tag; the manifest stays.

        Raises:
            Failure: NAME_UNKNOWN or TAG_UNKNOWN.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            if not content_tags.end(tx, row.id, name, now):
                raise Failure(TAG_UNKNOWN)
            content_repositories.count(tx, row.id, now, tags=-1)

    def blob(self, registry_id: int, repository: str, digest: str) -> None:
        """Take a blob that no manifest names out of a repository.

        Raises:
            Failure: NAME_UNKNOWN, BLOB_UNKNOWN, or BLOB_IN_USE when a manifest names it.
        """
        with self._database.write() as tx:
            row = _locked(tx, registry_id, repository)
            if content_blobs.size_of(tx, row.id, digest) is None:
                raise Failure(BLOB_UNKNOWN)
            if content_manifests.names(tx, row.id, digest):
                raise Failure(BLOB_IN_USE)
            change = content_blobs.unlink(tx, Holder(registry_id, row.id), [digest])
            registries.add_size(tx, registry_id, change)

    def repository(self, registry_id: int, repository: str) -> Deleted:
        """Delete a repository with everything in it.

        Raises:
            Failure: NAME_UNKNOWN.
        """
        deleted = Deleted()
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, repository)
        if row is None or row.manifest_count == 0:
            raise Failure(NAME_UNKNOWN)
        while self._delete_some(registry_id, repository, deleted):
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
                while self._delete_some(registry_id, name, Deleted()):
                    between()
                between()

    def _delete_some(self, registry_id: int, repository: str, deleted: Deleted) -> bool:
        """Delete a batch of a repository, in the end the repository; False when nothing is left."""
        with self._database.write() as tx:
            row = content_repositories.lock(tx, registry_id, repository)
            if row is None:
                return False
            batch = content_manifests.some(tx, row.id, _BATCH)
            if batch:
                deleted.tags += self._drop(tx, row, batch)
                deleted.manifests += [manifest.digest for manifest in batch]
                return True
            if linked := content_blobs.some(tx, row.id, _BATCH):
                change = content_blobs.unlink(tx, Holder(registry_id, row.id), linked)
                registries.add_size(tx, registry_id, change)
                return True
            abandoned = uploads.of_repository(tx, row.id)
            content_repositories.delete(tx, row.id)
        for upload in abandoned:
            self._blobs.discard(upload)
        return False

    def _drop(self, tx: Transaction, row: RepositoryRow, batch: Sequence[ManifestRow]) -> list[str]:
        """Delete manifests of a locked repository; return the tags that went with them."""
        now = self._clock.now()
        ids = [manifest.id for manifest in batch]
        tags = [name for names in content_tags.of_manifests(tx, ids).values() for name in names]
        named = content_manifests.delete(tx, ids)
        change = content_blobs.release(tx, Holder(row.registry_id, row.id), sorted(named), now)
        content_repositories.count(tx, row.id, now, manifests=-len(ids), tags=-len(tags))
        registries.add_size(tx, row.registry_id, change - sum(manifest.size for manifest in batch))
        return tags


def _locked(tx: Transaction, registry_id: int, repository: str) -> RepositoryRow:
    row = content_repositories.lock(tx, registry_id, repository)
    if row is None:
        raise Failure(NAME_UNKNOWN)
    return row
