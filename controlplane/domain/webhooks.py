"""Webhooks: which events one is told of, what it is told, what of it may be shown, and when it is told again.

Source: payloads, scopes and masking as ACR documents them; retries are this service's own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from controlplane.domain.events import Action
from controlplane.kernel.clock import rfc3339

LATEST = "latest"
ALL_TAGS = "*"
MASK = "******"
HIDDEN_QUERY = "***"
PING = "ping"
_SECRET_HEADER = re.compile(r"auth|token|secret|key|password|cookie|signature", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_SCOPE = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::(?:\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?")
# What the connection itself is made of, and this service's own headers.
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"})
_PREFIX = "x-acrctl-"


class WebhookAction(StrEnum):
    """Events a webhook can ask for, as the wire spells them."""

    PUSH = Action.PUSH.value
    DELETE = Action.DELETE.value
    QUARANTINE = Action.QUARANTINE.value
    CHART_PUSH = Action.CHART_PUSH.value
    CHART_DELETE = Action.CHART_DELETE.value


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as webhooks tell it. ``request`` has id, host, method and useragent, as far as known."""

    id: str
    action: str
    repository: str
    tag: str | None
    digest: str | None
    media_type: str | None
    size: int | None
    request: Mapping[str, str]
    at: datetime


def is_scope(text: str) -> bool:
    """Tell whether a scope can be used: empty, ``repository``, ``repository:tag`` or ``repository:*``."""
    return text == "" or _SCOPE.fullmatch(text) is not None


def covers(scope: str, repository: str, tag: str | None) -> bool:
    """Tell whether an event is within a scope.

    A repository alone means its tag ``latest``, as in ACR. Events without a tag (a push by digest, a
    deletion) are within ``repository:*`` only.
    """
    if not scope:
        return True
    name, _, wanted = scope.partition(":")
    return repository == name and (wanted == ALL_TAGS or tag == (wanted or LATEST))


def payload(event: Happened) -> dict[str, Any]:
    """Return the body of a delivery."""
    body: dict[str, Any] = {"id": event.id, "timestamp": rfc3339(event.at), "action": event.action}
    if event.action == PING:
        return body
    chart = event.action in {WebhookAction.CHART_PUSH, WebhookAction.CHART_DELETE}
    target = {
        "mediaType": event.media_type,
        "size": event.size,
        "digest": event.digest,
        "length": None if chart else event.size,
        "repository": event.repository,
        "tag": event.tag,
        "name": event.repository.rpartition("/")[2] if chart else None,
        "version": event.tag if chart else None,
    }
    body["target"] = {name: value for name, value in target.items() if value is not None}
    if event.request and not chart:
        shown = ("id", "host", "method", "useragent")
        body["request"] = {name: event.request[name] for name in shown if name in event.request}
    return body


def header_problem(name: str, value: str) -> str | None:
    """Say what is wrong with a custom header; None: nothing. Line breaks would begin another header."""
    if not _HEADER_NAME.fullmatch(name):
        return f"'{name[:64]}' is no header name"
    if name.lower() in _OURS or name.lower().startswith(_PREFIX):
        return f"'{name}' is set by the service"
    if not value.isascii() or not value.isprintable():
        return f"the value of '{name}' has characters that a header cannot have"
    return None


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they may be shown: the values of those that look like secrets are masked."""
    return {name: MASK if _SECRET_HEADER.search(name) else value for name, value in headers.items()}


def shown_uri(uri: str) -> str:
    """Return a service URI as it may be shown: without credentials, its query masked."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, HIDDEN_QUERY if parts.query else "", ""))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a delivery: HMAC-SHA256 over the timestamp, a dot and the body, in hex."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def pause(attempt: int, chance: float, *, first: float, longest: float) -> float:
    """Return how many seconds to wait after the ``attempt``-th failure in a row.

    It doubles each time, up to ``longest``; ``chance`` (0 to 1) spreads it over its upper half, so that
    deliveries that failed together do not come back together.
    """
    whole = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return whole * (0.5 + chance / 2)
