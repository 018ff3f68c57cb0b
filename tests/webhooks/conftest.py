"""A registry over both databases, a clock that the test moves, and webhooks that lead to real receivers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controlplane.domain.events import Action, Change, Origin
from controlplane.domain.scopes import registry_id
from controlplane.persistence import deliveries, registries, webhooks
from controlplane.persistence.database import Database
from controlplane.persistence.deliveries import DeliveryRow
from controlplane.persistence.webhooks import WebhookRow
from controlplane.services.content_events import Place
from controlplane.services.graph import Services
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.distribution import DEFAULTS, SUBSCRIPTION, services_over

DIGEST = "sha256:" + "a" * 64


@dataclass
class Hooked:
    """A registry with webhooks, and the worker that tells them."""

    services: Services
    clock: ManualClock
    registry_id: int = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = registry_id(SUBSCRIPTION, "group", "demo").lower()
        with self.services.database.write() as tx:
            row = registries.insert(tx, self.key, "demo", DEFAULTS)
        assert row is not None
        self.registry_id = row.id

    def add(self, url: str, name: str = "hook1", location: str = "eastus", **properties: Any) -> WebhookRow:
        """Store a webhook, as its resource does."""
        whole = {"serviceUri": url, "status": "enabled", "scope": "", "actions": ["push"], **properties}
        sealed = self.services.webhooks.sealed(whole, {})
        key = f"{self.key}/webhooks/{name}"
        with self.services.database.write() as tx:
            wanted = self.services.webhooks.settings(location, sealed)
            webhooks.put(tx, key, self.registry_id, wanted)
            row = webhooks.by_key(tx, key)
        assert row is not None
        return row

    def push(
        self,
        repository: str = "app",
        tag: str | None = "v1",
        action: Action = Action.PUSH,
        region: str = "eastus",
    ) -> None:
        """Record an event, as a push does."""
        media = "application/vnd.oci.image.manifest.v1+json"
        origin = Origin(region, "robot", "r1", "demo.example.test", "PUT", "skopeo/1.9", "203.0.113.9")
        change = Change(action, tag, DIGEST, media, 524)
        with self.services.database.write() as tx:
            place = Place(self.registry_id, repository)
            self.services.events.record(tx, place, origin, [change], self.clock.now())

    def work(self) -> int:
        """Do what the worker does with the messages of the outbox; return how many were tried."""
        while self.services.webhooks.fan_out(self.registry_id):
            pass
        tried = 0
        while done := self.services.deliverer.run():
            tried += done
        return tried

    def history(self, hook: WebhookRow) -> list[DeliveryRow]:
        """Return a webhook's deliveries, newest first."""
        with self.services.database.read() as tx:
            return list(deliveries.page(tx, hook.id, 100))

    def row(self, hook: WebhookRow) -> WebhookRow:
        """Return a webhook as it is now."""
        with self.services.database.read() as tx:
            found = webhooks.by_id(tx, hook.id)
        assert found is not None
        return found


def bodies(received: list[Any]) -> list[tuple[str, str | None]]:
    """Return (repository, tag) of what arrived."""
    found = [json.loads(one.raw) for one in received]
    return [(body["target"]["repository"], body["target"].get("tag")) for body in found]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hooked(tmp_path: Path, database: Database, clock: ManualClock) -> Hooked:
    settings = Settings(
        state_dir=tmp_path / "state",
        login_server_mode="domain",
        outbound_networks="127.0.0.0/8",
        webhook_timeout=0.5,
    )
    return Hooked(services_over(database, settings, clock), clock)
