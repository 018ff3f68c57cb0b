"""Azure's Python SDKs, unmodified: management, data plane and identity."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need

pytestmark = pytest.mark.clients

MANAGEMENT = """
import json, os, sys
from azure.identity import ClientSecretCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

endpoint, group = sys.argv[1:3]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
    authority=endpoint, disable_instance_discovery=True,
)
client = ContainerRegistryManagementClient(
    credential, os.environ["AZURE_SUBSCRIPTION_ID"],
    base_url=endpoint, credential_scopes=[endpoint + "/.default"],
)
registries = client.registries
created = registries.begin_create(
    group, "sdkregistry",
    {"location": "eastus", "sku": {"name": "Premium"}, "properties": {"adminUserEnabled": True}},
).result()
updated = registries.begin_update(group, "sdkregistry", {"tags": {"by": "sdk"}}).result()
passwords = registries.list_credentials(group, "sdkregistry").passwords
renewed = registries.regenerate_credential(group, "sdkregistry", {"name": "password"}).passwords
names = [r.name for r in registries.list()]
registries.begin_delete(group, "sdkregistry").result()
print(json.dumps({
    "state": created.properties.provisioning_state, "server": created.properties.login_server,
    "tags": updated.tags, "renewed": [a.value != b.value for a, b in zip(passwords, renewed)],
    "listed": "sdkregistry" in names, "left": [r.name for r in registries.list() if r.name == "sdkregistry"],
}))
"""

DATA = """
import hashlib, io, json, os, sys
from azure.identity import ClientSecretCredential
from azure.containerregistry import ContainerRegistryClient

authority, server = sys.argv[1:3]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"],
    authority=authority, disable_instance_discovery=True,
)
audience = "https://containerregistry.azure.net"
with ContainerRegistryClient(f"https://{server}", credential, audience=audience) as client:
    layer = os.urandom(5 * 1024 * 1024)
    digest, size = client.upload_blob("sdk/app", io.BytesIO(layer))
    config_digest, config_size = client.upload_blob("sdk/app", io.BytesIO(b"{}"))
    oci = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci + "manifest.v1+json",
        "config": {"mediaType": oci + "config.v1+json", "digest": config_digest, "size": config_size},
        "layers": [{"mediaType": oci + "layer.v1.tar", "digest": digest, "size": size}],
    }
    pushed = client.set_manifest("sdk/app", manifest, tag="v1")
    fetched = client.get_manifest("sdk/app", "v1")
    stream = b"".join(client.download_blob("sdk/app", digest))
    result = {
        "repositories": list(client.list_repository_names()),
        "tags": [t.name for t in client.list_tag_properties("sdk/app")],
        "manifests": [m.digest for m in client.list_manifest_properties("sdk/app")],
        "count": client.get_repository_properties("sdk/app").manifest_count,
        "digest": pushed, "fetched": fetched.digest, "intact": stream == layer,
    }
    client.delete_tag("sdk/app", "v1")
    result["tags after"] = [t.name for t in client.list_tag_properties("sdk/app")]
    client.delete_repository("sdk/app")
    result["repositories after"] = list(client.list_repository_names())
print(json.dumps(result))
"""

REFERRING = """
import base64, io, json, os, sys, urllib.request
from azure.identity import ClientSecretCredential
from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import ResourceNotFoundError

authority, server = sys.argv[1:3]
identity = os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], *identity, authority=authority, disable_instance_discovery=True
)
kind = "application/vnd.oci.image.manifest.v1+json"
with ContainerRegistryClient(
    f"https://{server}", credential, audience="https://containerregistry.azure.net"
) as client:
    digest, size = client.upload_blob("sdk/refer", io.BytesIO(b"{}"))
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": size}
    image = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    subject = client.set_manifest("sdk/refer", image, tag="v1")
    named = {"mediaType": kind, "digest": subject, "size": len(json.dumps(image))}
    signature = {**image, "artifactType": "application/x-sig", "subject": named}
    pushed = client.set_manifest("sdk/refer", signature)

    def referrers():
        url = f"https://{server}/v2/sdk/refer/referrers/{subject}?artifactType=application/x-sig"
        basic = base64.b64encode(":".join(identity).encode()).decode()
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {basic}"})
        with urllib.request.urlopen(request) as answer:
            return [one["digest"] for one in json.load(answer)["manifests"]]

    before = referrers()
    client.delete_manifest("sdk/refer", pushed)
    try:
        client.get_manifest("sdk/refer", pushed)
        gone = False
    except ResourceNotFoundError:
        gone = True
    print(json.dumps({"found": before == [pushed], "left": referrers(), "gone": gone}))
"""


def last_json(out: str) -> Any:
    return json.loads(out.strip().splitlines()[-1])


def test_the_management_sdk_creates_updates_rotates_and_deletes(service: Service) -> None:
    profile = service.profile
    shown = last_json(service.python(MANAGEMENT, profile["endpoint"], profile["defaults"]["group"]).out)
    assert shown.pop("server")
    assert shown == {
        "state": "Succeeded",
        "tags": {"by": "sdk"},
        "renewed": [True, False],
        "listed": True,
        "left": [],
    }


def test_the_data_plane_sdk_pushes_pulls_lists_and_deletes(service: Service) -> None:
    created = service.acrctl("registry", "create", "-n", "sdkdata01", "--sku", "Basic").json()
    shown = last_json(service.python(DATA, service.profile["endpoint"], created["loginServer"]).out)
    assert shown["intact"] is True
    assert shown["digest"] == shown["fetched"]
    assert shown["repositories"] == ["sdk/app"]
    assert shown["tags"] == ["v1"]
    assert shown["manifests"] == [shown["digest"]]
    assert shown["count"] == 1
    assert shown["tags after"] == []
    assert shown["repositories after"] == []


def test_the_data_plane_sdk_pushes_what_refers_to_an_image_and_deletes_it(service: Service) -> None:
    created = service.acrctl("registry", "create", "-n", "sdkrefer01", "--sku", "Basic").json()
    shown = last_json(service.python(REFERRING, service.profile["endpoint"], created["loginServer"]).out)
    assert shown == {"found": True, "left": [], "gone": True}


def test_anonymous_pull_acts_at_once_both_ways(service: Service, image: Path, tmp_path: Path) -> None:
    created = service.acrctl(
        "registry", "create", "-n", "anonymous01", "--sku", "Standard", "--admin-enabled"
    ).json()
    secret = service.acrctl("credential", "show", "-n", "anonymous01").json()["passwords"][0]["value"]
    shutil.copy(service.ca, tmp_path / "ca.crt")
    target = f"docker://{created['loginServer']}/public/hello:v1"
    skopeo = need("skopeo")
    service.run(
        skopeo,
        "copy",
        "--dest-cert-dir",
        tmp_path,
        "--dest-creds",
        f"anonymous01:{secret}",
        f"oci:{image}:v1",
        target,
    )
    pull = (skopeo, "inspect", "--no-creds", "--cert-dir", tmp_path, target)
    assert service.run(*pull, check=False).code != 0
    service.acrctl("registry", "update", "-n", "anonymous01", "--anonymous-pull-enabled", "true")
    assert service.run(*pull).json()["Digest"].startswith("sha256:")
    service.acrctl("registry", "update", "-n", "anonymous01", "--anonymous-pull-enabled", "false")
    assert service.run(*pull, check=False).code != 0
