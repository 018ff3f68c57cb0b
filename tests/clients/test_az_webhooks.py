"""Unmodified az and the Python SDK on webhooks, and what a push through skopeo tells a receiver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Run, Service, need
from tests.support.receivers import Receiver, receiver
from tests.support.waiting import eventually

pytestmark = pytest.mark.clients
GROUP, NAME, HOOK = "az-webhooks", "azwebhooks01", "azhook01"

SDK = """
import json, os, sys
from azure.identity import ClientSecretCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

endpoint, group, registry, uri = sys.argv[1:5]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
    authority=endpoint, disable_instance_discovery=True,
)
client = ContainerRegistryManagementClient(
    credential, os.environ["AZURE_SUBSCRIPTION_ID"],
    base_url=endpoint, credential_scopes=[endpoint + "/.default"],
)
hooks, at = client.webhooks, (group, registry, "sdkhook01")
made = hooks.begin_create(*at, {
    "location": "eastus", "properties": {"serviceUri": uri, "actions": ["push"], "customHeaders": {"a": "b"}},
}).result()
changed = hooks.begin_update(*at, {"properties": {"actions": ["push", "delete"]}}).result()
config, ping = hooks.get_callback_config(*at), hooks.ping(*at)
events = [event.id for event in hooks.list_events(*at)]
names = [one.name for one in hooks.list(group, registry)]
hooks.begin_delete(*at).result()
rules, at = client.cache_rules, (group, registry, "sdkrule01")
rule = rules.begin_create(*at, {
    "properties": {"sourceRepository": "docker.io/library/hello-world", "targetRepository": "hello"},
}).result()
kept = [one.name for one in rules.list(group, registry)]
rules.begin_delete(*at).result()
print(json.dumps({
    "state": made.properties.provisioning_state, "actions": changed.properties.actions,
    "headers": config.custom_headers, "told": ping.id in events, "names": names,
    "left": [one.name for one in hooks.list(group, registry)],
    "rule": [rule.properties.provisioning_state, *kept],
    "rules": [one.name for one in rules.list(group, registry)],
}))
"""


@pytest.fixture(scope="module")
def registry(az: Service) -> Iterator[dict[str, Any]]:
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    created: dict[str, Any] = az.az("acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Standard").json()
    yield created
    az.az("group", "delete", "-n", GROUP, "--yes")


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(scope="module")
def hook(az: Service, registry: dict[str, Any], there: Receiver) -> dict[str, Any]:
    assert registry["provisioningState"] == "Succeeded"
    created: dict[str, Any] = acr(
        az, "webhook", "create", "-n", HOOK, "--uri", f"{there.url}?code=s3cret",
        "--actions", "push", "delete", "--headers", "Authorization=Bearer s3cret", "X-Team=blue",
        "--scope", "hooked:*", "--tags", "team=blue",
    ).json()  # fmt: skip
    return created


def acr(az: Service, *words: str, **more: Any) -> Run:
    return az.az("acr", *words, "-r", NAME, **more)


def test_what_was_made_is_shown_without_secrets(az: Service, hook: dict[str, Any]) -> None:
    assert (hook["provisioningState"], hook["status"], hook["scope"]) == ("Succeeded", "enabled", "hooked:*")
    assert (hook["actions"], hook["tags"], hook["location"]) == (
        ["push", "delete"],
        {"team": "blue"},
        "eastus",
    )
    shown = acr(az, "webhook", "show", "-n", HOOK)
    assert shown.json() == acr(az, "webhook", "list").json()[0] == hook
    assert "s3cret" not in shown.out
    config = acr(az, "webhook", "get-config", "-n", HOOK).json()
    assert config["customHeaders"] == {"Authorization": "Bearer s3cret", "X-Team": "blue"}
    assert config["serviceUri"].endswith("?code=s3cret")


def test_a_ping_arrives_and_is_in_the_history(az: Service, hook: dict[str, Any], there: Receiver) -> None:
    ping = acr(az, "webhook", "ping", "-n", hook["name"]).json()
    eventually(lambda: ping["id"] in [one.body["id"] for one in there.received], within=30, what="the ping")
    told = next(one for one in there.received if one.body["id"] == ping["id"])
    assert told.body.keys() == {"id", "timestamp", "action"}
    assert (told.body["action"], told.path) == ("ping", "/hook?code=s3cret")

    def event() -> Any:
        listed = acr(az, "webhook", "list-events", "-n", hook["name"])
        assert "s3cret" not in listed.out
        return next((one for one in listed.json() if one["id"] == ping["id"]), {})

    eventually(lambda: event().get("eventResponseMessage"), within=30, what="an answer in the history")
    found = event()
    assert found["eventResponseMessage"]["statusCode"] == "200"
    assert found["eventRequestMessage"]["content"]["action"] == "ping"


def test_a_push_by_skopeo_arrives_as_documented(
    az: Service, registry: dict[str, Any], hook: dict[str, Any], there: Receiver, image: Path, tmp_path: Path
) -> None:
    digest = push(az, registry, image, tmp_path, "hooked/no:v1", "hooked:v1")
    eventually(
        lambda: any(one.body["action"] == "push" for one in there.received), within=30, what="the push"
    )
    (told,) = [one for one in there.received if one.body["action"] == "push"]
    target = told.body["target"]
    manifest = image / "blobs" / "sha256" / digest.removeprefix("sha256:")
    assert target == {
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "repository": "hooked",
        "tag": "v1", "size": manifest.stat().st_size, "length": manifest.stat().st_size,
    }  # fmt: skip
    assert (told.body["request"]["method"], told.body["request"]["host"]) == ("PUT", registry["loginServer"])
    assert told.body["request"]["useragent"].startswith("skopeo/")
    assert (told.headers["Authorization"], told.headers["X-Team"]) == ("Bearer s3cret", "blue")
    assert hook["name"] == HOOK


def test_a_webhook_that_is_disabled_is_told_nothing(
    az: Service, registry: dict[str, Any], hook: dict[str, Any], there: Receiver, image: Path, tmp_path: Path
) -> None:
    changed = acr(az, "webhook", "update", "-n", hook["name"], "--status", "disabled").json()
    assert (changed["status"], changed["scope"], changed["actions"]) == (
        "disabled",
        "hooked:*",
        ["push", "delete"],
    )
    push(az, registry, image, tmp_path, "hooked:unheard")
    acr(az, "webhook", "update", "-n", hook["name"], "--status", "enabled", "--actions", "push")
    push(az, registry, image, tmp_path, "hooked:heard")
    eventually(lambda: "heard" in tags_of(there), within=30, what="the second push")
    assert "unheard" not in tags_of(there)


def test_the_sdk_drives_webhooks_and_cache_rules(
    az: Service, registry: dict[str, Any], there: Receiver
) -> None:
    done = json.loads(az.python(SDK, az.profile["endpoint"], GROUP, registry["name"], there.url).out)
    assert done.pop("names") == sorted(
        {"sdkhook01", *[one["name"] for one in acr(az, "webhook", "list").json()]}
    )
    assert "sdkhook01" not in done.pop("left")
    assert done == {
        "state": "Succeeded", "actions": ["push", "delete"], "headers": {"a": "b"}, "told": True,
        "rule": ["Succeeded", "sdkrule01"], "rules": [],
    }  # fmt: skip


def test_what_is_deleted_is_gone(az: Service, hook: dict[str, Any]) -> None:
    acr(az, "webhook", "delete", "-n", hook["name"])
    assert acr(az, "webhook", "list").json() == []
    assert acr(az, "webhook", "show", "-n", hook["name"], check=False).code == 3


def tags_of(there: Receiver) -> list[str]:
    return [one.body["target"].get("tag", "") for one in list(there.received) if "target" in one.body]


def push(az: Service, registry: dict[str, Any], image: Path, folder: Path, *places: str) -> str:
    """Push an image as the owner; return its digest."""
    certificates = folder / "certs.d"
    certificates.mkdir(exist_ok=True)
    shutil.copy(az.ca, certificates / "ca.crt")
    token = az.az("acr", "login", "-n", registry["name"], "--expose-token").json()["accessToken"]
    for place in places:
        az.run(
            need("skopeo"), "copy", "--dest-cert-dir", certificates, "--digestfile", folder / "digest",
            "--dest-creds", f"00000000-0000-0000-0000-000000000000:{token}",
            f"oci:{image}:v1", f"docker://{registry['loginServer']}/{place}",
        )  # fmt: skip
    return (folder / "digest").read_text().strip()
