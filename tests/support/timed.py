"""A plane whose clock a test moves, and a registry on it with policies about deleted and old content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import registries, resources
from controlplane.persistence.content_tables import events
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from controlplane.persistence.resources import ResourceRow
from controlplane.services import registries as service
from controlplane.services import retention_rules
from controlplane.services.content_purge import purge_step, vacate_step
from controlplane.services.content_retention import rules_step, untagged_step
from controlplane.services.graph import Services
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.distribution import INDEX, Plane, RegistryClient, as_json, json_of, services_over

DAY = 86_400
APP = "team/app"
Step = Callable[[Services, dict[str, Any]], tuple[dict[str, Any], bool]]


@dataclass
class Timed:
    """A plane, its clock, one registry and its admin user's client."""

    plane: Plane
    clock: ManualClock
    registry: RegistryRow
    admin: RegistryClient

    def days(self, count: float) -> None:
        """Let days pass."""
        self.clock.pass_by(count * DAY)

    def policy(self, **changes: Any) -> None:
        """Put policies in force, as a write of the registry does."""
        with self.plane.services.database.write() as tx:
            row = registries.by_id(tx, self.registry.id)
            assert row is not None
            service.put_in_force(tx, row.key, replace(row.settings, **changes))

    def rule(self, name: str, **properties: Any) -> None:
        """Store a retention rule as its resource is stored."""
        key = f"{self.registry.key}/retentionrules/{name}"
        whole = {"status": "enabled", "repositoryPattern": "*", "selects": "Tagged", **properties}
        row = ResourceRow(
            key=key,
            id=key,
            type=retention_rules.TYPE.lower(),
            name=name,
            parent_key=self.registry.key,
            subscription=None,
            group_key=None,
            location=None,
            tags=None,
            members={},
            properties=whole,
            provisioning_state=ProvisioningState.SUCCEEDED,
            version=1,
            system_data={},
            created_at=self.clock.now(),
        )
        with self.plane.services.database.write() as tx:
            resources.insert(tx, row)

    def chore(self, *steps: Step) -> None:
        """Do chores to their end."""
        for step in steps:
            state, more = step(self.plane.services, {})
            while more:
                state, more = step(self.plane.services, state)
            assert state == {}

    def retain(self) -> None:
        """Apply every policy and rule, as often as it takes effect."""
        self.chore(untagged_step, rules_step)

    def purge(self) -> None:
        """Remove what is over, and repositories that hold nothing."""
        self.chore(purge_step, vacate_step)

    @property
    def size(self) -> int:
        """The registry's bytes."""
        with self.plane.services.database.read() as tx:
            row = registries.by_id(tx, self.registry.id)
        assert row is not None
        return row.size

    def told(self, *actions: str) -> list[tuple[str, str | None, str | None]]:
        """Return (action, tag, actor) of the events so far, in order; of some actions only if named."""
        with self.plane.services.database.read() as tx:
            rows = tx.connection.execute(events.select().order_by(events.c.seq)).all()
        return [(row.action, row.tag, row.actor) for row in rows if not actions or row.action in actions]

    def tags(self, repository: str = APP) -> list[str]:
        """Return the tags of a repository, none where there is no such repository."""
        answer = self.admin.get(f"/v2/{repository}/tags/list")
        return list(json_of(answer)["tags"]) if answer.status_code == 200 else []

    def has(self, reference: str, repository: str = APP) -> bool:
        """Tell whether a manifest is served."""
        status = self.admin.open("HEAD", f"/v2/{repository}/manifests/{reference}").status_code
        assert status in {200, 404}
        return status == 200

    def delete(self, reference: str, repository: str = APP) -> TestResponse:
        """Delete a tag or a manifest."""
        return self.admin.open("DELETE", f"/v2/{repository}/manifests/{reference}")

    def restore(
        self, digest: str, tag: str | None = None, repository: str = APP, **query: str
    ) -> TestResponse:
        """Restore as az does."""
        path = f"/acr/v1/_deleted/{repository}/_manifests/{digest}"
        return self.admin.open("POST", path, query_string=query, json={"tag": tag})

    def deleted(self, kind: str, repository: str = APP) -> list[dict[str, Any]]:
        """List deleted tags or manifests."""
        answer = self.admin.get(f"/acr/v1/_deleted/{repository}/_{kind}")
        assert answer.status_code == 200, answer.text
        return list(json_of(answer)[kind])

    def push(self, tag: str, *layers: str, repository: str = APP, **more: Any) -> str:
        """Push an image whose layers are texts, by default the tag."""
        return self.admin.push_image(repository, tag, [text.encode() for text in layers or (tag,)], **more)

    def push_index(self, tag: str, children: Iterable[str], repository: str = APP) -> str:
        """Push an index of manifests."""
        listed = []
        for child in children:
            found = self.admin.get(f"/v2/{repository}/manifests/{child}")
            media_type, size = found.headers["Content-Type"], len(found.data)
            listed.append({"mediaType": media_type, "digest": child, "size": size})
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
        answer = self.admin.put_manifest(repository, tag, as_json(document), INDEX)
        assert answer.status_code == 201, answer.text
        return answer.headers["Docker-Content-Digest"]

    def sign(self, subject: str, reference: str | None = None, repository: str = APP) -> str:
        """Push a referrer of a manifest, without a tag unless one is given."""
        found = self.admin.get(f"/v2/{repository}/manifests/{subject}")
        media_type, size = found.headers["Content-Type"], len(found.data)
        about = {"mediaType": media_type, "digest": subject, "size": size}
        digest = self.push(
            reference or "to-be-untagged", f"sig of {subject}", repository=repository, subject=about
        )
        if reference is None:
            assert self.delete("to-be-untagged", repository).status_code == 202
        return digest

    def lock(self, path: str, **attributes: bool) -> None:
        """Change attributes of what is at a path below the repositories."""
        answer = self.admin.open("PATCH", f"/acr/v1/{path}", json=attributes)
        assert answer.status_code == 200, answer.text


def timed_at(folder: Path, database: Database, **changes: Any) -> Timed:
    """Build a timed plane over a database."""
    clock = ManualClock()
    settings = Settings(
        state_dir=folder / "state", login_server_mode="domain", login_domain="example.test", throttling="off"
    )
    plane = Plane(services_over(database, settings, clock))
    row = plane.add_registry(**changes)
    return Timed(plane, clock, row, plane.client(row))
