"""Unmodified az on tokens and scope maps, and skopeo signing in with what it made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Run, Service, need

pytestmark = pytest.mark.clients
GROUP, NAME = "az-tokens", "aztokens01"
READ, WRITE = "content/read", "content/write"


@pytest.fixture(scope="module")
def registry(az: Service) -> Iterator[dict[str, Any]]:
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    created: dict[str, Any] = az.az("acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Basic").json()
    yield created
    az.az("group", "delete", "-n", GROUP, "--yes")


@pytest.fixture
def certificates(az: Service, tmp_path: Path) -> Path:
    folder = tmp_path / "certs.d"
    folder.mkdir()
    shutil.copy(az.ca, folder / "ca.crt")
    return folder


def acr(az: Service, *words: str, **more: Any) -> Run:
    return az.az("acr", *words, "-r", NAME, **more)


def test_scope_maps_are_made_changed_and_deleted(az: Service, registry: dict[str, Any]) -> None:
    made = acr(
        az, "scope-map", "create", "-n", "az-map", "--repository", "team/*", READ, "metadata/read",
        "--repository", "app", WRITE, "--description", "Of a test",
    ).json()  # fmt: skip
    assert made["description"] == "Of a test"
    listed = {one["name"]: one for one in acr(az, "scope-map", "list").json()}
    assert {"az-map", "_repositories_pull", "_repositories_admin"} <= set(listed)
    assert listed["_repositories_pull"]["actions"] == [f"repositories/*/{READ}"]
    acr(
        az, "scope-map", "update", "-n", "az-map", "--add-repository", "app", READ,
        "--remove-repository", "team/*", READ,
    )  # fmt: skip
    shown = acr(az, "scope-map", "show", "-n", "az-map").json()
    assert sorted(shown["actions"]) == [
        f"repositories/app/{READ}",
        f"repositories/app/{WRITE}",
        "repositories/team/*/metadata/read",
    ]
    acr(az, "scope-map", "delete", "-n", "az-map", "--yes")
    assert acr(az, "scope-map", "show", "-n", "az-map", check=False).code == 3
    assert registry["name"] == NAME


def test_a_token_pushes_and_pulls_until_it_is_disabled(
    az: Service, registry: dict[str, Any], image: Path, certificates: Path
) -> None:
    made = acr(az, "token", "create", "-n", "builder", "--repository", "team/app", READ, WRITE).json()
    assert [one["name"] for one in made["credentials"]["passwords"]] == ["password1", "password2"]
    password = made["credentials"]["passwords"][0]["value"]

    def copy(repository: str, secret: str = password) -> Run:
        return az.run(
            need("skopeo"), "copy", "--dest-cert-dir", certificates, "--dest-creds", f"builder:{secret}",
            f"oci:{image}:v1", f"docker://{registry['loginServer']}/{repository}:v1", check=False,
        )  # fmt: skip

    assert copy("team/app").code == 0
    assert copy("team/other").code != 0
    assert acr(az, "token", "update", "-n", "builder", "--status", "disabled").json()["status"] == "disabled"
    assert copy("team/app").code != 0
    acr(az, "token", "update", "-n", "builder", "--status", "enabled")
    assert copy("team/app").code == 0
    renewed = acr(az, "token", "credential", "generate", "-n", "builder", "--password1").json()
    assert copy("team/app").code != 0
    assert copy("team/app", renewed["passwords"][0]["value"]).code == 0


def test_a_token_with_a_map_of_the_system_reads_through_az(
    az: Service, registry: dict[str, Any], image: Path, certificates: Path
) -> None:
    login = az.az("acr", "login", "-n", NAME, "--expose-token").json()
    creds = f"00000000-0000-0000-0000-000000000000:{login['accessToken']}"
    az.run(
        need("skopeo"), "copy", "--dest-cert-dir", certificates, "--dest-creds", creds,
        f"oci:{image}:v1", f"docker://{registry['loginServer']}/read/app:v1",
    )  # fmt: skip
    made = acr(
        az, "token", "create", "-n", "reader", "--scope-map", "_repositories_pull_metadata_read",
        "--expiration-in-days", "2",
    ).json()  # fmt: skip
    password = made["credentials"]["passwords"][1]
    assert password["expiry"] is not None
    user = ("-u", "reader", "-p", password["value"])
    assert "read/app" in az.az("acr", "repository", "list", "-n", NAME, *user).json()
    tags = az.az("acr", "repository", "show-tags", "-n", NAME, "--repository", "read/app", *user).json()
    assert tags == ["v1"]
    narrow = acr(az, "token", "create", "-n", "narrow", "--repository", "read/*", "metadata/read").json()
    user = ("-u", "narrow", "-p", narrow["credentials"]["passwords"][0]["value"])
    assert az.az("acr", "repository", "list", "-n", NAME, *user).json() == ["read/app"]


def test_passwords_are_deleted_and_tokens_too(az: Service, registry: dict[str, Any]) -> None:
    acr(az, "token", "create", "-n", "shortlived", "--scope-map", "_repositories_pull", "--no-passwords")
    shown = acr(az, "token", "show", "-n", "shortlived").json()
    assert shown["credentials"]["passwords"] == []
    acr(az, "token", "credential", "generate", "-n", "shortlived", "--expiration-in-days", "1")
    acr(az, "token", "credential", "delete", "-n", "shortlived", "--password1")
    left = acr(az, "token", "show", "-n", "shortlived").json()["credentials"]["passwords"]
    assert [one["name"] for one in left] == ["password2"]
    assert left[0].get("value") is None
    assert "shortlived" in [one["name"] for one in acr(az, "token", "list").json()]
    refused = acr(az, "scope-map", "delete", "-n", "_repositories_pull", "--yes", check=False)
    assert "ScopeMapSystemDefined" in refused.err
    acr(az, "token", "delete", "-n", "shortlived", "--yes")
    assert "shortlived" not in [one["name"] for one in acr(az, "token", "list").json()]
    assert registry["name"] == NAME
