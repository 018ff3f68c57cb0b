"""Tokens at the data plane: what their scope maps allow, what ends them, and what they see of the catalog."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from controlplane.domain.roles import built_in_roles
from controlplane.kernel.clock import rfc3339
from controlplane.services import registry_catalog
from controlplane.services.access import ABAC
from tests.api.deployment import ACR_PULL, ROLES, Template
from tests.support.both_planes import House
from tests.support.distribution import RegistryClient, digest_of, json_of

REFRESH_USER = "00000000-0000-0000-0000-000000000000"
REPOSITORY_READER = "Container Registry Repository Reader"
NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
MANIFEST = "/v2/team/app/manifests/v1"


@pytest.fixture
def house(running: House, template: Template) -> House:
    running.renew(template)
    return running


def pushes(client: RegistryClient, repository: str) -> int:
    return client.open(
        "POST",
        f"/v2/{repository}/blobs/uploads/",
        query_string={"digest": digest_of(b"layer")},
        data=b"layer",
    ).status_code


def access_of(token: str) -> dict[str, list[str]]:
    claims = jwt.decode(token, options={"verify_signature": False})
    return {one["name"]: one["actions"] for one in claims["access"]}


def listed(client: RegistryClient, path: str = "/v2/_catalog") -> list[str]:
    names: list[str] = json_of(client.scoped("registry:catalog:*").get(path))["repositories"]
    return names


class TestRights:
    def test_pushes_and_pulls_what_the_map_names_and_nothing_else(self, house: House) -> None:
        actions = ("content/read", "content/write")
        password = house.token("builder", *(f"team/*/{action}" for action in actions))
        client = house.signed_in("builder", password)
        client.push_image("team/app", "v1")
        scoped = client.scoped("repository:team/app:pull,push")
        assert scoped.get(MANIFEST).status_code == 200
        for other in ("team", "teams/app", "a/team/app", "app"):
            assert pushes(client, other) == 403
            assert pushes(client.scoped(f"repository:{other}:pull,push"), other) == 401
        assert client.open("DELETE", MANIFEST).status_code == 403

    @pytest.mark.parametrize(
        ("action", "rights"),
        [
            ("content/read", {"pull"}),
            ("content/write", {"push", "deleted_restore"}),
            ("content/delete", {"delete"}),
            ("metadata/read", {"metadata_read", "deleted_read"}),
            ("metadata/write", {"metadata_write"}),
        ],
    )
    def test_each_action_gives_its_rights(self, house: House, action: str, rights: set[str]) -> None:
        client = house.signed_in("robot", house.token("robot", f"app/{action}"))
        granted = access_of(client.token("repository:app:*"))
        assert {name: set(actions) for name, actions in granted.items()} == {"app": rights}
        assert access_of(client.token("repository:apps:*", "repository:ap:*")) == {}

    def test_system_maps_count(self, house: House) -> None:
        house.admin().push_image("team/app", "v1")
        map_id = f"{house.path()}/scopeMaps/_repositories_pull"
        house.done("PUT", "tokens/puller", {"properties": {"scopeMapId": map_id}})
        client = house.signed_in("puller", house.passwords("puller")[1])
        assert client.get(MANIFEST).status_code == 200
        assert pushes(client, "team/app") == 403
        assert client.token_response("registry:catalog:*").status_code == 200
        assert client.scoped("registry:catalog:*").get("/v2/_catalog").status_code == 401

    def test_a_token_without_a_map_signs_in_and_may_nothing(self, house: House) -> None:
        house.admin().push_image("team/app", "v1")
        house.done("PUT", "tokens/idler", {"properties": {}})
        client = house.signed_in("idler", house.passwords("idler")[0])
        assert client.get("/v2/").status_code == 200
        assert client.get(MANIFEST).status_code == 403

    def test_signs_in_through_each_form_with_either_password_and_any_case(self, house: House) -> None:
        house.admin().push_image("team/app", "v1")
        house.token("Robot-1", "team/app/content/read")
        for password in house.passwords("Robot-1"):
            form = {
                "grant_type": "password",
                "username": "robot-1",
                "password": password,
                "access_type": "offline",
                "scope": "repository:team/app:pull",
            }
            answer = json_of(house.client().open("POST", "/oauth2/token", data=form))
            assert house.client().with_token(answer["access_token"]).get(MANIFEST).status_code == 200
            again = house.signed_in(REFRESH_USER, answer["refresh_token"])
            assert again.scoped("repository:team/app:pull").get(MANIFEST).status_code == 200

    def test_an_upload_is_its_token_s_not_the_admin_s(self, house: House) -> None:
        """A token called as the admin user's identity is somebody else all the same."""
        where = house.admin().begin("app")
        thief = house.signed_in("admin", house.token("admin", "app/content/write"))
        assert thief.open("PATCH", where, data=b"x").status_code == 404


