"""Locks hold on every path: by tag and by digest, over OCI distribution and over ACR's own API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from controlplane.persistence import content_repositories, content_tags
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import (
    Plane,
    RegistryClient,
    as_json,
    codes,
    digest_of,
    image,
    json_of,
    plane_at,
)

CONFIG = as_json({"architecture": "amd64", "os": "linux"})
LOCKED = (405, ["UNSUPPORTED"])


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """The plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture
def digest(admin: RegistryClient) -> str:
    """An image, ``app:v1``."""
    return admin.push_image("app", "v1")


def lock(client: RegistryClient, path: str = "", **attributes: bool) -> None:
    answer = client.open("PATCH", f"/acr/v1/app{path}", json=attributes)
    assert answer.status_code == 200, answer.text


def other_image(client: RegistryClient, reference: str, **kwargs: Any) -> TestResponse:
    """Push another image, whose blobs are there already."""
    document = image(CONFIG, [b"layer", b"layer"])
    where = digest_of(as_json(document)) if reference == "digest" else reference
    return client.put_manifest("app", where, document, **kwargs)


def refusal(answer: TestResponse) -> tuple[int, list[str]]:
    return answer.status_code, codes(answer)


def tags_of(client: RegistryClient) -> list[str]:
    tags: list[str] = json_of(client.get("/v2/app/tags/list"))["tags"]
    return tags


class TestTags:
    """A tag is locked."""

    @pytest.mark.parametrize("attribute", ["writeEnabled", "updateEnabled"])
    def test_it_is_not_moved(self, admin: RegistryClient, digest: str, attribute: str) -> None:
        lock(admin, "/_tags/v1", **{attribute: False})
        assert refusal(other_image(admin, "v1")) == LOCKED
        assert refusal(other_image(admin, "digest", query_string={"tag": "v1"})) == LOCKED
        assert json_of(admin.get("/acr/v1/app/_tags/v1"))["tag"]["digest"] == digest

    @pytest.mark.parametrize("attribute", ["writeEnabled", "deleteEnabled"])
    def test_it_is_not_deleted_nor_is_its_manifest(
        self, admin: RegistryClient, digest: str, attribute: str
    ) -> None:
        lock(admin, "/_tags/v1", **{attribute: False})
        for path in (
            "/v2/app/manifests/v1",
            "/acr/v1/app/_tags/v1",
            f"/v2/app/manifests/{digest}",
            "/acr/v1/app",
        ):
            assert refusal(admin.open("DELETE", path)) == LOCKED, path
        assert tags_of(admin) == ["v1"]
        assert admin.get(f"/v2/app/manifests/{digest}").status_code == 200

    def test_it_may_be_protected_from_moves_and_deleted(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, "/_tags/v1", updateEnabled=False)
        assert refusal(other_image(admin, "v1")) == LOCKED
        assert admin.open("DELETE", "/acr/v1/app/_tags/v1").status_code == 202

    def test_it_may_be_protected_from_deletion_and_moved(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, "/_tags/v1", deleteEnabled=False)
        assert other_image(admin, "v1").status_code == 201
        assert refusal(admin.open("DELETE", "/acr/v1/app/_tags/v1")) == LOCKED

    def test_pushing_what_it_names_changes_nothing_and_is_taken(
        self, admin: RegistryClient, digest: str
    ) -> None:
        lock(admin, "/_tags/v1", writeEnabled=False)
        lock(admin, writeEnabled=False)
        again = admin.put_manifest("app", "v1", image(CONFIG, [b"layer"]))
        assert (again.status_code, again.headers["Docker-Content-Digest"]) == (201, digest)

    def test_it_is_not_pulled_by_its_name(self, admin: RegistryClient, digest: str) -> None:
        lock(admin, "/_tags/v1", readEnabled=False)
        assert refusal(admin.get("/v2/app/manifests/v1")) == LOCKED
        assert admin.open("HEAD", "/v2/app/manifests/v1").status_code == 405
        assert admin.get(f"/v2/app/manifests/{digest}").status_code == 200

    def test_it_is_left_out_of_lists_and_found_by_name(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, "/_tags/v1", listEnabled=False)
        assert tags_of(admin) == []
        assert json_of(admin.get("/acr/v1/app/_tags"))["tags"] == []
        assert admin.get("/acr/v1/app/_tags/v1").status_code == 200
        assert admin.get("/v2/app/manifests/v1").status_code == 200

    def test_the_lock_goes_when_it_is_taken_off(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, "/_tags/v1", writeEnabled=False)
        lock(admin, "/_tags/v1", writeEnabled=True)
        assert other_image(admin, "v1").status_code == 201

    def test_the_lock_stays_with_a_tag_that_moves(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, "/_tags/v1", deleteEnabled=False)
        assert other_image(admin, "v1").status_code == 201
        shown = json_of(admin.get("/acr/v1/app/_tags/v1"))["tag"]["changeableAttributes"]
        assert shown["deleteEnabled"] is False


