"""What can happen to content. Webhooks know the first five; the others are the activity log's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """Kinds of events, as the wire spells them."""

    PUSH = "push"
    DELETE = "delete"
    CHART_PUSH = "chart_push"
    CHART_DELETE = "chart_delete"
    QUARANTINE = "quarantine"
    TAG = "tag"  # a tag came to name a manifest that was there already
    UNTAG = "untag"
    LOCK = "lock"
    RESTORE = "restore"
    PURGE = "purge"
    WEBHOOK_DISABLED = "webhook_disabled"  # it failed for too long


CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
"""Media type of the config of a Helm chart."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from: the request, and who made it. Chores have no request.

    ``region`` is the region whose endpoint was asked.
    """

    region: str = ""
    actor: str | None = None
    request_id: str = ""
    host: str = ""
    method: str = ""
    useragent: str = ""
    addr: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one manifest or tag. ``size`` is the manifest's, in bytes."""

    action: Action
    tag: str | None = None
    digest: str | None = None
    media_type: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A change as it is recorded."""

    id: str
    repository: str
    change: Change
    origin: Origin = field(default_factory=Origin)
