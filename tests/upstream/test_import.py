"""importImage: from another registry and from this deployment, its checks, and what it says when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.content import Image, digest_of, random_image
from benchmarks.registry import Client, Registry
from controlplane.services.upstream import Rules
from tests.api.deployment import CONTRIBUTOR, Reply, Template
from tests.support.both_planes import House, house_at
from tests.support.ports import free_port
from tests.upstream.test_cache import Mirrored, served


def start(house: House, source: dict[str, Any], **more: Any) -> Reply:
    return house.arm("POST", "importImage", {"source": source, **more})


def finish(house: House, answer: Reply) -> Reply:
    assert answer.status_code == 202, answer.text
    house.api.work()
    return house.api.call("GET", answer.headers["Location"], version=None)


def remote(host: str, upstream: Registry, image: str = "app:v1", **credentials: str) -> dict[str, Any]:
    known = {"username": upstream.username, "password": upstream.password, **credentials}
    return {"registryUri": host, "sourceImage": image, "credentials": known}


def tags(house: House, repository: str) -> list[str]:
    answer = house.admin().get(f"/v2/{repository}/tags/list")
    return list(json.loads(answer.data)["tags"])


def test_an_image_of_another_registry_comes_with_all_its_content(
    house: House, upstream: Registry, host: str, image: Image
) -> None:
    answer = finish(
        house, start(house, remote(host, upstream), targetTags=["team/app:v2", "team/app:stable"])
    )
    assert answer.status_code == 204, answer.text
    assert tags(house, "team/app") == ["stable", "v2"]
    admin = house.admin()
    got = admin.get("/v2/team/app/manifests/v2")
    assert got.data == image.manifest
    for blob in image.blobs:
        assert admin.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.content


def test_without_a_word_about_targets_it_keeps_its_name(
    house: House, upstream: Registry, host: str, image: Image
) -> None:
    assert finish(house, start(house, remote(host, upstream))).status_code == 204
    assert tags(house, "app") == ["v1"]
    digest = digest_of(image.manifest)
    by_digest = remote(host, upstream, f"app@{digest}")
    assert finish(house, start(house, by_digest, untaggedTargetRepositories=["plain"])).status_code == 204
    assert house.admin().get(f"/v2/plain/manifests/{digest}").data == image.manifest


def test_a_tag_that_exists_is_moved_by_force_only(
    house: House, upstream: Registry, host: str, image: Image
) -> None:
    assert image.manifest
    finish(house, start(house, remote(host, upstream), targetTags=["app:v1"]))
    other = random_image(1000)
    pusher = Client(upstream)
    pusher.push("other", "v1", other)
    pusher.close()
    refused = start(house, remote(host, upstream, "other:v1"), targetTags=["app:v1"])
    assert refused.status_code == 409
    assert "already exists in target registry" in refused.text
    forced = start(house, remote(host, upstream, "other:v1"), targetTags=["app:v1"], mode="Force")
    assert finish(house, forced).status_code == 204
    assert house.admin().get("/v2/app/manifests/v1").data == other.manifest


def test_between_registries_of_one_deployment_no_byte_is_copied(
    house: House, upstream: Registry, host: str, image: Image
) -> None:
    finish(house, start(house, remote(host, upstream)))
    source = {"resourceId": house.path("demo1"), "sourceImage": "app:v1"}
    answer = house.arm("POST", "importImage", {"source": source}, registry="other")
    assert finish(house, answer).status_code == 204
    by_name = {"registryUri": house.host("demo1"), "sourceImage": "app:v1"}
    answer = house.arm("POST", "importImage", {"source": by_name, "targetTags": ["b:v1"]}, registry="other")
    assert finish(house, answer).status_code == 204
    usage = house.done("GET", "listUsages", registry="other")
    size = next(one["currentValue"] for one in usage["value"] if one["name"] == "Size")
    assert size >= sum(len(blob.content) for blob in image.blobs)


def test_whoever_may_not_pull_from_the_source_may_not_import_from_it(house: House) -> None:
    source = {"resourceId": house.path("demo1"), "sourceImage": "app:v1"}
    writer = house.api.persona(CONTRIBUTOR, house.path("other"))
    answer = house.arm("POST", "importImage", {"source": source}, registry="other", token=writer)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("image", "words"),
    [("nothing:v1", "MANIFEST_UNKNOWN"), ("app:nothing", "404")],
)
def test_the_true_cause_is_told(house: House, upstream: Registry, host: str, image: str, words: str) -> None:
    answer = finish(house, start(house, remote(host, upstream, image)))
    assert answer.status_code == 400
    assert words in answer.text
    assert "sourceImage" not in answer.text


def test_a_wrong_password_is_told(house: House, upstream: Registry, host: str) -> None:
    answer = finish(house, start(house, remote(host, upstream, password="wrong")))
    assert answer.status_code == 400
    assert "401" in answer.text
    assert "wrong" not in answer.text.replace("was wrong", "")


def test_a_token_service_that_nobody_named_gets_no_password(
    house: House, upstream: Registry, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstreams = house.api.services.imports._upstreams  # noqa: SLF001 - as an operator who named nobody
    monkeypatch.setattr(upstreams, "_rules", Rules())
    answer = finish(house, start(house, remote(host, upstream)))
    assert answer.status_code == 400
    assert "not trusted with its credentials" in answer.text


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"source": {"sourceImage": "app:v1"}}, "source"),
        ({"source": {"registryUri": "a.example.com", "resourceId": "/x", "sourceImage": "app:v1"}}, "source"),
        ({"source": {"registryUri": "a b", "sourceImage": "app:v1"}}, "source.registryUri"),
        ({"source": {"registryUri": "a.example.com", "sourceImage": "App"}}, "source.sourceImage"),
        ({"source": {"registryUri": "a.example.com", "sourceImage": "app@sha256:1"}}, "source.sourceImage"),
        (
            {"source": {"registryUri": "a.example.com", "sourceImage": "app"}, "targetTags": ["A:b"]},
            "targetTags",
        ),
        ({"source": {"resourceId": "/subscriptions/x", "sourceImage": "app"}}, "source.resourceId"),
    ],
)
def test_bad_requests_are_refused_at_once(house: House, body: dict[str, Any], target: str) -> None:
    answer = house.arm("POST", "importImage", body)
    assert answer.status_code == 400
    assert answer.json["error"]["target"] == target


def test_an_inner_address_is_not_imported_from(house: House) -> None:
    source = {"registryUri": "169.254.169.254", "sourceImage": "app:v1"}
    answer = start(house, source)
    assert answer.status_code == 202
    house.api.work()
    shown = house.api.call("GET", answer.headers["Azure-AsyncOperation"], version=None)
    assert "may not be reached" in shown.text


def test_several_imports_run_beside_each_other_and_the_registry_stays_free(
    house: House, upstream: Registry, host: str, image: Image
) -> None:
    assert image.manifest
    answers = [start(house, remote(host, upstream), targetTags=[f"app{n}:v1"]) for n in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    assert house.arm("PATCH", "", {"tags": {"a": "b"}}).status_code == 200
    house.api.work()
    for answer in answers:
        assert house.api.call("GET", answer.headers["Location"], version=None).status_code == 204


def test_a_blob_that_breaks_off_is_fetched_again(
    house_files: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.services.content_copy._PAUSE", 0.01)
    mirrored, port, image = Mirrored(), free_port(), random_image(200_000)
    mirrored.add("v1", image)
    mirrored.breaks = 3
    monkeypatch.setenv("ACRCTL_OUTBOUND_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("ACRCTL_UPSTREAM_INSECURE", f"127.0.0.1:{port}")
    with house_at(house_files, tmp_path / "state") as house, served(mirrored, port):
        source = {"registryUri": f"127.0.0.1:{port}", "sourceImage": "team/app:v1"}
        assert finish(house, start(house, source)).status_code == 204
        assert house.admin().get("/v2/team/app/manifests/v1").data == image.manifest
    assert sum(mirrored.fetches(blob.digest) for blob in image.blobs) == len(image.blobs) + 3
