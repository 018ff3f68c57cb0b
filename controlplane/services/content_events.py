"""Recording what happens to content, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from controlplane.domain.events import Action, Change, Event, Origin
from controlplane.kernel.ids import Ids
from controlplane.persistence import events, outbox, webhooks
from controlplane.persistence.database import Transaction

TOPIC = "events"


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
        told = bool(found) and webhooks.any_enabled(tx, place.registry_id)
        events.insert(tx, place.registry_id, found, now, told=told)
        if told:
            outbox.put(tx, TOPIC, {"registry": place.registry_id}, now)


def pushes(change: Change, tags: Sequence[str], *, is_chart: bool) -> Iterator[Change]:
    """Tell what a push did: once under each tag, as ACR tells it; a push of a chart is told twice."""
    actions = (change.action, *([Action.CHART_PUSH] if is_chart and change.action is Action.PUSH else []))
    for tag in tags or (None,):
        for action in actions:
            yield replace(change, action=action, tag=tag)
