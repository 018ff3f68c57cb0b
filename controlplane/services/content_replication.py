"""What a push has to do with replication: its blobs are wanted in the registry's other regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from controlplane.domain.events import Action, Change, Origin
from controlplane.persistence import outbox, replicas, replication
from controlplane.persistence.database import Transaction
from controlplane.services.content_events import Place

TOPIC = "replication"
_TOLD = frozenset({Action.PUSH, Action.CHART_PUSH, Action.QUARANTINE})  # what webhooks know of pushes


@dataclass(frozen=True, slots=True)
class News:
    """What a push did, and where it came from."""

    origin: Origin
    changes: Sequence[Change]


def want(tx: Transaction, place: Place, manifest_id: int, news: News, now: datetime) -> None:
    """Want what a manifest names in the regions of its registry, and have it told there when it has come.

    Nothing is written for a registry that is in one region.
    """
    regions = replicas.regions_of(tx, place.registry_id)
    if not regions:
        return
    replication.want_manifest(tx, place.registry_id, manifest_id, news.origin.region, now)
    others = [region for region in regions if region != news.origin.region]
    # What has no region is told to all of them at once.
    told = others if news.origin.region else []
    origin = asdict(news.origin)
    replication.expect(
        tx,
        [
            {
                "registry_id": place.registry_id,
                "region": region,
                "manifest_id": manifest_id,
                "repository": place.repository,
                "change": asdict(change),
                "origin": origin | {"region": region},
            }
            for region in told
            for change in news.changes
            if change.action in _TOLD
        ],
    )
    for region in others:
        outbox.put(tx, TOPIC, {"region": region}, now)
