"""Attributes through real clients: az and the Python SDK lock, unlock, and see the same members."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need

pytestmark = pytest.mark.clients
NAME = "locks/app"
FRESH = {"deleteEnabled": True, "listEnabled": True, "readEnabled": True, "writeEnabled": True}
FLAGS = ("can_delete", "can_list", "can_read", "can_write")

SDK = """
import json, os, sys
from azure.identity import ClientSecretCredential
from azure.containerregistry import ContainerRegistryClient

authority, server, name = sys.argv[1:4]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
    authority=authority, disable_instance_discovery=True,
)
flags = ("can_delete", "can_list", "can_read", "can_write")
with ContainerRegistryClient(
    f"https://{server}", credential, audience="https://containerregistry.azure.net"
) as client:
    digest = client.get_tag_properties(name, "v1").digest
    show = lambda found: [{f: getattr(one, f) for f in flags} for one in found]

    def change(flag, value):
        return show([
            client.update_repository_properties(name, **{flag: value}),
            client.update_tag_properties(name, "v1", **{flag: value}),
            client.update_manifest_properties(name, digest, **{flag: value}),
        ])

    def read():
        return show([
            client.get_repository_properties(name),
            client.get_tag_properties(name, "v1"),
            client.get_manifest_properties(name, digest),
        ])

    result = {flag: [change(flag, False), read(), change(flag, True)] for flag in flags}
print(json.dumps(result))
"""


@pytest.fixture
def digest(az: Service, registry: dict[str, Any], image: Path, certificates: Path, credentials: str) -> str:
    """Push an image, ``locks/app:v1``."""
    push(az, registry, image, certificates, credentials)
    shown = az.az("acr", "repository", "show", "-n", registry["name"], "--image", f"{NAME}:v1").json()
    found: str = shown["digest"]
    return found


def push(
    az: Service, registry: dict[str, Any], image: Path, certificates: Path, credentials: str, tag: str = "v1"
) -> int:
    target = f"docker://{registry['loginServer']}/{NAME}:{tag}"
    return az.run(
        need("skopeo"), "copy", "--dest-cert-dir", certificates, "--dest-creds", credentials,
        f"oci:{image}:v1", target, check=False,
    ).code  # fmt: skip


def test_az_locks_and_unlocks(
    az: Service,
    registry: dict[str, Any],
    image: Path,
    certificates: Path,
    credentials: str,
    digest: str,
) -> None:
    name = registry["name"]
    assert digest
    for target in (["--repository", NAME], ["--image", f"{NAME}:v1"]):
        update = ("acr", "repository", "update", "-n", name, *target)
        locked = az.az(*update, "--write-enabled", "false", "--delete-enabled", "false").json()
        assert locked["changeableAttributes"] == {**FRESH, "writeEnabled": False, "deleteEnabled": False}
        shown = az.az("acr", "repository", "show", "-n", name, *target).json()
        assert shown["changeableAttributes"] == locked["changeableAttributes"]
        refused = az.az("acr", "repository", "delete", "-n", name, *target, "--yes", check=False)
        assert refused.code != 0
        assert "disallowed" in refused.err
        if target[0] == "--repository":
            assert push(az, registry, image, certificates, credentials, tag="v2") != 0
        unlocked = az.az(*update, "--write-enabled", "true", "--delete-enabled", "true").json()
        assert unlocked["changeableAttributes"] == FRESH


def test_az_hides_and_closes(az: Service, registry: dict[str, Any], digest: str) -> None:
    name, tag = registry["name"], f"{NAME}:v1"
    assert digest
    update = ("acr", "repository", "update", "-n", name, "--image", tag)
    az.az(*update, "--list-enabled", "false", "--read-enabled", "false")
    assert az.az("acr", "repository", "show-tags", "-n", name, "--repository", NAME).json() == []
    closed = az.az("acr", "manifest", "show", "-r", name, "-n", tag, check=False)
    assert closed.code != 0
    az.az(*update, "--list-enabled", "true", "--read-enabled", "true")
    assert az.az("acr", "repository", "show-tags", "-n", name, "--repository", NAME).json() == ["v1"]


def test_az_changes_attributes_of_manifests(az: Service, registry: dict[str, Any], digest: str) -> None:
    place = ("-r", registry["name"], "-n", f"{NAME}@{digest}")
    locked = az.az("acr", "manifest", "update-metadata", *place, "--write-enabled", "false").json()
    assert locked["changeableAttributes"] == {**FRESH, "writeEnabled": False}
    assert az.az("acr", "manifest", "show-metadata", *place).json() == locked
    az.az("acr", "manifest", "update-metadata", *place, "--write-enabled", "true")


def test_the_python_sdk_sees_what_it_changed(az: Service, registry: dict[str, Any], digest: str) -> None:
    assert digest
    out = az.python(SDK, az.profile["endpoint"], registry["loginServer"], NAME).out
    result = json.loads(out.strip().splitlines()[-1])
    for flag in FLAGS:
        locked, fresh = {one: one != flag for one in FLAGS}, dict.fromkeys(FLAGS, True)
        assert result[flag] == [[locked] * 3, [locked] * 3, [fresh] * 3], flag
