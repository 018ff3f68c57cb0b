"""Row 1 of the attacks: a blob is never had from a repository that its caller may not read."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from controlplane.domain.locks import Lock
from controlplane.domain.roles import built_in_roles
from controlplane.persistence import role_assignments
from controlplane.persistence.content_tables import repositories
from controlplane.persistence.registries import RegistryRow
from controlplane.persistence.role_assignments import AssignmentRow
from controlplane.services.access import ABAC
from tests.support.distribution import Plane, Principal, RegistryClient, codes, digest_of, json_of

CONTENT = bytes(range(256)) * 40
TARGET = "repository:target:pull,push"
WRITER = "Container Registry Repository Writer"
ONLY_TARGET = (
    "((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'})) OR "
    "(@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'target'))"
)


@pytest.fixture
def source(admin: RegistryClient) -> str:
    """A blob that the repository ``source`` holds."""
    return admin.push_blob("source", CONTENT)


@pytest.fixture
def writer_of_target(plane: Plane, registry: RegistryRow) -> Principal:
    """A service principal that may read and write ``target`` and no other repository."""
    plane.change(registry, role_assignment_mode=ABAC)
    robot = plane.add_principal(registry)
    role = next(role.id for role in built_in_roles().values() if role.name == WRITER)
    key = f"{registry.key}/providers/microsoft.authorization/roleassignments/{plane.services.ids.uuid()}"
    row = AssignmentRow(key, registry.key, robot.object_id, "ServicePrincipal", role, ONLY_TARGET)
    with plane.services.database.write() as tx:
        role_assignments.add(tx, row)
    return robot


def mount(client: RegistryClient, digest: str, source: str | None = "source") -> TestResponse:
    query = {"mount": digest} | ({} if source is None else {"from": source})
    return client.open("POST", "/v2/target/blobs/uploads/", query_string=query)


def scope_asked(answer: TestResponse) -> list[str]:
    """Return the scopes a challenge tells a client to ask for."""
    return answer.headers["WWW-Authenticate"].partition('scope="')[2].partition('"')[0].split()


def test_with_read_on_the_source_it_is_mounted(admin: RegistryClient, source: str) -> None:
    answer = mount(admin.scoped(TARGET, "repository:source:pull"), source)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/target/blobs/{source}"
    assert answer.headers["Docker-Content-Digest"] == source
    assert admin.get(answer.headers["Location"]).data == CONTENT


@pytest.mark.parametrize("origin", ["source", None])
def test_a_token_opens_only_what_it_was_asked_for_and_its_owner_is_told_what_to_ask(
    admin: RegistryClient, source: str, origin: str | None
) -> None:
    answer = mount(admin.scoped(TARGET), source, origin)
    assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])
    assert codes(admin.get(f"/v2/target/blobs/{source}")) == ["BLOB_UNKNOWN"]
    assert scope_asked(answer) == [TARGET, "repository:source:pull"]
    again = mount(admin.scoped(" ".join(scope_asked(answer))), source, origin)
    assert again.status_code == 201


@pytest.mark.parametrize("origin", ["source", None])
@pytest.mark.parametrize("by_password", [True, False])
def test_who_may_not_read_the_source_gets_an_upload_and_learns_nothing(
    plane: Plane,
    admin: RegistryClient,
    writer_of_target: Principal,
    source: str,
    origin: str | None,
    by_password: bool,
) -> None:
    client = plane.client().with_basic(writer_of_target.app_id, writer_of_target.secret)
    if not by_password:
        client = client.scoped(TARGET, "repository:source:pull")
    there = mount(client, source, origin)
    not_there = mount(client, digest_of(b"nobody has this"), origin)
    for answer in (there, not_there):
        assert answer.status_code == 202
        assert "/blobs/uploads/" in answer.headers["Location"]
    assert {name for name, _ in there.headers} == {name for name, _ in not_there.headers}
    assert codes(admin.get(f"/v2/target/blobs/{source}")) == ["BLOB_UNKNOWN"]


def test_a_password_counts_what_its_user_may(
    plane: Plane, registry: RegistryRow, admin: RegistryClient, source: str
) -> None:
    assert mount(admin, source).status_code == 201
    robot = plane.add_principal(registry, "AcrPush")
    assert mount(plane.client().with_basic(robot.app_id, robot.secret), source).status_code == 201


def test_without_a_source_any_that_may_be_read_will_do(admin: RegistryClient, source: str) -> None:
    assert mount(admin, source, None).status_code == 201
    assert admin.get(f"/v2/target/blobs/{source}").data == CONTENT


def test_another_registry_is_never_a_source(plane: Plane, admin: RegistryClient) -> None:
    other = plane.add_registry("other", "other.example.test")
    digest = plane.client(other, "other.example.test").push_blob("source", CONTENT)
    for origin in (None, "source"):
        assert mount(admin, digest, origin).status_code == 202


@pytest.mark.parametrize("origin", ["target", "unknown", "../source", "SOURCE", "source/"])
def test_from_elsewhere_is_an_upload(admin: RegistryClient, source: str, origin: str) -> None:
    assert mount(admin, source, origin).status_code == 202


@pytest.mark.parametrize("digest", ["nonsense", "sha256:abc", "md5:" + "0" * 32, ""])
@pytest.mark.parametrize("origin", ["source", None])
def test_of_no_digest_is_an_upload(
    admin: RegistryClient, source: str, digest: str, origin: str | None
) -> None:
    assert source
    assert mount(admin, digest, origin).status_code == 202


@pytest.mark.parametrize("origin", ["source", None])
def test_what_was_deleted_is_not_mounted(admin: RegistryClient, origin: str | None) -> None:
    manifest = admin.push_image("source", "v1", [CONTENT])
    assert admin.open("DELETE", f"/v2/source/manifests/{manifest}").status_code == 202
    assert mount(admin, digest_of(CONTENT), origin).status_code == 202


@pytest.mark.parametrize("origin", ["source", None])
def test_a_source_that_is_locked_against_pulls_gives_nothing(
    plane: Plane, admin: RegistryClient, source: str, origin: str | None
) -> None:
    with plane.services.database.write() as tx:
        locked = sa.update(repositories).where(repositories.c.name == "source").values(locks=Lock.READ)
        tx.connection.execute(locked)
    assert mount(admin, source, origin).status_code == 202


@pytest.mark.parametrize("origin", ["source", None])
def test_anonymously_is_refused(
    plane: Plane, registry: RegistryRow, nobody: RegistryClient, source: str, origin: str | None
) -> None:
    plane.change(registry, anonymous_pull=True)
    client = nobody.scoped(TARGET, "repository:source:pull")
    answer = mount(client, source, origin)
    assert (answer.status_code, scope_asked(answer)) == (401, [TARGET])


def test_a_digest_alone_opens_nothing(admin: RegistryClient, source: str, plane: Plane) -> None:
    other = plane.add_registry("other", "other.example.test")
    for client, repository in ((admin, "target"), (plane.client(other, "other.example.test"), "source")):
        for method in ("GET", "HEAD"):
            assert client.open(method, f"/v2/{repository}/blobs/{source}").status_code == 404


def test_a_manifest_does_not_reach_into_other_repositories(admin: RegistryClient, source: str) -> None:
    """Naming a blob is no way around mounting it, nor is naming a manifest as a child."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": source, "size": 10240},
        "layers": [],
    }
    answer = admin.put_manifest("target", "v1", document)
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_BLOB_UNKNOWN"])
    child = admin.push_image("source", "child")
    kind = "application/vnd.oci.image."
    entry = {"mediaType": kind + "manifest.v1+json", "digest": child, "size": 300}
    index = {"schemaVersion": 2, "manifests": [entry]}
    assert admin.put_manifest("target", "all", index, kind + "index.v1+json").status_code == 201
    assert admin.get(f"/v2/target/manifests/{child}").status_code == 404
    shown = json_of(admin.get("/acr/v1/target/_manifests"))["manifests"]
    assert [one["mediaType"] for one in shown] == [kind + "index.v1+json"]
