"""Pushes, deletions and collection while web and workers are killed at any step of them.

Graces are a few seconds and chores are made due all the time, so that collection is always at work beside the
pushes. No acknowledged push may be lost, nothing may be served by half, and at rest everything adds up.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from controlplane.persistence import registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import EndpointRow
from controlplane.services.assembly import assemble
from controlplane.services.content_audit import Audit
from controlplane.services.graph import Services
from controlplane.services.registry_credentials import AdminUser
from tests.faults.conftest import Extent
from tests.support.distribution import DEFAULTS, MANIFEST, digest_of, image
from tests.support.fire import Fire
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.service import Service, stop_all
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    # urllib3 forgets a socket whose peer was killed in the middle of the TLS handshake.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

HOST = "demo.example.test"
QUICK = {"upload_grace": 4.0, "release_grace": 1.5, "upload_lifetime": 8.0}
_PUSHERS = 4
_CONFIG = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
_SHARED = tuple(f"shared layer {number}".encode() * 1000 for number in range(3))
_PATIENCE = 200  # attempts at one push or deletion


@dataclass
class Client:
    """One user, who repeats what nobody answered, as real clients do."""

    service: Service
    password: str
    repository: str
    chance: random.Random
    images: dict[str, tuple[bytes, list[bytes]]] = field(default_factory=dict)  # acknowledged, not deleted
    done: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = requests.Session()
        self.session.verify = str(self.service.settings.state_dir / "tls" / "ca.pem")
        self.session.trust_env = False
        self.session.auth = ("demo", self.password)
        self.session.headers["Host"] = HOST

    def work(self, enough: Callable[[], bool]) -> None:
        """Push, pull and delete until it is enough."""
        number = 0
        try:
            while not enough():
                number += 1
                layers = [self.chance.choice(_SHARED), f"{self.repository} {number}".encode() * 5000]
                self._again(lambda layers=layers, number=number: self._push(layers, f"v{number}"))  # type: ignore[misc]
                self.pull(self.chance.choice(list(self.images)))
                if len(self.images) > 2:
                    self._delete(self.chance.choice(list(self.images)))
                self.done += 1
        except Exception as error:  # noqa: BLE001 - told to the test, which runs in another thread
            self.faults.append(f"{type(error).__name__}: {error}")

    def pull(self, digest: str) -> None:
        """Pull an image that was acknowledged; nothing of it may be missing or wrong."""
        payload, layers = self.images[digest]
        for path, content in (
            (f"manifests/{digest}", payload),
            *((f"blobs/{digest_of(layer)}", layer) for layer in (_CONFIG, *layers)),
        ):
            answer = self._again(lambda path=path: self._served(path))  # type: ignore[misc]
            if answer.status_code != requests.codes.ok or answer.content != content:
                self.faults.append(f"{self.repository} {path}: {answer.status_code} {answer.text[:200]}")

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _push(self, layers: Sequence[bytes], tag: str) -> bool:
        for content in (_CONFIG, *layers):
            digest = digest_of(content)
            if self._send("HEAD", f"blobs/{digest}").status_code == requests.codes.ok:
                continue
            began = self._send("POST", "blobs/uploads/")
            if began.status_code != requests.codes.accepted:
                return False
            ended = self._send("PUT", began.headers["Location"], params={"digest": digest}, data=content)
            if ended.status_code != requests.codes.created:
                return False
        payload = json.dumps(image(_CONFIG, layers)).encode()
        kind = {"Content-Type": MANIFEST}
        answer = self._send("PUT", f"manifests/{tag}", data=payload, headers=kind)
        if answer.status_code == requests.codes.created:
            self.images[digest_of(payload)] = (payload, list(layers))
            return True
        return False

    def _delete(self, digest: str) -> None:
        del self.images[digest]
        self._again(lambda: self._send("DELETE", f"manifests/{digest}").status_code in {202, 404})

    def _served(self, path: str) -> requests.Response | None:
        answer = self._send("GET", path)
        return None if answer.status_code == requests.codes.unavailable else answer

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        base = self.service.settings.public_url
        url = f"{base}{path}" if path.startswith("/") else f"{base}/v2/{self.repository}/{path}"
        answer = self.session.request(method, url, timeout=20, **more)
        if answer.status_code in {500, 401, 403}:
            self.faults.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _again(self, action: Callable[[], Any]) -> Any:
        """Repeat an action until it succeeds; a connection that breaks is no success."""
        for _ in range(_PATIENCE):
            try:
                if (found := action()) is not None and found is not False:
                    return found
            except requests.RequestException:
                pass
            threading.Event().wait(self.chance.uniform(0.02, 0.2))
        raise AssertionError("nobody answers")


@dataclass
class Hurry:
    """Makes every chore due, again and again."""

    database: Database

    def on(self, stop: threading.Event) -> None:
        """Go on until told to stop."""
        while not stop.wait(0.2):
            self.once()

    def once(self) -> None:
        """Make all chores due that nobody is at."""
        with self.database.write() as tx:
            tx.connection.execute(sa.text("UPDATE chores SET due_at = 0 WHERE lease_until IS NULL"))


def furnish(service: Service) -> tuple[Services, str]:
    """Make a registry with an admin user; return the services of this process and the password."""
    services = assemble(service.settings, service.database)
    with service.database.write() as tx:
        row = registries.insert(tx, "/demo", "demo", DEFAULTS)
        assert row is not None
        assert registries.add_endpoint(tx, EndpointRow(HOST, row.id, "login", "eastus"))
        user = AdminUser(services.vault, services.ids, services.clock)
        user.create(tx, row.id)
        registries.set_ready(tx, row.id, True)
    with service.database.read() as tx:
        return services, next(iter(user.show(tx, row.id))).value


@dataclass
class Crowd:
    """Clients that work side by side until there was enough of everything."""

    clients: Sequence[Client]

    @property
    def done(self) -> int:
        """How many rounds of pushing and deleting there were."""
        return sum(client.done for client in self.clients)

    @property
    def faults(self) -> list[str]:
        """What should not have happened."""
        return [fault for client in self.clients for fault in client.faults]

    def work(self, enough: Callable[[], bool]) -> None:
        """Work until it is enough."""
        threads = [threading.Thread(target=client.work, args=(enough,)) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def pull_everything(self) -> None:
        """Pull each image that was acknowledged and not deleted."""
        for client in self.clients:
            for digest in list(client.images):
                client.pull(digest)

    def close(self) -> None:
        """Close all connections."""
        for client in self.clients:
            client.close()


def burn(service: Service, processes: list[Process], extent: Extent) -> None:
    services, password = furnish(service)
    names = [f"app{number}" for number in range(_PUSHERS)]
    crowd = Crowd([Client(service, password, name, random.Random(f"{extent.seed}{name}")) for name in names])
    fire = Fire(processes, extent.seed, lambda: crowd.done)
    calm = threading.Event()
    hurry = threading.Thread(target=Hurry(service.database).on, args=(calm,))

    def enough() -> bool:
        return crowd.done >= extent.operations // 4 and len(fire.killer.kills) >= extent.kills // 2

    for process in processes:
        process.start()
    hurry.start()
    try:
        service.wait_until_ready()
        fire.during(lambda: crowd.work(enough))
        service.wait_until_ready()
        print(fire.report())  # noqa: T201 - shown when something below does not hold
        crowd.pull_everything()
        assert crowd.faults == []
        at_rest(services, crowd.clients)
        assert fire.keeper.surprises == []
    finally:
        calm.set()
        hurry.join()
        crowd.close()
        stop_all(processes)
        service.database.dispose()


def at_rest(services: Services, clients: Sequence[Client]) -> None:
    """When the graces are over, what is left is what the images need, and all of it is counted."""
    kept = {
        digest_of(content)
        for client in clients
        for _, layers in client.images.values()
        for content in (_CONFIG, *layers)
    }
    audit = Audit(services.database, services.blobs, services.clock)

    def rest() -> bool:
        return {str(blob.digest) for blob in services.blobs.walk(None, 10_000)} == kept and not audit.run()

    eventually(rest, within=40, every=0.2, what="what nobody needs is collected")
    root = services.settings.state_dir
    eventually(lambda: not list(root.rglob("uploads/*")), within=30, every=0.2, what="uploads are reaped")
    with services.database.read() as tx:
        found = tx.connection.execute(sa.text("SELECT count(*) FROM manifests")).scalar()
        failed = tx.connection.execute(
            sa.text("SELECT name, error FROM chores WHERE error IS NOT NULL")
        ).all()
    assert found == sum(len(client.images) for client in clients)
    assert failed == []
    for blob in services.blobs.walk(None, 10_000):
        reader = services.blobs.open(blob.digest)
        assert hashlib.sha256(b"".join(reader)).hexdigest() == blob.digest.hex
        reader.close()


def test_the_embedded_profile(sqlite_url: str, tmp_path: Path, extent: Extent) -> None:
    service = Service.prepare(tmp_path, sqlite_url, **QUICK)
    burn(service, [service.process("serve"), service.process("worker")], extent)


def test_postgresql_with_redis(postgres_url: str, redis: RedisServer, tmp_path: Path, extent: Extent) -> None:
    service = Service.prepare(tmp_path, postgres_url, broker_url=redis.url, **QUICK)
    names = ("serve", "worker1", "worker2", "relay")
    burn(service, list(map(service.process, names)), extent)
