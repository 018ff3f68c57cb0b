"""Changing the attributes of repositories, tags and manifests: locks, and what a scanner found.

Whoever may write metadata may lock and unlock; a lock protects from mistakes and from those who only push.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.domain import locks
from controlplane.domain.events import CHART_CONFIG, Action, Change, Origin
from controlplane.domain.quarantine import MEMBERS, State, Verdict, verdict_of
from controlplane.domain.registry_errors import (
    ATTRIBUTES_INVALID,
    MANIFEST_UNKNOWN,
    NAME_UNKNOWN,
    TAG_UNKNOWN,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import (
    content_attributes,
    content_manifests,
    content_repositories,
    content_tags,
)
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.database import Database, Transaction
from controlplane.services.content_events import Events, Place, pushes


@dataclass(frozen=True, slots=True)
class Wish:
    """Attributes as a request names them, for something in a repository.

    ``quarantined``: the registry's quarantine policy is on.
    """

    place: Place
    members: Mapping[str, Any]
    origin: Origin
    quarantined: bool = False

    @property
    def verdict(self) -> Verdict | None:
        """What the members say about quarantine.

        Raises:
            Failure: ATTRIBUTES_INVALID.
        """
        try:
            return verdict_of(self.members)
        except ValueError as error:
            raise Failure(ATTRIBUTES_INVALID, reason=error) from error

    def locks(self, now: int, known: Mapping[str, locks.Lock]) -> int:
        """Return the locks an object with these ``known`` attributes would have.

        Raises:
            Failure: ATTRIBUTES_INVALID.
        """
        named = {name: value for name, value in self.members.items() if name not in MEMBERS}
        try:
            return locks.changed(now, named, known)
        except ValueError as error:
            raise Failure(ATTRIBUTES_INVALID, reason=error) from error


class Attributes:
    """Changes attributes. What changes nothing leaves no trace."""

    def __init__(self, database: Database, clock: Clock, events: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = events

    def repository(self, wish: Wish) -> None:
        """Lock or unlock a repository.

        Raises:
            Failure: NAME_UNKNOWN or ATTRIBUTES_INVALID.
        """
        with self._database.write() as tx:
            row = _locked(tx, wish.place)
            wanted = self._locks_alone(wish, row.locks, locks.ATTRIBUTES)
            if wanted != row.locks:
                content_attributes.lock_repository(tx, row.id, wanted)
                self._record(tx, wish, Change(Action.LOCK))

    def tag(self, wish: Wish, name: str) -> None:
        """Lock or unlock a tag; a lock stays with it when it moves.

        Raises:
            Failure: NAME_UNKNOWN, TAG_UNKNOWN or ATTRIBUTES_INVALID.
        """
        with self._database.write() as tx:
            repository = _locked(tx, wish.place)
            row = content_tags.find(tx, repository.id, name)
            if row is None:
                raise Failure(TAG_UNKNOWN)
            wanted = self._locks_alone(wish, row.locks, locks.TAG_ATTRIBUTES)
            if wanted != row.locks:
                content_attributes.lock_tag(tx, repository.id, name, wanted)
                self._record(tx, wish, Change(Action.LOCK, row.name, row.digest))

    def manifest(self, wish: Wish, digest: str) -> None:
        """Lock or unlock a manifest, or note what a scanner found.

        A manifest that passes while the policy is on is told as pushed: nobody was told before.

        Raises:
            Failure: NAME_UNKNOWN, MANIFEST_UNKNOWN or ATTRIBUTES_INVALID.
        """
        with self._database.write() as tx:
            repository = _locked(tx, wish.place)
            row = content_manifests.find(tx, repository.id, digest)
            if row is None:
                raise Failure(MANIFEST_UNKNOWN)
            wanted = wish.locks(row.locks, locks.MANIFEST_ATTRIBUTES)
            verdict = wish.verdict or Verdict()
            state = verdict.state or row.quarantine_state
            details = row.quarantine_details if verdict.details is None else verdict.details
            if (wanted, state, details) == (row.locks, row.quarantine_state, row.quarantine_details):
                return
            content_attributes.set_manifest(tx, row.id, wanted, state, details)
            self._record(tx, wish, *_changes(tx, wish, row, wanted, state))

    def _locks_alone(self, wish: Wish, now: int, known: Mapping[str, locks.Lock]) -> int:
        if wish.verdict is not None:
            raise Failure(ATTRIBUTES_INVALID, reason="only manifests are in quarantine")
        return wish.locks(now, known)

    def _record(self, tx: Transaction, wish: Wish, *changes: Change) -> None:
        self._events.record(tx, wish.place, wish.origin, changes, self._clock.now())


def _changes(
    tx: Transaction, wish: Wish, row: ManifestRow, wanted: int, state: str | None
) -> Iterator[Change]:
    """Tell what became of a manifest.

    A scanner listens to ``quarantine``: it is not told of its own verdict, only of what is to be looked at
    again.
    """
    moved = state != row.quarantine_state
    if moved and state == State.PASSED and wish.quarantined:
        tags = content_tags.of_manifests(tx, [row.id]).get(row.id, [])
        pushed = Change(Action.PUSH, None, row.digest, row.media_type, row.size)
        yield from pushes(pushed, tags, is_chart=row.config_media_type == CHART_CONFIG)
    elif moved and state == State.QUARANTINED:
        yield Change(Action.QUARANTINE, None, row.digest, row.media_type, row.size)
    if wanted != row.locks or not moved or state == State.FAILED:
        yield Change(Action.LOCK, None, row.digest, row.media_type)


def _locked(tx: Transaction, place: Place) -> RepositoryRow:
    row = content_repositories.lock(tx, place.registry_id, place.repository)
    if row is None or row.manifest_count == 0:
        raise Failure(NAME_UNKNOWN)
    return row
