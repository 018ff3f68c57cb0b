"""Retention: taking out of repositories what nobody needs any more, by rules.

What goes is worked out from a read (``domain.retention``) and then deleted in small transactions, each of
which looks again with the repository locked: what was tagged, pushed, pulled, locked or named since then
stays. Deletions are ordinary ones: the soft-delete policy, locks and events hold for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.domain.events import Change, Origin
from controlplane.domain.locks import BARS_DELETION
from controlplane.domain.retention import Item, Plan, Rule, TagItem, plan
from controlplane.kernel.batches import batches
from controlplane.kernel.clock import Clock
from controlplane.persistence import (
    content_manifests,
    content_repositories,
    content_retention,
    content_tags,
)
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tags import TagRow
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_removal, retention_rules
from controlplane.services.content_events import Events, Place
from controlplane.services.graph import Services

RETENTION = Origin(actor="retention")
_BATCH = 100  # entries a transaction deletes
_MOST = 1000  # entries a step deletes
_REPOSITORIES = 20  # repositories a step looks at


@dataclass(slots=True)
class Outcome:
    """What retention took or would take of a repository; ``freed`` is in bytes, once it is gone for good."""

    tags: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    freed: int = 0


class Retention:
    """Applies rules to repositories."""

    def __init__(self, database: Database, clock: Clock, events: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    def preview(self, row: RepositoryRow, rule: Rule) -> Outcome:
        """Return what a rule would take of a repository now."""
        return self._outlook(row, rule)[1]

    def apply(
        self, row: RepositoryRow, rule: Rule, origin: Origin = RETENTION, most: int | None = None
    ) -> Outcome:
        """Take what a rule takes of a repository, at most so many manifests and tags; return what went."""
        found, outlook = self._outlook(row, rule)
        done = Outcome(freed=outlook.freed)
        for some in batches(found.untagged[:most], _BATCH):
            self._untag(row, some, origin, done)
        left = None if most is None else max(0, most - len(found.untagged))
        for part in batches(found.items[:left], _BATCH):
            self._delete(row, found, part, origin, done)
        return done

    def _outlook(self, row: RepositoryRow, rule: Rule) -> tuple[Plan, Outcome]:
        with self._database.read() as tx:
            if row.locks & BARS_DELETION:
                return Plan(), Outcome()
            found = plan(rule, content_retention.content(tx, row.id), self._clock.now())
            ids = [item.id for item in found.items]
            freed = content_retention.freed(tx, row.registry_id, row.id, ids)
        return found, Outcome(found.tag_names, [item.digest for item in found.items], freed)

    def _untag(self, row: RepositoryRow, tags: Sequence[TagItem], origin: Origin, done: Outcome) -> None:
        """Delete tags that still name what they named; their manifests stay."""

        def work(tx: Transaction, locked: RepositoryRow, now: datetime) -> list[Change]:
            found = [(tag, content_tags.find(tx, row.id, tag.name)) for tag in tags]
            same = [now_ for tag, now_ in found if now_ is not None and _is_same_tag(tag, now_)]
            done.tags += [tag.name for tag in same]
            return content_removal.untag(tx, locked, same, now)

        self._write(row, origin, work)

    def _delete(
        self, row: RepositoryRow, found: Plan, items: Sequence[Item], origin: Origin, done: Outcome
    ) -> None:
        """Delete those manifests that may still go, with their tags."""

        def work(tx: Transaction, locked: RepositoryRow, now: datetime) -> list[Change]:
            batch, tags = _unchanged(tx, row.id, found, items)
            done.manifests += [one.digest for one in batch]
            done.tags += [tag.name for tag in tags]
            return content_removal.delete(tx, locked, batch, now)

        self._write(row, origin, work)

    def _write(
        self,
        row: RepositoryRow,
        origin: Origin,
        work: Callable[[Transaction, RepositoryRow, datetime], list[Change]],
    ) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            locked = content_repositories.lock_by_id(tx, row.id)
            if locked is None or locked.locks & BARS_DELETION:
                return
            changes = work(tx, locked, now)
            self._events.record(tx, Place(row.registry_id, row.name), origin, changes, now)


def _unchanged(
    tx: Transaction, repository_id: int, found: Plan, items: Sequence[Item]
) -> tuple[list[ManifestRow], list[TagRow]]:
    """Look again, with the repository locked: return what may still go, with its tags."""
    rows = {row.id: row for row in content_manifests.rows(tx, [item.id for item in items])}
    tags = content_tags.rows_of_manifests(tx, list(rows))
    parents = content_retention.naming(tx, repository_id, [item.digest for item in items])
    subjects = content_manifests.existing(tx, repository_id, [item.subject for item in items if item.subject])
    mine: dict[int, list[TagRow]] = {}
    for tag in tags:
        mine.setdefault(tag.manifest_id, []).append(tag)
    going = {
        item.id: item
        for item in items
        if item.id in rows
        and _is_same(item, rows[item.id])
        and _are_same_tags(found.tags.get(item.id, ()), mine.get(item.id, ()))
    }
    while True:
        digests = {item.digest for item in going.values()}
        held = [
            item.id
            for item in going.values()
            if not parents.get(item.digest, set()) <= going.keys()
            or (item.subject in subjects and item.subject not in digests)
        ]
        if not held:
            return [rows[one] for one in going], [tag for tag in tags if tag.manifest_id in going]
        for one in held:
            del going[one]


def _is_same(item: Item, row: ManifestRow) -> bool:
    """Tell whether a manifest was neither pushed again, pulled, tagged or locked since it was planned."""
    return (row.updated_at, row.pulled_at, row.untagged_at) == (
        item.pushed_at,
        item.pulled_at,
        item.untagged_at,
    ) and not row.locks & BARS_DELETION


def _are_same_tags(planned: Sequence[TagItem], found: Sequence[TagRow]) -> bool:
    """Tell whether a manifest has no other tags than those that were to go; some may be gone."""
    known = {tag.name: tag for tag in planned}
    return all(tag.name in known and _is_same_tag(known[tag.name], tag) for tag in found)


def _is_same_tag(planned: TagItem, found: TagRow) -> bool:
    return (found.manifest_id, found.since, found.pulled_at) == (
        planned.manifest_id,
        planned.since,
        planned.pulled_at,
    ) and not found.locks & BARS_DELETION


# --- chores ----------------------------------------------------------------------------------------------


def untagged_step(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Apply the registries' policy for untagged manifests to some repositories after the one done last."""
    after = int(state.get("repository", 0))
    with services.database.read() as tx:
        due = content_retention.repositories_with_untagged(tx, services.clock.now(), after, _REPOSITORIES)
    wanted = [(repository, [retention_rules.untagged_for(days)]) for repository, days in due]
    last = _apply_to(services, wanted)
    return ({"repository": last}, True) if last is not None else ({}, False)


