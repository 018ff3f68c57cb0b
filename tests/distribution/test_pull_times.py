"""When content was last pulled: what counts, and when it is written."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.kernel.clock import rfc3339
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from controlplane.services.pull_times import PullTimes
from controlplane.services.registry_callers import ANONYMOUS
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.distribution import Plane, RegistryClient, json_of, plane_at, services_over
from tests.support.plane_server import plane_server
from tests.support.ports import free_port
from tests.support.waiting import eventually

SCANNER = "trivy/0.70"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def timed(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Plane]:
    """A plane whose time stands still, over each kind of database."""
    settings = Settings(
        state_dir=tmp_path / "state",
        login_server_mode="domain",
        login_domain="example.test",
        pulls_not_counted="trivy/*, clair*",
    )
    plane = Plane(services_over(database, settings, clock))
    yield plane
    plane.close()


@pytest.fixture
def row(timed: Plane) -> RegistryRow:
    return timed.add_registry(anonymous_pull=True)


@pytest.fixture
def image(timed: Plane, row: RegistryRow) -> str:
    return timed.client(row).push_image("app", "v1")


@pytest.fixture
def client(timed: Plane, row: RegistryRow) -> RegistryClient:
    return timed.client(row)


def pulled(client: RegistryClient, kind: str, name: str) -> Any:
    """Return the last pull that a manifest or tag shows, None when it shows none."""
    document = json_of(client.get(f"/acr/v1/app/_{kind}/{name}"))
    return document[kind.removesuffix("s")].get("lastPullTime")


def test_nothing_is_shown_before_the_first_pull(client: RegistryClient, image: str) -> None:
    assert pulled(client, "tags", "v1") is None
    assert pulled(client, "manifests", image) is None


def test_a_pull_by_tag_is_noted_for_tag_and_manifest(
    timed: Plane, client: RegistryClient, image: str, clock: ManualClock
) -> None:
    assert client.get("/v2/app/manifests/v1").status_code == 200
    then = clock.pass_by(60)
    timed.services.pull_times.flush()
    assert pulled(client, "tags", "v1") == rfc3339(then)
    assert pulled(client, "manifests", image) == rfc3339(then)
    listed = json_of(client.get("/acr/v1/app/_tags"))["tags"]
    assert [tag["lastPullTime"] for tag in listed] == [rfc3339(then)]


def test_a_pull_by_digest_is_noted_for_the_manifest_only(
    timed: Plane, client: RegistryClient, image: str, clock: ManualClock
) -> None:
    assert client.get(f"/v2/app/manifests/{image}").status_code == 200
    timed.services.pull_times.flush()
    assert pulled(client, "manifests", image) == rfc3339(clock.now())
    assert pulled(client, "tags", "v1") is None


def test_later_pulls_move_the_time_and_nothing_moves_it_back(
    timed: Plane, client: RegistryClient, image: str, clock: ManualClock
) -> None:
    for seconds in (60, 60, -90):
        client.get("/v2/app/manifests/v1")
        clock.pass_by(seconds)
        timed.services.pull_times.flush()
    clock.pass_by(90)
    assert pulled(client, "manifests", image) == rfc3339(clock.now())


def test_looking_is_not_pulling(timed: Plane, client: RegistryClient, image: str) -> None:
    assert client.open("HEAD", "/v2/app/manifests/v1").status_code == 200
    assert client.open("HEAD", f"/v2/app/manifests/{image}").status_code == 200
    assert client.get("/acr/v1/app/_manifests").status_code == 200
    timed.services.pull_times.flush()
    assert pulled(client, "tags", "v1") is None
    assert pulled(client, "manifests", image) is None


def test_what_was_refused_is_no_pull(timed: Plane, client: RegistryClient, image: str) -> None:
    refused = client.get(
        "/v2/app/manifests/v1", headers={"Accept": "application/vnd.oci.image.index.v1+json"}
    )
    assert refused.status_code == 404
    assert timed.client().get("/v2/app/manifests/v1").status_code == 401
    timed.services.pull_times.flush()
    assert pulled(client, "manifests", image) is None


def test_scanners_are_left_out(timed: Plane, client: RegistryClient, image: str) -> None:
    assert client.get("/v2/app/manifests/v1", headers={"User-Agent": SCANNER}).status_code == 200
    timed.services.pull_times.flush()
    assert pulled(client, "manifests", image) is None
    assert client.get("/v2/app/manifests/v1", headers={"User-Agent": "docker/28"}).status_code == 200
    timed.services.pull_times.flush()
    assert pulled(client, "manifests", image) is not None


def test_identities_may_be_left_out(
    tmp_path: Path, timed: Plane, row: RegistryRow, client: RegistryClient, image: str
) -> None:
    robot = timed.add_principal(row, "AcrPull")
    settings = timed.services.settings.model_copy(update={"pulls_not_counted": robot.object_id})
    plane = Plane(services_over(timed.services.database, settings, timed.services.clock))
    scanner = plane.client().with_basic(robot.app_id, robot.secret)
    assert scanner.get("/v2/app/manifests/v1").status_code == 200
    plane.services.pull_times.flush()
    plane.close()
    assert pulled(client, "manifests", image) is None
    assert tmp_path.exists()


def test_content_that_went_before_it_was_written_is_no_trouble(
    timed: Plane, client: RegistryClient, image: str
) -> None:
    client.get("/v2/app/manifests/v1")
    assert client.open("DELETE", f"/v2/app/manifests/{image}").status_code == 202
    timed.services.pull_times.flush()


def test_memory_is_bounded_and_free_again_once_it_is_written(timed: Plane, client: RegistryClient) -> None:
    client.push_image("app", "v1")
    services = timed.services
    times = PullTimes(services.database, services.clock, services.settings, most=10)
    for number in range(10):
        times.note(number + 1000, None, "docker", ANONYMOUS)
    for seen in (None, rfc3339(services.clock.now())):
        times.note(1, 1, "docker", ANONYMOUS)
        times.flush()
        assert pulled(client, "tags", "v1") == seen


def test_a_web_process_writes_them_by_itself(tmp_path: Path, sqlite_url: str) -> None:
    port = free_port()
    host = f"localhost:{port}"
    settings: dict[str, Any] = {"login_server_mode": "domain", "login_domain": "example.test"}
    plane = plane_at(tmp_path, Database(sqlite_url), pull_interval=0.1)
    row = plane.add_registry(host=host)
    client = plane.client(row, host)
    client.push_image("app", "v1")
    with plane_server(tmp_path, port, sqlite_url, workers=1, pull_interval=0.1, **settings):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        head = {"Host": host, "Authorization": client.authorization or ""}
        connection.request("GET", "/v2/app/manifests/v1", headers=head)
        assert connection.getresponse().status == 200
        connection.close()
        eventually(lambda: pulled(client, "tags", "v1") is not None, what="the pull is written")
    plane.close()
    plane.services.database.dispose()
