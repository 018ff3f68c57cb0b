"""What docker does: push blobs and a manifest, pull them back, list, delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from controlplane.persistence import registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import (
    CONFIG,
    INDEX,
    MANIFEST,
    Plane,
    RegistryClient,
    as_json,
    codes,
    descriptor,
    digest_of,
    image,
    json_of,
    plane_at,
)


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """The plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


def size_of(plane: Plane, row: RegistryRow) -> int:
    with plane.services.database.read() as tx:
        found = registries.by_id(tx, row.id)
    assert found is not None
    return found.size


def test_an_image_comes_back_as_it_was_pushed(admin: RegistryClient) -> None:
    digest = admin.push_image("team/app", "v1", [b"one", b"two" * 100_000])
    by_tag = admin.get("/v2/team/app/manifests/v1")
    by_digest = admin.get(f"/v2/team/app/manifests/{digest}")
    assert by_tag.status_code == by_digest.status_code == 200
    assert digest_of(by_tag.data) == digest
    assert by_tag.data == by_digest.data
    assert by_tag.headers["Content-Type"] == MANIFEST
    assert by_tag.headers["Docker-Content-Digest"] == digest
    assert by_tag.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    for layer in json_of(by_tag)["layers"]:
        blob = admin.get(f"/v2/team/app/blobs/{layer['digest']}")
        assert blob.status_code == 200
        assert digest_of(blob.data) == layer["digest"]
        assert int(blob.headers["Content-Length"]) == layer["size"]


def test_head_tells_what_get_would_send(admin: RegistryClient) -> None:
    digest = admin.push_image("app", "v1")
    for path in (
        "/v2/app/manifests/v1",
        f"/v2/app/manifests/{digest}",
        f"/v2/app/blobs/{digest_of(b'layer')}",
    ):
        got, head = admin.get(path), admin.open("HEAD", path)
        assert head.status_code == 200
        assert head.data == b""
        assert head.headers["Content-Length"] == str(len(got.data))
        assert head.headers["Docker-Content-Digest"] == got.headers["Docker-Content-Digest"]


def test_a_client_that_has_it_is_told_so(admin: RegistryClient) -> None:
    digest = admin.push_image("app", "v1")
    answer = admin.get("/v2/app/manifests/v1", headers={"If-None-Match": f'"{digest}"'})
    assert (answer.status_code, answer.data) == (304, b"")
    assert admin.get("/v2/app/manifests/v1", headers={"If-None-Match": '"other"'}).status_code == 200
    blob = f"/v2/app/blobs/{digest_of(b'layer')}"
    assert admin.get(blob, headers={"If-None-Match": f'"{digest_of(b"layer")}"'}).status_code == 304


def test_pushing_the_same_again_changes_nothing_but_its_time(
    admin: RegistryClient, plane: Plane, registry: RegistryRow
) -> None:
    assert admin.push_image("app", "v1") == admin.push_image("app", "v1")
    size = size_of(plane, registry)
    admin.push_image("app", "v1")
    assert size_of(plane, registry) == size
    shown = json_of(admin.get("/acr/v1/app"))
    assert (shown["manifestCount"], shown["tagCount"]) == (1, 1)


def test_a_tag_moves_and_the_manifest_it_left_stays(admin: RegistryClient) -> None:
    first, second = admin.push_image("app", "v1", [b"a"]), admin.push_image("app", "v1", [b"b"])
    assert admin.get("/v2/app/manifests/v1").headers["Docker-Content-Digest"] == second
    assert admin.get(f"/v2/app/manifests/{first}").status_code == 200
    assert json_of(admin.get("/acr/v1/app"))["tagCount"] == 1


def test_a_manifest_pushed_by_digest_sets_the_tags_named(admin: RegistryClient) -> None:
    config = as_json({})
    admin.push_blob("app", config)
    payload = as_json(image(config, []))
    answer = admin.put_manifest("app", digest_of(payload), payload, query_string={"tag": ["a", "b"]})
    assert answer.status_code == 201
    assert answer.headers.getlist("OCI-Tag") == ["a", "b"]
    assert json_of(admin.get("/v2/app/tags/list"))["tags"] == ["a", "b"]