def rules_step(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Apply one retention rule to some repositories after the one done last; then the next rule."""
    with services.database.read() as tx:
        found = retention_rules.after(tx, str(state.get("after", "")))
        if found is None:
            return {}, False
        first = int(state.get("repository", 0)) if state.get("rule") == found.key else 0
        rows: Sequence[tuple[int, str]] = []
        if found.registry_id is not None:
            rows = content_retention.repositories_after(tx, found.registry_id, first, _REPOSITORIES)
    wanted = [(repository, [found.rule] if found.covers(name) else []) for repository, name in rows]
    last = _apply_to(services, wanted)
    if last is None:
        return {"after": found.key}, True
    return {"after": state.get("after", ""), "rule": found.key, "repository": last}, True


def _apply_to(services: Services, wanted: Sequence[tuple[int, Sequence[Rule]]]) -> int | None:
    """Apply rules to repositories by id, deleting a step's worth; return the last one done, None: no more.

    One of which more is left is not done; it comes again.
    """
    retention = retention_of(services)
    left, last = _MOST, 0
    for repository_id, rules in wanted:
        with services.database.read() as tx:
            row = content_repositories.find_by_id(tx, repository_id)
        if row is not None:
            for rule in rules:
                done = retention.apply(row, rule, most=left)
                left -= len(done.manifests) + len(done.tags)
        if left <= 0:
            return last or repository_id - 1
        last = repository_id
    return last if len(wanted) == _REPOSITORIES else None


def retention_of(services: Services) -> Retention:
    """Return the retention of an object graph."""
    return Retention(services.database, services.clock, services.events)
