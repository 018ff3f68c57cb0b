"""Deliveries and imports by real processes: receivers that are down, and workers killed with SIGKILL.

Every event arrives, under one id however often it is tried, and an import that lost its worker is finished
by another one.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa

from benchmarks.content import random_image
from benchmarks.peers import docker_registry
from benchmarks.registry import Client as Pusher
from tests.faults.conftest import Extent
from tests.support.distribution import MANIFEST, digest_of, image
from tests.support.fire import Fire
from tests.support.forwarder import forwarder
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.receivers import Received, receiver
from tests.support.redis_server import RedisServer
from tests.support.service import Caller, Service, stop_all
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    # urllib3 forgets a socket whose peer was killed in the middle of the TLS handshake.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

QUICK = {"outbound_networks": "127.0.0.0/8", "webhook_retry": 0.2, "webhook_timeout": 1.0}
_CONFIG = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
_NAME = "demo01"


@dataclass
class House:
    """A running service with a registry, and its owner at a keyboard."""

    service: Service
    caller: Caller
    processes: Sequence[Process]
    session: requests.Session = field(default_factory=requests.Session)

    def furnish(self) -> None:
        """Make a registry with an admin user, and log in to it."""
        body = {"location": "eastus", "sku": {"name": "Standard"}, "properties": {"adminUserEnabled": True}}
        assert self.caller.call("PUT", self.caller.registry(_NAME), body).ok
        shown = eventually(self._ready, within=30, every=0.1, what="the registry")
        password = self.call("POST", "listCredentials").json()["passwords"][0]["value"]
        self.session.verify = str(self.service.settings.state_dir / "tls" / "ca.pem")
        self.session.trust_env = False
        self.session.auth = (_NAME, password)
        self.session.headers["Host"] = shown["loginServer"]

    def call(self, method: str, below: str, body: Any = None) -> requests.Response:
        """Call the management API about something below the registry."""
        return self.caller.call(method, f"{self.caller.registry(_NAME)}/{below}".rstrip("/"), body)

    def hook(self, url: str) -> None:
        """Make a webhook that is told of pushes."""
        body = {"location": "eastus", "properties": {"serviceUri": url, "actions": ["push"]}}
        assert self.call("PUT", "webhooks/hook01", body).ok

    def push(self, repository: str, tag: str) -> None:
        """Push a small image, with a manifest of its own."""
        payload = json.dumps(
            {**image(_CONFIG, ()), "annotations": {"org.example.is": f"{repository}:{tag}"}}
        ).encode()
        began = self.data("POST", f"{repository}/blobs/uploads/")
        digest = digest_of(_CONFIG)
        assert self.data("PUT", began.headers["Location"], params={"digest": digest}, data=_CONFIG).ok
        kind = {"Content-Type": MANIFEST}
        assert self.data("PUT", f"{repository}/manifests/{tag}", data=payload, headers=kind).ok

    def data(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the registry itself."""
        base = self.service.settings.public_url
        url = f"{base}{path}" if path.startswith("/") else f"{base}/v2/{path}"
        answer = self.session.request(method, url, timeout=20, **more)
        assert answer.status_code < requests.codes.bad_request, answer.text
        return answer

    def count(self, statement: str) -> int:
        """Count something in the database."""
        with self.service.database.read() as tx:
            return int(tx.connection.execute(sa.text(statement)).scalar_one())

    def _ready(self) -> Any:
        shown = self.call("GET", "").json()["properties"]
        return shown if shown["provisioningState"] == "Succeeded" else None


@contextmanager
def running(service: Service, *names: str, beside: Sequence[Process] = ()) -> Iterator[House]:
    processes = [*map(service.process, names), *beside]
    house = House(service, service.caller(), processes)
    for process in processes:
        process.start()
    try:
        service.wait_until_ready()
        house.furnish()
        yield house
    finally:
        house.session.close()
        house.caller.close()
        stop_all(processes)
        service.database.dispose()


