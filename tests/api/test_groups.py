"""Resource groups: their verbs, and their end with everything in them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from controlplane.persistence import operations as operation_store
from tests.api import toys
from tests.api.deployment import ACR_PULL, GROUPS, READER, ROLES, Deployment


def group(api: Deployment, name: str = "lab") -> str:
    return f"{api.subscription}/resourceGroups/{name}"


def make(api: Deployment, name: str = "lab", **body: Any) -> str:
    answer = api.put(group(api, name), {"location": "westus2", **body}, version=GROUPS)
    assert answer.status_code == 201, answer.text
    return group(api, name)


def fill(api: Deployment, path: str) -> None:
    """Put an engine with a part, a widget, and a role assignment on the widget into a group."""
    where = f"{path}/providers/Microsoft.ContainerRegistry"
    api.put(f"{where}/engines/diesel", {"location": "eastus"})
    api.work()
    assert api.put(f"{where}/engines/diesel/parts/bolt", {}).status_code == 201
    assert api.put(f"{where}/widgets/cog", {"location": "eastus"}).status_code == 201
    api.persona(READER, f"{where}/widgets/cog")


def test_a_group_has_arms_shape(api: Deployment) -> None:
    assert api.call("HEAD", group(api), version=GROUPS).status_code == 404
    made = api.put(group(api), {"location": "West US 2", "tags": {"a": "1"}}, version=GROUPS)
    assert made.status_code == 201
    assert made.json == {
        "id": group(api),
        "name": "lab",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westus2",
        "tags": {"a": "1"},
        "properties": {"provisioningState": "Succeeded"},
    }
    assert api.call("HEAD", group(api), version=GROUPS).status_code == 204
    assert api.put(group(api), {"location": "westus2"}, version=GROUPS).status_code == 200
    assert api.patch(group(api), {"tags": {"b": "2"}}, version=GROUPS).json["tags"] == {"b": "2"}
    assert (
        api.get(group(api).replace("resourceGroups", "resourcegroups"), version="2021-04-01").status_code
        == 200
    )


def test_a_group_stays_where_it_is(api: Deployment) -> None:
    make(api)
    moved = api.put(group(api), {"location": "eastus"}, version=GROUPS)
    assert (moved.status_code, moved.json["error"]["code"]) == (409, "InvalidResourceGroupLocation")


@pytest.mark.parametrize("name", ["ends.", "a b", "x" * 91, "a%3Fb", "a*"])
def test_names_of_groups_follow_arms_rule(api: Deployment, name: str) -> None:
    answer = api.put(group(api, name), {"location": "eastus"}, version=GROUPS)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "InvalidResourceName")


@pytest.mark.parametrize("name", ["a", "under_score", "(x)", "dots.in.it", "x" * 90, "gr%C3%BCn"])
def test_names_that_arm_takes(api: Deployment, name: str) -> None:
    assert api.put(group(api, name), {"location": "eastus"}, version=GROUPS).status_code == 201


def test_missing_groups_and_subscriptions_are_told_apart(api: Deployment) -> None:
    widget = "providers/Microsoft.ContainerRegistry/widgets/cog"
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        sent = {"location": "eastus"} if method in {"PUT", "PATCH"} else None
        lost = api.call(method, f"{group(api, 'none')}/{widget}", sent)
        assert (lost.status_code, lost.json["error"]["code"]) == (404, "ResourceGroupNotFound")
        gone = api.call(method, f"/subscriptions/none/resourceGroups/x/{widget}", sent)
        assert (gone.status_code, gone.json["error"]["code"]) == (404, "SubscriptionNotFound")
    assert api.get(group(api, "none"), version=GROUPS).json["error"]["code"] == "ResourceGroupNotFound"
    assert api.delete(group(api, "none"), version=GROUPS).status_code == 204


def test_a_group_ends_with_everything_in_it(api: Deployment) -> None:
    path = make(api)
    fill(api, path)
    answer = api.delete(path, version=GROUPS)
    assert answer.status_code == 202
    assert f"{api.subscription}/operationResults/" in answer.headers["Location"]
    assert api.follow(answer.headers["Location"]).status_code == 202
    assert api.get(path, version=GROUPS).json["properties"]["provisioningState"] == "Deleting"
    api.work()
    assert api.follow(answer.headers["Location"]).status_code == 204
    assert api.follow(answer.headers["Azure-AsyncOperation"]).json["status"] == "Succeeded"
    assert api.get(path, version=GROUPS).status_code == 404
    assert [ended.rpartition("/")[2] for ended in toys.ENDED] == ["bolt", "diesel"]
    assignments = f"{api.subscription}/providers/Microsoft.Authorization/roleAssignments"
    assert [one for one in api.get(assignments, version=ROLES).json["value"] if path in one["id"]] == []
    make(api)
    gone = api.get(f"{path}/providers/Microsoft.ContainerRegistry/widgets/cog")
    assert gone.json["error"]["code"] == "ResourceNotFound"


def test_nothing_is_written_in_a_group_that_ends(api: Deployment) -> None:
    path = make(api)
    fill(api, path)
    api.delete(path, version=GROUPS)
    where = f"{path}/providers/Microsoft.ContainerRegistry"
    for method, address in (
        ("PUT", f"{where}/widgets/late"),
        ("PATCH", f"{where}/widgets/cog"),
        ("DELETE", f"{where}/widgets/cog"),
        ("PUT", f"{where}/engines/diesel/parts/late"),
    ):
        answer = api.call(method, address, None if method == "DELETE" else {"location": "eastus"})
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "ResourceGroupBeingDeleted")
    again = api.put(path, {"location": "westus2"}, version=GROUPS)
    assert (again.status_code, again.json["error"]["code"]) == (409, "Conflict")


def test_the_end_of_a_group_waits_for_operations_in_it(api: Deployment) -> None:
    path = make(api)
    where = f"{path}/providers/Microsoft.ContainerRegistry/engines/diesel"
    api.put(where, {"location": "eastus"})
    with api.database.read() as tx:
        busy = operation_store.live(tx, where.lower())
    url = api.delete(path, version=GROUPS).headers["Azure-AsyncOperation"]
    name = api.follow(url).json["name"]
    api.engine.run(name)
    assert api.follow(url).json["status"] == "Accepted"
    assert busy is not None
    api.engine.run(busy.id)
    _until_done(api, url, name)
    assert api.get(path, version=GROUPS).status_code == 404


def test_a_group_that_could_not_end_is_failed_and_can_be_tried_again(api: Deployment) -> None:
    path = make(api)
    where = f"{path}/providers/Microsoft.ContainerRegistry/engines/diesel"
    api.put(where, {"location": "eastus", "properties": {"mode": "stuck"}})
    api.work()
    api.delete(path, version=GROUPS)
    api.work()
    assert api.get(path, version=GROUPS).json["properties"]["provisioningState"] == "Failed"
    assert api.get(where).status_code == 200
    assert api.put(where, {"location": "eastus"}).status_code in {200, 409}


def test_groups_are_listed_by_tag_and_page(api: Deployment) -> None:
    for number in range(5):
        make(api, f"g{number}", tags={"Env": "prod" if number % 2 else "test", "n": str(number)})
    listed = f"{api.subscription}/resourcegroups"

    def names(**query: str) -> list[str]:
        answer = api.get(listed, version=GROUPS, query={f"${key}": value for key, value in query.items()})
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json["value"]]

    assert names() == ["default", "g0", "g1", "g2", "g3", "g4"]
    assert names(filter="tagName eq 'env' and tagValue eq 'PROD'") == ["g1", "g3"]
    assert names(filter="tagName eq 'n' and tagValue eq 'prod'") == []
    assert names(filter="tagValue eq 'test' or tagValue eq '1'") == ["g0", "g1", "g2", "g4"]
    page = api.get(listed, version=GROUPS, query={"$top": "4"}).json
    assert len(page["value"]) == 4
    rest = api.follow(page["nextLink"]).json
    assert [one["name"] for one in rest["value"]] == ["g3", "g4"]
    assert "nextLink" not in rest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$top", "0"),
        ("$top", "-1"),
        ("$top", "x"),
        ("$skiptoken", "%%"),
        ("$filter", "colour eq 'x'"),
        ("$odd", "1"),
    ],
)
def test_queries_of_lists_are_checked(api: Deployment, name: str, value: str) -> None:
    answer = api.get(f"{api.subscription}/resourceGroups", version=GROUPS, query={name: value})
    assert (answer.status_code, answer.json["error"]["target"]) == (400, name)


def test_lists_show_what_a_caller_may_read(api: Deployment) -> None:
    make(api, "seen")
    make(api, "unseen")
    reader = api.persona(READER, group(api, "seen"))
    shown = api.get(f"{api.subscription}/resourceGroups", version=GROUPS, token=reader)
    assert [one["name"] for one in shown.json["value"]] == ["seen"]
    puller = api.persona(ACR_PULL, group(api, "seen"))
    refused = api.get(f"{api.subscription}/resourceGroups", version=GROUPS, token=puller)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "AuthorizationFailed")


def _until_done(api: Deployment, url: str, name: str) -> None:

    deadline = time.monotonic() + 30
    while api.follow(url).json["status"] != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        api.engine.run(name)
