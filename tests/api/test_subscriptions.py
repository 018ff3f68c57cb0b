"""Subscriptions, tenants, locations, providers, and the list of resources of every type."""

from __future__ import annotations

from typing import Any

from tests.api import toys
from tests.api.deployment import ACR_PULL, GROUPS, READER, SUBSCRIPTIONS, Deployment

ACR = "Microsoft.ContainerRegistry"


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json["value"]]


def test_a_subscription_has_arms_shape(api: Deployment) -> None:
    shown = api.get(api.subscription, version=SUBSCRIPTIONS)
    assert shown.status_code == 200
    assert shown.json == {
        "id": api.subscription,
        "subscriptionId": api.owner.subscription_id,
        "tenantId": api.owner.tenant_id,
        "displayName": "acrctl",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
    }
    assert api.get("/subscriptions", version=SUBSCRIPTIONS).json["value"] == [shown.json]
    missing = api.get("/subscriptions/none", version=SUBSCRIPTIONS)
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "SubscriptionNotFound")


def test_a_role_anywhere_below_shows_the_subscription(api: Deployment) -> None:
    widget = f"{api.group}/providers/{ACR}/widgets/cog"
    api.put(widget, {"location": "eastus"})
    puller, nobody = api.persona(ACR_PULL, widget), api.persona(None, "/")
    for token, count in ((puller, 1), (nobody, 0)):
        listed = api.get("/subscriptions", version=SUBSCRIPTIONS, token=token)
        assert (listed.status_code, len(listed.json["value"])) == (200, count)
    assert api.get(api.subscription, version=SUBSCRIPTIONS, token=puller).status_code == 200
    assert api.get(api.subscription, version=SUBSCRIPTIONS, token=nobody).status_code == 403


def test_every_caller_sees_the_tenant(api: Deployment) -> None:
    answer = api.get("/tenants", version=SUBSCRIPTIONS, token=api.persona(None, "/"))
    assert [one["tenantId"] for one in answer.json["value"]] == [api.owner.tenant_id]


def test_locations_are_those_of_the_settings(api: Deployment) -> None:
    answer = api.get(f"{api.subscription}/locations", version=SUBSCRIPTIONS)
    assert names(answer) == list(api.services.settings.all_locations)
    assert answer.json["value"][0]["displayName"] == "East US"
    refused = api.get(f"{api.subscription}/locations", version=SUBSCRIPTIONS, token=api.persona(None, "/"))
    assert refused.status_code == 403


def test_providers_are_registered_from_the_start(api: Deployment) -> None:
    path = f"{api.subscription}/providers/{ACR}"
    shown = api.get(path.lower().replace("/subscriptions", "/Subscriptions"), version=GROUPS)
    assert shown.status_code == 200, shown.text
    assert shown.json["id"] == path
    assert shown.json["namespace"] == ACR
    assert shown.json["registrationState"] == "Registered"
    kinds = {one["resourceType"]: one for one in shown.json["resourceTypes"]}
    assert kinds["widgets"]["apiVersions"] == [toys.NEW, toys.OLD]
    assert "East US" in kinds["widgets"]["locations"]
    assert api.call("POST", f"{path}/register", version=GROUPS).json == shown.json
    listed = api.get(f"{api.subscription}/providers", version=GROUPS).json["value"]
    assert shown.json in listed
    unknown = api.get(f"{api.subscription}/providers/Microsoft.Nothing", version=GROUPS)
    assert (unknown.status_code, unknown.json["error"]["code"]) == (404, "InvalidResourceNamespace")
    assert api.get(path, version=GROUPS, token=api.persona(None, "/")).status_code == 403


def test_the_operations_of_the_provider_follow_from_the_declarations(api: Deployment) -> None:
    answer = api.get(f"/providers/{ACR}/operations", token=api.persona(None, "/"))
    known = {one["name"]: one for one in answer.json["value"]}
    for name in (
        "widgets/read",
        "widgets/write",
        "widgets/delete",
        "widgets/say/action",
        "registries/pull/read",
    ):
        assert known[f"{ACR}/{name}"]["isDataAction"] is False
    assert known[f"{ACR}/registries/repositories/content/read"]["isDataAction"] is True
    assert known[f"{ACR}/widgets/say/action"]["display"]["operation"] == "say"


