"""A registry in two regions: endpoints of both in one process, a store each, copying when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controlplane.blobs.files import FilesDriver
from controlplane.domain.digests import parse_digest
from controlplane.persistence import outbox, registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import REGIONAL, EndpointRow, RegistryRow
from controlplane.persistence.replicas import ReplicaRow
from controlplane.services.replication import Replicator
from tests.support.distribution import HOST, Plane, RegistryClient, plane_at

EAST, WEST = "eastus", "westus"
WEST_HOST = "demo.westus.geo.example.test:5001"


@dataclass
class Pair:
    """A plane whose registry ``demo`` is in two regions."""

    plane: Plane
    registry: RegistryRow
    folders: dict[str, Path]

    @property
    def east(self) -> RegistryClient:
        """The admin user at the home region."""
        return self.plane.client(self.registry)

    @property
    def west(self) -> RegistryClient:
        """The admin user at the other region."""
        return self.plane.client(self.registry, WEST_HOST)

    @property
    def replicator(self) -> Replicator:
        """What copies."""
        return self.plane.services.replicator

    def store(self, region: str) -> FilesDriver:
        """Return the store of a region as another process would open it."""
        return FilesDriver(self.folders[region], region)

    def has(self, region: str, digest: str) -> bool:
        """Tell whether a region's own store has a blob."""
        return self.store(region).size(parse_digest(digest)) is not None

    def copy_all(self) -> int:
        """Copy what is due everywhere; return how much was tried."""
        return sum(self.replicator.run(region) for region in (EAST, WEST))

    def status(self, region: str = WEST) -> dict[str, Any]:
        """Return how far a region is."""
        services = self.plane.services
        with services.database.read() as tx:
            return services.replicas.status(tx, self.registry.id, region)

    def rung(self) -> list[str]:
        """Return the regions that the outbox rings for, and take the messages."""
        with self.plane.services.database.write() as tx:
            found = outbox.take(tx, 1000)
            outbox.delete(tx, [row.id for row in found])
        return [row.payload["region"] for row in found if row.topic == "replication"]

    def join(self, region: str = WEST, key: str = "west") -> None:
        """Let the registry be in a region."""
        services = self.plane.services
        with services.database.write() as tx:
            now = services.clock.now()
            services.replicas.join(tx, ReplicaRow(self.registry.id, region, key, True, now))


def pair_over(folder: Path, database: Database, **settings: Any) -> Pair:
    """Make the registry, in both regions."""
    folders = {region: folder / f"store-{region}" for region in (EAST, WEST)}
    urls = ",".join(f"{region}={path.as_uri()}" for region, path in folders.items())
    plane = plane_at(folder, database, regions=urls, replication_retry=0.01, **settings)
    pair = Pair(plane, plane.add_registry(host=HOST), folders)
    with plane.services.database.write() as tx:
        registries.add_endpoint(tx, EndpointRow(WEST_HOST, pair.registry.id, REGIONAL, WEST))
    pair.join()
    for region in folders:
        pair.store(region)
    return pair


@pytest.fixture
def pair(tmp_path: Path, sqlite_database: Database) -> Iterator[Pair]:
    """Give the pair over SQLite."""
    made = pair_over(tmp_path, sqlite_database)
    yield made
    made.plane.close()


@pytest.fixture
def any_pair(tmp_path: Path, database: Database) -> Iterator[Pair]:
    """Give the pair over each kind of database."""
    made = pair_over(tmp_path, database)
    yield made
    made.plane.close()
