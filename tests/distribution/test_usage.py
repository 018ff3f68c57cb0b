"""Usage: who holds which bytes, and what a deletion would free; the registry's size is the judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    image,
    json_of,
    plane_at,
)

BASE, OWN, OTHER = b"b" * 1000, b"o" * 100, b"x" * 10
CONFIG_BYTES = as_json({"architecture": "amd64", "os": "linux"})


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """A plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture
def admin(plane: Plane, registry: RegistryRow) -> RegistryClient:
    return plane.client(registry)


def size_of(plane: Plane, row: RegistryRow) -> int:
    """Return the registry's own count of its bytes."""
    with plane.services.database.read() as tx:
        found = registries.by_id(tx, row.id)
    assert found is not None
    return found.size


def usage(client: RegistryClient, path: str = "") -> dict[str, Any]:
    """Return a usage document; nothing in it may be negative, and its parts must add up."""
    document: dict[str, Any] = json_of(client.get(f"/acr/v1/{path}_usage"))
    if "unique" in document:
        assert document["unique"] + document["shared"] == document["size"]
        assert min(value for value in document.values() if isinstance(value, int)) >= 0
    return document


def manifest_size(layers: list[bytes]) -> int:
    """Return the size of an image's manifest."""
    return len(as_json(image(CONFIG_BYTES, layers)))


def test_a_registry_is_shown_with_its_repositories(
    plane: Plane, registry: RegistryRow, admin: RegistryClient
) -> None:
    assert usage(admin) == {"registry": admin.host, "size": 0, "repositories": []}
    admin.push_image("a", "v1", [BASE, OWN])
    admin.push_image("b", "v1", [BASE])
    shown = usage(admin)
    shared = len(BASE) + len(CONFIG_BYTES)
    first, second = len(OWN) + manifest_size([BASE, OWN]), manifest_size([BASE])
    assert shown["size"] == size_of(plane, registry) == shared + first + second
    assert shown["repositories"] == [
        {"imageName": "a", "size": shared + first, "unique": first, "shared": shared},
        {"imageName": "b", "size": shared + second, "unique": second, "shared": shared},
    ]


def test_a_registry_is_paged(admin: RegistryClient) -> None:
    for number in range(5):
        admin.push_blob(f"r{number}", b"%d" % number)
    seen, path = [], "/acr/v1/_usage?n=2"
    while path:
        answer = admin.get(path)
        seen += [one["imageName"] for one in json_of(answer)["repositories"]]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == [f"r{number}" for number in range(5)]
    assert codes(admin.get("/acr/v1/_usage?n=x")) == ["PAGINATION_NUMBER_INVALID"]


def test_a_repository_tells_what_its_deletion_frees(
    plane: Plane, registry: RegistryRow, admin: RegistryClient
) -> None:
    admin.push_image("a", "v1", [BASE, OWN])
    admin.push_image("a", "v2", [BASE, OTHER])
    admin.push_image("b", "v1", [BASE])
    before, shown = size_of(plane, registry), usage(admin, "a/")
    assert (shown["manifestCount"], shown["tagCount"], shown["deleted"]) == (2, 2, 0)
    assert admin.open("DELETE", "/acr/v1/a").status_code == 202
    assert before - size_of(plane, registry) == shown["freed"] == shown["unique"]


def test_a_tag_tells_what_deleting_its_image_frees(
    plane: Plane, registry: RegistryRow, admin: RegistryClient
) -> None:
    digest = admin.push_image("a", "v1", [BASE, OWN])
    admin.push_image("a", "v2", [BASE, OTHER])
    shown = usage(admin, "a/_tags/v1/")
    assert shown["digest"] == digest
    assert shown["size"] == len(BASE + OWN + CONFIG_BYTES) + manifest_size([BASE, OWN])
    assert shown["unique"] == shown["freed"] == len(OWN) + manifest_size([BASE, OWN])
    before = size_of(plane, registry)
    admin.open("DELETE", f"/v2/a/manifests/{digest}")
    assert before - size_of(plane, registry) == shown["freed"]


def test_blobs_of_another_repository_are_shared(admin: RegistryClient) -> None:
    admin.push_image("a", "v1", [OWN])
    admin.push_blob("b", OWN)
    shown = usage(admin, "a/_tags/v1/")
    assert shown["unique"] == manifest_size([OWN]) + len(CONFIG_BYTES)


def test_a_second_tag_shares_everything_and_goes_with_the_manifest(admin: RegistryClient) -> None:
    admin.push_image("a", "v1", [OWN])
    admin.push_image("a", "latest", [OWN])
    shown = usage(admin, "a/_tags/v1/")
    assert shown["unique"] == 0
    assert shown["freed"] == shown["size"]