def test_resources_of_every_type_are_listed_and_filtered(api: Deployment) -> None:
    lab = f"{api.subscription}/resourceGroups/lab"
    api.put(lab, {"location": "eastus"}, version=GROUPS)
    api.put(f"{api.group}/providers/{ACR}/widgets/cog", {"location": "eastus", "tags": {"a": "1"}})
    api.put(f"{lab}/providers/{ACR}/widgets/cam", {"location": "westus", "sku": {"name": "S"}})
    api.put(f"{lab}/providers/{ACR}/engines/diesel", {"location": "eastus"})
    api.work()
    api.put(f"{lab}/providers/{ACR}/engines/diesel/parts/bolt", {})
    everywhere = f"{api.subscription}/resources"

    def found(text: str, path: str = everywhere) -> list[str]:
        return names(api.get(path, version=GROUPS, query={"$filter": text}))

    assert names(api.get(everywhere, version=GROUPS)) == ["cog", "diesel", "cam"]
    assert names(api.get(f"{lab}/resources", version=GROUPS)) == ["diesel", "cam"]
    assert found(f"resourceType eq '{ACR}/Widgets'") == ["cog", "cam"]
    assert found(f"resourceType eq '{ACR}/widgets' and name eq 'CAM'") == ["cam"]
    assert found("name eq 'cog' or name eq 'cam'", f"{lab}/resources") == ["cam"]
    assert found("tagName eq 'a' and tagValue eq '1'") == ["cog"]
    assert found("location eq 'westus'") == ["cam"]
    assert found("(resourceGroup eq 'lab') and name ne 'cam'") == ["diesel"]
    shown = api.get(everywhere, version=GROUPS, query={"$filter": "name eq 'cam'"}).json["value"]
    assert shown == [
        {
            "id": f"{lab}/providers/{ACR}/widgets/cam", "name": "cam", "type": f"{ACR}/widgets",
            "location": "westus", "tags": {}, "sku": {"name": "S"},
        }
    ]  # fmt: skip
    expanded = {"$filter": "name eq 'cam'", "$expand": "createdTime,changedTime,provisioningState"}
    more = api.get(everywhere, version=GROUPS, query=expanded).json["value"][0]
    assert more["provisioningState"] == "Succeeded"
    assert more["createdTime"] == more["changedTime"]
    assert api.get(everywhere, version=GROUPS, query={"$expand": "price"}).status_code == 400
    page = api.get(everywhere, version=GROUPS, query={"$top": "2"}).json
    assert len(page["value"]) == 2
    assert names(api.follow(page["nextLink"])) == ["cam"]
    assert api.get(f"{api.subscription}/resourceGroups/none/resources", version=GROUPS).status_code == 404
    assert api.get(everywhere, version=GROUPS, query={"$filter": "kind eq 'x'"}).status_code == 400


def test_the_list_of_resources_shows_what_a_caller_may_read(api: Deployment) -> None:
    for name in ("cog", "cam"):
        api.put(f"{api.group}/providers/{ACR}/widgets/{name}", {"location": "eastus"})
    reader = api.persona(READER, f"{api.group}/providers/{ACR}/widgets/cam")
    everywhere = f"{api.subscription}/resources"
    assert names(api.get(everywhere, version=GROUPS, token=reader)) == ["cam"]
    assert api.get(everywhere, version=GROUPS, token=api.persona(None, "/")).status_code == 403


def test_types_are_listed_across_groups_in_pages(api: Deployment) -> None:
    lab = f"{api.subscription}/resourceGroups/lab"
    api.put(lab, {"location": "eastus"}, version=GROUPS)
    for number in range(3):
        for group in (api.group, lab):
            api.put(f"{group}/providers/{ACR}/widgets/cog{number}", {"location": "eastus"})
    everywhere = f"{api.subscription}/providers/{ACR}/widgets"
    assert len(api.get(everywhere).json["value"]) == 6
    assert len(api.get(f"{lab}/providers/{ACR}/widgets").json["value"]) == 3
    seen: list[str] = []
    answer = api.get(everywhere, query={"$top": "2"})
    while True:
        seen += [one["id"] for one in answer.json["value"]]
        if "nextLink" not in answer.json:
            break
        answer = api.follow(answer.json["nextLink"])
    assert len(seen) == len(set(seen)) == 6
    reader = api.persona(READER, lab)
    assert len(api.get(everywhere, token=reader).json["value"]) == 3
    page = api.get(everywhere, token=reader, query={"$top": "2"}).json
    assert len(page["value"]) == 2
    assert len(api.follow(page["nextLink"], token=reader).json["value"]) == 1
    missing = api.get(f"{api.subscription}/resourceGroups/none/providers/{ACR}/widgets")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "ResourceGroupNotFound")
