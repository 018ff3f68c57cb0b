"""Bringing back what was deleted while the soft-delete policy was on.

A deleted manifest has kept everything it names, so nothing has to be looked for; what an index needs comes
back with it, and so do the referrers that were deleted at the same moment. Locks of the repository count
as they do for a push. A switched-off policy does not bar a restore: what is there can be brought back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.domain.events import Action, Change, Origin
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import MANIFEST_UNKNOWN, NAME_UNKNOWN, TAG_INVALID, TAG_TAKEN
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import (
    content_deleted,
    content_manifests,
    content_repositories,
    content_tags,
)
from controlplane.persistence.content_deleted import EndedTag
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import Counts, RepositoryRow
from controlplane.persistence.content_tags import Ended, Ending, Target
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_policy, content_removal
from controlplane.services.content_events import Events, Place

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to come back: a manifest under a tag, or (None) under the tags that were deleted with it.

    ``force`` lets the tag name it even if it names something else by now.
    """

    place: Place
    digest: str
    tag: str | None
    force: bool
    origin: Origin = field(default_factory=Origin)


@dataclass(slots=True)
class Restored:
    """What came back."""

    manifests: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class Restores:
    """Brings back manifests, tags and repositories."""

    def __init__(self, database: Database, clock: Clock, events: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    def manifest(self, wish: Wish) -> Restored:
        """Restore a manifest, a tag of one, or both. Twice: the second time changes nothing.

        Raises:
            Failure: TAG_INVALID, NAME_UNKNOWN, MANIFEST_UNKNOWN, CONTENT_LOCKED, TAG_IMMUTABLE, or TAG_TAKEN
                when the tag names something else.
        """
        if wish.tag is not None and not is_tag(wish.tag):
            raise Failure(TAG_INVALID)
        now = self._clock.now()
        with self._database.write() as tx:
            row = content_repositories.lock(tx, wish.place.registry_id, wish.place.repository)
            if row is None:
                raise Failure(NAME_UNKNOWN)
            lost = content_deleted.find(tx, row.id, wish.digest)
            found = lost or content_manifests.find(tx, row.id, wish.digest)
            if found is None:
                raise Failure(MANIFEST_UNKNOWN)
            content_policy.refuse_creation(row.locks)
            back = [] if lost is None else _with_what_belongs(tx, row, lost)
            ended = content_deleted.tags_ended_with(tx, [one.id for one in back])
            content_deleted.revive(tx, [one.id for one in back], now)
            if wish.tag is None:
                tags, fresh = _set_free_tags(tx, row, ended, now)
            else:
                target = Target(wish.tag, found.id, found.digest)
                tags, fresh = _set_tag(tx, row, target, now, force=wish.force)
            content_repositories.count(tx, row.id, Counts(len(back), fresh), now)
            self._events.record(tx, wish.place, wish.origin, _changes(back, tags), now)
        return Restored([one.digest for one in back], [tag.name for tag in tags])

    def repository(self, place: Place, origin: Origin) -> Restored:
        """Restore every deleted manifest of a repository, with the tags that were deleted with them.

        A tag that names something else by now stays as it is.

        Raises:
            Failure: NAME_UNKNOWN when nothing can be restored, or CONTENT_LOCKED.
        """
        restored = Restored()
        while self._some(place, origin, restored):
            pass
        if not restored.manifests:
            raise Failure(NAME_UNKNOWN)
        return restored

    def _some(self, place: Place, origin: Origin, restored: Restored) -> bool:
        """Restore a batch; False when nothing is left."""
        now = self._clock.now()
        with self._database.write() as tx:
            row = content_repositories.lock(tx, place.registry_id, place.repository)
            back = [] if row is None else content_manifests.some(tx, row.id, _BATCH, live=False)
            if row is None or not back:
                return False
            content_policy.refuse_creation(row.locks)
            ids = [one.id for one in back]
            ended = content_deleted.tags_ended_with(tx, ids)
            content_deleted.revive(tx, ids, now)
            tags, fresh = _set_free_tags(tx, row, ended, now)
            content_repositories.count(tx, row.id, Counts(len(back), fresh), now)
            self._events.record(tx, place, origin, _changes(back, tags), now)
        restored.manifests += [one.digest for one in back]
        restored.tags += [tag.name for tag in tags]
        return True


def _with_what_belongs(tx: Transaction, row: RepositoryRow, lost: ManifestRow) -> list[ManifestRow]:
    found, waiting = {lost.id: lost}, [lost]
    while waiting:
        for one in content_deleted.belonging(tx, row.id, waiting.pop()):
            if one.id not in found:
                found[one.id] = one
                waiting.append(one)
    return list(found.values())


def _set_free_tags(
    tx: Transaction, row: RepositoryRow, ended: Sequence[EndedTag], now: datetime
) -> tuple[list[Target], int]:
    """Set again the tags that name nothing now, each to what it named last."""
    latest = {tag.name: tag for tag in ended}
    tags = []
    for _, tag in sorted(latest.items()):
        if tag.manifest_id is not None and content_tags.find(tx, row.id, tag.name) is None:
            tags.append(Target(tag.name, tag.manifest_id, tag.digest))
            content_deleted.set_tag(tx, row.id, tags[-1], tag, now)
    return tags, len(tags)


def _set_tag(
    tx: Transaction, row: RepositoryRow, target: Target, now: datetime, *, force: bool
) -> tuple[list[Target], int]:
    """Let one tag name what was restored; what it named until now can be restored in turn.

    Raises:
        Failure: TAG_TAKEN or CONTENT_LOCKED.
    """
    before = content_tags.find(tx, row.id, target.name)
    if before is not None and before.digest == target.digest:
        return [], 0
    like = content_deleted.last_ended(tx, row.id, target.name, target.digest)
    if before is None:
        content_deleted.set_tag(tx, row.id, target, like, now)
        return [target], 1
    if not force:
        raise Failure(TAG_TAKEN, tag=target.name, digest=before.digest)
    content_policy.refuse_move(tx, row, before)
    until = content_removal.restorable_until(tx, row.registry_id, now)
    content_tags.end(tx, row.id, target.name, Ending(now, Ended.MOVED, until))
    content_deleted.set_tag(tx, row.id, target, content_deleted.last(tx, row.id, target.name), now)
    return [target], 0


def _changes(back: Iterable[ManifestRow], tags: Sequence[Target]) -> Iterator[Change]:
    """Tell what came back: each manifest, and each tag."""
    for one in back:
        yield Change(Action.RESTORE, None, one.digest, one.media_type, one.size)
    for tag in tags:
        yield Change(Action.RESTORE, tag.name, tag.digest)
