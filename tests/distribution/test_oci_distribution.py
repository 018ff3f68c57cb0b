"""What the OCI distribution specification asks for, beyond what pushing and pulling need anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.persistence.database import Database
from tests.support.distribution import (
    INDEX,
    MANIFEST,
    RegistryClient,
    as_json,
    codes,
    descriptor,
    digest_of,
    image,
    json_of,
    plane_at,
)

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = as_json({"architecture": "amd64", "os": "linux"})


@contextmanager
def a_plane_with(folder: Path, database: Database, **settings: Any) -> Iterator[RegistryClient]:
    """Run a plane under other settings; give its admin user."""
    plane = plane_at(folder, database, **settings)
    yield plane.client(plane.add_registry())
    plane.close()


class TestContentNegotiation:
    @pytest.fixture
    def path(self, admin: RegistryClient) -> str:
        admin.push_image("app", "v1")
        return "/v2/app/manifests/v1"

    @pytest.mark.parametrize("accept", [None, "*/*", "application/json", MANIFEST, f"{DOCKER}, {MANIFEST}"])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_gives_the_stored_type_to_who_takes_it(
        self, admin: RegistryClient, path: str, accept: str | None, method: str
    ) -> None:
        answer = admin.open(method, path, headers={} if accept is None else {"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, MANIFEST)

    def test_converts_nothing_for_who_does_not(self, admin: RegistryClient, path: str) -> None:
        answer = admin.get(path, headers={"Accept": f"{DOCKER}, {INDEX}"})
        assert (answer.status_code, codes(answer)) == (404, ["MANIFEST_UNKNOWN"])
        assert MANIFEST in json_of(answer)["errors"][0]["message"]
        assert admin.open("HEAD", path, headers={"Accept": DOCKER}).status_code == 404

    def test_asks_for_a_right_first(self, nobody: RegistryClient, path: str) -> None:
        assert nobody.get(path, headers={"Accept": DOCKER}).status_code == 401


class TestSparseManifests:
    CHILD = as_json({"schemaVersion": 2})

    def push_index(self, admin: RegistryClient, *children: bytes) -> Any:
        index = {"schemaVersion": 2, "manifests": [descriptor(child, MANIFEST) for child in children]}
        return admin.put_manifest("app", "all", index, INDEX)

    def test_an_index_may_name_manifests_that_are_elsewhere(self, admin: RegistryClient) -> None:
        answer = self.push_index(admin, self.CHILD, b"another")
        assert answer.status_code == 201
        assert answer.headers["Warning"].startswith('299 - "the repository lacks 2 ')
        assert json_of(admin.get("/v2/app/manifests/all"))["manifests"][0]["size"] == len(self.CHILD)
        assert admin.get(f"/v2/app/manifests/{digest_of(self.CHILD)}").status_code == 404

    def test_its_children_may_come_later_and_the_index_may_go_without_them(
        self, admin: RegistryClient
    ) -> None:
        admin.push_blob("app", CONFIG)
        child = as_json(image(CONFIG, []))
        index = self.push_index(admin, child, b"never comes").headers["Docker-Content-Digest"]
        assert admin.put_manifest("app", digest_of(child), child).status_code == 201
        assert admin.open("DELETE", f"/v2/app/manifests/{index}").status_code == 202
        assert admin.get(f"/v2/app/manifests/{digest_of(child)}").data == child

    def test_a_whole_index_is_taken_without_a_warning(self, admin: RegistryClient) -> None:
        digest = admin.push_image("app", "one")
        child = admin.get(f"/v2/app/manifests/{digest}").data
        assert "Warning" not in self.push_index(admin, child).headers
        assert "Warning" not in self.push_index(admin).headers

    def test_an_image_must_be_whole_unless_the_operator_says_otherwise(
        self, admin: RegistryClient, tmp_path: Path, sqlite_database: Database
    ) -> None:
        admin.push_blob("app", CONFIG)
        document = image(CONFIG, [b"elsewhere"])
        refused = admin.put_manifest("app", "v1", document)
        assert (refused.status_code, codes(refused)) == (400, ["MANIFEST_BLOB_UNKNOWN"])
        other = plane_at(tmp_path / "other", sqlite_database, sparse_images=True)
        client = RegistryClient(other.application, admin.host, admin.authorization)
        answer = client.put_manifest("app", "v1", document)
        assert (answer.status_code, "Warning" in answer.headers) == (201, True)
        assert client.get(f"/v2/app/blobs/{digest_of(b'elsewhere')}").status_code == 404
        client.push_blob("app", b"elsewhere")
        assert client.get(f"/v2/app/blobs/{digest_of(b'elsewhere')}").data == b"elsewhere"
        other.close()

    def test_the_config_of_another_repository_is_not_looked_into(
        self, tmp_path: Path, sqlite_database: Database
    ) -> None:
        with a_plane_with(tmp_path, sqlite_database, sparse_images=True) as admin:
            admin.push_blob("secret", CONFIG)
            pushed = admin.put_manifest("app", "v1", image(CONFIG, []))
            digest = pushed.headers["Docker-Content-Digest"]
            shown = json_of(admin.get(f"/acr/v1/app/_manifests/{digest}"))["manifest"]
            assert "architecture" not in shown


class TestTagParameters:
    @pytest.fixture
    def payload(self, admin: RegistryClient) -> bytes:
        admin.push_blob("app", CONFIG)
        return as_json(image(CONFIG, []))

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_set_many_tags_at_once(self, admin: RegistryClient, payload: bytes, algorithm: str) -> None:
        digest, tags = digest_of(payload, algorithm), [f"v{number:02}" for number in range(20)]
        answer = admin.put_manifest("app", digest, payload, query_string={"tag": tags})
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest)
        assert answer.headers.getlist("OCI-Tag") == tags
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == tags
        assert admin.get("/v2/app/manifests/v19").headers["Docker-Content-Digest"] == digest

    @pytest.mark.parametrize("tags", [["ok", "not ok"], [""], [f"t{number}" for number in range(65)]])
    def test_are_all_set_or_none(self, admin: RegistryClient, payload: bytes, tags: list[str]) -> None:
        answer = admin.put_manifest("app", digest_of(payload), payload, query_string={"tag": tags})
        assert (answer.status_code, codes(answer)) == (400, ["TAG_INVALID"])
        assert admin.get("/v2/app/tags/list").status_code == 404

    def test_do_not_go_with_a_push_by_tag(self, admin: RegistryClient, payload: bytes) -> None:
        answer = admin.put_manifest("app", "v1", payload, query_string={"tag": "v2"})
        assert (answer.status_code, codes(answer)) == (400, ["TAG_INVALID"])


class TestUploads:
    def begin(self, admin: RegistryClient, **query: str) -> Any:
        return admin.open("POST", "/v2/app/blobs/uploads/", query_string=query)

    def test_tell_no_least_chunk_unless_there_is_one(
        self, admin: RegistryClient, tmp_path: Path, sqlite_database: Database
    ) -> None:
        assert "OCI-Chunk-Min-Length" not in self.begin(admin).headers
        other = plane_at(tmp_path / "other", sqlite_database, upload_chunk_min=5_000_000)
        client = RegistryClient(other.application, admin.host, admin.authorization)
        assert self.begin(client).headers["OCI-Chunk-Min-Length"] == "5000000"
        other.close()

    def test_take_the_algorithm_beforehand(self, admin: RegistryClient) -> None:
        where = self.begin(admin, **{"digest-algorithm": "sha512"}).headers["Location"]
        admin.open("PATCH", where, data=b"first ", headers={"Content-Range": "0-5"})
        digest = digest_of(b"first last", "sha512")
        answer = admin.open("PUT", where, query_string={"digest": digest}, data=b"last")
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest)
        assert admin.get(answer.headers["Location"]).data == b"first last"

    @pytest.mark.parametrize("algorithm", ["md5", "SHA256", "", "sha512,sha256"])
    def test_refuse_algorithms_that_are_none(self, admin: RegistryClient, algorithm: str) -> None:
        answer = self.begin(admin, **{"digest-algorithm": algorithm})
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])

    def test_tell_where_they_are_after_a_chunk_out_of_order(self, admin: RegistryClient) -> None:
        where = self.begin(admin).headers["Location"]
        first = admin.open("PATCH", where, data=b"0123456789", headers={"Content-Range": "0-9"})
        assert (first.status_code, first.headers["Range"]) == (202, "0-9")
        wrong = admin.open("PATCH", where, data=b"x", headers={"Content-Range": "20-20"})
        assert wrong.status_code == 416
        status = admin.get(where)
        assert (status.status_code, status.headers["Range"], status.data) == (204, "0-9", b"")
        assert status.headers["Location"] == where


class TestListings:
    def test_of_tags_are_sorted_by_bytes_and_may_be_empty(self, admin: RegistryClient) -> None:
        digest = admin.push_image("app", "b")
        payload = admin.get(f"/v2/app/manifests/{digest}").data
        for tag in ("a", "Z", "_x", "10", "9"):
            admin.put_manifest("app", tag, payload)
        listed = json_of(admin.get("/v2/app/tags/list"))
        assert listed == {"name": "app", "tags": ["10", "9", "Z", "_x", "a", "b"]}
        for tag in listed["tags"]:
            admin.open("DELETE", f"/v2/app/manifests/{tag}")
        assert json_of(admin.get("/v2/app/tags/list")) == {"name": "app", "tags": []}

    @pytest.mark.parametrize("path", ["/v2/_catalog", "/v2/app/tags/list", "/acr/v1/_catalog"])
    def test_of_nothing_are_empty_and_have_no_next_page(self, admin: RegistryClient, path: str) -> None:
        admin.push_image("app", "v1")
        answer = admin.get(path, query_string={"n": "0"})
        entries = next(value for value in json_of(answer).values() if isinstance(value, list))
        assert (answer.status_code, entries, "Link" in answer.headers) == (200, [], False)

    def test_of_tags_go_on_after_a_tag_that_is_gone(self, admin: RegistryClient) -> None:
        digest = admin.push_image("app", "a")
        payload = admin.get(f"/v2/app/manifests/{digest}").data
        for tag in ("b", "c", "d"):
            admin.put_manifest("app", tag, payload)
        page = admin.get("/v2/app/tags/list?n=2")
        admin.open("DELETE", "/v2/app/manifests/b")
        link = page.headers["Link"].partition("<")[2].partition(">")[0]
        assert parse_qs(urlsplit(link).query) == {"n": ["2"], "last": ["b"]}
        assert json_of(admin.get(link))["tags"] == ["c", "d"]


class TestReferrers:
    def test_are_of_both_kinds_and_known_by_their_own_type(self, admin: RegistryClient) -> None:
        subject = descriptor(b"not pushed yet", MANIFEST)
        admin.push_blob("app", b"{}")
        typed = image(b"{}", []) | {"subject": subject, "artifactType": "application/x-sbom"}
        index = {"schemaVersion": 2, "manifests": [], "subject": subject, "annotations": {"a": "b"}}
        answers = [admin.put_manifest("app", "one", typed), admin.put_manifest("app", "two", index, INDEX)]
        assert [answer.headers["OCI-Subject"] for answer in answers] == [subject["digest"]] * 2
        answer = admin.get(f"/v2/app/referrers/{subject['digest']}")
        assert answer.headers["Content-Type"] == INDEX
        listed = {one["mediaType"]: one for one in json_of(answer)["manifests"]}
        assert listed[MANIFEST]["artifactType"] == "application/x-sbom"
        assert "artifactType" not in listed[INDEX]
        assert listed[INDEX]["annotations"] == {"a": "b"}

    @pytest.mark.parametrize("repository", ["app", "unknown"])
    def test_are_never_not_found(self, admin: RegistryClient, repository: str) -> None:
        admin.push_image("app", "v1")
        answer = admin.get(f"/v2/{repository}/referrers/{digest_of(b'x')}?artifactType=a/b")
        assert (answer.status_code, json_of(answer)["manifests"]) == (200, [])
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"

    @pytest.mark.parametrize("digest", ["v1", "sha256:abc", "sha1:" + "0" * 40])
    def test_of_no_digest_are_refused(self, admin: RegistryClient, digest: str) -> None:
        answer = admin.get(f"/v2/app/referrers/{digest}")
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])

    def test_go_when_the_referrer_goes(self, admin: RegistryClient) -> None:
        subject = descriptor(b"s", MANIFEST)
        digest = admin.push_image("app", "v1", subject=subject)
        admin.open("DELETE", f"/v2/app/manifests/{digest}")
        assert json_of(admin.get(f"/v2/app/referrers/{subject['digest']}"))["manifests"] == []
