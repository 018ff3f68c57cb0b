"""`acrctl config`, `network-rule`, `identity` and `import`: changes of a registry itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Service

POLICIES: dict[str, dict[str, Any]] = {
    "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
    "retentionPolicy": {"days": 7, "status": "disabled"},
    "softDeletePolicy": {"retentionDays": 7, "status": "enabled"},
    "trustPolicy": {"type": "Notary", "status": "disabled"},
}


@pytest.fixture
def registry(ready: Runner, service: Service) -> dict[str, Any]:
    """The registry of the stand-in, with policies, rules and an identity."""
    del ready
    one = service.registries["demo01"]
    one["properties"]["policies"] = {name: dict(policy) for name, policy in POLICIES.items()}
    one["properties"]["networkRuleSet"] = {
        "defaultAction": "Deny",
        "ipRules": [{"value": "10.0.0.0/8", "action": "Allow"}],
    }
    return one


def patched(service: Service) -> Any:
    return service.asked("PATCH", "/registries/demo01")[-1].body


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (
            ("retention", "--type", "untaggedmanifests", "--status", "enabled", "--days", "30"),
            {"retentionPolicy": {"status": "enabled", "days": 30}},
        ),
        (("retention", "--type", "UntaggedManifests"), {"retentionPolicy": {"days": 7}}),
        (("soft-delete", "--days", "14"), {"softDeletePolicy": {"retentionDays": 14}}),
        (("soft-delete", "--days", "3", "-y"), {"softDeletePolicy": {"retentionDays": 3}}),
        (("content-trust", "--status", "disabled", "-y"), {"trustPolicy": {"status": "disabled"}}),
        (
            ("authentication-as-arm", "--status", "disabled"),
            {"azureADAuthenticationAsArmPolicy": {"status": "disabled"}},
        ),
    ],
)
def test_a_policy_is_changed_alone(ready: Runner, service: Service, words: Any, sent: Any) -> None:
    done = ready("config", words[0], "update", "-r", "demo01", *words[1:])
    assert done.code == 0, done.err
    assert patched(service) == {"properties": {"policies": sent}}


@pytest.mark.usefixtures("registry")
def test_policies_are_shown_as_az_shows_them(ready: Runner) -> None:
    shown = ready("config", "retention", "show", "-r", "demo01").json
    assert shown == {"days": 7, "lastUpdatedTime": None, "status": "disabled"}
    assert ready("config", "authentication-as-arm", "show", "-r", "demo01").json == {"status": "enabled"}


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("content-trust", "--status", "enabled", "-y"), 2),
        (("content-trust", "--status", "disabled"), 1),
        (("soft-delete", "--days", "3"), 1),
        (("soft-delete",), 2),
    ],
)
def test_what_loses_something_is_asked_for(ready: Runner, service: Service, words: Any, code: int) -> None:
    assert ready("config", words[0], "update", "-r", "demo01", *words[1:]).code == code
    assert not service.asked("PATCH", "")


@pytest.mark.usefixtures("registry")
def test_an_address_is_admitted_once_and_then_no_more(ready: Runner, service: Service) -> None:
    rule = ("-n", "demo01", "--ip-address", "203.0.113.7")
    for _ in range(2):
        assert ready("network-rule", "add", *rule).json["networkRuleSet"]["virtualNetworkRules"] == []
    sent = patched(service)["properties"]["networkRuleSet"]
    assert [one["value"] for one in sent["ipRules"]] == ["10.0.0.0/8", "203.0.113.7"]
    assert ready("network-rule", "list", "-n", "demo01", "-o", "table").out.split()[-2:] == [
        "203.0.113.7",
        "Allow",
    ]
    assert ready("network-rule", "remove", *rule).code == 0
    assert ready("network-rule", "remove", *rule).code == 3
    assert ready("network-rule", "add", "-n", "demo01").code == 2
    refused = ready("network-rule", "add", "-n", "demo01", "--subnet", "x")
    assert (refused.code, "no virtual networks" in refused.err) == (2, True)


def test_a_change_names_the_version_it_is_based_on(
    ready: Runner, service: Service, registry: dict[str, Any]
) -> None:
    service.next.append(Answer(200, registry, {"ETag": '"7"'}))
    assert ready("network-rule", "add", "-n", "demo01", "-g", "rg1", "--ip-address", "10.0.0.1").code == 0
    assert service.asked("PATCH", "/demo01")[0].headers["if-match"] == '"7"'


ROBOT = "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/robot"


@pytest.mark.parametrize(
    ("present", "words", "sent"),
    [
        (None, ("assign", "[system]"), {"type": "SystemAssigned"}),
        ({"type": "SystemAssigned"}, ("remove", "[System]"), {"type": "None"}),
        (
            {"type": "SystemAssigned"},
            ("assign", ROBOT),
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {ROBOT: {}}},
        ),
        (
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {ROBOT: {}}},
            ("remove", ROBOT.upper().replace("/SUBSCRIPTIONS", "/subscriptions")),
            {"type": "SystemAssigned", "userAssignedIdentities": {ROBOT: None}},
        ),
    ],
)
def test_identities_come_and_go(
    ready: Runner, service: Service, registry: dict[str, Any], present: Any, words: Any, sent: Any
) -> None:
    registry["identity"] = present
    done = ready("identity", words[0], "-n", "demo01", "--identities", *words[1:])
    assert done.code == 0, done.err
    assert patched(service) == {"identity": sent}


def test_an_identity_that_is_not_there_cannot_go(ready: Runner, registry: dict[str, Any]) -> None:
    registry["identity"] = {"type": "None"}
    assert ready("identity", "remove", "-n", "demo01", "--identities", "[system]").code == 3
    assert ready("identity", "remove", "-n", "demo01", "--identities", "robot").code == 3
    assert ready("identity", "show", "-n", "demo01").code == 0


IMPORT = ("import", "-n", "demo01", "-g", "rg1", "--source")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (
            ("docker.io/library/alpine:3", "-u", "me", "-p", "secret"),
            {
                "source": {
                    "registryUri": "docker.io",
                    "sourceImage": "library/alpine:3",
                    "credentials": {"username": "me", "password": "secret"},
                },
                "mode": "NoForce",
                "targetTags": ["library/alpine:3"],
            },
        ),
        (
            ("docker.io/a@sha256:b", "-t", "x:1", "-t", "x:2", "--repository", "y", "--force"),
            {
                "source": {"registryUri": "docker.io", "sourceImage": "a@sha256:b"},
                "mode": "Force",
                "targetTags": ["x:1", "x:2"],
                "untaggedTargetRepositories": ["y"],
            },
        ),
        (
            ("a:1", "-r", "/subscriptions/s/registries/other"),
            {
                "source": {"resourceId": "/subscriptions/s/registries/other", "sourceImage": "a:1"},
                "mode": "NoForce",
                "targetTags": ["a:1"],
            },
        ),
    ],
)
def test_import_sends_what_az_sends(ready: Runner, service: Service, words: Any, sent: Any) -> None:
    service.next.extend(
        [Answer(200, {"value": []}), Answer(200)]
        if "-p" not in words and "-r" not in words
        else [Answer(200)]
    )
    done = ready(*IMPORT, *words)
    assert (done.code, done.out) == (0, ""), done.err
    assert service.asked("POST", "/importImage")[0].body == sent


@pytest.mark.parametrize("source", ["{server}/hello:v1", "hello:v1"])
def test_import_from_a_registry_here_names_its_id(ready: Runner, service: Service, source: str) -> None:
    server = service.base.partition("//")[2]
    words = (*IMPORT, source.replace("{server}", server), *(() if "{" in source else ("-r", "demo01")))
    ready(*words, "--no-wait")
    (request,) = service.asked("POST", "/importImage")
    assert request.body["source"]["resourceId"].endswith("/registries/demo01")
    assert request.body["source"]["sourceImage"] == "hello:v1"


@pytest.mark.parametrize("words", [("alpine",), ("library/alpine",), ("docker.io/a", "-u", "me")])
def test_an_import_from_nowhere_is_refused(ready: Runner, service: Service, words: Any) -> None:
    assert ready(*IMPORT, *words).code == 2
    assert not service.asked("POST", "/importImage")
