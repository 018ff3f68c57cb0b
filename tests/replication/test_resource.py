"""Replications as resources: making, showing, changing and deleting them, and the endpoints they bring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.distribution.application import wsgi
from controlplane.domain.digests import parse_digest
from controlplane.services.assembly import assemble
from tests.api.deployment import Template
from tests.support.both_planes import House, house_at, house_template
from tests.support.distribution import RegistryClient, digest_of

LAYER = os.urandom(20_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return house_template(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(template: Template, tmp_path: Path) -> Iterator[House]:
    with house_at(template, tmp_path / "state") as made:
        yield made


def patch(house: House, properties: dict[str, Any]) -> Any:
    answer = house.api.call("PATCH", house.path(), {"properties": properties}, version="2026-09-01-preview")
    assert answer.status_code == 200, answer.text
    house.api.work()
    return house.api.get(house.path(), version="2026-09-01-preview").json["properties"]


def replicate(house: House, region: str = "westus", **properties: Any) -> dict[str, Any]:
    """Make a replication, let its operation run, and return it."""
    body = {"location": region, "properties": properties}
    house.done("PUT", f"replications/{region}", body)
    house.api.work()
    made: dict[str, Any] = house.done("GET", f"replications/{region}")
    return made


def at(house: House, host: str) -> RegistryClient:
    """Return the admin user at another endpoint."""
    admin = house.admin()
    return RegistryClient(house.plane, host, admin.authorization)


def test_making_one_copies_what_is_there(house: House) -> None:
    house.admin().push_image("app", "v1", [LAYER])
    made = replicate(house)
    assert (made["name"], made["location"]) == ("westus", "westus")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["regionEndpointEnabled"] is True
    assert made["properties"]["status"]["displayStatus"] == "Ready"
    west = house.api.services.regions.store("westus")
    assert west.size(parse_digest(digest_of(LAYER))) == len(LAYER)
    status = house.done("GET", "replications/westus/status")
    assert status["copiedBytes"] > len(LAYER)
    assert (status["pendingBlobs"], status["failed"], status["lastError"]) == (0, 0, None)
    assert status["lag"]["p99"] >= status["lag"]["p50"] >= 0


def test_deleting_one_removes_what_only_it_needed(house: House) -> None:
    house.admin().push_image("app", "v1", [LAYER])
    replicate(house)
    gone = house.arm("DELETE", "replications/westus")
    assert gone.status_code == 202
    house.api.work()
    assert house.arm("GET", "replications/westus").status_code == 404
    digest = parse_digest(digest_of(LAYER))
    assert house.api.services.regions.store("westus").size(digest) is None
    assert house.admin().get(f"/v2/app/blobs/{digest}").data == LAYER
    with house.api.database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT * FROM replicas").all() == []
        assert tx.connection.exec_driver_sql("SELECT * FROM blob_places").all() == []


def test_the_home_region_other_names_and_zones_are_refused(house: House) -> None:
    refused = [
        house.arm("PUT", "replications/eastus", {"location": "eastus", "properties": {}}),
        house.arm("PUT", "replications/another1", {"location": "westus", "properties": {}}),
        house.arm("PUT", "replications/westus", {"location": "moon", "properties": {}}),
        house.arm(
            "PUT", "replications/westus", {"location": "westus", "properties": {"zoneRedundancy": "Enabled"}}
        ),
    ]
    assert [one.status_code for one in refused] == [400] * 4
    assert "home region" in refused[0].text


def test_it_needs_premium_and_keeps_the_registry_there(house: House) -> None:
    replicate(house)
    usage = {one["name"]: one["currentValue"] for one in house.done("GET", "listUsages")["value"]}
    assert usage["Geo-replications"] == 2
    lower = house.arm("PATCH", "", {"sku": {"name": "Standard"}})
    assert (lower.status_code, "geo-replications" in lower.text) == (400, True)
    house.arm("DELETE", "replications/westus")
    house.api.work()
    assert house.arm("PATCH", "", {"sku": {"name": "Standard"}}).status_code == 200
    house.api.work()
    none = house.arm("PUT", "replications/westus", {"location": "westus", "properties": {}})
    assert none.status_code in {400, 403, 409}


def test_regional_endpoints_come_and_go_with_regions(house: House) -> None:
    hosts = patch(house, {"regionalEndpoints": "Enabled"})["regionalEndpointHostNames"]
    assert [host.partition(":")[0] for host in hosts] == ["demo1.eastus.geo.azurecr.localhost"]
    replicate(house)
    hosts = patch(house, {})["regionalEndpointHostNames"]
    assert len(hosts) == 2
    west = at(house, hosts[1])
    digest = west.push_image("app", "v1", [LAYER])
    assert house.api.services.regions.store("westus").size(parse_digest(digest_of(LAYER))) == len(LAYER)
    assert house.admin().get("/v2/app/manifests/v1").headers["Docker-Content-Digest"] == digest
    assert patch(house, {"regionalEndpoints": "Disabled"})["regionalEndpointHostNames"] == []
    assert west.get("/v2/app/manifests/v1").status_code == 404


def test_data_endpoints_serve_pulls_only(house: House) -> None:
    house.admin().push_image("app", "v1", [LAYER])
    (host,) = patch(house, {"dataEndpointEnabled": True})["dataEndpointHostNames"]
    assert host.startswith("demo1.eastus.data.azurecr.localhost")
    data = at(house, host)
    assert data.get(f"/v2/app/blobs/{digest_of(LAYER)}").data == LAYER
    assert data.open("POST", "/v2/app/blobs/uploads/").status_code == 403


def test_network_rules_hold_on_every_endpoint(house: House) -> None:
    (host,) = patch(house, {"regionalEndpoints": "Enabled"})["regionalEndpointHostNames"]
    client = at(house, host)
    assert client.get("/v2/").status_code == 200
    patch(house, {"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]}})
    assert client.get("/v2/").status_code == 403
    assert (
        RegistryClient(house.plane, host, client.authorization, "203.0.113.7").get("/v2/").status_code == 200
    )


def test_a_process_of_one_region_answers_for_that_region(house: House) -> None:
    (east_host,) = patch(house, {"regionalEndpoints": "Enabled"})["regionalEndpointHostNames"]
    replicate(house)
    west_host = patch(house, {})["regionalEndpointHostNames"][1]
    services = house.api.services
    settings = services.settings.model_copy(update={"serve_region": "westus"})
    process = wsgi(assemble(settings, services.database, house.clock))
    try:
        admin = house.admin()
        answers = {
            host: RegistryClient(process, host, admin.authorization).get("/v2/").status_code
            for host in (admin.host, east_host, west_host)
        }
        assert answers == {admin.host: 200, east_host: 404, west_host: 200}
        there = RegistryClient(process, admin.host, admin.authorization)
        there.push_image("app", "v1", [LAYER])
        assert services.regions.store("westus").size(parse_digest(digest_of(LAYER))) == len(LAYER)
        house.done("PATCH", "replications/westus", {"properties": {"regionEndpointEnabled": False}})
        assert there.get("/v2/").status_code == 404
        assert RegistryClient(process, west_host, admin.authorization).get("/v2/").status_code == 200
    finally:
        process.close()


def test_deleting_the_registry_ends_its_replications(house: House) -> None:
    replicate(house)
    assert house.arm("DELETE", "").status_code == 202
    house.api.work()
    assert house.arm("GET", "").status_code == 404
    with house.api.database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT * FROM replicas").all() == []
