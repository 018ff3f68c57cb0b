"""What belongs to a registry: webhooks, replications, tokens, scope maps, cache rules, credential sets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Service

OF = ("-r", "demo01")
HOOK = (*OF, "-n", "hook01")
URI = ("--uri", "https://ci.example.com/hook", "--actions", "push", "delete")


def sent(service: Service, method: str, part: str) -> Any:
    return service.asked(method, part)[-1].body


def test_create_sends_every_option_and_the_registry_s_region(ready: Runner, service: Service) -> None:
    made = ready("webhook", "create", *HOOK, *URI, "--headers", "a=b", "c", "--tags", "x=y")
    assert made.code == 0, made.err
    assert sent(service, "PUT", "/webhooks/hook01") == {
        "location": "local",
        "tags": {"x": "y"},
        "properties": {
            "serviceUri": "https://ci.example.com/hook",
            "actions": ["push", "delete"],
            "customHeaders": {"a": "b", "c": ""},
            "status": "enabled",
        },
    }
    assert made.json["status"] == "enabled"
    assert made.json["resourceGroup"] == "rg1"


def test_a_region_that_is_named_needs_no_look_at_the_registry(ready: Runner, service: Service) -> None:
    assert ready("webhook", "create", *HOOK, "-g", "rg1", *URI, "-l", "west").code == 0
    assert sent(service, "PUT", "/webhooks/hook01")["location"] == "west"
    assert len(service.seen) == 1


def test_update_sends_only_what_is_named(ready: Runner, service: Service) -> None:
    ready("webhook", "create", *HOOK, *URI)
    assert ready("webhook", "update", *HOOK, "--scope", "hello:v1").json["scope"] == "hello:v1"
    assert sent(service, "PATCH", "/webhooks/hook01") == {"properties": {"scope": "hello:v1"}}
    nothing = ready("webhook", "update", *HOOK)
    assert (nothing.code, "nothing to update" in nothing.err) == (2, True)


def test_a_generic_update_starts_from_what_is_there(ready: Runner, service: Service) -> None:
    ready("webhook", "create", *HOOK, *URI, "--tags", "a=1")
    assert ready("webhook", "update", *HOOK, "--set", "tags.b=2", "--add", "actions", "quarantine").code == 0
    assert sent(service, "PATCH", "/webhooks/hook01") == {
        "tags": {"a": "1", "b": 2},
        "properties": {"actions": ["push", "delete", "quarantine"]},
    }


def test_what_changed_meanwhile_is_a_conflict(ready: Runner, service: Service) -> None:
    ready("webhook", "create", *HOOK, *URI)
    before = {**next(iter(service.children.values()))}
    service.next.append(Answer(200, before, {"ETag": '"0"'}))
    done = ready("webhook", "update", *HOOK, "-g", "rg1", "--set", "scope=x")
    assert done.code == 5
    assert done.err.startswith("ERROR: (PreconditionFailed)")


@pytest.mark.parametrize(
    ("create", "delete"),
    [
        (("scope-map", "create", *OF, "-n", "team-a"), ("scope-map", "delete", *OF, "-n", "team-a")),
        (
            ("cache", "create", *OF, "-n", "hub", "-s", "docker.io/a", "-t", "a"),
            ("cache", "delete", *OF, "-n", "hub"),
        ),
    ],
)
def test_a_deletion_that_hurts_is_asked_for(
    ready: Runner, service: Service, create: tuple[str, ...], delete: tuple[str, ...]
) -> None:
    assert ready(*create).code == 0
    assert ready(*delete).code == 1
    assert service.children
    assert ready(*delete, "--yes").code == 0
    assert not service.children


def test_az_deletes_webhooks_without_asking_and_so_do_we(ready: Runner, service: Service) -> None:
    ready("webhook", "create", *HOOK, *URI)
    assert ready("webhook", "delete", *HOOK).code == 0
    assert not service.children


def test_a_replication_is_named_like_its_region(ready: Runner, service: Service) -> None:
    made = ready("replication", "create", *OF, "-l", "West US", "--global-endpoint-routing", "false")
    assert made.code == 0, made.err
    assert sent(service, "PUT", "/replications/westus") == {
        "location": "West US",
        "properties": {"regionEndpointEnabled": False},
    }


def test_status_of_replications_is_asked_for_each(ready: Runner, service: Service) -> None:
    for region in ("westus", "eastus"):
        ready("replication", "create", *OF, "-l", region)
    listed = Answer(200, {"value": list(service.children.values())})
    service.next.extend([listed, Answer(200, {"queued": 3}), Answer(200, {"queued": 0})])
    shown = ready("replication", "status", *OF, "-g", "rg1")
    assert [(one["name"], one["queued"]) for one in shown.json] == [("westus", 3), ("eastus", 0)]


def test_rights_are_given_in_groups(ready: Runner, service: Service) -> None:
    made = ready(
        "scope-map", "create", *OF, "-n", "team-a",
        "--repository", "Team/App", "content/read", "content/write", "--repository", "base", "content/read",
    )  # fmt: skip
    assert made.json["actions"] == [
        "repositories/team/app/content/read",
        "repositories/team/app/content/write",
        "repositories/base/content/read",
    ]
    changed = ready(
        "scope-map", "update", *OF, "-n", "team-a",
        "--add-repository", "base", "metadata/read", "--remove-repository", "team/app", "content/write",
    )  # fmt: skip
    assert changed.json["actions"] == [
        "repositories/team/app/content/read",
        "repositories/base/content/read",
        "repositories/base/metadata/read",
    ]
    assert service.asked("PATCH", "/scopeMaps/")[0].headers["if-match"] == '"1"'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("base",), "needs at least one right"),
        (("base", "content/eat"), "is not a right"),
    ],
)
def test_rights_that_are_none_are_refused(ready: Runner, words: tuple[str, ...], said: str) -> None:
    refused = ready("scope-map", "create", *OF, "-n", "team-a", "--repository", *words)
    assert (refused.code, said in refused.err) == (2, True)


def test_a_token_with_repositories_gets_a_scope_map_of_its_own(ready: Runner) -> None:
    make = ("token", "create", *OF, "-n", "robot", "--repository", "hello", "content/read")
    made = ready(*make)
    assert made.code == 0, made.err
    assert made.json["scopeMapId"].endswith("/scopeMaps/robot-scope-map")
    assert [p["value"] for p in made.json["credentials"]["passwords"]] == [
        "password1-secret",
        "password2-secret",
    ]
    assert ready(*make, "--no-passwords").code == 0
    other = ready(*make[:-1], "content/write")
    assert other.code == 5
    assert "scope-map update" in other.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--scope-map", "a", "--repository", "hello", "content/read"),
        ("--scope-map", "a", "--no-passwords", "--expiration-in-days", "3"),
        ("--scope-map", "a", "--expiration", "2030-01-01", "--expiration-in-days", "3"),
        ("--scope-map", "a", "--expiration-in-days", "0"),
        ("--scope-map", "a", "--expiration-in-days", "99999999999"),
        ("--scope-map", "a", "--expiration", "soon"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(ready: Runner, service: Service, words: Any) -> None:
    assert ready("token", "create", *OF, "-n", "robot", *words).code == 2
    assert not service.asked("PUT", "")


def test_updating_a_token_leaves_it_disabled(ready: Runner, service: Service) -> None:
    ready("token", "create", *OF, "-n", "robot", "--scope-map", "a", "--status", "disabled", "--no-passwords")
    assert ready("token", "update", *OF, "-n", "robot", "--scope-map", "b").json["status"] == "disabled"
    assert "status" not in sent(service, "PATCH", "/tokens/robot")["properties"]


def test_one_password_is_made_and_one_deleted(ready: Runner, service: Service) -> None:
    ready("token", "create", *OF, "-n", "robot", "--scope-map", "a")
    one = ("token", "credential", "delete", *OF, "-n", "robot")
    assert ready(*one).code == 2
    assert ready(*one, "--password1").code == 0
    assert sent(service, "PATCH", "/tokens/robot") == {
        "properties": {"credentials": {"passwords": [{"name": "password2"}]}}
    }
    assert ready(*one, "--password1").code == 3
    made = ready("token", "credential", "generate", *OF, "-n", "robot", "--password1", "-o", "table")
    assert made.out.split()[:3] == ["USERNAME", "PASSWORD1", "PASSWORD1"]
    assert sent(service, "POST", "/generateCredentials")["name"] == "password1"


def test_a_cache_rule_takes_credentials_by_name_and_lets_them_go(ready: Runner) -> None:
    rule = (*OF, "-n", "hub")
    made = ready("cache", "create", *rule, "-s", "docker.io/library/*", "-t", "library/*", "-c", "hub")
    assert made.json["credentialSetResourceId"].endswith("/registries/demo01/credentialSets/hub")
    assert ready("cache", "update", *rule, "-c", "a", "--remove-cred-set").code == 2
    assert ready("cache", "update", *rule, "--remove-cred-set").json["credentialSetResourceId"] is None
    assert "ttlSeconds" not in made.json
    assert ready("cache", "update", *rule, "--ttl-seconds", "60").json["ttlSeconds"] == 60


def test_half_of_a_credential_is_changed(ready: Runner, service: Service) -> None:
    made = ready(
        "credential-set",
        "create",
        *OF,
        "-n",
        "hub",
        "-l",
        "docker.io",
        "-u",
        "https://v/u",
        "-p",
        "https://v/p",
    )
    assert made.code == 0, made.err
    assert sent(service, "PUT", "/credentialSets/hub")["identity"] == {"type": "SystemAssigned"}
    assert ready("credential-set", "update", *OF, "-n", "hub", "-p", "https://v/new").code == 0
    assert sent(service, "PATCH", "/credentialSets/hub")["properties"]["authCredentials"] == [
        {
            "name": "Credential1",
            "usernameSecretIdentifier": "https://v/u",
            "passwordSecretIdentifier": "https://v/new",
        }
    ]


def test_events_show_how_delivery_stands_when_asked(ready: Runner, service: Service) -> None:
    ready("webhook", "create", *HOOK, *URI)
    event = {
        "id": "e1",
        "eventRequestMessage": {
            "content": {
                "action": "push",
                "timestamp": "2026-01-01T00:00:00.1Z",
                "target": {"repository": "hello", "tag": "v1"},
            }
        },
        "eventResponseMessage": {"statusCode": "200", "reasonPhrase": "OK"},
        "deliveryState": "delivered",
        "attempts": 2,
    }
    for detail, last in (((), "2026-01-01T00:00:00Z"), (("--detail",), "2")):
        service.next.append(Answer(200, {"value": [event]}))
        shown = ready("webhook", "list-events", *HOOK, "-g", "rg1", *detail, "-o", "table")
        row = shown.out.splitlines()[2].split()
        assert row[:5] == ["e1", "push", "hello:v1", "200", "OK"]
        assert row[-1] == last
    service.next.append(Answer(200, {"id": "e1"}))
    assert ready("webhook", "redeliver", *HOOK, "-g", "rg1", "--event", "e1").json == {"id": "e1"}
    assert sent(service, "POST", "/redeliver") == {"id": "e1"}