class TestExpiry:
    def test_tokens_of_the_registry_end_with_the_password_they_rest_on(self, house: House) -> None:
        house.admin().push_image("team/app", "v1")
        end = rfc3339(house.clock.now() + timedelta(seconds=60))
        client = house.signed_in("brief", house.token("brief", "team/app/content/read", expiry=end))
        answer = json_of(client.token_response("repository:team/app:pull", offline_token="true"))
        assert 55 <= answer["expires_in"] <= 60
        scoped = house.client().with_token(answer["access_token"])
        renewing = house.signed_in(REFRESH_USER, answer["refresh_token"])
        assert scoped.get(MANIFEST).status_code == renewing.token_response().status_code == 200
        house.clock.pass_by(61)
        assert [one.get(MANIFEST).status_code for one in (scoped, client)] == [401, 401]
        assert renewing.token_response().status_code == client.token_response().status_code == 401

    def test_so_they_do_with_the_secret_of_a_service_principal(self, house: House) -> None:
        house.admin().push_image("team/app", "v1")
        directory = house.api.services.directory
        application = directory.create_application("robot")
        principal = directory.create_principal(application.app_id)
        end = house.clock.now() + timedelta(seconds=60)
        secret = directory.add_secret(application.id, expires_at=end)
        house.api.assign(principal.id, ACR_PULL, house.path())
        client = house.signed_in(application.app_id, secret.text)
        answer = json_of(client.token_response("repository:team/app:pull", offline_token="true"))
        scoped = house.client().with_token(answer["access_token"])
        assert scoped.get(MANIFEST).status_code == 200
        house.clock.pass_by(61)
        assert scoped.get(MANIFEST).status_code == 401
        renewing = house.signed_in(REFRESH_USER, answer["refresh_token"])
        assert renewing.token_response().status_code == 401


