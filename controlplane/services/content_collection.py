"""Collection: bytes that nobody needs any more leave the store, while pushes go on.

A link (a repository may be asked for a blob) is reviewed after it was made, and after the last manifest that
named the blob went. A blob is reviewed after its last link went. Each review is bounded, decides under the
lock of the row it decides about, and leaves for later what somebody else is at. Why no push can lose
bytes: docs/adr/0009.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.blobs.store import StoreUnavailableError
from controlplane.domain.digests import parse_digest
from controlplane.persistence import content_blobs, content_repositories, content_reviews, registries
from controlplane.persistence.content_blobs import Growth, Holder
from controlplane.persistence.content_repositories import Counts, RepositoryRow
from controlplane.persistence.content_reviews import Link
from controlplane.persistence.database import Transaction
from controlplane.services.graph import Services

log = logging.getLogger(__name__)

_LINKS = 200  # links of one step
_BLOBS = 20  # blobs of one step
_PAGE = 500  # blobs of the store, or of the table, that one step of the search looks at


@dataclass(frozen=True, slots=True)
class Graces:
    """How long what no manifest names is kept: after its push, and after it was released."""

    upload: timedelta
    release: timedelta

    @classmethod
    def of(cls, services: Services) -> Graces:
        """Return what the settings say."""
        settings = services.settings
        return cls(timedelta(seconds=settings.upload_grace), timedelta(seconds=settings.release_grace))


def review_links(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Review a batch of links. Twice: what is decided is no longer due. Dies midway: the rest still is."""
    now = services.clock.now()
    with services.database.read() as tx:
        due = content_reviews.due_links(tx, now, _LINKS)
    reviewed = 0
    for repository_id, digests in due.items():
        with services.database.write() as tx:
            row = content_reviews.lock(tx, repository_id)
            if row is not None:
                found = content_reviews.links(tx, row.id, digests, now)
                _judge(tx, row, found, now, Graces.of(services))
                reviewed += len(digests)
    return state, reviewed >= _LINKS


def review_blobs(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Delete a batch of blobs that nobody holds. Twice, or dies midway: as for links."""
    now = services.clock.now()
    with services.database.read() as tx:
        due = content_reviews.due_blobs(tx, now, _BLOBS)
    reviewed = sum(_review_blob(services, digest, now) for digest in due)
    return state, reviewed >= _BLOBS


def search(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Look for bytes without a row, then for rows without a link, and have them reviewed. Page by page.

    A process that died between storing bytes and linking them leaves the former; a registry that was
    removed with its content, the latter.
    """
    if state.get("part") == "rows":
        return _search_rows(services, str(state.get("after", "")))
    return _search_store(services, str(state.get("region", services.regions.home)), state.get("after"))


def _judge(tx: Transaction, row: RepositoryRow, found: Sequence[Link], now: datetime, graces: Graces) -> None:
    holder = Holder(row.registry_id, row.id)
    named = [link.digest for link in found if link.named]
    growth = content_blobs.take_back(tx, holder, named, now)  # none is released, unless an audit was needed
    content_reviews.settle(tx, row.id, named)
    kept = [link for link in found if not link.named and link.released_at is None]
    fresh, old = _by_age(kept, now - graces.upload)
    content_reviews.postpone(tx, row.id, fresh, _spread(graces.upload, fresh))
    growth = growth.plus(content_blobs.release(tx, holder, old, now))
    released = [link for link in found if not link.named and link.released_at is not None]
    waiting, gone = _by_age(released, now - graces.release)
    content_reviews.postpone(tx, row.id, [*waiting, *old], _spread(graces.release, [*waiting, *old]))
    growth = growth.plus(content_blobs.unlink(tx, holder, gone))
    _count(tx, row, growth)


def _by_age(found: Iterable[Link], before: datetime) -> tuple[list[str], list[str]]:
    """Return digests of links that came to their present state after a time, and of the others."""
    young: list[str] = []
    old: list[str] = []
    for link in found:
        (young if (link.released_at or link.linked_at) > before else old).append(link.digest)
    return young, old


def _spread(grace: timedelta, digests: Sequence[str]) -> timedelta:
    """Return a grace and up to a tenth more, so that what came at once is not reviewed at once."""
    return grace + grace / 10 * (zlib.crc32("".join(digests[:1]).encode()) / 2**32)


def _count(tx: Transaction, row: RepositoryRow, growth: Growth) -> None:
    if growth.repository:
        content_repositories.count(tx, row.id, Counts(growth=growth.repository), row.updated_at)
    if growth.registry:
        registries.add_size(tx, row.registry_id, growth.registry)


def _review_blob(services: Services, digest: str, now: datetime) -> bool:
    """Decide about a blob under its lock; False when somebody else is at it.

    The row goes first and the bytes before the commit: whoever links the blob meanwhile waits for the lock,
    and then finds out whether the bytes are there.
    """
    wanted, grace = parse_digest(digest), Graces.of(services).release
    with services.database.write() as tx:
        if not content_reviews.lock_blob(tx, digest, now):
            return False
        if content_reviews.is_held(tx, digest):
            content_reviews.review_blob(tx, digest, None)
            return True
        found = services.regions.newest(wanted)
        if found is not None and found.modified > now - grace:
            content_reviews.review_blob(tx, digest, found.modified + _spread(grace, [digest]))
            return True
        content_reviews.delete_blob(tx, digest)
        services.regions.delete_everywhere(wanted)
    log.debug("blob %s: deleted, nobody holds it", digest)
    return True


def _search_store(services: Services, region: str, after: str | None) -> tuple[dict[str, Any], bool]:
    """Look at a page of a region's store. One that cannot be reached is searched the next time."""
    now, regions = services.clock.now(), services.regions
    try:
        page = regions.store(region).walk(parse_digest(after) if after else None, _PAGE)
    except StoreUnavailableError as error:
        regions.note_down(region, error)
        page = []
    if not page:
        names = list(regions.names)
        following = names[names.index(region) + 1 :] if region in names else []
        return ({"region": following[0]} if following else {"part": "rows"}), True
    with services.database.read() as tx:
        unknown = content_reviews.unknown(tx, [str(blob.digest) for blob in page])
    before = now - Graces.of(services).upload
    orphans = [blob for blob in page if str(blob.digest) in unknown and blob.modified <= before]
    if orphans:
        log.info("found %d blobs in the store that no row speaks of", len(orphans))
        with services.database.write() as tx:
            for blob in orphans:
                content_reviews.adopt(tx, str(blob.digest), blob.size, now)
    return {"region": region, "after": str(page[-1].digest)}, True


def _search_rows(services: Services, after: str) -> tuple[dict[str, Any], bool]:
    now = services.clock.now()
    with services.database.read() as tx:
        lost, end = content_reviews.forgotten(tx, after, _PAGE)
    if lost:
        with services.database.write() as tx:
            for digest in lost:
                content_reviews.review_blob(tx, digest, now)
    return ({}, False) if end is None else ({"part": "rows", "after": end}, True)
