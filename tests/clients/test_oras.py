"""oras (Python): artifacts of any type, Helm charts among them, and what refers to them.

It keeps the first token it gets for all that follows, so it is told to send the password itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need

pytestmark = pytest.mark.clients

ARTIFACT = """
import json, os, sys
import oras.client, oras.oci

server, user, password = sys.argv[1:4]
client = oras.client.OrasClient(hostname=server, auth_backend="basic")
client.login(username=user, password=password, hostname=server)

def push(target, files, **more):
    return client.push(f"{server}/{target}", files=files, disable_path_validation=True, quiet=True, **more)

content = os.urandom(3_000_000)
for name in ("data.bin", "sbom.json"):
    with open(name, "wb") as file:
        file.write(content if name == "data.bin" else b"{}")
pushed = push("oras/artifact:v1", ["data.bin:application/x-data"], manifest_annotations={"by": "oras"})
push("oras/artifact:chunked", ["data.bin:application/x-data"], do_chunked=True, chunk_size=1_000_000)
digest = pushed.headers["Docker-Content-Digest"]

(pulled,) = client.pull(target=f"{server}/oras/artifact:v1", outdir="out")
with open(pulled, "rb") as file:
    intact = file.read() == content

subject = oras.oci.Subject(
    mediaType="application/vnd.oci.image.manifest.v1+json", digest=digest,
    size=len(client.do_request(f"https://{server}/v2/oras/artifact/manifests/v1").content),
)
referring = push("oras/artifact:sbom", ["sbom.json:application/x-sbom"], subject=subject)
referrers = client.do_request(f"https://{server}/v2/oras/artifact/referrers/{digest}").json()
tags = client.get_tags(f"{server}/oras/artifact")
deleted = client.delete_tag(f"{server}/oras/artifact", "chunked")
print(json.dumps({
    "intact": intact,
    "annotations": client.get_manifest(f"{server}/oras/artifact:v1")["annotations"],
    "answered": referring.headers.get("OCI-Subject") == digest,
    "referrers": [one["digest"] for one in referrers["manifests"]],
    "referring": referring.headers["Docker-Content-Digest"],
    "tags": tags, "deleted": deleted, "left": client.get_tags(f"{server}/oras/artifact"),
}))
"""

CHART = """
import io, json, sys, tarfile
import oras.client

server, user, password = sys.argv[1:4]
client = oras.client.OrasClient(hostname=server, auth_backend="basic")
client.login(username=user, password=password, hostname=server)
chart = b"apiVersion: v2\\nname: hello\\nversion: 0.1.0\\n"
with tarfile.open("hello-0.1.0.tgz", "w:gz") as archive:
    member = tarfile.TarInfo("hello/Chart.yaml")
    member.size = len(chart)
    archive.addfile(member, io.BytesIO(chart))
with open("config.json", "w") as file:
    json.dump({"name": "hello", "version": "0.1.0", "apiVersion": "v2"}, file)
kind = "application/vnd.cncf.helm."
client.push(
    f"{server}/charts/hello:0.1.0", files=[f"hello-0.1.0.tgz:{kind}chart.content.v1.tar+gzip"],
    manifest_config=f"config.json:{kind}config.v1+json", disable_path_validation=True, quiet=True,
)
(pulled,) = client.pull(target=f"{server}/charts/hello-copy:0.1.0" if len(sys.argv) > 4 else
                        f"{server}/charts/hello:0.1.0", outdir="out")
with tarfile.open(pulled) as archive:
    print(json.dumps({"names": archive.getnames()}))
"""


def last_json(out: str) -> Any:
    return json.loads(out.strip().splitlines()[-1])


def test_artifacts_are_pushed_pulled_referred_to_and_deleted(
    service: Service, registry: dict[str, Any], credentials: str
) -> None:
    user, _, password = credentials.partition(":")
    shown = last_json(service.python(ARTIFACT, registry["loginServer"], user, password).out)
    assert shown["intact"] is True
    assert shown["annotations"]["by"] == "oras"
    assert shown["answered"] is True
    assert shown["referrers"] == [shown["referring"]]
    assert shown["tags"] == ["chunked", "sbom", "v1"]
    assert shown["deleted"] is True
    assert "chunked" not in shown["left"]


def test_a_helm_chart_is_pushed_copied_and_pulled(
    service: Service, registry: dict[str, Any], credentials: str, certificates: Path
) -> None:
    user, _, password = credentials.partition(":")
    server = registry["loginServer"]
    service.python(CHART, server, user, password)
    service.run(
        need("skopeo"), "copy", "--src-creds", credentials, "--dest-creds", credentials,
        "--src-cert-dir", certificates, "--dest-cert-dir", certificates,
        f"docker://{server}/charts/hello:0.1.0", f"docker://{server}/charts/hello-copy:0.1.0",
    )  # fmt: skip
    copied = last_json(service.python(CHART, server, user, password, "copy").out)
    assert copied["names"] == ["hello/Chart.yaml"]
    raw = service.run(
        need("skopeo"), "inspect", "--raw", "--creds", credentials, "--cert-dir", certificates,
        f"docker://{server}/charts/hello-copy:0.1.0",
    ).json()  # fmt: skip
    assert raw["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
