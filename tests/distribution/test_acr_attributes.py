"""Attributes over ACR's own API: what is shown, what changes, and what a change leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from controlplane.persistence import content_manifests, content_repositories, content_tags
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import (
    INDEX,
    MANIFEST,
    Plane,
    RegistryClient,
    as_json,
    codes,
    image,
    json_of,
    plane_at,
)

FRESH = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """The plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture
def digest(admin: RegistryClient) -> str:
    """An image, ``team/app:v1``."""
    return admin.push_image("team/app", "v1")


@pytest.fixture
def places(digest: str) -> list[str]:
    """Paths of the repository, the tag and the manifest."""
    return ["/acr/v1/team/app", "/acr/v1/team/app/_tags/v1", f"/acr/v1/team/app/_manifests/{digest}"]


def attributes_in(document: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = document.get("tag") or document.get("manifest") or document
    shown: dict[str, Any] = inner["changeableAttributes"]
    return shown


class TestShown:
    """Answers have the members of ACR's, no more and no fewer."""

    def test_a_repository(self, admin: RegistryClient, places: list[str]) -> None:
        shown = json_of(admin.get(places[0]))
        assert {name: shown[name] for name in ("imageName", "manifestCount", "tagCount")} == {
            "imageName": "team/app",
            "manifestCount": 1,
            "tagCount": 1,
        }
        assert shown.keys() == {
            "registry", "imageName", "createdTime", "lastUpdateTime", "manifestCount", "tagCount",
            "changeableAttributes",
        }  # fmt: skip
        assert shown["changeableAttributes"] == FRESH

    def test_a_tag(self, admin: RegistryClient, places: list[str], digest: str) -> None:
        shown = json_of(admin.get(places[1]))
        assert shown.keys() == {"registry", "imageName", "tag"}
        tag = shown["tag"]
        assert tag.keys() == {
            "name", "digest", "createdTime", "lastUpdateTime", "signed", "changeableAttributes",
        }  # fmt: skip
        assert (tag["name"], tag["digest"], tag["signed"]) == ("v1", digest, False)
        assert json_of(admin.get("/acr/v1/team/app/_tags"))["tags"] == [tag]

    def test_a_manifest(self, admin: RegistryClient, places: list[str], digest: str) -> None:
        shown = json_of(admin.get(places[2]))
        assert shown.keys() == {"registry", "imageName", "manifest"}
        manifest = shown["manifest"]
        assert manifest.keys() == {
            "digest", "imageSize", "createdTime", "lastUpdateTime", "architecture", "os", "mediaType",
            "configMediaType", "tags", "changeableAttributes",
        }  # fmt: skip
        assert (manifest["digest"], manifest["tags"]) == (digest, ["v1"])
        assert json_of(admin.get("/acr/v1/team/app/_manifests"))["manifests"] == [manifest]

    def test_a_manifest_without_a_tag_has_no_tags(self, admin: RegistryClient, places: list[str]) -> None:
        assert admin.open("DELETE", places[1]).status_code == 202
        assert "tags" not in json_of(admin.get(places[2]))["manifest"]

    def test_an_index_tells_the_platforms_it_refers_to(self, admin: RegistryClient, digest: str) -> None:
        part = {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": len(admin.get(f"/v2/team/app/manifests/{digest}").data),
            "platform": {"architecture": "arm64", "os": "linux"},
        }
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [part]}
        made = admin.put_manifest("team/app", "all", index, INDEX).headers["Docker-Content-Digest"]
        manifest = json_of(admin.get(f"/acr/v1/team/app/_manifests/{made}"))["manifest"]
        assert manifest["references"] == [{"digest": digest, "architecture": "arm64", "os": "linux"}]
        assert manifest["mediaType"] == INDEX