class TestCatalog:
    """A list shows what the caller may read, page by page, and tells of nothing else."""

    NAMES = ("a", "team", "team/app", "team/lib/x", "team-2/app", "teams/app", "z")

    @pytest.fixture
    def full(self, house: House) -> House:
        admin = house.admin()
        for name in self.NAMES:
            admin.push_image(name, "v1")
        return house

    def test_shows_what_the_scope_map_lets_read(self, full: House) -> None:
        password = full.token("lister", "team/*/metadata/read", "z/metadata/read", "a/content/read")
        client = full.signed_in("lister", password)
        for path in ("/v2/_catalog", "/acr/v1/_catalog"):
            assert listed(client, path) == ["team/app", "team/lib/x", "z"]
            assert json_of(client.get(path))["repositories"] == ["team/app", "team/lib/x", "z"]
        assert listed(full.admin()) == sorted(self.NAMES)

    def test_pages_are_exact(self, full: House) -> None:
        client = full.signed_in("lister", full.token("lister", "team/*/metadata/read", "z/metadata/read"))
        first = client.get("/acr/v1/_catalog?n=2")
        assert json_of(first) == {"repositories": ["team/app", "team/lib/x"]}
        assert first.headers["Link"] == '</acr/v1/_catalog?last=team%2Flib%2Fx&n=2>; rel="next"'
        second = client.get("/acr/v1/_catalog?n=2&last=team/lib/x")
        assert (json_of(second), "Link" in second.headers) == ({"repositories": ["z"]}, False)
        rest = json_of(client.get("/v2/_catalog?last=team-2/app"))
        assert rest["repositories"] == ["team/app", "team/lib/x", "z"]
        assert json_of(client.get("/v2/_catalog?n=0")) == {"repositories": []}

    def test_a_full_wildcard_lists_whatever_a_list_shows(self, full: House) -> None:
        client = full.signed_in("lister", full.token("lister", "*/metadata/read"))
        assert listed(client) == sorted(self.NAMES)
        assert access_of(client.token("registry:catalog:*")) == {"catalog": ["*"]}

    def test_a_narrow_token_s_grant_is_no_right_to_the_whole(self, full: House) -> None:
        client = full.signed_in("lister", full.token("lister", "team/*/metadata/read"))
        assert access_of(client.token("registry:catalog:*")) == {"catalog": ["metadata_read"]}

    def test_follows_a_change_of_the_scope_map_at_once(self, full: House) -> None:
        client = full.signed_in("lister", full.token("lister", "team/*/metadata/read"))
        scoped = client.scoped("registry:catalog:*")
        assert json_of(scoped.get("/v2/_catalog"))["repositories"] == ["team/app", "team/lib/x"]
        full.scope_map("lister-map", "z/metadata/read")
        assert json_of(scoped.get("/v2/_catalog"))["repositories"] == ["z"]
        full.scope_map("lister-map", "z/content/read")
        assert scoped.get("/v2/_catalog").status_code == 401

    def test_five_hundred_names_are_looked_up_not_searched_for(self, full: House) -> None:
        names = [f"no/{number}" for number in range(496)]
        actions = [f"{name}/metadata/read" for name in (*names, "a", "team", "z", "zz")]
        client = full.signed_in("lister", full.token("lister", *actions))
        assert listed(client) == ["a", "team", "z"]
        assert listed(client, "/v2/_catalog?n=1&last=a") == ["team"]

    def test_is_filtered_for_principals_under_conditions(self, full: House) -> None:
        client = principal_under(full, f"({NAME} StringStartsWith 'team/')")
        assert listed(client) == ["team/app", "team/lib/x"]
        assert json_of(client.get("/v2/_catalog?n=1"))["repositories"] == ["team/app"]
        assert client.scoped("registry:catalog:*").get("/v2/nothing/tags/list").status_code == 401

    def test_where_a_page_ends_early_tells_no_name(
        self, full: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request looks at a bounded number of names, and the next goes on from there."""
        monkeypatch.setattr(registry_catalog, "MOST_LOOKED_AT", 3)
        client = principal_under(full, f"({NAME} StringEquals 'z')")
        link, found, pages = "/v2/_catalog?n=2", [], 0
        while link:
            answer = client.get(link)
            found += json_of(answer)["repositories"]
            link = answer.headers.get("Link", "").partition(">")[0].lstrip("<")
            assert not any(name in link for name in ("team", "lib"))
            pages += 1
        assert (found, pages) == (["z"], 3)

    @pytest.mark.parametrize("last", ["~", "~x", "~k1:AAAA"])
    def test_refuses_positions_it_did_not_give(self, house: House, last: str) -> None:
        answer = house.admin().get("/v2/_catalog", query_string={"last": last})
        assert answer.status_code == 400


def principal_under(house: House, condition: str) -> RegistryClient:
    """Return a client of a principal that reads repositories under a condition."""
    house.done("PATCH", "", {"properties": {"roleAssignmentMode": ABAC}})
    house.api.work()
    directory = house.api.services.directory
    application = directory.create_application("robot")
    principal = directory.create_principal(application.app_id)
    role = next(one.id for one in built_in_roles().values() if one.name == REPOSITORY_READER)
    definitions = f"{house.api.subscription}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {
        "roleDefinitionId": f"{definitions}/{role}",
        "principalId": principal.id,
        "principalType": "ServicePrincipal",
        "condition": condition,
        "conditionVersion": "2.0",
    }
    name = house.api.services.ids.uuid()
    path = f"{house.path()}/providers/Microsoft.Authorization/roleAssignments/{name}"
    made = house.api.put(path, {"properties": properties}, version=ROLES)
    assert made.status_code == 201, made.text
    return house.signed_in(application.app_id, directory.add_secret(application.id).text)
