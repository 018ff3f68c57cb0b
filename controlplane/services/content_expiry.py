"""What goes with time: idle uploads, old events and deliveries of them, operations that ended long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.persistence import deliveries, events, operations
from controlplane.services.graph import Services

_UPLOADS = 100
_ROWS = 1000


def reap_uploads(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Drop uploads that have been idle too long.

    A request that is just writing to one finds it gone, and its client begins again. Dies midway: the rest
    is found the next time.
    """
    before = services.clock.now() - timedelta(seconds=services.settings.upload_lifetime)
    idle = services.regions.idle_uploads(before, _UPLOADS)
    for upload, region in idle:
        services.regions.discard(upload, region)
    return state, len(idle) == _UPLOADS


def prune_events(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Remove a batch of old events."""
    before = services.clock.now() - timedelta(days=services.settings.event_days)
    with services.database.write() as tx:
        return state, events.prune(tx, before, _ROWS) == _ROWS


def prune_deliveries(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Remove a batch of old deliveries to webhooks, as old as events may become, that have ended."""
    before = services.clock.now() - timedelta(days=services.settings.event_days)
    with services.database.write() as tx:
        return state, deliveries.prune(tx, before, _ROWS) == _ROWS


def prune_operations(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Remove a batch of operations that ended long ago; their status is no longer to be had then."""
    before = services.clock.now() - timedelta(days=services.settings.operation_days)
    with services.database.write() as tx:
        return state, operations.prune(tx, before, _ROWS) == _ROWS
