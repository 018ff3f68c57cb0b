"""Quarantine: what is pushed waits for a scanner, who may pull it and says what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from controlplane.services.access import ABAC
from tests.support.distribution import (
    CONFIG,
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

DETAILS = '{"state":"scan passed","link":"https://scanner.example/1"}'


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    """The plane over each kind of database."""
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture
def registry(plane: Plane) -> RegistryRow:
    """A registry with the policy on."""
    return plane.add_registry(quarantine=True)


@pytest.fixture
def digest(admin: RegistryClient) -> str:
    """An image in quarantine, ``app:v1``."""
    return admin.push_image("app", "v1")


@pytest.fixture
def scanner(plane: Plane, registry: RegistryRow) -> RegistryClient:
    """A client that may see and mark what is in quarantine."""
    robot = plane.add_principal(registry, "AcrPush", "AcrQuarantineWriter")
    return plane.client().with_basic(robot.app_id, robot.secret)


def mark(client: RegistryClient, digest: str, state: str, **more: Any) -> TestResponse:
    return client.open("PATCH", f"/acr/v1/app/_manifests/{digest}", json={"quarantineState": state, **more})


def shown(client: RegistryClient, digest: str) -> dict[str, Any]:
    manifest = json_of(client.get(f"/acr/v1/app/_manifests/{digest}"))["manifest"]
    found: dict[str, Any] = manifest["changeableAttributes"]
    return found


def told(plane: Plane, registry: RegistryRow) -> Counter[tuple[str, str | None]]:
    return Counter((event.action, event.tag) for event in plane.events(registry))


class TestPulls:
    """Who may pull what."""

    def test_of_what_waits_are_refused(self, admin: RegistryClient, digest: str) -> None:
        for method in ("GET", "HEAD"):
            assert admin.open(method, "/v2/app/manifests/v1").status_code == 404
            assert admin.open(method, f"/v2/app/manifests/{digest}").status_code == 405
        assert codes(admin.get("/v2/app/manifests/v1")) == ["MANIFEST_UNKNOWN"]
        refused = admin.get(f"/v2/app/manifests/{digest}")
        assert codes(refused) == ["UNSUPPORTED"]
        assert "The operation is disallowed" in json_of(refused)["errors"][0]["message"]

    def test_of_what_waits_are_for_readers_of_the_quarantine(
        self, plane: Plane, registry: RegistryRow, digest: str
    ) -> None:
        robot = plane.add_principal(registry, "AcrPull", "AcrQuarantineReader")
        reader = plane.client().with_basic(robot.app_id, robot.secret)
        for client in (reader, reader.scoped("repository:app:pull")):
            for reference in ("v1", digest):
                assert digest_of(client.get(f"/v2/app/manifests/{reference}").data) == digest
        assert mark(reader, digest, "Passed").status_code == 403

    def test_of_what_passed_are_for_all(
        self, admin: RegistryClient, scanner: RegistryClient, digest: str
    ) -> None:
        assert mark(scanner, digest, "Passed").status_code == 200
        for reference in ("v1", digest):
            assert digest_of(admin.get(f"/v2/app/manifests/{reference}").data) == digest

    def test_of_what_failed_are_refused(
        self, admin: RegistryClient, scanner: RegistryClient, digest: str
    ) -> None:
        assert mark(scanner, digest, "Passed").status_code == 200
        assert mark(scanner, digest, "Failed", quarantineDetails="CVE").status_code == 200
        assert admin.get(f"/v2/app/manifests/{digest}").status_code == 405
        assert scanner.get(f"/v2/app/manifests/{digest}").status_code == 200

    def test_of_what_was_there_before_the_policy_wait_as_well(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, scanner: RegistryClient
    ) -> None:
        plane.change(registry, quarantine=False)
        digest = admin.push_image("app", "v1")
        assert admin.get("/v2/app/manifests/v1").status_code == 200
        plane.change(registry, quarantine=True)
        assert admin.get("/v2/app/manifests/v1").status_code == 404
        assert mark(scanner, digest, "Passed").status_code == 200
        assert admin.get("/v2/app/manifests/v1").status_code == 200

    def test_are_free_again_without_the_policy(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, digest: str
    ) -> None:
        plane.change(registry, quarantine=False)
        assert admin.get(f"/v2/app/manifests/{digest}").status_code == 200

    def test_of_nobody_are_refused(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient, digest: str
    ) -> None:
        plane.change(registry, anonymous_pull=True, quarantine=True)
        client = nobody.scoped("repository:app:pull")
        assert client.get(f"/v2/app/manifests/{digest}").status_code == 405

    def test_end_with_the_role(self, plane: Plane, registry: RegistryRow, digest: str) -> None:
        robot = plane.add_principal(registry, "AcrPull")
        reader = plane.client().with_basic(robot.app_id, robot.secret).scoped("repository:app:pull")
        assert reader.get(f"/v2/app/manifests/{digest}").status_code == 405
        plane.assign(registry, robot, "AcrQuarantineReader")
        assert reader.get(f"/v2/app/manifests/{digest}").status_code == 200

    def test_follow_data_actions_in_abac_mode(self, plane: Plane, registry: RegistryRow, digest: str) -> None:
        plane.change(registry, role_assignment_mode=ABAC, quarantine=True)
        roles = ("Container Registry Repository Reader", "AcrQuarantineReader")
        robots = [plane.add_principal(registry, *given) for given in (roles, (roles[0], "Owner"))]
        clients = [plane.client().with_basic(robot.app_id, robot.secret) for robot in robots]
        answers = [client.get(f"/v2/app/manifests/{digest}").status_code for client in clients]
        assert answers == [200, 405]


class TestLists:
    """What cannot be pulled is not offered; its attributes are no secret."""

    def test_of_tags(self, admin: RegistryClient, scanner: RegistryClient, digest: str) -> None:
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == []
        assert json_of(scanner.get("/v2/app/tags/list"))["tags"] == ["v1"]
        mark(scanner, digest, "Passed")
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == ["v1"]

    def test_of_referrers(self, admin: RegistryClient, scanner: RegistryClient, digest: str) -> None:
        subject = {"mediaType": MANIFEST, "digest": digest, "size": 1}
        config = as_json({"architecture": "amd64", "os": "linux"})
        signature = image(config, [b"layer"]) | {
            "subject": subject,
            "artifactType": "application/x-signature",
        }
        signed = admin.put_manifest("app", digest_of(as_json(signature)), signature)
        path = f"/v2/app/referrers/{digest}"
        assert json_of(admin.get(path))["manifests"] == []
        assert len(json_of(scanner.get(path))["manifests"]) == 1
        mark(scanner, signed.headers["Docker-Content-Digest"], "Passed")
        assert len(json_of(admin.get(path))["manifests"]) == 1

    def test_of_attributes_show_the_state(
        self, admin: RegistryClient, scanner: RegistryClient, digest: str
    ) -> None:
        assert shown(admin, digest)["quarantineState"] == "Quarantined"
        assert "quarantineDetails" not in shown(admin, digest)
        mark(scanner, digest, "Passed", quarantineDetails=DETAILS)
        (listed,) = json_of(admin.get("/acr/v1/app/_manifests"))["manifests"]
        assert listed["changeableAttributes"] == shown(admin, digest)
        assert shown(admin, digest) == {
            "deleteEnabled": True,
            "writeEnabled": True,
            "readEnabled": True,
            "listEnabled": True,
            "quarantineState": "Passed",
            "quarantineDetails": DETAILS,
        }


class TestVerdicts:
    """PATCH of the manifest's attributes, as a scanner sends it."""

    def test_need_no_more_than_a_token_to_push(self, scanner: RegistryClient, digest: str) -> None:
        assert mark(scanner.scoped("repository:app:pull,push"), digest, "Passed").status_code == 200

    def test_are_for_those_with_the_role(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, digest: str
    ) -> None:
        robot = plane.add_principal(registry, "AcrPush")
        pusher = plane.client().with_basic(robot.app_id, robot.secret)
        for client in (admin, pusher, pusher.scoped("repository:app:pull,push,metadata_write")):
            answer = mark(client, digest, "Passed")
            assert (answer.status_code, codes(answer)) == (403, ["DENIED"])
        assert shown(admin, digest)["quarantineState"] == "Quarantined"

    def test_may_come_with_locks(self, scanner: RegistryClient, digest: str) -> None:
        assert mark(scanner, digest, "Passed", writeEnabled=False).status_code == 200
        found = shown(scanner, digest)
        assert (found["quarantineState"], found["writeEnabled"]) == ("Passed", False)
        both = {"quarantineState": "Failed", "writeEnabled": True}
        narrow = scanner.scoped("repository:app:push")
        assert narrow.open("PATCH", f"/acr/v1/app/_manifests/{digest}", json=both).status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            {"quarantineState": "passed"},
            {"quarantineState": "Unknown"},
            {"quarantineState": True},
            {"quarantineState": ["Passed"]},
            {"quarantineState": "Passed", "quarantineDetails": {}},
            {"quarantineDetails": "x" * 40_000},
            {"quarantineDetails": "\0"},
        ],
    )
    def test_that_are_none_are_refused(
        self, scanner: RegistryClient, digest: str, body: dict[str, Any]
    ) -> None:
        answer = scanner.open("PATCH", f"/acr/v1/app/_manifests/{digest}", json=body)
        assert answer.status_code == 400
        assert "quarantine" in json_of(answer)["errors"][0]["message"]
        assert shown(scanner, digest)["quarantineState"] == "Quarantined"

    def test_are_about_manifests_alone(self, scanner: RegistryClient, digest: str) -> None:
        assert digest
        for path in ("/acr/v1/app", "/acr/v1/app/_tags/v1"):
            assert scanner.open("PATCH", path, json={"quarantineState": "Passed"}).status_code == 400


