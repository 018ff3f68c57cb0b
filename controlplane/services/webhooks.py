"""Webhooks: their settings, who is told of an event, ping, redelivery and history."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from controlplane.domain.events import Action, Change, Event, Origin
from controlplane.domain.webhooks import (
    PING,
    Happened,
    WebhookAction,
    covers,
    header_problem,
    is_scope,
    payload,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence import deliveries, events, outbox, resources, webhooks
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.deliveries import DeliveryRow, NewDelivery
from controlplane.persistence.webhooks import WebhookRow, WebhookSettings
from controlplane.services.content_events import TOPIC
from controlplane.services.vault import Vault

DELIVERIES_TOPIC = "deliveries"
_BATCH = 100
_PATIENCE = 5.0  # seconds until a message about events counts as lost
_SHORTEST_SECRET = 16
_LONGEST_URI = 2048
_SECRETS = ("serviceUri", "signingSecret")


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a webhook is, opened: its URI, the headers to send, and what to sign with."""

    service_uri: str
    headers: Mapping[str, str]
    signing_secret: str | None


class Webhooks:
    """What is asked of webhooks, and who is told of what. Safe to share between threads."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids

    def sealed(self, wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
        """Check a webhook's properties and seal what is secret in them; what did not change stays sealed.

        Raises:
            Failure: INVALID_REQUEST_CONTENT, naming the member.
        """
        _check(wanted, stored)
        whole = dict(wanted)
        for name in _SECRETS:
            if whole.get(name) is not None and whole[name] != stored.get(name):
                whole[name] = self._vault.seal(whole[name])
        known = stored.get("customHeaders") or {}
        whole["customHeaders"] = {
            name: value if value == known.get(name) else self._vault.seal(value)
            for name, value in (whole.get("customHeaders") or {}).items()
        }
        return whole

    def settings(self, location: str, properties: Mapping[str, Any]) -> WebhookSettings:
        """Return what deliveries need to know of sealed properties."""
        return WebhookSettings(
            region=location,
            enabled=properties["status"] == "enabled",
            actions=tuple(properties["actions"]),
            scope=properties["scope"],
            service_uri=properties["serviceUri"],
            headers=json.dumps(properties["customHeaders"]),
            signing_secret=properties.get("signingSecret"),
        )

    def callback(self, row: WebhookRow) -> Callback:
        """Open a webhook's secrets."""
        headers = json.loads(row.headers)
        return Callback(
            self._vault.open(row.service_uri),
            {name: self._vault.open(value) for name, value in headers.items()},
            None if row.signing_secret is None else self._vault.open(row.signing_secret),
        )

    def fan_out(self, registry_id: int) -> bool:
        """Make deliveries of a registry's new events, one batch; tell whether more are left.

        Twice or at once: a delivery's id follows from its event and webhook, so it is stored once.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            found = events.untold(tx, registry_id, _BATCH)
            listening = webhooks.enabled(tx, registry_id) if found else ()
            made = [
                self._delivery(webhook, event)
                for _, region, event in found
                for webhook in listening
                if _is_told(webhook, region, event)
            ]
            deliveries.insert(tx, made, now)
            events.mark_told(tx, [seq for seq, _, _ in found])
            if made:
                outbox.put(tx, DELIVERIES_TOPIC, {}, now)
        return len(found) == _BATCH

    def ring(self, *, every: bool = False) -> int:
        """Ask workers to tell what was not told yet and should have been; return for how many registries."""
        now = self._clock.now()
        before = now if every else now - timedelta(seconds=_PATIENCE)
        with self._database.read() as tx:
            lost = events.waiting(tx, before, _BATCH)
        if lost:
            with self._database.write() as tx:
                for registry_id in lost:
                    outbox.put(tx, TOPIC, {"registry": registry_id}, now)
        return len(lost)

    def ping(self, tx: Transaction, webhook: WebhookRow) -> str:
        """Have a webhook be told that it is one; return the event's id."""
        now = self._clock.now()
        event = Happened(self._ids.uuid(), PING, "", None, None, None, None, {}, now)
        deliveries.insert(tx, [self._delivery(webhook, event)], now)
        outbox.put(tx, DELIVERIES_TOPIC, {}, now)
        return event.id

    def redeliver(self, tx: Transaction, webhook: WebhookRow, event_id: str) -> DeliveryRow | None:
        """Tell a webhook of an event once more; None when it was never told of it."""
        row = deliveries.of_event(tx, webhook.id, event_id)
        if row is not None and row.state != deliveries.PENDING:
            now = self._clock.now()
            again = NewDelivery(self._ids.uuid(), webhook.id, event_id, row.repository, row.body)
            deliveries.insert(tx, [again], now)
            outbox.put(tx, DELIVERIES_TOPIC, {}, now)
        return row

    def tell_disabled(self, tx: Transaction, webhook: WebhookRow, now: datetime) -> None:
        """Show a webhook that was given up as disabled, and write it into the activity of its registry."""
        row = resources.get(tx, webhook.key, lock=True)
        if row is not None:
            resources.update(tx, replace(row, properties={**row.properties, "status": "disabled"}))
        name = webhook.key.rpartition("/")[2]
        change = Change(Action.WEBHOOK_DISABLED, tag=name)
        event = Event(self._ids.uuid(), "", change, Origin(region=webhook.region))
        events.insert(tx, webhook.registry_id, [event], now)

    def _delivery(self, webhook: WebhookRow, event: Happened) -> NewDelivery:
        made_of = uuid.uuid5(uuid.UUID(event.id), str(webhook.id))
        body = json.dumps(payload(event), separators=(",", ":"))
        return NewDelivery(str(made_of), webhook.id, event.id, event.repository, body)


def _is_told(webhook: WebhookRow, region: str, event: Happened) -> bool:
    """Tell whether a webhook wants an event. Events of chores belong to every region."""
    return (
        event.action in webhook.actions
        and region in {"", webhook.region}
        and covers(webhook.scope, event.repository, event.tag)
    )


def _check(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    if not wanted["actions"]:
        raise wrong_member("properties.actions", f"must name at least one of {', '.join(WebhookAction)}")
    if not is_scope(wanted["scope"]):
        raise wrong_member("properties.scope", "must be empty, REPOSITORY, REPOSITORY:TAG or REPOSITORY:*")
    if wanted["serviceUri"] != stored.get("serviceUri"):
        _check_uri(wanted["serviceUri"])
    secret = wanted.get("signingSecret")
    if secret and secret != stored.get("signingSecret") and len(secret) < _SHORTEST_SECRET:
        raise wrong_member("properties.signingSecret", f"must have at least {_SHORTEST_SECRET} characters")
    known = stored.get("customHeaders") or {}
    _check_headers({n: v for n, v in (wanted.get("customHeaders") or {}).items() if v != known.get(n)})


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if (problem := header_problem(name, value)) is not None:
            raise wrong_member("properties.customHeaders", problem)


def _check_uri(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        sound = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound or not uri.isascii() or not uri.isprintable() or " " in uri or len(uri) > _LONGEST_URI:
        raise wrong_member("properties.serviceUri", "must be an http or https URL")
    if "@" in parts.netloc:
        raise wrong_member(
            "properties.serviceUri", "must not hold a user name; send an Authorization header instead"
        )