def test_an_index_is_pushed_after_its_children(admin: RegistryClient) -> None:
    child = admin.push_image("app", "child")
    size = int(admin.get(f"/v2/app/manifests/{child}").headers["Content-Length"])
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": MANIFEST,
                "digest": child,
                "size": size,
                "platform": {"architecture": "amd64", "os": "linux"},
            }
        ],
    }
    pushed = admin.put_manifest("app", "all", index, INDEX)
    assert pushed.status_code == 201
    digest = pushed.headers["Docker-Content-Digest"]
    shown = json_of(admin.get(f"/acr/v1/app/_manifests/{digest}"))["manifest"]
    assert shown["references"] == [{"digest": child, "architecture": "amd64", "os": "linux"}]


def test_an_image_that_names_missing_blobs_is_refused(admin: RegistryClient) -> None:
    admin.push_blob("app", b"{}")
    answer = admin.put_manifest("app", "v1", image(b"{}", [b"nobody has this"]))
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_BLOB_UNKNOWN"])
    assert json_of(answer)["errors"][0]["detail"] == [{"digest": digest_of(b"nobody has this")}]
    assert admin.get("/v2/app/tags/list").status_code == 404


def test_layers_that_may_not_be_pushed_need_not_be_here(admin: RegistryClient) -> None:
    admin.push_blob("app", b"{}")
    manifest = image(b"{}", [b"windows"])
    manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    assert admin.put_manifest("app", "v1", manifest).status_code == 201


def test_sha512_content_is_pushed_and_pulled(admin: RegistryClient) -> None:
    digest = digest_of(b"layer", "sha512")
    where = admin.begin("app")
    assert admin.open("PUT", where, query_string={"digest": digest}, data=b"layer").status_code == 201
    assert admin.get(f"/v2/app/blobs/{digest}").data == b"layer"
    admin.push_blob("app", b"{}")
    payload = as_json(
        image(b"{}", []) | {"layers": [{"mediaType": "a/b", "digest": digest, "size": len(b"layer")}]}
    )
    pushed = admin.put_manifest("app", digest_of(payload, "sha512"), payload)
    assert pushed.status_code == 201, pushed.text
    assert admin.get(f"/v2/app/manifests/{digest_of(payload, 'sha512')}").data == payload


