"""skopeo against a registry made with `acrctl`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service, need
from tests.clients.image import manifest_digest, write_image

pytestmark = pytest.mark.clients


def test_skopeo_logs_in_and_copies_an_image_in_and_out_with_equal_digests(
    service: Service,
    registry: dict[str, Any],
    image: Path,
    certificates: Path,
    credentials: str,
    tmp_path: Path,
) -> None:
    skopeo, server = need("skopeo"), registry["loginServer"]
    user, _, password = credentials.partition(":")
    auth = tmp_path / "auth.json"
    service.run(
        skopeo, "login", "--authfile", auth, "--cert-dir", certificates,
        "-u", user, "--password-stdin", server, stdin=password,
    )  # fmt: skip
    service.run(
        skopeo, "copy", "--authfile", auth, "--dest-cert-dir", certificates,
        f"oci:{image}:v1", f"docker://{server}/hello:v1",
    )  # fmt: skip
    out = tmp_path / "out"
    service.run(
        skopeo, "copy", "--authfile", auth, "--src-cert-dir", certificates,
        f"docker://{server}/hello:v1", f"oci:{out}:v1",
    )  # fmt: skip

    inspected = service.run(
        skopeo, "inspect", "--authfile", auth, "--cert-dir", certificates, f"docker://{server}/hello:v1"
    ).json()
    assert manifest_digest(out) == manifest_digest(image) == inspected["Digest"]
    assert service.acrctl(
        "repository", "show-tags", "-n", registry["name"], "--repository", "hello"
    ).json() == ["v1"]
    assert "hello" in service.acrctl("repository", "list", "-n", registry["name"]).json()


def test_a_wrong_password_is_refused_at_login(
    service: Service, registry: dict[str, Any], certificates: Path, tmp_path: Path
) -> None:
    done = service.run(
        need("skopeo"), "login", "--authfile", tmp_path / "auth.json", "--cert-dir", certificates,
        "-u", registry["name"], "-p", "not-the-password", registry["loginServer"], check=False,
    )  # fmt: skip
    assert done.code != 0
    assert "invalid username/password" in done.err


def test_skopeo_converts_to_docker_schema_2_and_deletes(
    service: Service, registry: dict[str, Any], image: Path, certificates: Path, credentials: str
) -> None:
    skopeo, server = need("skopeo"), registry["loginServer"]
    service.run(
        skopeo, "copy", "--format", "v2s2", "--dest-creds", credentials, "--dest-cert-dir", certificates,
        f"oci:{image}:v1", f"docker://{server}/docker/hello:v2s2",
    )  # fmt: skip
    raw = service.run(
        skopeo, "inspect", "--raw", "--creds", credentials, "--cert-dir", certificates,
        f"docker://{server}/docker/hello:v2s2",
    ).json()  # fmt: skip
    assert raw["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    service.run(
        skopeo,
        "delete",
        "--creds",
        credentials,
        "--cert-dir",
        certificates,
        f"docker://{server}/docker/hello:v2s2",
    )
    gone = service.run(
        skopeo, "inspect", "--creds", credentials, "--cert-dir", certificates,
        f"docker://{server}/docker/hello:v2s2", check=False,
    )  # fmt: skip
    assert gone.code != 0


def test_skopeo_copies_between_repositories_by_mounting(
    service: Service, registry: dict[str, Any], certificates: Path, credentials: str, tmp_path: Path
) -> None:
    skopeo, server = need("skopeo"), registry["loginServer"]
    source = tmp_path / "source"
    digest = write_image(source, {"one.txt": b"one\n"})
    service.run(
        skopeo, "copy", "--dest-creds", credentials, "--dest-cert-dir", certificates,
        f"oci:{source}:v1", f"docker://{server}/mount/from:v1",
    )  # fmt: skip
    service.run(
        skopeo, "copy", "--src-creds", credentials, "--dest-creds", credentials,
        "--src-cert-dir", certificates, "--dest-cert-dir", certificates,
        f"docker://{server}/mount/from:v1", f"docker://{server}/mount/to:v1",
    )  # fmt: skip
    copied = service.run(
        skopeo,
        "inspect",
        "--creds",
        credentials,
        "--cert-dir",
        certificates,
        f"docker://{server}/mount/to:v1",
    ).json()
    assert copied["Digest"] == digest
