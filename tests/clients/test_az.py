"""Unmodified az against the service: the commands a platform team's scripts use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need

pytestmark = pytest.mark.clients
GROUP = "az-group"


@pytest.fixture(scope="module")
def group(az: Service) -> str:
    created = az.az("group", "create", "-n", GROUP, "-l", "eastus").json()
    assert created["properties"]["provisioningState"] == "Succeeded"
    return GROUP


@pytest.fixture(scope="module")
def registry(az: Service, group: str) -> dict[str, Any]:
    created: dict[str, Any] = az.az(
        "acr", "create", "-n", "azregistry", "-g", group, "--sku", "Standard"
    ).json()
    return created


@pytest.fixture(scope="module")
def pushed(
    az: Service, registry: dict[str, Any], image: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Push one image as the logged-in owner, with the token of `az acr login`."""
    folder = tmp_path_factory.mktemp("certs")
    shutil.copy(az.ca, folder / "ca.crt")
    token = az.az("acr", "login", "-n", registry["name"], "--expose-token").json()
    assert token["loginServer"] == registry["loginServer"]
    for tag in ("v1", "v2"):
        az.run(
            need("skopeo"), "copy", "--dest-cert-dir", folder,
            "--dest-creds", f"00000000-0000-0000-0000-000000000000:{token['accessToken']}",
            f"oci:{image}:v1", f"docker://{registry['loginServer']}/samples/app:{tag}",
        )  # fmt: skip
    return "samples/app"


def test_create_answers_what_was_asked_for(registry: dict[str, Any]) -> None:
    assert registry["provisioningState"] == "Succeeded"
    assert registry["sku"] == {"name": "Standard", "tier": "Standard"}
    assert registry["adminUserEnabled"] is False
    assert registry["resourceGroup"] == GROUP


def test_check_name_tells_free_from_taken(az: Service, registry: dict[str, Any]) -> None:
    assert az.az("acr", "check-name", "-n", "surelyfree01").json()["nameAvailable"] is True
    taken = az.az("acr", "check-name", "-n", registry["name"]).json()
    assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")


def test_show_and_list_agree(az: Service, registry: dict[str, Any]) -> None:
    shown = az.az("acr", "show", "-n", registry["name"]).json()
    assert shown["loginServer"] == registry["loginServer"]
    assert shown["id"] in [entry["id"] for entry in az.az("acr", "list").json()]
    assert shown["id"] in [entry["id"] for entry in az.az("acr", "list", "-g", GROUP).json()]


def test_update_credentials_and_usage(az: Service, registry: dict[str, Any]) -> None:
    name = registry["name"]
    updated = az.az("acr", "update", "-n", name, "--admin-enabled", "true", "--tags", "team=blue").json()
    assert updated["adminUserEnabled"] is True
    assert updated["tags"] == {"team": "blue"}
    before = az.az("acr", "credential", "show", "-n", name).json()
    after = az.az("acr", "credential", "renew", "-n", name, "--password-name", "password2").json()
    assert before["passwords"][0] == after["passwords"][0]
    assert before["passwords"][1] != after["passwords"][1]
    usages = {row["name"]: row for row in az.az("acr", "show-usage", "-n", name).json()["value"]}
    assert usages["Size"]["limit"] == 100 * 1024**3


def test_repositories_and_tags_are_listed(az: Service, registry: dict[str, Any], pushed: str) -> None:
    name = registry["name"]
    assert az.az("acr", "repository", "list", "-n", name).json() == [pushed]
    assert az.az("acr", "repository", "show-tags", "-n", name, "--repository", pushed).json() == ["v1", "v2"]
    shown = az.az("acr", "repository", "show", "-n", name, "--repository", pushed).json()
    assert (shown["manifestCount"], shown["tagCount"]) == (1, 2)
    tag = az.az("acr", "repository", "show", "-n", name, "--image", f"{pushed}:v1").json()
    assert tag["digest"].startswith("sha256:")
    usages = {row["name"]: row for row in az.az("acr", "show-usage", "-n", name).json()["value"]}
    assert usages["Size"]["currentValue"] > 0


