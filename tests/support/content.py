"""Content driven through the services alone: pushes, pulls, and what is stored in the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from controlplane.blobs.store import BlobMissingError
from controlplane.domain.digests import digest_of, parse_digest
from controlplane.domain.events import Origin
from controlplane.domain.scopes import registry_id
from controlplane.kernel.clock import SystemClock
from controlplane.persistence import content_blobs, content_manifests, content_repositories, registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow, RegistrySettings
from controlplane.services.chores import CHORES
from controlplane.services.content_audit import Audit
from controlplane.services.content_push import Push, Pushes
from controlplane.services.content_uploads import Uploads
from controlplane.services.graph import Services
from controlplane.services.upload_sessions import Place
from controlplane.settings.model import Settings
from tests.support.distribution import DEFAULTS, INDEX, MANIFEST, SUBSCRIPTION, image, services_over

OWNER = "tester"
GRACES: dict[str, Any] = {"upload_grace": 3600.0, "release_grace": 600.0}
_TURNS = 200  # of one chore, before it is taken to have no end


class RunningClock:
    """The machine's clock, put forward by a test: what it calls old is never younger than the store says."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the current time."""
        return SystemClock().now() + self._ahead

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Content:
    """A registry of content, and the services of one process that change it."""

    services: Services
    clock: RunningClock
    registry: RegistryRow

    @classmethod
    def begin(cls, folder: Path, database: Database, **settings: Any) -> Content:
        """Make a registry over a migrated database and a folder."""
        clock = RunningClock()
        chosen = Settings(state_dir=folder / "state", **{**GRACES, "scrub_rate": 2**40, **settings})
        services = services_over(database, chosen, clock)
        key = registry_id(SUBSCRIPTION, "group", "demo").lower()
        with database.write() as tx:
            row = registries.insert(tx, key, "demo", DEFAULTS)
            assert row is not None
            registries.set_ready(tx, row.id, True)
        return cls(services, clock, row)

    def change(self, **changes: Any) -> None:
        """Put other settings of the registry in force."""
        with self.services.database.write() as tx:
            row = registries.by_id(tx, self.registry.id)
            assert row is not None
            members = {name: getattr(row, name) for name in RegistrySettings.__dataclass_fields__}
            registries.update(tx, row.id, RegistrySettings(**{**members, **changes}), revokes=False)

    # --- pushing

    @property
    def uploads(self) -> Uploads:
        """Uploads of this process."""
        services = self.services
        return Uploads(services.database, services.blobs, services.vault, services.clock, services.ids)

    def place(self, repository: str) -> Place:
        """Return a repository as the target of an upload."""
        return Place(self.registry.id, repository, OWNER)

    def push_blob(self, repository: str, content: bytes) -> str:
        """Push a blob; return its digest."""
        digest = digest_of(content)
        self.uploads.take(self.place(repository), parse_digest(digest), [content])
        return digest

    def push(self, repository: str, document: dict[str, Any], *tags: str, media_type: str = MANIFEST) -> str:
        """Push a manifest whose blobs are there; return its digest."""
        services = self.services
        pushes = Pushes(
            services.database, services.blobs, services.clock, services.events, sparse_images=False
        )
        payload = json.dumps(document).encode()
        push = Push(self.registry.id, repository, digest_of(payload), media_type, payload, tags)
        return pushes.put(push).digest

    def push_image(self, repository: str, layers: Sequence[bytes], *tags: str, **more: Any) -> str:
        """Push an image with its blobs; return its digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        for content in (config, *layers):
            self.push_blob(repository, content)
        return self.push(repository, image(config, layers) | more, *tags)

    def push_index(self, repository: str, children: Sequence[str], *tags: str) -> str:
        """Push an index of manifests; return its digest."""
        described = [{"mediaType": MANIFEST, "digest": child, "size": 2} for child in children]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": described}
        return self.push(repository, document, *tags, media_type=INDEX)

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest."""
        self.services.deletions.manifest(self.registry.id, repository, digest, Origin())

    # --- looking

    def blob(self, repository: str, digest: str) -> bytes | None:
        """Return the bytes of a blob as the repository serves it; None when it does not."""
        with self.services.database.read() as tx:
            row = content_repositories.find(tx, self.registry.id, repository)
            size = None if row is None else content_blobs.size_of(tx, row.id, digest)
        if size is None:
            return None
        try:
            reader = self.services.blobs.open(parse_digest(digest), 0, size)
        except BlobMissingError:
            return None
        try:
            return b"".join(reader)
        finally:
            reader.close()

    def manifest(self, repository: str, digest: str) -> bytes | None:
        """Return a manifest as the repository serves it; None when it does not."""
        with self.services.database.read() as tx:
            row = content_repositories.find(tx, self.registry.id, repository)
            found = None if row is None else content_manifests.find(tx, row.id, digest)
            return None if found is None else content_manifests.payload(tx, found.id)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with self.services.database.read() as tx:
            return [tuple(row) for row in tx.connection.execute(sa.text(statement), values)]

    def stored(self) -> set[str]:
        """Return the digests of all blobs in the store."""
        return {str(blob.digest) for blob in self.services.blobs.walk(None, 10_000)}

    def differences(self) -> list[str]:
        """Return what an audit finds."""
        services = self.services
        return [str(one) for one in Audit(services.database, services.blobs, services.clock).run()]

    # --- upkeep

    def do(self, *names: str) -> None:
        """Do chores now, to their ends; all of them when none is named."""
        chores = {chore.name: chore for chore in CHORES}
        for name in names or chores:
            state: dict[str, Any] = {}
            for _ in range(_TURNS):
                state, more = chores[name].step(self.services, json.loads(json.dumps(state)))
                if not more:
                    break
            else:
                raise AssertionError(f"{name} does not come to an end: {state}")

    def settle(self) -> None:
        """Let all graces pass until nothing is left to collect."""
        for _ in range(4):
            self.clock.pass_by(GRACES["upload_grace"] * 1.2)
            self.do()
