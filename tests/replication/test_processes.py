"""Two regions as processes of their own, with stores of their own: one falls away and comes back."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from controlplane.blobs.files import FilesDriver
from controlplane.persistence import registries
from controlplane.persistence.registries import EndpointRow, RegistryRow
from controlplane.persistence.replicas import ReplicaRow
from controlplane.services.assembly import assemble
from controlplane.services.graph import Services
from controlplane.services.registry_credentials import AdminUser
from tests.support.distribution import DEFAULTS, MANIFEST, digest_of, image
from tests.support.ports import free_port
from tests.support.processes import Process, python
from tests.support.redis_server import RedisServer
from tests.support.service import Service, stop_all
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.timeout(600),
    # urllib3 forgets a socket whose peer was killed.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

HOST = "demo.example.test"
EAST, WEST = "eastus", "westus"
CONFIG = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
MIB = 1024 * 1024


@dataclass
class Region:
    """The processes of one region, and a client of its web process."""

    name: str
    store: Path
    web: Process
    worker: Process
    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def start(self) -> None:
        """Start both processes."""
        self.worker.start()
        self.web.start()

    def wait(self) -> None:
        """Wait until the web process answers."""
        eventually(self._answers, within=60, every=0.1, what=f"{self.name} answering")

    def stop(self) -> None:
        """Kill both."""
        stop_all([self.web, self.worker])

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request."""
        return self.session.request(method, f"{self.url}{path}", timeout=30, **more)

    def push(self, tag: str, *layers: bytes) -> float:
        """Push an image; return how many seconds it took."""
        began = time.perf_counter()
        for content in (CONFIG, *layers):
            params = {"digest": digest_of(content)}
            made = self.send("POST", "/v2/app/blobs/uploads/", params=params, data=content)
            assert made.status_code == 201, made.text
        body = json.dumps(image(CONFIG, layers))
        made = self.send("PUT", f"/v2/app/manifests/{tag}", data=body, headers={"Content-Type": MANIFEST})
        assert made.status_code == 201, made.text
        return time.perf_counter() - began

    def pull(self, tag: str) -> list[bytes]:
        """Pull the layers of an image."""
        found = self.send("GET", f"/v2/app/manifests/{tag}", headers={"Accept": MANIFEST})
        assert found.status_code == 200, found.text
        layers = [one["digest"] for one in found.json()["layers"]]
        return [self.send("GET", f"/v2/app/blobs/{digest}").content for digest in layers]

    def blobs(self) -> dict[str, bytes]:
        """Return what the region's own store has."""
        driver = FilesDriver(self.store, self.name)
        return {str(one.digest): b"".join(driver.open(one.digest)) for one in driver.walk(None, 10_000)}

    def _answers(self) -> bool:
        assert self.web.running, self.web.tail()
        try:
            return self.send("GET", "/v2/").status_code == 200
        except requests.ConnectionError:
            return False


@dataclass
class World:
    """Both regions over one database."""

    services: Services
    registry: RegistryRow
    east: Region
    west: Region

    def pending(self) -> int:
        """Return how many copies the west waits for."""
        return int(self.status()["pendingBlobs"])

    def status(self) -> dict[str, Any]:
        """Return how far the west is."""
        with self.services.database.read() as tx:
            found: dict[str, Any] = self.services.replicas.status(tx, self.registry.id, WEST)
        return found

    def converge(self, within: float = 60.0) -> None:
        """Wait until the west has all that the east has, and compare every byte."""
        eventually(lambda: self.pending() == 0, within=within, every=0.1, what="the west catching up")
        assert self.west.blobs() == self.east.blobs()


def _region(service: Service, name: str, store: Path, password: str) -> Region:
    port = free_port()
    env = service.env | {"ACRCTL_PORT": str(port), "ACRCTL_SERVE_REGION": name, "ACRCTL_WORKER_REGIONS": name}
    web = Process(f"web-{name}", python("controlplane", "serve"), service.folder / f"web-{name}.log", env)
    worker = Process(
        f"worker-{name}", python("controlplane", "worker"), service.folder / f"worker-{name}.log", env
    )
    made = Region(name, store, web, worker, f"https://localhost:{port}")
    made.session.verify = str(service.settings.state_dir / "tls" / "ca.pem")
    made.session.trust_env = False
    made.session.auth = ("demo", password)
    made.session.headers["Host"] = HOST
    return made