class TestManifests:
    """A manifest is locked."""

    @pytest.mark.parametrize("attribute", ["writeEnabled", "deleteEnabled"])
    def test_it_is_not_deleted(self, admin: RegistryClient, digest: str, attribute: str) -> None:
        lock(admin, f"/_manifests/{digest}", **{attribute: False})
        assert refusal(admin.open("DELETE", f"/v2/app/manifests/{digest}")) == LOCKED
        assert refusal(admin.open("DELETE", "/acr/v1/app")) == LOCKED
        assert tags_of(admin) == ["v1"]

    def test_it_is_not_pulled_under_any_name(self, admin: RegistryClient, digest: str) -> None:
        lock(admin, f"/_manifests/{digest}", readEnabled=False)
        for reference in ("v1", digest):
            assert refusal(admin.get(f"/v2/app/manifests/{reference}")) == LOCKED

    def test_it_is_left_out_of_lists(self, admin: RegistryClient, digest: str) -> None:
        lock(admin, f"/_manifests/{digest}", listEnabled=False)
        assert json_of(admin.get("/acr/v1/app/_manifests"))["manifests"] == []
        assert admin.get(f"/acr/v1/app/_manifests/{digest}").status_code == 200


class TestRepositories:
    """A repository is locked."""

    @pytest.mark.parametrize("attribute", ["writeEnabled", "createEnabled"])
    def test_it_takes_nothing_new(self, admin: RegistryClient, digest: str, attribute: str) -> None:
        admin.push_blob("other", b"elsewhere")
        lock(admin, "", **{attribute: False})
        uploads = "/v2/app/blobs/uploads/"
        mount = {"mount": digest_of(b"elsewhere"), "from": "other"}
        whole = {"digest": digest_of(b"new")}
        for answer in (
            admin.open("POST", uploads),
            admin.open("POST", uploads, query_string=whole, data=b"new"),
            admin.open("POST", uploads, query_string=mount),
            other_image(admin, "v2"),
            other_image(admin, "digest"),
            admin.put_manifest("app", digest, image(CONFIG, [b"layer"]), query_string={"tag": "v2"}),
        ):
            assert refusal(answer) == LOCKED
        assert tags_of(admin) == ["v1"]
        assert admin.get(f"/v2/app/blobs/{digest_of(b'new')}").status_code == 404

    @pytest.mark.parametrize("attribute", ["writeEnabled", "updateEnabled"])
    def test_no_tag_in_it_is_moved(self, admin: RegistryClient, digest: str, attribute: str) -> None:
        assert other_image(admin, "v2").status_code == 201
        lock(admin, "", **{attribute: False})
        assert refusal(other_image(admin, "v1")) == LOCKED
        assert json_of(admin.get("/acr/v1/app/_tags/v1"))["tag"]["digest"] == digest

    @pytest.mark.parametrize("attribute", ["writeEnabled", "deleteEnabled"])
    def test_nothing_in_it_is_deleted(self, admin: RegistryClient, digest: str, attribute: str) -> None:
        admin.push_blob("app", b"named by nothing")
        lock(admin, "", **{attribute: False})
        for path in (
            "/v2/app/manifests/v1",
            "/acr/v1/app/_tags/v1",
            f"/v2/app/manifests/{digest}",
            f"/v2/app/blobs/{digest_of(b'named by nothing')}",
            "/acr/v1/app",
        ):
            assert refusal(admin.open("DELETE", path)) == LOCKED, path

    def test_nothing_in_it_is_pulled(self, admin: RegistryClient, digest: str) -> None:
        lock(admin, readEnabled=False)
        for path in (
            "/v2/app/manifests/v1",
            f"/v2/app/manifests/{digest}",
            f"/v2/app/blobs/{digest_of(b'layer')}",
            f"/v2/app/referrers/{digest}",
        ):
            assert refusal(admin.get(path)) == LOCKED, path
        mount = {"mount": digest_of(b"layer"), "from": "app"}
        assert admin.open("POST", "/v2/b/blobs/uploads/", query_string=mount).status_code == 202

    def test_it_is_left_out_of_the_catalogs(self, admin: RegistryClient, digest: str) -> None:
        assert digest
        lock(admin, listEnabled=False)
        for path in ("/v2/_catalog", "/acr/v1/_catalog"):
            assert json_of(admin.get(path))["repositories"] == []
        assert admin.get("/v2/app/manifests/v1").status_code == 200