class TestIndexes:
    @pytest.fixture
    def children(self, admin: RegistryClient) -> list[str]:
        return [admin.push_image("a", f"child-{number}", [BASE, bytes([number])]) for number in range(3)]

    @staticmethod
    def push(admin: RegistryClient, tag: str, children: list[str]) -> int:
        """Push an index of images; return its size."""
        entries = [
            {"mediaType": MANIFEST, "digest": one, "size": manifest_size([BASE, b"0"])} for one in children
        ]
        payload = as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        assert admin.put_manifest("a", tag, payload, INDEX).status_code == 201
        return len(payload)

    def test_an_index_takes_what_its_images_take(self, admin: RegistryClient, children: list[str]) -> None:
        size = self.push(admin, "all", children)
        shown = usage(admin, "a/_tags/all/")
        own = size + 3 * manifest_size([BASE, b"0"])
        assert shown["size"] == own + len(BASE) + 3 + len(CONFIG_BYTES)
        assert shown["freed"] == shown["unique"] == size  # the images have tags of their own

    def test_untagged_images_go_with_their_index(self, admin: RegistryClient, children: list[str]) -> None:
        size = self.push(admin, "all", children)
        for number in range(2):
            admin.open("DELETE", f"/acr/v1/a/_tags/child-{number}")
        shown = usage(admin, "a/_tags/all/")
        assert shown["freed"] == shown["unique"] == size + 2 * (manifest_size([BASE, b"0"]) + 1)

    def test_images_of_two_indexes_are_shared(self, admin: RegistryClient, children: list[str]) -> None:
        size = self.push(admin, "all", children)
        self.push(admin, "some", children[:1])
        for number in range(3):
            admin.open("DELETE", f"/acr/v1/a/_tags/child-{number}")
        assert usage(admin, "a/_tags/all/")["freed"] == size + 2 * (manifest_size([BASE, b"0"]) + 1)

    def test_indexes_may_be_nested(self, admin: RegistryClient, children: list[str]) -> None:
        inner = self.push(admin, "inner", children)
        digest = admin.get("/v2/a/manifests/inner").headers["Docker-Content-Digest"]
        entry = {"mediaType": INDEX, "digest": digest, "size": inner}
        outer = as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
        assert admin.put_manifest("a", "outer", outer, INDEX).status_code == 201
        inside = usage(admin, "a/_tags/inner/")["size"]
        assert usage(admin, "a/_tags/outer/")["size"] == inside + len(outer)


class TestSoftDeleted:
    @pytest.fixture(autouse=True)
    def soft(self, plane: Plane, registry: RegistryRow) -> None:
        plane.change(registry, soft_delete_days=7)

    def test_deleted_bytes_are_shown_apart(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        digest = admin.push_image("a", "v1", [BASE, OWN])
        admin.push_image("a", "v2", [BASE, OTHER])
        freed = usage(admin, "a/_tags/v1/")["freed"]
        before = size_of(plane, registry)
        assert admin.open("DELETE", f"/v2/a/manifests/{digest}").status_code == 202
        shown = usage(admin, "a/")
        assert shown["deleted"] == freed
        assert shown["size"] == size_of(plane, registry) == before
        assert shown["manifestCount"] == 1

    def test_what_a_deleted_image_holds_is_not_freed_by_another(self, admin: RegistryClient) -> None:
        digest = admin.push_image("a", "v1", [BASE, OWN])
        admin.push_image("a", "v2", [BASE, OTHER])
        admin.open("DELETE", f"/v2/a/manifests/{digest}")
        assert usage(admin, "a/_tags/v2/")["freed"] == len(OTHER) + manifest_size([BASE, OTHER])

    def test_a_repository_of_deleted_content_alone_is_still_shown(self, admin: RegistryClient) -> None:
        admin.push_image("a", "v1", [OWN])
        assert admin.open("DELETE", "/acr/v1/a").status_code == 202
        shown = usage(admin, "a/")
        assert shown["deleted"] == shown["size"] > 0


def test_usage_needs_rights(plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
    admin.push_image("a", "v1", [OWN])
    pull = admin.scoped("repository:a:pull")
    for path in ("_usage", "a/_usage", "a/_tags/v1/_usage"):
        assert pull.get(f"/acr/v1/{path}").status_code == 401
        assert plane.client().get(f"/acr/v1/{path}").status_code == 401
    catalog = admin.scoped("registry:catalog:*")
    assert catalog.get("/acr/v1/_usage").status_code == 200
    metadata = admin.scoped("repository:a:metadata_read")
    assert metadata.get("/acr/v1/a/_usage").status_code == 200
    assert metadata.get("/acr/v1/a/_tags/v1/_usage").status_code == 200
    assert registry.name == "demo"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("none/_usage", "NAME_UNKNOWN"),
        ("none/_tags/v1/_usage", "NAME_UNKNOWN"),
        ("a/_tags/none/_usage", "TAG_UNKNOWN"),
        ("a/_tags/-/_usage", "TAG_UNKNOWN"),
        ("A/_usage", "NAME_INVALID"),
    ],
)
def test_what_is_not_there_has_no_usage(admin: RegistryClient, path: str, code: str) -> None:
    admin.push_image("a", "v1", [OWN])
    assert codes(admin.get(f"/acr/v1/{path}")) == [code]


def test_an_artifact_with_its_config_only(admin: RegistryClient) -> None:
    digest = admin.push_blob("a", b"{}")
    config = {"mediaType": CONFIG, "digest": digest, "size": 2}
    payload = as_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})
    assert admin.put_manifest("a", "v1", payload).status_code == 201
    assert usage(admin, "a/_tags/v1/")["size"] == 2 + len(payload)
