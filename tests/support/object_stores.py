"""Object stores under test: one handle for every kind of server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from controlplane.blobs.choice import blob_store
from controlplane.blobs.object_client import ObjectClient
from controlplane.blobs.objects import ObjectDriver
from controlplane.blobs.store import BlobStore
from controlplane.settings.model import Settings
from tests.support.processes import Process


class Server(Protocol):
    """What a test may do to the server of a bucket."""

    @property
    def process(self) -> Process:
        """The process that answers."""
        ...

    def start(self) -> None:
        """Start it and wait until it answers."""
        ...


@dataclass(frozen=True)
class Bucket:
    """An empty bucket or container: ``url`` and ``options`` are what the settings take."""

    kind: str
    name: str
    fields: dict[str, str]
    server: Server

    @property
    def settings(self) -> dict[str, str]:
        """The settings that choose it."""
        options = ",".join(f"{name}={value}" for name, value in self.fields.items())
        return {"blob_url": f"{self.kind}://{self.name}/prefix", "blob_options": options}

    @property
    def client(self) -> ObjectClient:
        """Its objects, to look at behind the driver's back."""
        return ObjectClient(self.kind, self.name, self.fields, {"allow_http": True})

    def driver(self, lease: float = 60.0) -> ObjectDriver:
        """A driver of its own, as another process would have it."""
        return ObjectDriver(self.client, "prefix", "eastus", lease)

    def store(self) -> BlobStore:
        """The driver that the settings lead to."""
        return blob_store(Settings.model_validate(self.settings))