class TestChanges:
    """PATCH takes a bare object and answers with the document."""

    def test_answer_with_the_document_as_it_is_then(self, admin: RegistryClient, places: list[str]) -> None:
        for path in places:
            answer = admin.open("PATCH", path, json={"writeEnabled": False})
            assert answer.status_code == 200
            assert attributes_in(json_of(answer)) == {**FRESH, "writeEnabled": False}
            assert json_of(admin.get(path)) == json_of(answer)

    def test_leave_alone_what_they_do_not_name(self, admin: RegistryClient, places: list[str]) -> None:
        for path in places:
            admin.open("PATCH", path, json={"deleteEnabled": False})
            answer = admin.open("PATCH", path, json={"writeEnabled": False})
            assert attributes_in(json_of(answer)) == {**FRESH, "deleteEnabled": False, "writeEnabled": False}
            answer = admin.open("PATCH", path, json={"deleteEnabled": True, "writeEnabled": True})
            assert attributes_in(json_of(answer)) == FRESH

    def test_find_names_that_are_percent_encoded(self, admin: RegistryClient, digest: str) -> None:
        name = quote("team/app", safe="")
        for path in (f"/acr/v1/{name}", f"/acr/v1/{name}/_tags/v1", f"/acr/v1/{name}/_manifests/{digest}"):
            answer = admin.open("PATCH", path, json={"listEnabled": False})
            assert (answer.status_code, json_of(answer)["imageName"]) == (200, "team/app")

    def test_show_own_attributes_only_where_they_are_off(
        self, admin: RegistryClient, places: list[str]
    ) -> None:
        answer = admin.open("PATCH", places[0], json={"createEnabled": False, "updateEnabled": True})
        assert attributes_in(json_of(answer)) == {**FRESH, "createEnabled": False}

    def test_leave_times_alone(self, admin: RegistryClient, places: list[str]) -> None:
        before = json_of(admin.get(places[1]))["tag"]
        admin.open("PATCH", places[1], json={"writeEnabled": False})
        assert json_of(admin.get(places[1]))["tag"]["lastUpdateTime"] == before["lastUpdateTime"]

    def test_count_revisions_and_record_one_event_each(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, places: list[str], digest: str
    ) -> None:
        seen = len(plane.events(registry))
        for path in places:
            admin.open("PATCH", path, json={"writeEnabled": False})
            admin.open("PATCH", path, json={"writeEnabled": False})
            admin.open("PATCH", path, json={})
        told = [(event.action, event.tag, event.digest) for event in plane.events(registry)[seen:]]
        assert told == [("lock", None, None), ("lock", "v1", digest), ("lock", None, digest)]
        with plane.services.database.read() as tx:
            repository = content_repositories.find(tx, registry.id, "team/app")
            assert repository is not None
            tag = content_tags.find(tx, repository.id, "v1")
            manifest = content_manifests.find(tx, repository.id, digest)
        assert tag is not None
        assert manifest is not None
        assert (repository.revision, tag.revision, manifest.revision) == (1, 1, 1)

    def test_of_a_tag_leave_its_history_alone(self, admin: RegistryClient, places: list[str]) -> None:
        config = as_json({"architecture": "amd64", "os": "linux"})
        assert admin.put_manifest("team/app", "v1", image(config, [b"layer"] * 2)).status_code == 201
        admin.open("PATCH", places[1], json={"deleteEnabled": False})
        admin.open("PATCH", places[1], json={"deleteEnabled": True})
        assert admin.open("DELETE", places[1]).status_code == 202


class TestRefusals:
    """What is not understood is refused by name, and changes nothing."""

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"writeEnabled": "false"}, "writeEnabled"),
            ({"writeEnabled": 0}, "writeEnabled"),
            ({"writeEnabled": None}, "writeEnabled"),
            ({"deleteEnabled": False, "unheardOf": True}, "unheardOf"),
            ({"changeableAttributes": {"writeEnabled": False}}, "changeableAttributes"),
            (["writeEnabled"], "object"),
            ("writeEnabled", "object"),
            (None, "object"),
        ],
    )
    def test_of_bodies(self, admin: RegistryClient, places: list[str], body: Any, named: str) -> None:
        for path in places:
            answer = admin.open("PATCH", path, json=body)
            assert (answer.status_code, codes(answer)) == (400, ["UNSUPPORTED"]), path
            assert named in json_of(answer)["errors"][0]["message"]
            assert attributes_in(json_of(admin.get(path))) == FRESH

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b'{"writeEnabled": false, "writeEnabled": true}',
            b"[" * 100_000,
            b" " * 70_000 + b"{}",
        ],
    )
    def test_of_bytes(self, admin: RegistryClient, places: list[str], body: bytes) -> None:
        for path in places:
            answer = admin.open("PATCH", path, data=body)
            assert (answer.status_code, codes(answer)) == (400, ["UNSUPPORTED"]), path

    def test_of_attributes_that_would_do_nothing(self, admin: RegistryClient, places: list[str]) -> None:
        for path, name in (
            (places[1], "createEnabled"),
            (places[2], "createEnabled"),
            (places[2], "updateEnabled"),
        ):
            answer = admin.open("PATCH", path, json={name: False})
            assert answer.status_code == 400
            assert name in json_of(answer)["errors"][0]["message"]

    def test_of_what_is_not_there(self, admin: RegistryClient, digest: str) -> None:
        none = "sha256:" + "0" * 64
        for path, code in (
            ("/acr/v1/nothing", "NAME_UNKNOWN"),
            ("/acr/v1/nothing/_tags/v1", "NAME_UNKNOWN"),
            (f"/acr/v1/nothing/_manifests/{digest}", "NAME_UNKNOWN"),
            ("/acr/v1/team/app/_tags/v2", "TAG_UNKNOWN"),
            (f"/acr/v1/team/app/_manifests/{none}", "MANIFEST_UNKNOWN"),
        ):
            answer = admin.open("PATCH", path, json={"writeEnabled": False})
            assert (answer.status_code, codes(answer)) == (404, [code]), path

    def test_of_callers_who_only_pull_or_read(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, places: list[str]
    ) -> None:
        robot = plane.add_principal(registry, "AcrPull")
        puller = plane.client().with_basic(robot.app_id, robot.secret)
        reader = admin.scoped("repository:team/app:pull,metadata_read")
        for path in places:
            assert puller.open("PATCH", path, json={"writeEnabled": False}).status_code == 403
            assert reader.open("PATCH", path, json={"writeEnabled": False}).status_code == 401
            assert attributes_in(json_of(admin.get(path))) == FRESH

    def test_of_locks_by_tokens_that_only_push(self, admin: RegistryClient, places: list[str]) -> None:
        pusher = admin.scoped("repository:team/app:pull,push")
        for path in places:
            answer = pusher.open("PATCH", path, json={"writeEnabled": False})
            assert answer.status_code == 401, path
            scope = 'scope="repository:team/app:metadata_read,metadata_write"'
            assert scope in answer.headers["WWW-Authenticate"]
