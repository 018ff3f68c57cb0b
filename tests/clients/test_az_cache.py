"""Unmodified az on cache rules and credential sets, and a pull that goes through them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.content import random_image
from benchmarks.registry import Client, Registry
from tests.clients.conftest import Run, Service, need

pytestmark = pytest.mark.clients
GROUP, NAME = "az-cache", "azcache01"
USERNAME, PASSWORD = (f"https://vault.vault.azure.net/secrets/upstream-{part}" for part in ("user", "pass"))


@pytest.fixture(scope="module")
def registry(az: Service, upstream: Registry) -> Iterator[str]:
    """Give a registry; the upstream's credential is in the folder of secrets, its password not yet right."""
    secrets = Path(az.env["ACRCTL_SECRETS_DIR"]) / "vault"
    secrets.mkdir(parents=True)
    (secrets / "upstream-user").write_text(upstream.username)
    (secrets / "upstream-pass").write_text(upstream.password)
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    az.az(
        "acr", "create", "-n", NAME, "-g", GROUP, "--sku", "Standard", "--admin-enabled", "true", "-o", "none"
    )
    yield NAME
    az.az("group", "delete", "-n", GROUP, "--yes")


def acr(az: Service, *words: str, check: bool = True) -> Run:
    return az.az("acr", *words, "-r", NAME, check=check)


def test_rules_with_credentials_bring_what_is_pulled(
    az: Service, registry: str, upstream: Registry, upstream_host: str, tmp_path: Path
) -> None:
    made = acr(
        az, "credential-set", "create", "-n", "upstream", "-l", upstream_host,
        "-u", USERNAME, "-p", f"{PASSWORD}-missing",
    ).json()  # fmt: skip
    assert made["identity"]["type"] == "SystemAssigned"
    assert made["authCredentials"][0]["credentialHealth"]["status"] == "Unhealthy"
    acr(az, "credential-set", "update", "-n", "upstream", "-p", PASSWORD)
    shown = acr(az, "credential-set", "show", "-n", "upstream").json()
    assert shown["authCredentials"][0]["credentialHealth"]["status"] == "Healthy"
    assert [one["name"] for one in acr(az, "credential-set", "list").json()] == ["upstream"]
    rule = acr(
        az, "cache", "create", "-n", "upstream", "-s", f"{upstream_host}/cached/*", "-t", "via/*",
        "-c", "upstream",
    ).json()  # fmt: skip
    assert rule["credentialSetResourceId"] == shown["id"]
    assert acr(az, "cache", "show", "-n", "upstream").json() == acr(az, "cache", "list").json()[0] == rule

    image = random_image(100_000)
    pusher = Client(upstream)
    pusher.push("cached/app", "v1", image)
    pusher.close()
    pull(az, registry, "via/app:v1", tmp_path)
    assert az.az("acr", "repository", "list", "-n", registry).json() == ["via/app"]

    changed = acr(az, "cache", "update", "-n", "upstream", "--remove-cred-set").json()
    assert changed["credentialSetResourceId"] is None
    acr(az, "cache", "delete", "-n", "upstream", "--yes")
    assert acr(az, "cache", "list").json() == []
    acr(az, "credential-set", "delete", "-n", "upstream", "--yes")
    assert acr(az, "credential-set", "list").json() == []
    pull(az, registry, "via/app:v1", tmp_path)


def pull(az: Service, registry: str, image: str, folder: Path) -> None:
    shown = az.acrctl("credential", "show", "-n", registry).json()
    server = az.acrctl("show", "-n", registry, "--query", "loginServer", "-o", "tsv").out.strip()
    certificates = folder / "certs.d"
    certificates.mkdir(exist_ok=True)
    shutil.copy(az.ca, certificates / "ca.crt")
    az.run(
        need("skopeo"), "copy", "--src-cert-dir", certificates,
        "--src-creds", f"{shown['username']}:{shown['passwords'][0]['value']}",
        f"docker://{server}/{image}", f"dir:{folder / 'pulled'}",
    )  # fmt: skip
