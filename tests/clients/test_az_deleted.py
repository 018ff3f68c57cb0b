"""Unmodified az on deleted content: policies, lists of what was deleted, and restoring it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need

pytestmark = pytest.mark.clients
GROUP, NAME, REPOSITORY = "deleted-group", "deletedregistry", "samples/app"


@pytest.fixture(scope="module")
def registry(az: Service, image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A Premium registry with soft delete on for three days, and one image under two tags."""
    az.az("group", "create", "-n", GROUP, "-l", "eastus")
    created: dict[str, Any] = az.az("acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Premium").json()
    changed = az.az(
        "acr", "config", "soft-delete", "update", "-r", NAME, "--status", "enabled", "--days", "3", "--yes"
    ).json()
    assert (changed["status"], changed["retentionDays"]) == ("enabled", 3)
    folder = tmp_path_factory.mktemp("certs")
    shutil.copy(az.ca, folder / "ca.crt")
    token = az.az("acr", "login", "-n", NAME, "--expose-token").json()
    for tag in ("v1", "v2"):
        az.run(
            need("skopeo"), "copy", "--dest-cert-dir", folder,
            "--dest-creds", f"00000000-0000-0000-0000-000000000000:{token['accessToken']}",
            f"oci:{image}:v1", f"docker://{created['loginServer']}/{REPOSITORY}:{tag}",
        )  # fmt: skip
    return created


def tags(az: Service) -> list[str]:
    shown: list[str] = az.az("acr", "repository", "show-tags", "-n", NAME, "--repository", REPOSITORY).json()
    return shown


def test_policies_are_set_and_shown(az: Service, registry: dict[str, Any]) -> None:
    shown = az.az("acr", "config", "soft-delete", "show", "-r", registry["name"]).json()
    assert (shown["status"], shown["retentionDays"]) == ("enabled", 3)
    changed = az.az(
        "acr", "config", "retention", "update", "-r", NAME,
        "--status", "enabled", "--days", "30", "--type", "UntaggedManifests",
    ).json()  # fmt: skip
    assert (changed["status"], changed["days"]) == ("enabled", 30)
    assert az.az("acr", "config", "retention", "show", "-r", NAME).json() == changed
    assert az.az("acr", "config", "soft-delete", "show", "-r", NAME).json() == shown


def test_a_tag_is_listed_and_restored(az: Service, registry: dict[str, Any]) -> None:
    name = registry["name"]
    az.az("acr", "repository", "untag", "-n", name, "--image", f"{REPOSITORY}:v2")
    assert tags(az) == ["v1"]
    (listed,) = az.az("acr", "manifest", "list-deleted-tags", "-r", name, "-n", f"{REPOSITORY}:v2").json()
    assert listed["tag"] == "v2"
    assert listed["expiresAfter"] > listed["deletedAt"]
    az.az("acr", "manifest", "restore", "-r", name, "-n", f"{REPOSITORY}:v2", "--yes")
    assert tags(az) == ["v1", "v2"]


def test_a_repository_s_manifests_are_listed_and_restored(az: Service, registry: dict[str, Any]) -> None:
    name = registry["name"]
    az.az("acr", "repository", "delete", "-n", name, "--repository", REPOSITORY, "--yes")
    assert az.az("acr", "repository", "list", "-n", name).json() == []
    assert az.az("acr", "repository", "list-deleted", "-n", name).json() == [REPOSITORY]
    (listed,) = az.az("acr", "manifest", "list-deleted", "-r", name, "-n", REPOSITORY).json()
    assert listed["tags"] == ["v1", "v2"]
    digest = listed["digest"]
    restored = az.az(
        "acr", "manifest", "restore", "-r", name, "-n", f"{REPOSITORY}:v1", "-d", digest, "--force", "--yes"
    ).json()
    assert restored["manifestsRestored"] == [digest]
    assert tags(az) == ["v1"]