class TestEvents:
    """Who is told of what, and when."""

    def test_a_push_is_told_to_scanners_alone_until_it_passed(
        self, plane: Plane, registry: RegistryRow, scanner: RegistryClient, digest: str
    ) -> None:
        assert told(plane, registry) == {("quarantine", "v1"): 1}
        config = as_json({"architecture": "amd64", "os": "linux"})
        scanner.put_manifest("app", "v2", image(config, [b"layer"]))
        mark(scanner, digest, "Failed")
        assert told(plane, registry).keys() == {
            ("quarantine", "v1"), ("quarantine", "v2"), ("tag", "v2"), ("lock", None),
        }  # fmt: skip
        mark(scanner, digest, "Passed")
        mark(scanner, digest, "Passed")
        found = told(plane, registry)
        assert (found["push", "v1"], found["push", "v2"], found["lock", None]) == (1, 1, 1)
        event = next(event for event in plane.events(registry) if event.action == "push")
        assert (event.repository, event.digest, event.media_type) == ("app", digest, MANIFEST)
        assert event.size

    def test_without_the_policy_both_are_told_at_once(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, scanner: RegistryClient
    ) -> None:
        plane.change(registry, quarantine=False)
        digest = admin.push_image("app", "v1")
        assert told(plane, registry) == {("quarantine", "v1"): 1, ("push", "v1"): 1}
        assert "quarantineState" not in shown(admin, digest)
        assert mark(scanner, digest, "Passed").status_code == 200
        assert told(plane, registry)["push", "v1"] == 1

    def test_what_passed_is_told_as_pushed_when_it_is_pushed_again(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, scanner: RegistryClient, digest: str
    ) -> None:
        mark(scanner, digest, "Passed")
        config = as_json({"architecture": "amd64", "os": "linux"})
        admin.put_manifest("app", "again", image(config, [b"layer"]))
        assert told(plane, registry)["push", "again"] == 1
        assert admin.get("/v2/app/manifests/again").status_code == 200

    def test_a_scanner_is_asked_to_look_again(
        self, plane: Plane, registry: RegistryRow, scanner: RegistryClient, digest: str
    ) -> None:
        mark(scanner, digest, "Passed")
        mark(scanner, digest, "Quarantined")
        assert told(plane, registry)["quarantine", None] == 1
        assert scanner.get("/v2/app/manifests/v1").status_code == 200

    def test_a_chart_that_passes_is_told_as_a_chart(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, scanner: RegistryClient
    ) -> None:
        config = as_json({"name": "web", "version": "1.0.0"})
        chart = image(config, [b"layer"])
        chart["config"] = descriptor(config, CONFIG.replace("oci.image", "cncf.helm"))
        for content in (config, b"layer"):
            admin.push_blob("app", content)
        pushed = admin.put_manifest("app", "1.0.0", chart).headers["Docker-Content-Digest"]
        assert told(plane, registry) == {("quarantine", "1.0.0"): 1}
        mark(scanner, pushed, "Passed")
        found = told(plane, registry)
        assert (found["push", "1.0.0"], found["chart_push", "1.0.0"]) == (1, 1)