def test_create_only_cannot_overwrite_a_tag(admin: RegistryClient, digest: str) -> None:
    """Row 3 of the attacks: neither `latest` is special, nor a push by digest with tag parameters."""
    assert other_image(admin, "latest").status_code == 201
    lock(admin, updateEnabled=False)
    first = json_of(admin.get("/acr/v1/app/_tags/latest"))["tag"]["digest"]
    third = image(CONFIG, [b"layer"] * 3)
    by_digest = digest_of(as_json(third))
    for answer in (
        admin.put_manifest("app", "v1", third),
        admin.put_manifest("app", "latest", third),
        admin.put_manifest("app", by_digest, third, query_string={"tag": "latest"}),
        admin.put_manifest("app", by_digest, third, query_string={"tag": ["fresh", "v1"]}),
    ):
        assert refusal(answer) == LOCKED
    assert tags_of(admin) == ["latest", "v1"]
    assert json_of(admin.get("/acr/v1/app/_tags/v1"))["tag"]["digest"] == digest
    assert json_of(admin.get("/acr/v1/app/_tags/latest"))["tag"]["digest"] == first
    assert admin.get(f"/v2/app/manifests/{by_digest}").status_code == 404
    assert admin.put_manifest("app", "fresh", third).status_code == 201


def test_no_delete_path_skips_the_lock(admin: RegistryClient, digest: str) -> None:
    """Row 4 of the attacks: every way to delete asks for every lock that bears on it."""
    ways = ("/v2/app/manifests/v1", "/acr/v1/app/_tags/v1", f"/v2/app/manifests/{digest}", "/acr/v1/app")
    for place, barred in (
        ("", ways),
        ("/_tags/v1", ways),
        (f"/_manifests/{digest}", ways[2:]),
    ):
        lock(admin, place, deleteEnabled=False)
        for path in barred:
            assert refusal(admin.open("DELETE", path)) == LOCKED, (place, path)
        lock(admin, place, deleteEnabled=True)
    assert admin.open("DELETE", ways[-1]).status_code == 202


def test_deleting_by_digest_leaves_no_locked_tag_behind(
    plane: Plane, registry: RegistryRow, admin: RegistryClient, digest: str
) -> None:
    """Row 5 of the attacks: of several tags one is locked, and the manifest stays with all of them."""
    for tag in ("v2", "v3"):
        admin.put_manifest("app", tag, image(CONFIG, [b"layer"]))
    lock(admin, "/_tags/v2", deleteEnabled=False)
    assert refusal(admin.open("DELETE", f"/v2/app/manifests/{digest}")) == LOCKED
    assert tags_of(admin) == ["v1", "v2", "v3"]
    with plane.services.database.read() as tx:
        repository = content_repositories.find(tx, registry.id, "app")
        assert repository is not None
        assert (repository.manifest_count, repository.tag_count) == (1, 3)
        assert all(content_tags.find(tx, repository.id, tag) for tag in ("v1", "v2", "v3"))


def test_a_part_of_a_locked_index_is_not_deleted(admin: RegistryClient, digest: str) -> None:
    part = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest}
    media_type = "application/vnd.oci.image.index.v1+json"
    size = len(admin.get(f"/v2/app/manifests/{digest}").data)
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": [{**part, "size": size}]}
    assert admin.put_manifest("app", "all", index, media_type).status_code == 201
    lock(admin, "/_tags/all", writeEnabled=False)
    assert refusal(admin.open("DELETE", f"/v2/app/manifests/{digest}")) == LOCKED
    lock(admin, "/_tags/all", writeEnabled=True)
    assert admin.open("DELETE", f"/v2/app/manifests/{digest}").status_code == 202