def test_a_receiver_that_was_down_is_told_everything_under_stable_ids(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with running(Service.prepare(tmp_path, sqlite_url, **QUICK), "serve", "worker") as house:
        house.hook(f"http://127.0.0.1:{port}/hook")
        for tag in ("v1", "v2", "v3"):
            house.push("app", tag)
        three = "SELECT count(*) FROM deliveries WHERE attempts >= 3"
        eventually(lambda: house.count(three) == 1, within=30, what="three attempts at the first")
        before = history(house)
        with receiver(port=port) as there:
            assert tags(there.wait_for(3)) == ["v1", "v2", "v3"]
            eventually(lambda: states(house) == ["delivered"] * 3, within=20, what="all delivered")
            assert [one.body["id"] for one in there.received] == [event["id"] for event in reversed(before)]
        assert [event["id"] for event in history(house)] == [event["id"] for event in before]


def burn(house: House, extent: Extent) -> None:
    """Push while workers are killed; each push arrives, and in the order of its repository."""
    pushes, kills = extent.operations, max(3, extent.kills // 3)
    with receiver() as there:
        house.hook(there.url)
        fire = Fire(house.processes[1:], extent.seed, lambda: len(there.received))
        fire.killer.pause = (0.0, 0.7)
        wanted: list[tuple[str, str]] = []

        def work() -> None:
            while len(wanted) < pushes or len(fire.killer.kills) < kills:
                repository, tag = f"app{len(wanted) % 3}", f"v{len(wanted)}"
                house.push(repository, tag)
                wanted.append((repository, tag))

        fire.during(work)
        print(fire.report())  # noqa: T201 - shown when something below does not hold
        eventually(lambda: not house.count(_PENDING), within=90, every=0.1, what="nothing is left to deliver")
        first = list(dict.fromkeys((target(one), one.body["id"]) for one in there.received))
        assert sorted(place for place, _ in first) == sorted(wanted)
        for repository in ("app0", "app1", "app2"):
            told = [tag for (name, tag), _ in first if name == repository]
            assert told == [tag for name, tag in wanted if name == repository]
        assert fire.keeper.surprises == []


def test_no_event_is_lost_with_a_worker_in_the_embedded_profile(
    sqlite_url: str, tmp_path: Path, extent: Extent
) -> None:
    with running(Service.prepare(tmp_path, sqlite_url, **QUICK), "serve", "worker") as house:
        burn(house, extent)


def test_no_event_is_lost_with_postgresql_and_redis(
    postgres_url: str, redis: RedisServer, tmp_path: Path, extent: Extent
) -> None:
    service = Service.prepare(tmp_path, postgres_url, broker_url=redis.url, **QUICK)
    redis.kill()
    with running(service, "serve", "worker1", "worker2", "relay", beside=[redis.process]) as house:
        burn(house, extent)


def test_an_import_outlives_its_worker_and_another_is_canceled(sqlite_url: str, tmp_path: Path) -> None:
    made = random_image(2_000_000)
    with docker_registry.started(tmp_path / "upstream") as upstream:
        port = urlsplit(upstream.url).port or 0
        pusher = Pusher(upstream)
        pusher.push("app", "v1", made)
        pusher.close()
        with forwarder(port) as way:
            settings = {
                "outbound_ca": upstream.authority,
                "upstream_realms": f"{way.host}=localhost:{port + 1}",
            }
            (tmp_path / "state").mkdir()
            service = Service.prepare(tmp_path / "state", sqlite_url, **QUICK, **settings)
            with running(service, "serve", "worker") as house:
                login = {"username": upstream.username, "password": upstream.password}
                source = {"registryUri": way.host, "sourceImage": "app:v1", "credentials": login}
                way.rate = 500_000
                accepted = house.call("POST", "importImage", {"source": source, "targetTags": ["app:kept"]})
                eventually(lambda: percent(accepted, house) > 0, within=30, every=0.1, what="progress")
                worker = house.processes[1]
                os.kill(worker.pid, signal.SIGKILL)
                worker.kill()
                way.rate = None
                worker.start()
                assert ended(accepted, house)["status"] == "Succeeded"
                assert house.data("GET", "app/manifests/kept").content == made.manifest
                for blob in made.blobs:
                    assert house.data("GET", f"app/blobs/{blob.digest}").content == blob.content

                way.rate = 200_000
                to = {"targetTags": ["other:never"], "mode": "Force"}
                accepted = house.call("POST", "importImage", {"source": source, **to})
                eventually(lambda: percent(accepted, house) > 0, within=30, every=0.1, what="progress")
                assert house.caller.call("POST", cancel_path(accepted)).ok
                assert ended(accepted, house)["status"] == "Canceled"
                assert house.count("SELECT count(*) FROM tags WHERE name = 'never'") == 0


_PENDING = (
    "SELECT (SELECT count(*) FROM deliveries WHERE state = 'pending') + "
    "(SELECT count(*) FROM events WHERE untold_since IS NOT NULL)"
)


def operation(accepted: requests.Response, house: House) -> Any:
    status = urlsplit(accepted.headers["Azure-AsyncOperation"])
    return house.caller.call("GET", status.path).json()


def cancel_path(accepted: requests.Response) -> str:
    path = urlsplit(accepted.headers["Azure-AsyncOperation"]).path
    place, _, name = path.rpartition("/operationStatuses/")
    return f"{place.partition('/locations/')[0]}/operationStatuses/{name}/cancel"


def percent(accepted: requests.Response, house: House) -> float:
    assert accepted.status_code == requests.codes.accepted, accepted.text
    return float(operation(accepted, house).get("percentComplete") or 0)


def ended(accepted: requests.Response, house: House) -> Any:
    def end() -> Any:
        found = operation(accepted, house)
        return found if found["status"] in {"Succeeded", "Failed", "Canceled"} else None

    return eventually(end, within=60, every=0.2, what="the end of the import")


def history(house: House) -> list[Any]:
    return list(house.call("POST", "webhooks/hook01/listEvents").json()["value"])


def states(house: House) -> list[str]:
    return [event["deliveryState"] for event in history(house)]


def target(one: Received) -> tuple[str, str]:
    return one.body["target"]["repository"], one.body["target"]["tag"]


def tags(found: Sequence[Received]) -> list[str]:
    return [target(one)[1] for one in found]
