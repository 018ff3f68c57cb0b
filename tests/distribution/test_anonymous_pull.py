"""Anonymous pull: what it opens, and that it acts at once when it is switched."""

from __future__ import annotations

import pytest

from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import Plane, RegistryClient, codes, digest_of

WRITES = (
    ("POST", "/v2/app/blobs/uploads/"),
    ("PUT", "/v2/app/manifests/v2"),
    ("DELETE", "/v2/app/manifests/v1"),
    ("DELETE", "/acr/v1/app"),
    ("DELETE", "/acr/v1/app/_tags/v1"),
    ("PATCH", "/acr/v1/app"),
    ("PATCH", "/acr/v1/app/_tags/v1"),
)


@pytest.fixture
def open_registry(plane: Plane) -> RegistryRow:
    """A registry with anonymous pull on and one image."""
    row = plane.add_registry(anonymous_pull=True)
    plane.client(row).push_image("app", "v1")
    return row


@pytest.fixture
def anybody(plane: Plane, open_registry: RegistryRow) -> RegistryClient:  # noqa: ARG001 - there is a registry
    """A client with a token that nobody in particular asked for, for more than it can have."""
    return plane.client().scoped("repository:app:*", "registry:catalog:*")


def test_anybody_pulls(anybody: RegistryClient) -> None:
    assert anybody.get("/v2/app/manifests/v1").status_code == 200
    assert anybody.get(f"/v2/app/blobs/{digest_of(b'layer')}").status_code == 200
    assert anybody.get("/v2/app/tags/list").status_code == 200
    assert anybody.get("/acr/v1/app/_tags/v1").status_code == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_nobody_writes(anybody: RegistryClient, method: str, path: str) -> None:
    assert anybody.open(method, path).status_code == 401


@pytest.mark.parametrize("path", ["/v2/_catalog", "/acr/v1/_catalog", "/acr/v1/_usage"])
def test_nobody_lists_the_registry(anybody: RegistryClient, path: str) -> None:
    assert anybody.get(path).status_code == 401


def test_switching_it_off_ends_the_next_request_of_an_old_token(
    plane: Plane, open_registry: RegistryRow, anybody: RegistryClient
) -> None:
    paths = (
        "/v2/app/manifests/v1",
        f"/v2/app/blobs/{digest_of(b'layer')}",
        "/v2/app/tags/list",
        "/acr/v1/app/_tags",
        "/acr/v1/app/_usage",
        "/v2/",
    )
    other = RegistryClient(plane.another_process().application, authorization=anybody.authorization)
    assert {client.get(path).status_code for client in (anybody, other) for path in paths} == {200}
    plane.change(open_registry, anonymous_pull=False)
    for client in (anybody, other):
        for path in paths:
            refused = client.get(path)
            assert refused.status_code == 401, path
            assert codes(refused) == ["UNAUTHORIZED"]


def test_switching_it_off_acts_without_a_stamp_as_well(
    plane: Plane, open_registry: RegistryRow, anybody: RegistryClient
) -> None:
    assert anybody.get("/v2/app/manifests/v1").status_code == 200
    plane.change(open_registry, revokes=False, anonymous_pull=False)
    assert anybody.get("/v2/app/manifests/v1").status_code == 401


def test_no_tokens_are_given_to_nobody_once_it_is_off(plane: Plane, open_registry: RegistryRow) -> None:
    plane.change(open_registry, anonymous_pull=False)
    nobody = plane.client()
    assert nobody.token_response("repository:app:pull").status_code == 401
    form = {"grant_type": "password", "service": nobody.host, "scope": "repository:app:pull"}
    assert nobody.open("POST", "/oauth2/token", data=form).status_code == 401


def test_an_old_token_works_again_when_it_is_switched_on_again(
    plane: Plane, open_registry: RegistryRow, anybody: RegistryClient
) -> None:
    plane.change(open_registry, anonymous_pull=False)
    assert anybody.get("/v2/app/manifests/v1").status_code == 401
    plane.change(open_registry, anonymous_pull=True)
    assert anybody.get("/v2/app/manifests/v1").status_code == 200


def test_one_registry_opens_no_other(plane: Plane, anybody: RegistryClient) -> None:
    closed = plane.add_registry("other", "other.example.test:5002")
    plane.client(closed, closed_host := "other.example.test:5002").push_image("app", "v1")
    elsewhere = RegistryClient(plane.application, closed_host, anybody.authorization)
    assert elsewhere.get("/v2/app/manifests/v1").status_code == 401
    assert RegistryClient(plane.application, closed_host).token_response().status_code == 401
