"""Recording what happens to content, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controlplane.domain.events import Change, Event, Origin
from controlplane.kernel.ids import Ids
from controlplane.persistence import events
from controlplane.persistence.database import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """The repository that something happens to."""

    registry_id: int
    repository: str


class Events:
    """Writes events. Everything that changes content goes through here, so that no consumer misses it."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def record(
        self, tx: Transaction, place: Place, origin: Origin, changes: Iterable[Change], now: datetime
    ) -> None:
        """Record changes; they are told to nobody before the transaction has committed."""
        found = [Event(self._ids.uuid(), place.repository, change, origin) for change in changes]
        events.insert(tx, place.registry_id, found, now)
