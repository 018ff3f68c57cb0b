"""Rows 2, 3, 6, 9 and 21 of the attacks, where they go beyond what tokens and uploads show of themselves."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.persistence.registries import RegistryRow
from controlplane.services.registry_credentials import AdminUser, PasswordName
from tests.support.distribution import HOST, INDEX, Plane, RegistryClient, codes, digest_of, json_of

CONTENT = b"of an upload"


def add_to(client: RegistryClient, where: str, content: bytes = CONTENT) -> int:
    return client.open("PATCH", where, data=content).status_code


def renew_password(plane: Plane, registry: RegistryRow) -> None:
    user = AdminUser(plane.services.vault, RandomIds(), SystemClock())
    with plane.services.database.write() as tx:
        user.renew(tx, registry.id, PasswordName.FIRST)


class TestUploadSessionsOfOthers:
    """Row 2: the address of an upload is not a right to it."""

    def test_a_token_for_another_repository(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        for scopes in (["repository:other:pull,push"], ["repository:app:pull"], []):
            thief = admin.scoped(*scopes)
            assert add_to(thief, where) == 401
            assert thief.get(where).status_code == thief.open("DELETE", where).status_code == 401
        assert admin.get(where).headers["Range"] == "0-0"

    def test_it_is_hidden_from_one_who_may_do_the_same(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        robots = [plane.add_principal(registry, "AcrPush") for _ in range(2)]
        first, second = (plane.client().with_basic(robot.app_id, robot.secret) for robot in robots)
        where = first.begin("app")
        assert add_to(first, where) == 202
        for thief in (second, admin, second.scoped("repository:app:pull,push")):
            answer = thief.get(where)
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])
            assert add_to(thief, where) == 404
        finished = first.open("PUT", where, query_string={"digest": digest_of(CONTENT)})
        assert finished.status_code == 201

    def test_both_passwords_and_every_token_of_one_caller_go_on_with_it(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        where = admin.begin("app")
        other = plane.client().with_basic("demo", plane.admin_password(registry, "password2"))
        for client in (other, other.scoped("repository:app:pull,push"), admin):
            assert add_to(client, where) == 202

    def test_it_ends_with_the_right_of_its_owner(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        """Row 21: an upload that is open is no authority."""
        client = admin.scoped("repository:app:pull,push")
        where = client.begin("app")
        assert add_to(client, where) == 202
        renew_password(plane, registry)
        assert add_to(client, where) == 401
        done = client.open("PUT", where, query_string={"digest": digest_of(CONTENT)})
        assert done.status_code == 401
        fresh = plane.client(registry)
        assert fresh.open("PUT", where, query_string={"digest": digest_of(CONTENT)}).status_code == 201


class TestOverwriting:
    """Row 3: one right on every path that moves a tag."""

    @pytest.mark.parametrize("tag", ["latest", "v1"])
    def test_a_tag_parameter_is_a_push(self, admin: RegistryClient, tag: str) -> None:
        before = admin.push_image("app", tag)
        other = admin.push_image("app", "other", [b"other"])
        payload = admin.get(f"/v2/app/manifests/{other}").data
        for scopes in (
            ["repository:app:pull,delete,metadata_read,metadata_write"],
            ["repository:app2:pull,push", "repository:app:pull"],
        ):
            answer = admin.scoped(*scopes).put_manifest("app", other, payload, query_string={"tag": tag})
            assert answer.status_code == 401
        assert admin.get(f"/v2/app/manifests/{tag}").headers["Docker-Content-Digest"] == before

    def test_a_refused_push_moves_no_tag(self, admin: RegistryClient) -> None:
        before = admin.push_image("app", "latest")
        payload = admin.get(f"/v2/app/manifests/{before}").data
        lie = digest_of(b"something else")
        assert codes(admin.put_manifest("app", lie, payload, query_string={"tag": "latest"})) == [
            "DIGEST_INVALID"
        ]
        assert codes(admin.put_manifest("app", "latest", payload, INDEX)) == ["MANIFEST_INVALID"]
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == ["latest"]


class TestPrivateContent:
    """Row 6: nothing of a private registry is shown to nobody, by whichever door."""

    def paths(self, digest: str) -> list[str]:
        return [
            "/v2/",
            "/v2/_catalog",
            "/acr/v1/_catalog",
            "/v2/app/tags/list",
            "/v2/app/manifests/v1",
            f"/v2/app/manifests/{digest}",
            f"/v2/app/blobs/{digest_of(b'layer')}",
            f"/v2/app/referrers/{digest}",
            "/acr/v1/app",
            "/acr/v1/app/_tags",
            "/acr/v1/app/_tags/v1",
            "/acr/v1/app/_manifests",
            f"/acr/v1/app/_manifests/{digest}",
        ]

    def test_every_door_is_closed_to_nobody(self, admin: RegistryClient, nobody: RegistryClient) -> None:
        digest = admin.push_image("app", "v1")
        for path in self.paths(digest):
            there, not_there = nobody.get(path), nobody.get(path.replace("/app", "/nothing"))
            assert there.status_code == not_there.status_code == 401, path
            assert there.data.replace(b'"app"', b'"nothing"') == not_there.data, path

    def test_every_door_closes_at_once_when_anonymous_pull_is_switched_off(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, nobody: RegistryClient
    ) -> None:
        digest = admin.push_image("app", "v1")
        plane.change(registry, anonymous_pull=True)
        client = nobody.scoped("repository:app:pull,metadata_read")
        open_before = [path for path in self.paths(digest) if client.get(path).status_code == 200]
        assert len(open_before) > 8
        assert client.get("/v2/_catalog").status_code == 401
        plane.change(registry, anonymous_pull=False)
        assert [path for path in open_before if client.get(path).status_code != 401] == []


class TestTokenConfusion:
    """Row 9: what a token says of itself beyond its signature is worth nothing."""

    @pytest.fixture
    def image(self, admin: RegistryClient) -> str:
        admin.push_image("app", "v1")
        return "/v2/app/manifests/v1"

    @pytest.mark.parametrize(
        "scope",
        [
            "repository:app:pull\trepository:other:push",
            "repository:other:pull,push repository:app:push",
            "repository:app/../other:push",
            "repository:other:push,*",
        ],
    )
    def test_asking_for_more_than_one_has(self, plane: Plane, registry: RegistryRow, scope: str) -> None:
        robot = plane.add_principal(registry, "AcrPull")
        token = plane.client().with_basic(robot.app_id, robot.secret).token(scope)
        granted = jwt.decode(token, options={"verify_signature": False})["access"]
        assert {action for one in granted for action in one["actions"]} <= {"pull", "metadata_read"}

    @pytest.mark.parametrize("kid", ["../../../../dev/null", "' OR 1=1 --", "", "\0", "x" * 5000])
    def test_a_key_id_that_points_elsewhere(self, admin: RegistryClient, image: str, kid: str) -> None:
        claims = jwt.decode(admin.token("repository:app:pull"), options={"verify_signature": False})
        forged = jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"kid": kid})
        assert admin.with_token(forged).get(image).status_code == 401

    def test_a_token_anywhere_else_than_in_the_header(
        self, nobody: RegistryClient, image: str, plane: Plane, registry: RegistryRow
    ) -> None:
        token = plane.client(registry).token("repository:app:pull")
        for query in ({"access_token": token}, {"token": token}):
            assert nobody.get(image, query_string=query).status_code == 401
        assert nobody.get(image, headers={"Cookie": f"token={token}"}).status_code == 401
        assert nobody.get(image, headers={"Authorization": f"bearer  {token} "}).status_code == 200

    @pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Negotiate x", "Basic", "\udcff"])
    def test_headers_that_are_none(self, nobody: RegistryClient, image: str, header: str) -> None:
        environ: dict[str, Any] = {"HTTP_AUTHORIZATION": header, "HTTP_HOST": HOST}
        assert nobody.get(image, environ=environ).status_code == 401