def test_artifacts_of_any_type_are_taken(admin: RegistryClient) -> None:
    admin.push_blob("app", b"{}")
    manifest = image(b"{}", []) | {"artifactType": "application/vnd.example.sbom+json"}
    manifest["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
    assert admin.put_manifest("app", "sbom", manifest).status_code == 201


class TestReferrers:
    def refer(self, admin: RegistryClient, subject: dict[str, object], kind: str, note: str) -> str:
        admin.push_blob("app", b"{}")
        manifest = image(b"{}", []) | {
            "artifactType": kind,
            "subject": subject,
            "annotations": {"note": note},
        }
        pushed = admin.put_manifest("app", digest_of(as_json(manifest)), manifest)
        assert pushed.status_code == 201, pushed.text
        assert pushed.headers["OCI-Subject"] == subject["digest"]
        return pushed.headers["Docker-Content-Digest"]

    def test_of_a_subject_that_is_not_here_yet_are_listed(self, admin: RegistryClient) -> None:
        subject = descriptor(b"to come", MANIFEST)
        made = self.refer(admin, subject, "a/b", "first")
        answer = admin.get(f"/v2/app/referrers/{subject['digest']}")
        assert answer.headers["Content-Type"] == INDEX
        (shown,) = json_of(answer)["manifests"]
        assert (shown["digest"], shown["artifactType"]) == (made, "a/b")
        assert shown["annotations"] == {"note": "first"}

    def test_are_filtered_and_paged(self, admin: RegistryClient) -> None:
        subject = descriptor(b"to come", MANIFEST)
        made = {self.refer(admin, subject, "a/b", str(number)) for number in range(3)}
        self.refer(admin, subject, "c/d", "other")
        path = f"/v2/app/referrers/{subject['digest']}"
        answer = admin.get(path, query_string={"artifactType": "a/b"})
        assert {one["digest"] for one in json_of(answer)["manifests"]} == made
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        seen, where = set(), f"{path}?n=1&artifactType=a/b"
        for _ in range(3):
            answer = admin.get(where)
            seen |= {one["digest"] for one in json_of(answer)["manifests"]}
            where = answer.headers.get("Link", "<none>")[1:].partition(">")[0]
        assert seen == made
        assert "Link" not in answer.headers

    @pytest.mark.parametrize("repository", ["app", "unknown/repository"])
    def test_of_a_manifest_without_any_are_an_empty_index(
        self, admin: RegistryClient, repository: str
    ) -> None:
        admin.push_image("app", "v1")
        answer = admin.get(f"/v2/{repository}/referrers/{digest_of(b'x')}")
        assert (answer.status_code, json_of(answer)["manifests"]) == (200, [])

    def test_without_an_artifact_type_are_known_by_their_config(self, admin: RegistryClient) -> None:
        subject = descriptor(b"to come", MANIFEST)
        admin.push_image("app", "ref", subject=subject)
        (shown,) = json_of(admin.get(f"/v2/app/referrers/{subject['digest']}"))["manifests"]
        assert shown["artifactType"] == CONFIG


class TestDeleting:
    def test_a_tag_leaves_its_manifest(self, admin: RegistryClient) -> None:
        digest = admin.push_image("app", "v1")
        assert admin.open("DELETE", "/v2/app/manifests/v1").status_code == 202
        assert codes(admin.get("/v2/app/manifests/v1")) == ["MANIFEST_UNKNOWN"]
        assert admin.get(f"/v2/app/manifests/{digest}").status_code == 200
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == []
        assert codes(admin.open("DELETE", "/v2/app/manifests/v1")) == ["TAG_UNKNOWN"]

    def test_a_manifest_takes_its_tags_and_frees_its_bytes(
        self, admin: RegistryClient, plane: Plane, registry: RegistryRow
    ) -> None:
        admin.push_image("app", "keep", [b"shared"])
        before = size_of(plane, registry)
        gone = admin.push_image("app", "gone", [b"shared", b"alone"])
        admin.put_manifest("app", "also", admin.get("/v2/app/manifests/gone").data)
        assert admin.open("DELETE", f"/v2/app/manifests/{gone}").status_code == 202
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == ["keep"]
        assert size_of(plane, registry) == before
        assert admin.get(f"/v2/app/blobs/{digest_of(b'shared')}").status_code == 200
        assert codes(admin.get(f"/v2/app/blobs/{digest_of(b'alone')}")) == ["BLOB_UNKNOWN"]

    def test_while_a_push_is_under_way_does_not_fail_the_push(
        self, admin: RegistryClient, plane: Plane, registry: RegistryRow
    ) -> None:
        first = admin.push_image("app", "v1", [b"shared"])
        payload = as_json(
            image(as_json({"architecture": "amd64", "os": "linux"}), [b"shared"]) | {"annotations": {}}
        )
        assert admin.open("HEAD", f"/v2/app/blobs/{digest_of(b'shared')}").status_code == 200
        admin.open("DELETE", f"/v2/app/manifests/{first}")
        assert admin.put_manifest("app", "v2", payload).status_code == 201
        assert admin.get(f"/v2/app/blobs/{digest_of(b'shared')}").data == b"shared"
        config = as_json({"architecture": "amd64", "os": "linux"})
        assert size_of(plane, registry) == len(payload) + len(b"shared") + len(config)

    def test_a_blob_that_a_manifest_names_is_refused(self, admin: RegistryClient) -> None:
        admin.push_image("app", "v1", [b"used"])
        admin.push_blob("app", b"unused")
        refused = admin.open("DELETE", f"/v2/app/blobs/{digest_of(b'used')}")
        assert (refused.status_code, codes(refused)) == (405, ["UNSUPPORTED"])
        deleted = admin.open("DELETE", f"/v2/app/blobs/{digest_of(b'unused')}")
        assert deleted.status_code == 202
        assert codes(admin.open("DELETE", f"/v2/app/blobs/{digest_of(b'unused')}")) == ["BLOB_UNKNOWN"]

    def test_a_repository_takes_everything_and_tells_what(
        self, admin: RegistryClient, plane: Plane, registry: RegistryRow
    ) -> None:
        digests = {admin.push_image("app", f"v{number}", [b"%d" % number]) for number in range(5)}
        admin.begin("app")
        answer = admin.open("DELETE", "/acr/v1/app")
        assert answer.status_code == 202
        assert set(json_of(answer)["manifestsDeleted"]) == digests
        assert sorted(json_of(answer)["tagsDeleted"]) == [f"v{number}" for number in range(5)]
        assert size_of(plane, registry) == 0
        assert json_of(admin.get("/v2/_catalog"))["repositories"] == []
        assert codes(admin.open("DELETE", "/acr/v1/app")) == ["NAME_UNKNOWN"]

    def test_all_content_of_a_registry_leaves_nothing(
        self, admin: RegistryClient, plane: Plane, registry: RegistryRow
    ) -> None:
        for name in ("a", "b/c"):
            admin.push_image(name, "v1", [name.encode(), b"shared"])
        deletions = plane.services.deletions
        deletions.registry_content(registry.id)
        deletions.registry_content(registry.id)
        assert size_of(plane, registry) == 0
        assert json_of(admin.get("/v2/_catalog"))["repositories"] == []


def test_usage_counts_bytes_once_a_registry(
    admin: RegistryClient, plane: Plane, registry: RegistryRow
) -> None:
    config = as_json({"architecture": "amd64", "os": "linux"})
    manifest = as_json(image(config, [b"layer"]))
    admin.push_image("a", "v1")
    assert size_of(plane, registry) == len(config) + len(b"layer") + len(manifest)
    admin.push_image("b", "v1")
    assert size_of(plane, registry) == len(config) + len(b"layer") + 2 * len(manifest)
    admin.open("DELETE", "/acr/v1/a")
    assert size_of(plane, registry) == len(config) + len(b"layer") + len(manifest)


@pytest.mark.parametrize("text", ["a\0b", "\x7f", "\ud7ff", "' OR 1=1 --", "%", "\U0001f600"])
def test_strange_text_is_never_the_databases_problem(admin: RegistryClient, text: str) -> None:
    digest = admin.push_image("app", "v1")
    path = quote(text)
    for method, where in (
        ("GET", f"/v2/{path}/manifests/v1"),
        ("GET", f"/v2/app/manifests/{path}"),
        ("PUT", f"/v2/app/manifests/{digest}?tag={path}"),
        ("GET", f"/v2/app/blobs/{path}"),
        ("GET", f"/v2/app/blobs/uploads/{path}"),
        ("POST", f"/v2/app/blobs/uploads/?mount={digest}&from={path}"),
        ("GET", f"/v2/app/referrers/{digest}?artifactType={path}&last={path}"),
        ("GET", f"/v2/_catalog?last={path}"),
        ("GET", f"/acr/v1/app/_tags?last={path}&orderby=timedesc"),
        ("GET", f"/acr/v1/app/_tags?digest={path}"),
        ("GET", f"/acr/v1/app/_manifests?last={path}&orderby=timeasc"),
        ("GET", f"/acr/v1/app/_manifests/{path}"),
        ("GET", f"/acr/v1/app/_tags/{path}"),
        ("GET", f"/oauth2/token?scope=repository:{path}:pull&service={path}"),
        ("GET", f"/oauth2/token?account={path}"),
    ):
        assert admin.open(method, where).status_code < 500, where
    for client in (admin.with_basic(text, "x"), admin.with_basic("x", text), admin.with_token("x")):
        assert client.get("/v2/").status_code == 401
        assert client.token_response().status_code in {400, 401}
    form = {"grant_type": "password", "username": text, "password": text}
    assert admin.open("POST", "/oauth2/token", data=form).status_code in {400, 401}