def test_untag_and_delete_images(az: Service, registry: dict[str, Any], pushed: str) -> None:
    name = registry["name"]
    az.az("acr", "repository", "untag", "-n", name, "--image", f"{pushed}:v2")
    assert az.az("acr", "repository", "show-tags", "-n", name, "--repository", pushed).json() == ["v1"]
    az.az("acr", "repository", "delete", "-n", name, "--repository", pushed, "--yes")
    assert az.az("acr", "repository", "list", "-n", name).json() == []


def test_a_missing_registry_exits_with_az_s_not_found_code(az: Service, group: str) -> None:
    missing = az.az("acr", "show", "-n", "nosuchregistry", "-g", group, check=False)
    assert missing.code == 3
    assert "ResourceNotFound" in missing.err


@pytest.fixture(scope="module")
def pusher(az: Service, registry: dict[str, Any]) -> Iterator[dict[str, str]]:
    made: dict[str, str] = az.az(
        "ad", "sp", "create-for-rbac", "--name", "pusher", "--role", "AcrPush", "--scopes", registry["id"]
    ).json()
    yield made
    az.az("ad", "sp", "delete", "--id", made["appId"])


def test_a_principal_with_acrpush_logs_in_and_pushes_but_may_not_manage(
    az: Service, registry: dict[str, Any], pusher: dict[str, str], image: Path, tmp_path: Path
) -> None:
    shutil.copy(az.ca, tmp_path / "ca.crt")
    az.run(
        need("skopeo"), "copy", "--dest-cert-dir", tmp_path,
        "--dest-creds", f"{pusher['appId']}:{pusher['password']}",
        f"oci:{image}:v1", f"docker://{registry['loginServer']}/by/pusher:v1",
    )  # fmt: skip
    own = {"AZURE_CONFIG_DIR": str(tmp_path / "azure")}
    az.az(
        "login", "--service-principal", "-u", pusher["appId"], "-p", pusher["password"],
        "--tenant", pusher["tenant"], "--allow-no-subscriptions", env=own,
    )  # fmt: skip
    refused = az.az("acr", "delete", "-n", registry["name"], "-g", GROUP, "--yes", check=False, env=own)
    assert refused.code != 0
    assert az.az("acr", "show", "-n", registry["name"]).json()["provisioningState"] == "Succeeded"


def test_role_assignments_are_made_listed_and_removed(
    az: Service, registry: dict[str, Any], pusher: dict[str, str]
) -> None:
    principal = az.az("ad", "sp", "show", "--id", pusher["appId"]).json()["id"]
    made = az.az(
        "role", "assignment", "create", "--assignee-object-id", principal,
        "--assignee-principal-type", "ServicePrincipal", "--role", "AcrPull", "--scope", registry["id"],
    ).json()  # fmt: skip
    listed = az.az("role", "assignment", "list", "--scope", registry["id"]).json()
    assert {"AcrPull", "AcrPush"} <= {entry["roleDefinitionName"] for entry in listed}
    az.az("role", "assignment", "delete", "--ids", made["id"])
    left = az.az(
        "role", "assignment", "list", "--scope", registry["id"], "--assignee", pusher["appId"]
    ).json()
    assert {entry["roleDefinitionName"] for entry in left} == {"AcrPush"}


def test_delete_removes_the_registry_and_frees_its_name(az: Service, group: str) -> None:
    az.az("acr", "create", "-n", "shortlived01", "-g", group, "--sku", "Basic", "-o", "none")
    az.az("acr", "delete", "-n", "shortlived01", "-g", group, "--yes")
    names = [entry["name"] for entry in az.az("acr", "list", "-g", group).json()]
    assert "shortlived01" not in names
    assert az.az("acr", "check-name", "-n", "shortlived01").json()["nameAvailable"] is True


def test_group_deletion_cascades(az: Service) -> None:
    az.az("group", "create", "-n", "doomed", "-l", "eastus")
    az.az("acr", "create", "-n", "doomedregistry", "-g", "doomed", "--sku", "Basic", "-o", "none")
    az.az("group", "delete", "-n", "doomed", "--yes")
    assert json.loads(az.az("group", "exists", "-n", "doomed").out) is False
    assert az.az("acr", "check-name", "-n", "doomedregistry").json()["nameAvailable"] is True
