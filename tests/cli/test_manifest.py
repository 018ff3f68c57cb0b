"""`acrctl manifest`, and what `repository` has beyond listing: attributes, history, usage, restore."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Service
from tests.cli.stand_in_data import DIGEST

HELLO = ("-r", "demo01", "-n", "hello")
V1 = ("-r", "demo01", "-n", "hello:v1")
OTHER = "sha256:" + "c" * 64


def answers(service: Service, *bodies: Any) -> None:
    """Queue answers of the registry: bodies, or whole answers."""
    service.next_content.extend(one if isinstance(one, Answer) else Answer(200, one) for one in bodies)


@pytest.mark.parametrize(
    "words", [V1, ("{server}/hello:v1",), ("https://{server}/hello:v1",), (*V1[:3], f"hello@{DIGEST}")]
)
def test_an_image_is_named_in_several_ways(ready: Runner, service: Service, words: tuple[str, ...]) -> None:
    server = service.base.partition("//")[2]
    shown = ready("manifest", "show-metadata", *(word.replace("{server}", server) for word in words))
    assert shown.json["digest"] == DIGEST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either -r REGISTRY -n NAME"),
        (("-n", "hello:v1", "a.example.com/hello:v1"), "give either"),
        (("-n", "hello:v1"), "--registry/-r"),
        (("hello:v1",), "does not begin with a login server"),
        (("a.example.com/",), "does not begin with a login server"),
    ],
)
def test_an_image_that_is_not_named_is_refused(ready: Runner, words: tuple[str, ...], said: str) -> None:
    refused = ready("manifest", "show-metadata", *words)
    assert (refused.code, said in refused.err) == (2, True)


def test_a_repository_has_no_tag(ready: Runner) -> None:
    assert ready("manifest", "list-metadata", *V1).code == 2


def test_raw_bytes_are_printed_as_they_are_stored(ready: Runner, service: Service) -> None:
    stored = {"schemaVersion": 2, "annotations": {"é": "\n"}}
    answers(service, stored)
    shown = ready("manifest", "show", *V1, "--raw", "-o", "table")
    assert hashlib.sha256(shown.out.encode()).digest() == hashlib.sha256(json.dumps(stored).encode()).digest()
    assert "application/vnd.oci.image.index.v1+json" in service.seen[-1].headers["accept"]


def test_list_reads_each_manifest(ready: Runner, service: Service) -> None:
    subject = {"schemaVersion": 2, "mediaType": "m", "subject": {"digest": DIGEST}}
    answers(service, {"manifests": [{"digest": DIGEST}, {"digest": OTHER}]}, {"mediaType": "m"}, subject)
    shown = ready("manifest", "list", *HELLO, "-o", "table")
    assert shown.out.splitlines()[0].split() == ["MediaType", "ArtifactType", "SubjectDigest"]
    assert shown.out.split()[-1] == DIGEST


def test_referrers_of_referrers_are_each_told_once(ready: Runner, service: Service) -> None:
    link = {"Link": f'</v2/hello/referrers/{DIGEST}?n=1&last=x>; rel="next"'}
    first, second = {"digest": OTHER, "artifactType": "a"}, {"digest": DIGEST, "artifactType": "a"}
    answers(
        service,
        Answer(200, {"manifests": [first]}, link),
        {"manifests": [second]},
        {"manifests": [second]},
        {"manifests": [first]},
    )
    image = ("-r", "demo01", "-n", f"hello@{DIGEST}")
    shown = ready("manifest", "list-referrers", *image, "--artifact-type", "a", "--recursive")
    assert shown.json == {"manifests": [first, second]}
    asked = service.asked("GET", "/referrers/")
    assert [request.query.get("artifactType") for request in asked] == ["a", None, None, None]


def test_attributes_are_changed_by_name(ready: Runner, service: Service) -> None:
    answers(service, {"tag": {"name": "v1"}})
    done = ready(
        "manifest", "update-metadata", *V1, "--delete-enabled", "false", "--list-enabled",
        "--create-enabled", "false",
    )  # fmt: skip
    assert done.json == {"name": "v1"}
    assert service.seen[-1].body == {"deleteEnabled": False, "listEnabled": True, "createEnabled": False}
    assert service.asked("POST", "/oauth2/token")[-1].form["scope"].endswith("metadata_write,metadata_read")


def test_a_repository_is_locked_and_without_a_change_only_shown(ready: Runner, service: Service) -> None:
    one = ("repository", "update", "-n", "demo01", "--repository", "hello")
    answers(service, {"imageName": "hello"})
    assert ready(*one, "--update-enabled", "false").json == {"imageName": "hello"}
    assert (service.seen[-1].method, service.seen[-1].body) == ("PATCH", {"updateEnabled": False})
    answers(service, {"imageName": "hello"})
    assert ready(*one).code == 0
    assert service.seen[-1].method == "GET"


def test_a_verdict_is_about_the_manifest(ready: Runner, service: Service) -> None:
    answers(service, {"tag": {"digest": DIGEST}}, {"manifest": {"digest": DIGEST}})
    assert ready("manifest", "quarantine", *V1, "--state", "passed", "--details", "clean").code == 0
    assert service.seen[-1].path == f"/acr/v1/hello/_manifests/{DIGEST}"
    assert service.seen[-1].body == {"quarantineState": "Passed", "quarantineDetails": "clean"}


def test_a_manifest_is_deleted_by_its_digest_and_only_when_told_to(ready: Runner, service: Service) -> None:
    assert ready("manifest", "delete", *V1).code == 1
    assert ready("manifest", "delete", *V1, "-y").code == 0
    assert service.tags["hello"] == {}


def test_until_when_deleted_content_is_kept(ready: Runner, service: Service) -> None:
    service.registries["demo01"]["properties"]["policies"] = {"softDeletePolicy": {"retentionDays": 9}}
    deleted = {"tag": "v1", "digest": DIGEST, "deletedAt": "2026-12-30T10:00:00.5Z"}
    answers(service, {"tags": [deleted, {**deleted, "tag": "v2"}]})
    shown = ready("manifest", "list-deleted-tags", *V1)
    assert [one["expiresAfter"] for one in shown.json] == ["2027-01-08T10:00:00.5Z"]


def test_the_last_of_several_deleted_manifests_is_restored(ready: Runner, service: Service) -> None:
    tags = [
        {"tag": "v1", "digest": OTHER, "deletedAt": "2026-01-02T00:00:00Z"},
        {"tag": "v1", "digest": DIGEST, "deletedAt": "2026-01-01T00:00:00Z"},
    ]
    answers(service, {"tags": tags})
    assert ready("manifest", "restore", *V1).code == 1
    answers(service, {"tags": tags}, {"tagsRestored": ["v1"]})
    assert ready("manifest", "restore", *V1, "--yes", "--force").json == {"tagsRestored": ["v1"]}
    assert service.seen[-1].path == f"/acr/v1/_deleted/hello/_manifests/{OTHER}"
    assert (service.seen[-1].query, service.seen[-1].body) == ({"force": "true"}, {"tag": "v1"})
    answers(service, {"tags": []})
    assert ready("manifest", "restore", *V1).code == 3


def test_repositories_are_restored_and_purged(ready: Runner, service: Service) -> None:
    answers(service, {"tagsRestored": ["v1"]})
    one = ("-n", "demo01", "--repository", "hello")
    assert ready("repository", "restore", *one).json == {"tagsRestored": ["v1"]}
    assert (service.seen[-1].method, service.seen[-1].path) == ("POST", "/acr/v1/_deleted/hello")
    assert ready("repository", "purge-deleted", *one).code == 1
    answers(service, Answer(202))
    assert ready("repository", "purge-deleted", *one, "-y").out == ""
    assert (service.seen[-1].method, service.seen[-1].path) == ("DELETE", "/acr/v1/_deleted/hello")
    assert ready("repository", "purge-deleted", "-n", "demo01", "-t", "hello:v1", "-y").code == 2


def test_usage_of_a_registry_is_read_to_the_last_page(ready: Runner, service: Service) -> None:
    row = {"imageName": "a", "size": 3, "unique": 1, "shared": 2}
    link = {"Link": '</acr/v1/_usage?n=1&last=a>; rel="next"'}
    first = Answer(200, {"size": 9, "repositories": [row]}, link)
    answers(service, first, {"size": 9, "repositories": [{**row, "imageName": "b"}]})
    shown = ready("repository", "usage", "-n", "demo01")
    assert [one["imageName"] for one in shown.json["repositories"]] == ["a", "b"]
    answers(service, {"imageName": "a", "tag": "v1", "freed": 1, **row})
    table = ready("repository", "usage", "-n", "demo01", "-t", "a:v1", "-o", "table")
    assert table.out.splitlines()[2].split() == ["a", "v1", "3", "1", "2", "1"]


def test_history_of_a_tag(ready: Runner, service: Service) -> None:
    answers(service, {"history": [{"digest": DIGEST, "since": "2026-01-01T00:00:00.5Z", "until": None}]})
    shown = ready("repository", "history", "-n", "demo01", "-t", "hello:v1", "-o", "table")
    assert shown.out.splitlines()[2].split() == [DIGEST, "2026-01-01T00:00:00Z"]
    assert service.seen[-1].path == "/acr/v1/hello/_tags/v1/_history"
