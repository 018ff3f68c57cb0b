"""Tokens, their passwords and scope maps in the management API, beyond what every type does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.domain.secrets import TOKEN_PREFIX
from controlplane.domain.tiers import LIMITS, Tier
from controlplane.kernel.clock import rfc3339
from controlplane.persistence import resources, tokens
from tests.registries.conftest import Arm, Reply

NAME = "registry1"
TYPE = "Microsoft.ContainerRegistry/registries"
READ = "repositories/app/content/read"
PASSWORDS = ["password1", "password2"]


@pytest.fixture
def registry(arm: Arm) -> Arm:
    arm.create(NAME)
    return arm


def put_map(arm: Arm, name: str, *actions: str, registry: str = NAME) -> Reply:
    return arm.call("PUT", registry, f"scopeMaps/{name}", {"properties": {"actions": list(actions)}})


def put_token(arm: Arm, name: str, **properties: Any) -> Reply:
    return arm.call("PUT", NAME, f"tokens/{name}", {"properties": properties})


def patch_token(arm: Arm, name: str, **properties: Any) -> Reply:
    return arm.call("PATCH", NAME, f"tokens/{name}", {"properties": properties})


def token_id(arm: Arm, name: str, registry: str = NAME) -> str:
    return f"{arm.subscription}/resourceGroups/default/providers/{TYPE}/{registry}/tokens/{name}"


def generate(arm: Arm, token: str, /, **given: Any) -> Reply:
    return arm.call("POST", NAME, "generateCredentials", {"tokenId": token_id(arm, token), **given})


def shown_passwords(arm: Arm, name: str) -> list[dict[str, Any]]:
    properties = arm.call("GET", NAME, f"tokens/{name}").json["properties"]
    passwords: list[dict[str, Any]] = properties["credentials"]["passwords"]
    return passwords


class TestScopeMaps:
    def test_those_of_the_system_are_on_every_registry(self, registry: Arm) -> None:
        listed = registry.call("GET", NAME, "scopeMaps").json["value"]
        actions = {one["name"]: set(one["properties"]["actions"]) for one in listed}
        read, write = "repositories/*/{}/read", "repositories/*/{}/write"
        content, metadata = "content", "metadata"
        push = {read.format(content), write.format(content)}
        assert actions == {
            "_repositories_pull": {read.format(content)},
            "_repositories_pull_metadata_read": {read.format(content), read.format(metadata)},
            "_repositories_push": push,
            "_repositories_push_metadata_write": push | {read.format(metadata), write.format(metadata)},
            "_repositories_admin": push
            | {read.format(metadata), write.format(metadata), "repositories/*/content/delete"},
        }
        for one in listed:
            assert one["properties"]["type"] == "SystemDefined"
            assert registry.request("GET", one["id"]).json == one
            assert one["properties"]["creationDate"]

    def test_those_of_the_system_stay_as_they_are(self, registry: Arm) -> None:
        body = {"properties": {"actions": [READ]}}
        for method in ("PUT", "PATCH", "DELETE"):
            given = None if method == "DELETE" else body
            refused = registry.call(method, NAME, "scopeMaps/_repositories_pull", given)
            assert (refused.status, refused.code) == (409, "ScopeMapSystemDefined")
        assert registry.call("DELETE", NAME, "scopeMaps/_nothing1").status == 204

    @pytest.mark.parametrize(
        "action",
        [
            "repositories/app/content/read",
            "repositories/team/app/content/delete",
            "repositories/*/metadata/write",
            "repositories/team/*/content/write",
            "repositories/content/read/metadata/read",
        ],
    )
    def test_actions_that_are_accepted(self, registry: Arm, action: str) -> None:
        made = put_map(registry, "user-map", action, action)
        assert made.status == 201
        assert made.json["properties"]["actions"] == [action]
        assert made.json["properties"]["type"] == "UserDefined"

    @pytest.mark.parametrize(
        "action",
        [
            "",
            "repositories",
            "repositories/content/read",
            "repositories//content/read",
            "repositories/App/content/read",
            "repositories/app/content/pull",
            "repositories/app/metadata/delete",
            "repositories/team*/content/read",
            "repositories/team/*/app/content/read",
            "repositories/*/*/content/read",
            "repositories/../content/read",
            "registry/app/content/read",
            "gateway/edge1/config/all",
            "repositories/" + "a" * 256 + "/content/read",
            "Repositories/app/content/read",
        ],
    )
    def test_actions_that_are_refused_by_place(self, registry: Arm, action: str) -> None:
        refused = put_map(registry, "user-map", READ, action)
        assert (refused.status, refused.code) == (400, "InvalidRequestContent")
        assert refused.json["error"]["target"] == "properties.actions[1]"

    def test_actions_on_connected_registries_are_refused_as_not_supported(self, registry: Arm) -> None:
        refused = put_map(registry, "user-map", "gateway/edge1/config/read")
        assert (refused.status, refused.code) == (400, "FeatureNotSupported")

    def test_a_map_has_at_most_500_actions(self, registry: Arm) -> None:
        actions = [f"repositories/app{number}/content/read" for number in range(501)]
        assert put_map(registry, "user-map", *actions).status == 400
        assert put_map(registry, "user-map", *actions[1:]).status == 201

    def test_one_in_use_is_not_deleted(self, registry: Arm) -> None:
        made = put_map(registry, "user-map", READ)
        put_token(
            registry, "token1", scopeMapId=made.json["id"].upper().replace("SUBSCRIPTIONS", "subscriptions")
        )
        refused = registry.call("DELETE", NAME, "scopeMaps/user-map")
        assert (refused.status, refused.code) == (409, "ResourceInUse")
        assert "token1" in refused.message
        assert registry.call("DELETE", NAME, "tokens/token1").status == 200
        assert registry.call("DELETE", NAME, "scopeMaps/user-map").status == 200

    def test_are_limited_by_the_tier_not_counting_those_of_the_system(self, registry: Arm) -> None:
        for number in range(LIMITS[Tier.BASIC].scope_maps):
            assert put_map(registry, f"map-{number:03d}", READ).status == 201
        refused = put_map(registry, "one-more", READ)
        assert (refused.status, refused.code) == (403, "QuotaExceeded")
        usage = {row["name"]: row for row in registry.call("GET", NAME, "listUsages").json["value"]}
        assert (usage["ScopeMaps"]["currentValue"], usage["ScopeMaps"]["limit"]) == (100, 100)
        assert usage["Tokens"]["currentValue"] == 0


class TestTokens:
    def test_begin_enabled_without_passwords(self, registry: Arm) -> None:
        made = put_token(registry, "Token1")
        assert made.status == 201
        properties = made.json["properties"]
        assert properties.pop("creationDate")
        assert properties == {
            "status": "enabled",
            "credentials": {"certificates": [], "passwords": []},
            "provisioningState": "Succeeded",
        }

    @pytest.mark.parametrize("name", [NAME, NAME.upper(), "5a05f2a5-9ef6-4f7e-9d0d-3a0f6cbbd9d1"])
    def test_have_no_name_that_somebody_else_signs_in_under(self, registry: Arm, name: str) -> None:
        refused = put_token(registry, name)
        assert (refused.status, refused.code) == (400, "InvalidResourceName")

    def test_take_scope_maps_of_the_system_and_lose_them(self, registry: Arm) -> None:
        map_id = token_id(registry, "").replace("/tokens/", "/scopeMaps/_repositories_admin")
        assert put_token(registry, "token1", scopeMapId=map_id).status == 201
        assert "scopeMapId" not in patch_token(registry, "token1", scopeMapId=None).json["properties"]

    @pytest.mark.parametrize(
        "held",
        [
            "nonsense",
            "{registry}/scopeMaps/nothing",
            "{registry}/tokens/token1",
            "{registry}",
            "{other}/scopeMaps/user-map",
            "{other}/scopeMaps/_repositories_pull",
        ],
    )
    def test_take_no_other_scope_map(self, registry: Arm, held: str) -> None:
        registry.create("registry2")
        assert put_map(registry, "user-map", READ, registry="registry2").status == 201
        here = token_id(registry, "").removesuffix("/tokens/")
        names = {"registry": here, "other": here.replace(NAME, "registry2")}
        refused = put_token(registry, "token1", scopeMapId=held.format(**names))
        assert (refused.status, refused.code) == (400, "LinkedInvalidPropertyId")

    def test_have_no_certificates(self, registry: Arm) -> None:
        certificates = [{"name": "certificate1", "encodedPemCertificate": "LS0t"}]
        refused = put_token(registry, "token1", credentials={"certificates": certificates})
        assert (refused.status, refused.code) == (400, "FeatureNotSupported")
        assert refused.json["error"]["target"] == "properties.credentials.certificates"

    def test_are_limited_by_the_tier(self, registry: Arm) -> None:
        for number in range(LIMITS[Tier.BASIC].tokens):
            assert put_token(registry, f"token-{number:03d}").status == 201
        assert put_token(registry, "one-more").code == "QuotaExceeded"
        usage = {row["name"]: row for row in registry.call("GET", NAME, "listUsages").json["value"]}
        assert (usage["Tokens"]["currentValue"], usage["Tokens"]["limit"]) == (100, 100)

    def test_end_with_their_registry(self, registry: Arm) -> None:
        put_token(registry, "token1", scopeMapId=put_map(registry, "user-map", READ).json["id"])
        generate(registry, "token1")
        assert registry.delete(NAME).status == 202
        registry.settle()
        key = token_id(registry, "token1").lower()
        with registry.database.read() as tx:
            assert resources.get(tx, key) is None
            assert tokens.passwords(tx, key) == []
            assert tokens.scope_map(tx, key.replace("/tokens/token1", "/scopemaps/user-map")) == []
        registry.create(NAME)
        assert registry.call("GET", NAME, "tokens").json["value"] == []


class TestPasswords:
    def test_are_shown_once(self, registry: Arm) -> None:
        put_token(registry, "Token1")
        made = generate(registry, "Token1")
        assert made.status == 200
        assert made.json["username"] == "Token1"
        assert [one["name"] for one in made.json["passwords"]] == PASSWORDS
        values = [one.pop("value") for one in made.json["passwords"]]
        assert all(value.startswith(TOKEN_PREFIX) and len(value) > 60 for value in values)
        assert shown_passwords(registry, "token1") == made.json["passwords"]
        for path in ("tokens/token1", "tokens"):
            assert not any(value in registry.call("GET", NAME, path).text for value in values)
        with registry.database.read() as tx:
            rows = tokens.passwords(tx, token_id(registry, "token1").lower())
            kept = json.dumps([str(resources.get(tx, rows[0].token_key)), *(row.hash for row in rows)])
        assert not any(value in kept for value in values)

    def test_are_made_one_by_one_with_an_end(self, registry: Arm) -> None:
        put_token(registry, "token1")
        end = rfc3339(datetime.now(UTC) + timedelta(days=3))
        (made,) = generate(registry, "token1", name="password2", expiry=end).json["passwords"]
        assert (made["name"], made["expiry"]) == ("password2", end)
        etag = registry.call("GET", NAME, "tokens/token1").headers["ETag"]
        (other,) = generate(registry, "token1", name="password1").json["passwords"]
        assert "expiry" not in other
        assert [one["name"] for one in shown_passwords(registry, "token1")] == PASSWORDS
        assert registry.call("GET", NAME, "tokens/token1").headers["ETag"] != etag

    @pytest.mark.parametrize(
        ("given", "target"),
        [
            ({"expiry": "2020-01-01T00:00:00Z"}, "expiry"),
            ({"expiry": "soon"}, "expiry"),
            ({"name": "password3"}, "name"),
            ({"tokenId": ""}, "tokenId"),
            ({"tokenId": "nonsense"}, "tokenId"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_are_not_made_of_nonsense(self, registry: Arm, given: dict[str, str], target: str) -> None:
        put_token(registry, "token1")
        refused = generate(registry, "token1", **given)
        assert (refused.status, refused.json["error"]["target"]) == (400, target)
        assert shown_passwords(registry, "token1") == []

    def test_are_deleted_by_naming_those_that_stay(self, registry: Arm) -> None:
        put_token(registry, "token1")
        generate(registry, "token1")
        left = patch_token(registry, "token1", credentials={"passwords": [{"name": "password2"}]})
        assert left.status == 200
        assert [one["name"] for one in shown_passwords(registry, "token1")] == ["password2"]
        with registry.database.read() as tx:
            rows = tokens.passwords(tx, token_id(registry, "token1").lower())
        assert [row.name for row in rows] == ["password2"]
        assert patch_token(registry, "token1", credentials={"passwords": []}).status == 200
        assert shown_passwords(registry, "token1") == []

    def test_stay_when_a_write_does_not_speak_of_them(self, registry: Arm) -> None:
        put_token(registry, "token1")
        generate(registry, "token1")
        before = shown_passwords(registry, "token1")
        for answer in (
            put_token(registry, "token1", status="disabled"),
            put_token(registry, "token1", credentials={}),
            patch_token(registry, "token1", status="enabled"),
            patch_token(registry, "token1", credentials={"certificates": []}),
            put_token(registry, "token1", credentials={"passwords": before}),
        ):
            assert answer.status == 200
            assert shown_passwords(registry, "token1") == before
        assert patch_token(registry, "token1", credentials=None).status == 200
        assert shown_passwords(registry, "token1") == []

    @pytest.mark.parametrize(
        ("passwords", "code"),
        [
            ([{"name": "password2"}], "TokenPasswordNotFound"),
            ([{"name": "password1", "expiry": "2099-01-01T00:00:00Z"}], "PropertyChangeNotAllowed"),
            ([{"name": "password1"}, {"name": "password1"}], "InvalidRequestContent"),
            ([{}], "InvalidRequestContent"),
        ],
    )
    def test_are_neither_made_nor_changed_by_a_body(
        self, registry: Arm, passwords: list[dict[str, str]], code: str
    ) -> None:
        put_token(registry, "token1")
        generate(registry, "token1", name="password1")
        before = shown_passwords(registry, "token1")
        for answer in (
            patch_token(registry, "token1", credentials={"passwords": passwords}),
            put_token(registry, "token1", credentials={"passwords": passwords}),
        ):
            assert (answer.status, answer.code) == (400, code)
        assert shown_passwords(registry, "token1") == before
