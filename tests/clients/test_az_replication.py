"""Unmodified az on replications and endpoints, and acrctl on how far a region is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.conftest import Run, Service

pytestmark = pytest.mark.clients
GROUP, NAME = "az-replication", "azreplicas01"


@pytest.fixture(scope="module")
def registry(az: Service) -> Iterator[dict[str, Any]]:
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    created: dict[str, Any] = az.az("acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Premium").json()
    yield created
    az.az("group", "delete", "-n", GROUP, "--yes")


def acr(az: Service, *words: str, **more: Any) -> Run:
    return az.az("acr", *words, "-r", NAME, **more)


def test_a_registry_gets_a_region_and_leaves_it_again(az: Service, registry: dict[str, Any]) -> None:
    made = acr(az, "replication", "create", "-l", "West US").json()
    assert (made["name"], made["location"], made["provisioningState"]) == ("westus", "westus", "Succeeded")
    shown = acr(az, "replication", "show", "-n", "westus").json()
    assert shown["status"]["displayStatus"] == "Ready"
    changed = acr(
        az, "replication", "update", "-n", "westus", "--global-endpoint-routing", "false", "--tags", "a=b"
    ).json()
    assert (changed["regionEndpointEnabled"], changed["tags"]) == (False, {"a": "b"})
    assert [one["name"] for one in acr(az, "replication", "list").json()] == ["westus"]
    endpoints = az.az("acr", "show-endpoints", "-n", NAME).json()
    assert endpoints["loginServer"] == registry["loginServer"]
    assert [one["region"] for one in endpoints["dataEndpoints"]] == ["westus"]
    usage = {
        one["name"]: one["currentValue"] for one in az.az("acr", "show-usage", "-n", NAME).json()["value"]
    }
    assert usage["Geo-replications"] == 2
    (status,) = az.acrctl("replication", "status", "-r", NAME, "-g", GROUP, "-o", "json").json()
    assert (status["name"], status["pendingBlobs"], status["failed"]) == ("westus", 0, 0)
    acr(az, "replication", "delete", "-n", "westus")
    assert acr(az, "replication", "list").json() == []
