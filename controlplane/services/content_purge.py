"""Removing for good what was deleted: at once when somebody asks, and when its time is over.

The steps are chores: bounded, and harmless when they run twice. What a purged manifest named is released,
and collection takes it; a repository that holds nothing any more goes in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from controlplane.domain.events import Action, Change, Origin
from controlplane.domain.registry_errors import MANIFEST_UNKNOWN, NAME_UNKNOWN
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import (
    content_deleted,
    content_manifests,
    content_repositories,
)
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_policy, content_removal
from controlplane.services.content_events import Events, Place
from controlplane.services.graph import Services

_BATCH = 200
_LOOKED_AT = 1000  # repositories a step looks at for empty ones
_SOFT_DELETE = Origin(actor="soft-delete")


class Purges:
    """Removes deleted manifests for good."""

    def __init__(self, database: Database, clock: Clock, events: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    def manifest(self, place: Place, digest: str, origin: Origin) -> None:
        """Remove a deleted manifest for good; it may not be restored after that.

        Raises:
            Failure: NAME_UNKNOWN, MANIFEST_UNKNOWN (also when it is not deleted) or CONTENT_LOCKED.
        """
        with self._database.write() as tx:
            row = content_repositories.lock(tx, place.registry_id, place.repository)
            if row is None:
                raise Failure(NAME_UNKNOWN)
            lost = content_deleted.find(tx, row.id, digest)
            if lost is None:
                raise Failure(MANIFEST_UNKNOWN)
            content_policy.refuse_deletion(row)
            self._remove(tx, row, [lost], origin)

    def repository(self, place: Place, origin: Origin) -> list[str]:
        """Remove every deleted manifest of a repository for good; return their digests.

        Deleted tags cannot be restored after that either.

        Raises:
            Failure: NAME_UNKNOWN when nothing of it is deleted, or CONTENT_LOCKED.
        """
        gone: list[str] = []
        tags = 0
        while True:
            with self._database.write() as tx:
                row = content_repositories.lock(tx, place.registry_id, place.repository)
                if row is None:
                    break
                content_policy.refuse_deletion(row)
                batch = content_manifests.some(tx, row.id, _BATCH, live=False)
                tags += content_deleted.close_tags_of(tx, row.id)
                self._remove(tx, row, batch, origin)
            gone += [one.digest for one in batch]
            if not batch:
                break
        if not gone and not tags:
            raise Failure(NAME_UNKNOWN)
        return gone

    def overdue(self, limit: int) -> int:
        """Remove what was deleted and whose time is over, at most so many; return how many were found."""
        with self._database.read() as tx:
            found = sorted(content_deleted.due(tx, self._clock.now(), limit))
        for repository_id, pairs in groupby(found, key=lambda pair: pair[0]):
            with self._database.write() as tx:
                row = content_repositories.lock_by_id(tx, repository_id)
                if row is not None:
                    # Restored or scheduled anew since it was found, it stays.
                    ids = [manifest_id for _, manifest_id in pairs]
                    batch = content_deleted.due_rows(tx, row.id, ids, self._clock.now())
                    self._remove(tx, row, batch, _SOFT_DELETE)
        return len(found)

    def close_tags(self, limit: int) -> int:
        """Make history of deleted tags whose time is over, at most so many; return how many."""
        with self._database.write() as tx:
            return content_deleted.close_tags(tx, self._clock.now(), limit)

    def _remove(
        self, tx: Transaction, row: RepositoryRow, batch: Sequence[ManifestRow], origin: Origin
    ) -> None:
        if batch:
            now = self._clock.now()
            content_removal.purge(tx, row, batch, now)
            self._events.record(tx, Place(row.registry_id, row.name), origin, _changes(batch), now)


def purges_of(services: Services) -> Purges:
    """Return the purges of an object graph."""
    return Purges(services.database, services.clock, services.events)


def purge_step(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Remove a batch of what was deleted and whose time is over."""
    purges = purges_of(services)
    more = purges.overdue(_BATCH) == _BATCH
    return state, purges.close_tags(_BATCH) == _BATCH or more


def vacate_step(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Remove repositories that hold nothing any more, looking at some after the one looked at last.

    Nothing means: no manifest, deleted or not, no blob that a push may name yet, and no upload under way.
    """
    with services.database.read() as tx:
        last, empty = content_repositories.empty(tx, int(state.get("after", 0)), _LOOKED_AT)
    for repository_id in empty:
        with services.database.write() as tx:
            if content_repositories.lock_by_id(tx, repository_id) is None:
                continue
            if content_repositories.is_empty(tx, repository_id):
                content_repositories.delete(tx, repository_id)
    return ({}, False) if last is None else ({"after": last}, True)


def _changes(batch: Sequence[ManifestRow]) -> Iterator[Change]:
    for one in batch:
        yield Change(Action.PURGE, None, one.digest, one.media_type, one.size)