@pytest.fixture
def world(tmp_path: Path, postgres_url: str, redis: RedisServer) -> Iterator[World]:
    stores = {name: tmp_path / f"store-{name}" for name in (EAST, WEST)}
    service = Service.prepare(
        tmp_path, postgres_url, broker_url=redis.url, web_workers=1, worker_processes=1, throttling="off",
        plane="distribution", regions=",".join(f"{name}={path.as_uri()}" for name, path in stores.items()),
    )  # fmt: skip
    services = assemble(service.settings, service.database)
    with services.database.write() as tx:
        row = registries.insert(tx, "/demo", "demo", DEFAULTS)
        assert row is not None
        assert registries.add_endpoint(tx, EndpointRow(HOST, row.id, "login", EAST))
        registries.set_ready(tx, row.id, True)
        admin = AdminUser(services.vault, services.ids, services.clock)
        admin.create(tx, row.id)
        password = admin.show(tx, row.id)[0].value
        now = services.clock.now()
        services.replicas.join(tx, ReplicaRow(row.id, WEST, "/demo/westus", True, now))
    east, west = (_region(service, name, stores[name], password) for name in (EAST, WEST))
    relay = service.process("relay").start()
    try:
        for region in (east, west):
            region.start()
        for region in (east, west):
            region.wait()
        yield World(services, row, east, west)
    finally:
        stop_all([relay, east.web, east.worker, west.web, west.worker])
        for region in (east, west):
            region.session.close()
        service.database.dispose()


def test_a_region_falls_away_and_comes_back(world: World, request: pytest.FixtureRequest) -> None:
    east, west = world.east, world.west
    layers = [os.urandom(200_000)]
    east.push("first", *layers)
    assert west.pull("first") == layers  # at once, copied or not
    west.push("second", os.urandom(1000))
    assert east.send("HEAD", "/v2/app/manifests/second").status_code == 200
    digest = east.send("HEAD", "/v2/app/manifests/first").headers["Docker-Content-Digest"]
    _locks_and_deletions(world, digest)
    world.converge()

    count = 100 if request.config.getoption("--full", default=False) else 20
    before = statistics.median(east.push(f"before{n}", os.urandom(5000)) for n in range(8))
    world.converge()
    west.stop()
    images = {f"v{n}": [os.urandom(20_000), os.urandom(500)] for n in range(count)}
    without = statistics.median(east.push(tag, *layers) for tag, layers in images.items())
    assert without < before * 3 + 0.05, (before, without)
    assert world.pending() >= 2 * count
    west.start()
    west.wait()
    for tag, layers in images.items():
        assert west.pull(tag) == layers
    world.converge()
    print(f"\npush with the other region {before:.4f} s, without it {without:.4f} s; {world.status()}")  # noqa: T201

    _kill_while_copying(world)


def _locks_and_deletions(world: World, digest: str) -> None:
    """What is locked or deleted in one region is so in the other with the next request."""
    east, west = world.east, world.west
    path = f"/acr/v1/app/_manifests/{digest}"
    assert west.send("PATCH", path, json={"deleteEnabled": False}).status_code == 200
    assert east.send("DELETE", f"/v2/app/manifests/{digest}").status_code == 405
    assert east.send("PATCH", path, json={"deleteEnabled": True}).status_code == 200
    assert west.send("DELETE", f"/v2/app/manifests/{digest}").status_code == 202
    assert east.send("GET", "/v2/app/manifests/first").status_code == 404


def _kill_while_copying(world: World) -> None:
    """A worker that is killed in the middle of a copy leaves nothing by half, and another goes on."""
    east, west = world.east, world.west
    uploads = west.store / WEST / "uploads"
    layers = [os.urandom(24 * MIB) for _ in range(4)]
    east.push("large", *layers)
    eventually(
        lambda: any(name.startswith("copy-") for name in os.listdir(uploads)),  # noqa: PTH208 - names only
        within=20,
        every=0.002,
        what="a copy under way",
    )
    west.worker.kill()
    own = west.blobs()
    assert all(digest_of(content) == digest for digest, content in own.items())
    assert west.pull("large") == layers
    west.worker.start()
    world.converge()
    assert not any(name.startswith("copy-") for name in os.listdir(uploads))  # noqa: PTH208
