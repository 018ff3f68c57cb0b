"""Taking manifests and tags out of a repository, for those who have decided that they go.

Every function works in a transaction that has the repository locked, and keeps counters and sizes. Where the
registry's soft-delete policy is on, what is deleted is marked and can be restored until its time is over; it
keeps what it names and is still counted in the sizes. What no manifest names any more is released, not
removed: a push that was under way may still take it back (see ``persistence.content_blobs``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from controlplane.domain.events import CHART_CONFIG, Action, Change
from controlplane.persistence import (
    content_blobs,
    content_manifests,
    content_repositories,
    content_tags,
    registries,
)
from controlplane.persistence.content_blobs import Growth, Holder
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import Counts, RepositoryRow
from controlplane.persistence.content_tags import Ended, Ending, TagRow
from controlplane.persistence.database import Transaction


def delete(tx: Transaction, row: RepositoryRow, batch: Sequence[ManifestRow], now: datetime) -> list[Change]:
    """Delete live manifests with the tags that name them; return what happened."""
    if not batch:
        return []
    until = restorable_until(tx, row.registry_id, now)
    if until is None:
        purge(tx, row, batch, now)
        return list(_deletions(batch))
    ids = [manifest.id for manifest in batch]
    tags = len(content_tags.rows_of_manifests(tx, ids))
    content_tags.end_all(tx, ids, Ending(now, Ended.DELETED, until))
    content_manifests.mark_deleted(tx, ids, now, until)
    content_repositories.count(tx, row.id, Counts(-len(ids), -tags), now)
    return list(_deletions(batch))


def untag(tx: Transaction, row: RepositoryRow, tags: Sequence[TagRow], now: datetime) -> list[Change]:
    """Delete tags; their manifests stay. Return what happened."""
    until = restorable_until(tx, row.registry_id, now)
    for tag in tags:
        content_tags.end(tx, row.id, tag.name, Ending(now, Ended.UNTAGGED, until))
    if tags:
        content_repositories.count(tx, row.id, Counts(tags=-len(tags)), now)
    return [Change(Action.UNTAG, tag.name, tag.digest) for tag in tags]


def purge(tx: Transaction, row: RepositoryRow, batch: Sequence[ManifestRow], now: datetime) -> None:
    """Remove manifests for good, be they deleted already or not."""
    ids = [manifest.id for manifest in batch]
    live = [manifest for manifest in batch if manifest.deleted_at is None]
    tags = len(content_tags.rows_of_manifests(tx, ids))
    content_tags.end_all(tx, ids, Ending(now, Ended.DELETED))
    named = content_manifests.delete(tx, ids)
    change = content_blobs.release(tx, Holder(row.registry_id, row.id), sorted(named), now)
    change = change.plus_bytes(-sum(manifest.size for manifest in batch))
    count(tx, row, change, now, Counts(-len(live), -tags))


def count(
    tx: Transaction, row: RepositoryRow, change: Growth, now: datetime, gone: Counts | None = None
) -> None:
    """Note how a repository and its registry grew or shrank."""
    counts = replace(gone or Counts(), growth=change.repository)
    content_repositories.count(tx, row.id, counts, now)
    if change.registry:
        registries.add_size(tx, row.registry_id, change.registry)


def restorable_until(tx: Transaction, registry_id: int, now: datetime) -> datetime | None:
    """Return until when what is deleted now can be restored; None: not at all."""
    registry = registries.by_id(tx, registry_id)
    days = None if registry is None else registry.soft_delete_days
    return None if days is None else now + timedelta(days=days)


def _deletions(batch: Sequence[ManifestRow]) -> Iterator[Change]:
    for manifest in batch:
        yield Change(Action.DELETE, None, manifest.digest, manifest.media_type)
        if manifest.config_media_type == CHART_CONFIG:
            yield Change(Action.CHART_DELETE, None, manifest.digest, manifest.media_type)
