"""What this service does not have, on both planes: lists are empty, nothing is found, the rest is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import controlplane.resources
from controlplane.arm.types import DeclarationError, Types
from controlplane.distribution.absent import FEATURES, Feature
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.management.application import all_routes
from controlplane.management.routes import Route
from tests.api.deployment import READER
from tests.support.both_planes import House, house_at, house_template

TYPES = Types.discover(controlplane.resources)
ROUTES = [pytest.param(route, id=route.operation_id) for route in all_routes(TYPES) if route.absent]
NAMES = {"{registryName}": "demo1", "{packageType}": "npm"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("absent")
    with house_at(house_template(folder / "template"), folder / "state") as made:
        yield made


def call(house: House, route: Route, registry: str = "demo1", **more: Any) -> Any:
    below = route.path.partition("{registryName}")[2]
    for name in ("groupName", "packageType"):
        below = below.replace(f"{{{name}}}", "any")
    below = "/".join("any" if part.startswith("{") else part for part in below.split("/"))
    body = {"properties": {"whatever": True}} if route.method in {"PUT", "PATCH"} else None
    path = f"{house.path(registry)}{below}"
    return house.api.call(route.method, path, body, version=route.api_versions[-1], **more)


@pytest.mark.parametrize("route", ROUTES)
def test_each_operation_answers_what_is_true(house: House, route: Route) -> None:
    answer = call(house, route)
    if route.method == "DELETE":
        assert (answer.status_code, answer.text) == (204, "")
    elif 200 in route.responses:
        assert answer.json == {"value": []}
    elif route.method == "GET":
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "ResourceNotFound")
    else:
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "FeatureNotSupported")
        assert answer.json["error"]["message"].startswith(f"{route.absent} is not supported")


@pytest.mark.parametrize("route", ROUTES)
def test_who_may_not_ask_learns_nothing(house: House, route: Route) -> None:
    nobody = house.api.persona(None, house.path())
    assert call(house, route, token=nobody).status_code == 403
    assert call(house, route, registry="nosuchregistry", token=nobody).status_code == 403


def test_readers_may_list_and_not_write(house: House) -> None:
    reader = house.api.persona(READER, house.path())
    assert house.arm("GET", "connectedRegistries", token=reader).json == {"value": []}
    assert house.arm("PUT", "connectedRegistries/branch", {}, token=reader).status_code == 403


def test_a_registry_that_is_not_there_is_told(house: House) -> None:
    answer = house.arm("GET", "connectedRegistries", registry="nosuchregistry")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "ParentResourceNotFound")


def test_a_version_that_does_not_have_the_operation_is_refused(house: House) -> None:
    path = f"{house.path()}/exportPipelines"
    assert house.api.call("GET", path, version="2025-11-01").status_code == 400


def test_a_type_is_declared_once() -> None:
    webhook = replace(TYPES.absent[1], path="webhooks/{webhookName}")
    with pytest.raises(DeclarationError, match="as absent too"):
        Types.of(list(TYPES), (), (webhook,))
    with pytest.raises(DeclarationError, match="parent"):
        Types.of([], (), (webhook,))
    assert REGISTRY_TYPE.lower() in TYPES.by_key


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: f"{feature.method} {feature.path}")
def test_the_data_plane_refuses_by_name_whoever_may_use_the_repository(
    house: House, feature: Feature
) -> None:
    path = (
        feature.path.replace("<path:name>", "team/app").replace("<path:rest>", "any").replace("<rest>", "any")
    )
    anonymous = house.client().open(feature.method, path)
    assert anonymous.status_code == 401
    token = house.token("narrow", "other/content/read")
    pair = base64.b64encode(f"narrow:{token}".encode()).decode()
    denied = house.client().open(feature.method, path, headers={"Authorization": f"Basic {pair}"})
    assert denied.status_code in {401, 403}
    refused = house.admin().open(feature.method, path)
    assert refused.status_code == 400
    (error,) = json.loads(refused.data)["errors"]
    assert error["code"] == "UNSUPPORTED"
    assert feature.feature in error["message"]
