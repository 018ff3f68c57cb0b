"""The table of all chores: what is done over and over, and how often."""

from __future__ import annotations

from controlplane.services import (
    content_collection,
    content_expiry,
    content_purge,
    content_retention,
    content_scrub,
    replicas,
)
from controlplane.services.upkeep import Chore

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 86400.0

CHORES: tuple[Chore, ...] = (
    Chore("retain-untagged", _MINUTE, content_retention.untagged_step),
    Chore("retain-rules", _HOUR, content_retention.rules_step),
    Chore("purge-deleted", _MINUTE, content_purge.purge_step),
    Chore("review-links", _MINUTE, content_collection.review_links),
    Chore("review-blobs", _MINUTE, content_collection.review_blobs),
    Chore("vacate-repositories", _HOUR, content_purge.vacate_step),
    Chore("search-orphans", _DAY, content_collection.search),
    Chore("reap-uploads", _HOUR, content_expiry.reap_uploads),
    Chore("scrub", _MINUTE, content_scrub.scrub),
    Chore("mend", _HOUR, content_scrub.mend),
    Chore("reconcile-replicas", _HOUR, replicas.reconcile_step),
    Chore("prune-events", _HOUR, content_expiry.prune_events),
    Chore("prune-deliveries", _HOUR, content_expiry.prune_deliveries),
    Chore("prune-operations", _DAY, content_expiry.prune_operations),
)
