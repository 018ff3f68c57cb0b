"""PUT, PATCH, GET and DELETE of a type that is done at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import toys
from tests.api.deployment import Deployment

BODY: dict[str, Any] = {"location": "East US", "properties": {"colour": "green", "size": 5}}


def widget(api: Deployment, name: str = "cog") -> str:
    return f"{api.group}/providers/Microsoft.ContainerRegistry/widgets/{name}"


def findings(answer: Any) -> dict[str, str]:
    return {one["target"]: one["message"] for one in answer.json["error"]["details"]}


def test_a_put_creates_then_replaces(api: Deployment) -> None:
    created = api.put(widget(api), {**BODY, "tags": {"a": "1"}})
    assert created.status_code == 201
    assert created.json["id"] == widget(api)
    assert created.json["name"] == "cog"
    assert created.json["type"] == "Microsoft.ContainerRegistry/widgets"
    assert created.json["location"] == "eastus"
    assert created.json["tags"] == {"a": "1"}
    properties = {
        "colour": "Green", "size": 5, "enabled": False, "shout": "COG", "provisioningState": "Succeeded",
    }  # fmt: skip
    assert created.json["properties"] == properties
    replaced = api.put(widget(api), {"location": "eastus", "properties": {"enabled": True}})
    assert replaced.status_code == 200
    assert replaced.json["tags"] == {}
    assert replaced.json["properties"] == {
        "colour": "Red", "enabled": True, "shout": "COG", "provisioningState": "Succeeded",
    }  # fmt: skip
    assert api.get(widget(api)).json == replaced.json


def test_system_data_tells_who_and_when(api: Deployment) -> None:
    first = api.put(widget(api), BODY).json["systemData"]
    assert first["createdBy"] == first["lastModifiedBy"] == api.owner.app_id
    assert first["createdByType"] == "Application"
    second = api.put(widget(api), BODY).json["systemData"]
    assert second["createdAt"] == first["createdAt"]
    assert second["lastModifiedAt"] > first["lastModifiedAt"]


def test_ids_are_found_in_any_case_and_shown_as_created(api: Deployment) -> None:
    api.put(widget(api), BODY)
    shouted = api.get(widget(api).upper().replace(api.subscription.upper(), api.subscription))
    assert shouted.status_code == 200
    assert shouted.json["id"] == widget(api)
    other = api.put(
        widget(api).replace("resourceGroups", "resourcegroups").replace("widgets", "WIDGETS"), BODY
    )
    assert other.status_code == 200


def test_a_patch_changes_what_it_names(api: Deployment) -> None:
    api.put(widget(api), {**BODY, "tags": {"a": "1", "b": "2"}, "sku": {"name": "S"}})
    patched = api.patch(widget(api), {"tags": {"a": None, "c": "3"}, "properties": {"enabled": True}})
    assert patched.status_code == 200
    assert patched.json["tags"] == {"c": "3"}  # replaced as a whole, as ARM has it
    assert patched.json["sku"] == {"name": "S"}
    assert patched.json["properties"]["size"] == 5
    assert patched.json["properties"]["enabled"] is True
    assert api.patch(widget(api), {"tags": {}}).json["tags"] == {}
    labelled = {"properties": {"labels": {"a": "1", "b": "2"}}}
    api.patch(widget(api), labelled)
    merged = api.patch(widget(api), {"properties": {"labels": {"a": None, "c": "3"}}})
    assert merged.json["properties"]["labels"] == {"b": "2", "c": "3"}
    cleared = api.patch(widget(api), {"properties": {"size": None, "colour": None}}).json["properties"]
    assert "size" not in cleared
    assert cleared["colour"] == "Red"


def test_a_patch_of_nothing_is_not_found(api: Deployment) -> None:
    answer = api.patch(widget(api), {"tags": {}})
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "ResourceNotFound"


def test_whole_bodies_can_be_sent_back(api: Deployment) -> None:
    body = {**BODY, "properties": {**BODY["properties"], "inner": {"depth": 2}, "rules": [{"value": "x"}]}}
    shown = api.put(widget(api), body).json
    for method in ("PUT", "PATCH"):
        again = api.call(method, widget(api), shown)
        assert again.status_code == 200, again.text
        assert again.json["properties"] == shown["properties"]


def test_unknown_members_are_named(api: Deployment) -> None:
    body = {
        "location": "eastus",
        "flavour": 1,
        "properties": {
            "Colour": "Red",
            "inner": {"deep": 1},
            "rules": [{"value": "a"}, {"value": "b", "x": 1}],
        },
    }
    answer = api.put(widget(api), body)
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "InvalidRequestContent"
    assert set(findings(answer)) == {
        "flavour", "properties.Colour", "properties.inner.deep", "properties.rules[1].x",
    }  # fmt: skip
    assert "Did you mean 'colour'?" in findings(answer)["properties.Colour"]


@pytest.mark.parametrize(
    ("properties", "target", "words"),
    [
        ({"size": "5"}, "properties.size", "a whole number"),
        ({"size": True}, "properties.size", "a whole number"),
        ({"size": 101}, "properties.size", "100"),
        ({"enabled": "true"}, "properties.enabled", "true or false"),
        ({"enabled": 1}, "properties.enabled", "true or false"),
        ({"colour": "Blue"}, "properties.colour", "one of Red, Green"),
        ({"colour": 7}, "properties.colour", "must be text"),
        ({"rules": {}}, "properties.rules", "a list"),
        ({"rules": [{}]}, "properties.rules[0].value", "is required"),
        ({"rules": [None]}, "properties.rules[0]", "null"),
        ({"rules": [{"value": "a"}] * 4}, "properties.rules", "3"),
        ({"labels": {"a": 1}}, "properties.labels.a", "must be text"),
        ({"labels": []}, "properties.labels", "an object"),
        ({"inner": 3}, "properties.inner", "an object"),
        ({"inner": {"depth": 0}}, "properties.inner.depth", "1"),
        ({"until": "soon"}, "properties.until", "a date and time"),
    ],
)
def test_wrong_values_are_named(api: Deployment, properties: Any, target: str, words: str) -> None:
    answer = api.put(widget(api), {"location": "eastus", "properties": properties})
    assert answer.status_code == 400
    assert answer.json["error"]["target"] == target
    assert words in findings(answer)[target]


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"location": 1}, "location"),
        ({"location": "eastus", "properties": []}, "properties"),
        ({"location": "eastus", "tags": {"a": 1}}, "tags.a"),
        ({"location": "eastus", "tags": {"a<b": "1"}}, "tags.a<b"),
        ({"location": "eastus", "tags": {str(n): "" for n in range(51)}}, "tags"),
        ({"location": "eastus", "sku": {}}, "sku.name"),
        ({"location": "eastus", "sku": "S"}, "sku"),
    ],
)
def test_wrong_envelopes_are_named(api: Deployment, body: Any, target: str) -> None:
    answer = api.put(widget(api), body)
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]["target"] == target


def test_a_location_is_needed_known_and_fixed(api: Deployment) -> None:
    missing = api.put(widget(api), {"properties": {}})
    assert (missing.status_code, missing.json["error"]["code"]) == (400, "LocationRequired")
    unknown = api.put(widget(api), {"location": "moon"})
    assert unknown.json["error"]["code"] == "LocationNotAvailableForResourceType"
    api.put(widget(api), BODY)
    moved = api.put(widget(api), {"location": "westus"})
    assert (moved.status_code, moved.json["error"]["code"]) == (409, "InvalidResourceLocation")
    assert api.patch(widget(api), {"location": "EASTUS"}).status_code == 200


@pytest.mark.parametrize("name", ["ab", "a" * 21, "UPPER", "a_b", "naïve", "a.b", "abc%0A"])
def test_names_follow_the_rule_of_the_type(api: Deployment, name: str) -> None:
    answer = api.put(widget(api, name), BODY)
    assert answer.status_code == 400
    assert answer.json["error"]["code"] in {"InvalidResourceName", "InvalidParameter"}


def test_read_only_members_are_dropped(api: Deployment) -> None:
    sent = {**BODY, "id": "x", "name": "y", "type": "z", "systemData": {"createdBy": "me"}}
    sent["properties"] = {"shout": "?", "provisioningState": "Deleting", "inner": {"serial": "7"}}
    answer = api.put(widget(api), sent)
    assert answer.status_code == 201
    assert answer.json["properties"]["shout"] == "COG"
    assert answer.json["properties"]["provisioningState"] == "Succeeded"
    assert "serial" not in answer.json["properties"]["inner"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_create_only_members_cannot_change(api: Deployment, method: str) -> None:
    api.put(widget(api), {**BODY, "properties": {"material": "brass"}})
    answer = api.call(method, widget(api), {"location": "eastus", "properties": {"material": "tin"}})
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "PropertyChangeNotAllowed"
    assert answer.json["error"]["target"] == "properties.material"
    kept = api.call(method, widget(api), {"location": "eastus", "properties": {"size": 1}})
    assert kept.json["properties"]["material"] == "brass"


def test_create_only_members_cannot_be_added_later(api: Deployment) -> None:
    api.put(widget(api), BODY)
    assert api.patch(widget(api), {"properties": {"material": "tin"}}).status_code == 400


def test_secrets_are_kept_and_never_shown(api: Deployment) -> None:
    made = api.put(widget(api), {**BODY, "properties": {"password": "hush"}})
    changed = api.put(widget(api), BODY)
    assert "hush" not in made.text + changed.text + api.get(widget(api)).text
    kept = api.call("POST", f"{widget(api)}/listSecrets")
    assert kept.json["password"] == "hush"


def test_members_newer_than_the_request_are_refused_and_hidden_but_kept(api: Deployment) -> None:
    body = {**BODY, "properties": {"novelty": "n", "inner": {"fresh": "f"}}}
    refused = api.put(widget(api), body, version=toys.OLD)
    assert refused.status_code == 400
    assert set(findings(refused)) == {"properties.novelty", "properties.inner.fresh"}
    assert toys.NEW in findings(refused)["properties.novelty"]
    api.put(widget(api), body, version=toys.NEW)
    old = api.get(widget(api), version=toys.OLD).json["properties"]
    assert "novelty" not in old
    assert "fresh" not in old["inner"]
    api.put(widget(api), {**BODY, "properties": {"inner": {"depth": 3}}}, version=toys.OLD)
    api.patch(widget(api), {"properties": {"size": 9}}, version=toys.OLD)
    new = api.get(widget(api), version=toys.NEW).json["properties"]
    assert (new["novelty"], new["inner"], new["size"]) == ("n", {"depth": 3, "fresh": "f"}, 9)


def test_a_hook_refuses(api: Deployment) -> None:
    answer = api.put(widget(api), {**BODY, "properties": {"size": 13}})
    assert answer.status_code == 400
    assert answer.json["error"]["target"] == "properties.size"
    assert answer.json["status"] == "Failed"
    assert api.get(widget(api)).status_code == 404


def test_a_delete_is_done_at_once_and_may_be_repeated(api: Deployment) -> None:
    api.put(widget(api), BODY)
    assert api.delete(widget(api)).status_code == 200
    again = api.delete(widget(api))
    assert (again.status_code, again.data) == (204, b"")
    assert api.get(widget(api)).status_code == 404


def test_head_tells_whether_it_is_there(api: Deployment) -> None:
    assert api.call("HEAD", widget(api)).status_code == 404
    api.put(widget(api), BODY)
    assert api.call("HEAD", widget(api)).status_code == 204


def test_etags_change_with_every_write(api: Deployment) -> None:
    first = api.put(widget(api), BODY).headers["ETag"]
    assert api.get(widget(api)).headers["ETag"] == first
    second = api.patch(widget(api), {"tags": {"a": "1"}}).headers["ETag"]
    assert second != first
    api.delete(widget(api))
    assert api.put(widget(api), BODY).headers["ETag"] not in {first, second}
    unchanged = api.get(widget(api), headers={"If-None-Match": api.get(widget(api)).headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_preconditions_guard_writes(api: Deployment, method: str) -> None:
    body = None if method == "DELETE" else BODY
    tag = api.put(widget(api), BODY).headers["ETag"]
    for headers in ({"If-Match": '"stale"'}, {"If-None-Match": "*"}, {"If-None-Match": tag}):
        refused = api.call(method, widget(api), body, headers=headers)
        assert (refused.status_code, refused.json["error"]["code"]) == (412, "PreconditionFailed")
    assert api.get(widget(api)).headers["ETag"] == tag
    assert api.call(method, widget(api), body, headers={"If-Match": f'"x", {tag}'}).status_code == 200


def test_preconditions_of_what_is_not_there(api: Deployment) -> None:
    refused = api.put(widget(api), BODY, headers={"If-Match": "*"})
    assert refused.status_code == 412
    assert api.delete(widget(api), headers={"If-Match": '"x"'}).status_code == 412
    assert api.put(widget(api), BODY, headers={"If-None-Match": "*"}).status_code == 201


def test_actions_take_and_give_bodies(api: Deployment) -> None:
    api.put(widget(api), BODY)
    said = api.call("POST", f"{widget(api)}/SAY", {"word": "hello"})
    assert (said.status_code, said.json) == (200, {"said": "cog: hello"})
    wrong = api.call("POST", f"{widget(api)}/say", {"words": "hello"})
    assert wrong.status_code == 400
    assert set(findings(wrong)) == {"word", "words"}
    missing = api.call("POST", f"{widget(api, 'none')}/say", {"word": "x"})
    assert missing.status_code == 404


def test_a_resource_may_be_called_as_the_grammar_is(api: Deployment) -> None:
    for name in ("providers", "widgets", "subscriptions"):
        assert api.put(widget(api, name), BODY).status_code == 201
        assert api.get(widget(api, name)).json["name"] == name
        assert api.call("POST", f"{widget(api, name)}/say", {"word": "x"}).status_code == 200
