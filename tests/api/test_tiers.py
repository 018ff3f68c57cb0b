"""What a registry's tier allows below it."""

from __future__ import annotations

from tests.api.deployment import REGISTRIES, Deployment


def registry(api: Deployment, sku: str) -> str:
    path = f"{api.group}/providers/Microsoft.ContainerRegistry/registries/tiered01"
    body = {"location": "eastus", "sku": {"name": sku}}
    answer = api.put(path, body, version=REGISTRIES)
    assert answer.status_code in {200, 201}, answer.text
    api.work()
    return path


def test_a_tier_caps_the_number_of_children(api: Deployment) -> None:
    path = registry(api, "Basic")
    for name in ("one", "two"):
        assert api.put(f"{path}/bells/{name}", {}).status_code == 201
    refused = api.put(f"{path}/bells/three", {})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "QuotaExceeded")
    assert "bells" in refused.json["error"]["message"]
    assert refused.json["status"] == "Failed"
    assert api.put(f"{path}/bells/two", {}).status_code == 200
    assert api.delete(f"{path}/bells/one").status_code == 200
    assert api.put(f"{path}/bells/three", {}).status_code == 201
    registry(api, "Standard")
    assert api.put(f"{path}/bells/four", {}).status_code == 201


def test_a_tier_may_lack_a_type(api: Deployment) -> None:
    path = registry(api, "Basic")
    refused = api.put(f"{path}/guards/rex", {})
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "SkuNotSupported")
    registry(api, "Premium")
    assert api.put(f"{path}/guards/rex", {}).status_code == 201


def test_children_end_with_their_registry(api: Deployment) -> None:
    path = registry(api, "Basic")
    api.put(f"{path}/bells/one", {})
    assert api.delete(path, version=REGISTRIES).status_code == 202
    api.work()
    assert api.get(f"{path}/bells/one").json["error"]["code"] == "ParentResourceNotFound"
    registry(api, "Basic")
    assert api.get(f"{path}/bells", version="2031-01-01").json["value"] == []
