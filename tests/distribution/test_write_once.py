"""Write-once rules: in the repositories they name, a tag that is there cannot be moved."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controlplane.persistence import registries
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
FIRST, SECOND = (image(CONFIG, [b"layer"] * layers) for layers in (1, 2))


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """The plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture(autouse=True)
def _rule(plane: Plane, registry: RegistryRow) -> None:
    put_in_force(plane, registry, "release/*")


def put_in_force(plane: Plane, registry: RegistryRow, *patterns: str) -> None:
    with plane.services.database.write() as tx:
        registries.set_write_once(tx, registry.id, patterns)


def tag_of(client: RegistryClient, repository: str, tag: str = "v1") -> str:
    digest: str = json_of(client.get(f"/acr/v1/{repository}/_tags/{tag}"))["tag"]["digest"]
    return digest


def test_a_tag_that_is_there_is_not_moved(admin: RegistryClient) -> None:
    first = admin.push_image("release/app", "v1")
    second = digest_of(as_json(SECOND))
    for answer in (
        admin.put_manifest("release/app", "v1", SECOND),
        admin.put_manifest("release/app", second, SECOND, query_string={"tag": "v1"}),
        admin.put_manifest("release/app", second, SECOND, query_string={"tag": ["fresh", "v1"]}),
    ):
        assert (answer.status_code, codes(answer)) == (409, ["TAG_IMMUTABLE"])
        message = json_of(answer)["errors"][0]["message"]
        assert "'v1'" in message
        assert first in message
    assert tag_of(admin, "release/app") == first
    assert admin.get(f"/v2/release/app/manifests/{second}").status_code == 404
    assert json_of(admin.get("/v2/release/app/tags/list"))["tags"] == ["v1"]


def test_what_a_tag_names_already_may_be_pushed_again(admin: RegistryClient) -> None:
    first = admin.push_image("release/app", "v1")
    again = admin.put_manifest("release/app", "v1", FIRST)
    assert (again.status_code, again.headers["Docker-Content-Digest"]) == (201, first)


def test_new_tags_are_taken(admin: RegistryClient) -> None:
    admin.push_image("release/app", "v1")
    for tag in ("v2", "latest"):
        assert admin.put_manifest("release/app", tag, SECOND).status_code == 201


def test_other_repositories_are_not_concerned(admin: RegistryClient) -> None:
    admin.push_image("release", "v1")
    assert admin.put_manifest("release", "v1", SECOND).status_code == 201


def test_a_tag_that_was_deleted_may_be_used_again(admin: RegistryClient) -> None:
    admin.push_image("release/app", "v1")
    assert admin.open("DELETE", "/acr/v1/release/app/_tags/v1").status_code == 202
    assert admin.put_manifest("release/app", "v1", SECOND).status_code == 201


def test_with_a_lock_a_tag_is_there_for_good(admin: RegistryClient) -> None:
    first = admin.push_image("release/app", "v1")
    admin.open("PATCH", "/acr/v1/release/app/_tags/v1", json={"deleteEnabled": False})
    assert admin.open("DELETE", "/acr/v1/release/app/_tags/v1").status_code == 405
    assert admin.put_manifest("release/app", "v1", SECOND).status_code == 409
    assert tag_of(admin, "release/app") == first


def test_rules_hold_from_the_next_push_on(plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
    admin.push_image("release/app", "v1")
    put_in_force(plane, registry)
    assert admin.put_manifest("release/app", "v1", SECOND).status_code == 201
    put_in_force(plane, registry, "none", "*")
    assert admin.put_manifest("release/app", "v1", FIRST).status_code == 409


def test_of_many_pushes_at_once_one_wins(plane: Plane, admin: RegistryClient) -> None:
    admin.push_image("release/app", "base")
    documents = [image(CONFIG, [b"layer"] * layers) for layers in range(2, 10)]
    other = RegistryClient(plane.another_process().application, authorization=admin.authorization)
    jobs = [(client, document) for document in documents for client in (admin, other)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        answers = list(pool.map(lambda job: job[0].put_manifest("release/app", "v1", job[1]), jobs))
    won = {answer.headers["Docker-Content-Digest"] for answer in answers if answer.status_code == 201}
    assert won == {tag_of(admin, "release/app")}
    assert {answer.status_code for answer in answers} == {201, 409}
    manifests = json_of(admin.get("/acr/v1/release/app/_manifests"))["manifests"]
    assert len(manifests) == 2
