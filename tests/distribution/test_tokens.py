"""Getting tokens as docker, az and the SDKs do, and what stops them from counting."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.test import TestResponse

from controlplane.domain.registry_scopes import REPOSITORY_RIGHTS
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.persistence import registries, role_assignments
from controlplane.persistence.registries import RegistryRow
from controlplane.services.access import ABAC
from controlplane.services.authentication import CREDENTIAL_CLAIM
from controlplane.services.issuer import ENTRA, REGISTRY
from controlplane.services.registry_credentials import AdminUser, PasswordName
from tests.support.distribution import (
    HOST,
    Plane,
    Principal,
    RegistryClient,
    as_json,
    codes,
    digest_of,
    json_of,
)

REFRESH_USER = "00000000-0000-0000-0000-000000000000"
PULL = "repository:app:pull"


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def post(client: RegistryClient, path: str = "/oauth2/token", **form: str) -> TestResponse:
    return client.open("POST", path, data={"service": HOST, **form})


def entra_token(plane: Plane, principal: Principal, audience: str, key_id: str | None = None) -> str:
    """Sign an Entra access token as the token service does."""
    services, now = plane.services, int(time.time())
    claims = {
        "aud": audience,
        "iss": f"{services.settings.public_url}/{services.directory.tenant_id()}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "oid": principal.object_id,
        "tid": services.directory.tenant_id(),
        "appid": principal.app_id,
    }
    if key_id is not None:
        claims[CREDENTIAL_CLAIM] = key_id
    return services.issuer.sign(ENTRA, claims)


def key_of(plane: Plane, principal: Principal) -> str:
    return plane.services.directory.secrets_of([principal.app_id])[principal.app_id][0].key_id


class TestChallenge:
    def test_of_the_root_names_no_scope(self, nobody: RegistryClient) -> None:
        answer = nobody.get("/v2/")
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])
        expected = f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"'
        assert answer.headers["WWW-Authenticate"] == expected

    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("GET", "/v2/a/b/manifests/v1", "repository:a/b:pull"),
            ("HEAD", f"/v2/app/blobs/{digest_of(b'')}", "repository:app:pull"),
            ("PUT", "/v2/app/manifests/v1", "repository:app:pull,push"),
            ("POST", "/v2/app/blobs/uploads/", "repository:app:pull,push"),
            ("DELETE", "/v2/app/manifests/v1", "repository:app:delete"),
            ("GET", "/v2/app/tags/list", "repository:app:metadata_read"),
            ("GET", "/v2/_catalog", "registry:catalog:*"),
            ("GET", "/acr/v1/_catalog", "registry:catalog:*"),
            ("GET", "/acr/v1/a/b/_tags/v1", "repository:a/b:metadata_read"),
            ("PATCH", "/acr/v1/app", "repository:app:metadata_read,metadata_write"),
            ("DELETE", "/acr/v1/app", "repository:app:delete"),
        ],
    )
    def test_names_the_scope_to_ask_for(
        self, nobody: RegistryClient, method: str, path: str, scope: str
    ) -> None:
        answer = nobody.open(method, path)
        assert answer.status_code == 401
        header = answer.headers["WWW-Authenticate"]
        assert header == f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}",scope="{scope}"'
        if method != "HEAD":
            kind, name, actions = scope.split(":")
            detail = [{"Type": kind, "Name": name, "Action": action} for action in actions.split(",")]
            assert json_of(answer)["errors"][0]["detail"] == detail

    def test_says_when_a_token_is_bad_or_too_narrow(self, admin: RegistryClient) -> None:
        bad = admin.with_token("nonsense").get("/v2/app/manifests/v1")
        assert bad.headers["WWW-Authenticate"].endswith(',scope="repository:app:pull",error="invalid_token"')
        narrow = admin.scoped("repository:other:pull").get("/v2/app/manifests/v1")
        assert narrow.status_code == 401
        assert narrow.headers["WWW-Authenticate"].endswith(',error="insufficient_scope"')


class TestBasicForm:
    def test_gives_a_token_that_works(self, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        response = admin.token_response(PULL)
        assert json_of(response)["token"] == json_of(response)["access_token"]
        claims = claims_of(json_of(response)["access_token"])
        assert claims["access"] == [{"type": "repository", "name": "app", "actions": ["pull"]}]
        assert (claims["iss"], claims["aud"], claims["version"]) == ("Azure Container Registry", HOST, "1.0")
        assert claims["grant_type"] == "access_token"
        assert admin.scoped(PULL).get("/v2/app/manifests/v1").status_code == 200

    def test_without_a_scope_gives_a_token_for_the_root(self, admin: RegistryClient) -> None:
        assert admin.scoped().get("/v2/").status_code == 200

    def test_takes_several_scopes_in_both_spellings(self, admin: RegistryClient) -> None:
        token = admin.token("repository:a:pull,push repository:b:pull", "registry:catalog:*")
        assert claims_of(token)["access"] == [
            {"type": "repository", "name": "a", "actions": ["pull", "push"]},
            {"type": "repository", "name": "b", "actions": ["pull"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ]

    def test_with_offline_token_gives_a_refresh_token(self, admin: RegistryClient) -> None:
        refresh = json_of(admin.token_response(PULL, offline_token="true"))["refresh_token"]
        assert admin.with_basic(REFRESH_USER, refresh).token_response(PULL).status_code == 200

    @pytest.mark.parametrize("user", ["demo", REFRESH_USER, "11111111-1111-1111-1111-111111111111", ""])
    def test_refuses_wrong_credentials(self, nobody: RegistryClient, user: str) -> None:
        answer = nobody.with_basic(user, "wrong").token_response(PULL)
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])

    def test_both_passwords_of_the_admin_user_count(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient
    ) -> None:
        for name in ("password", "password2"):
            user = nobody.with_basic("demo", plane.admin_password(registry, name))
            assert user.token_response(PULL).status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            {"scope": "nonsense"},
            {"scope": "repository:app:PULL"},
            {"scope": " ".join(["repository:app:pull"] * 65)},
            {"service": "other.example.test"},
        ],
    )
    def test_refuses_bad_requests(self, admin: RegistryClient, query: dict[str, str]) -> None:
        answer = admin.get("/oauth2/token", query_string=query)
        assert (answer.status_code, codes(answer)) == (400, ["UNSUPPORTED"])

    @pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic YQ==", "Basic /w==", "Digest x"])
    def test_refuses_malformed_headers(self, nobody: RegistryClient, header: str) -> None:
        assert nobody.get("/oauth2/token", headers={"Authorization": header}).status_code == 401
        assert nobody.get("/v2/", headers={"Authorization": header}).status_code == 401


class TestForm:
    def test_takes_a_refresh_token(self, admin: RegistryClient, nobody: RegistryClient) -> None:
        refresh = json_of(admin.token_response(offline_token="true"))["refresh_token"]
        answer = post(nobody, grant_type="refresh_token", refresh_token=refresh, scope="registry:catalog:*")
        assert nobody.with_token(json_of(answer)["access_token"]).get("/v2/_catalog").status_code == 200

    def test_takes_a_password(self, plane: Plane, registry: RegistryRow, nobody: RegistryClient) -> None:
        form = {"grant_type": "password", "username": "demo", "password": plane.admin_password(registry)}
        answer = post(nobody, **form, scope=PULL, access_type="offline")
        assert answer.status_code == 200
        assert post(nobody, grant_type="refresh_token", refresh_token=json_of(answer)["refresh_token"]).json

    @pytest.mark.parametrize("form", [{}, {"grant_type": "client_credentials"}, {"grant_type": ""}])
    def test_refuses_other_grants(self, nobody: RegistryClient, form: dict[str, str]) -> None:
        assert post(nobody, **form).status_code == 400

    def test_refuses_a_form_that_is_too_long(self, nobody: RegistryClient) -> None:
        answer = post(nobody, grant_type="refresh_token", refresh_token="x" * 100_000)
        assert answer.status_code in {400, 413}


class TestExchange:
    AUDIENCE = "https://containerregistry.azure.net"

    def exchange(self, client: RegistryClient, token: str, **form: str) -> TestResponse:
        form = {"grant_type": "access_token", "access_token": token, **form}
        return post(client, "/oauth2/exchange?api-version=2021-07-01", **form)

    def test_gives_a_refresh_token_that_the_sdks_can_read(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient
    ) -> None:
        robot = plane.add_principal(registry, "AcrPush")
        answer = self.exchange(nobody, entra_token(plane, robot, self.AUDIENCE), tenant="any")
        refresh = json_of(answer)["refresh_token"]
        payload = refresh.split(".")[1]
        assert not {"-", "_"} & set(payload)
        claims = json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4)))
        assert claims["grant_type"] == "refresh_token"
        assert claims["exp"] > time.time()
        access = post(
            nobody, grant_type="refresh_token", refresh_token=refresh, scope="repository:app:push,pull"
        )
        assert claims_of(json_of(access)["access_token"])["access"][0]["actions"] == ["push", "pull"]

    def test_takes_tokens_for_the_management_api_only_where_the_policy_says_so(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient
    ) -> None:
        robot = plane.add_principal(registry, "AcrPull")
        token = entra_token(plane, robot, "https://management.azure.com")
        assert self.exchange(nobody, token).status_code == 200
        plane.change(registry, arm_tokens_accepted=False)
        answer = self.exchange(nobody, token)
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])
        assert self.exchange(nobody, entra_token(plane, robot, self.AUDIENCE)).status_code == 200

    def test_refuses_what_is_no_token_of_ours(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient
    ) -> None:
        robot = plane.add_principal(registry, "AcrPull")
        graph = entra_token(plane, robot, "https://graph.microsoft.com")
        for token in ("nonsense", graph, jwt.encode({"oid": robot.object_id}, "x" * 32)):
            assert self.exchange(nobody, token).status_code == 401
        assert self.exchange(nobody, "").status_code == 400

    def test_of_a_removed_secret_stops_the_tokens_got_from_it(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        robot = plane.add_principal(registry, "AcrPull")
        key_id = key_of(plane, robot)
        answer = self.exchange(admin, entra_token(plane, robot, self.AUDIENCE, key_id))
        refresh = json_of(answer)["refresh_token"]
        token = admin.with_basic(REFRESH_USER, refresh).token(PULL)
        assert admin.with_token(token).get("/v2/app/manifests/v1").status_code == 200
        plane.services.directory.remove_secret(robot.application_id, key_id)
        assert admin.with_token(token).get("/v2/app/manifests/v1").status_code == 401
        assert admin.with_basic(REFRESH_USER, refresh).token_response(PULL).status_code == 401


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "rights"),
        [
            ("AcrPull", {"pull", "metadata_read"}),
            ("AcrPush", {"pull", "push", "metadata_read", "metadata_write"}),
            ("AcrDelete", {"delete"}),
            ("Reader", {"pull", "metadata_read", "deleted_read"}),
            ("Contributor", set(REPOSITORY_RIGHTS)),
            ("Owner", set(REPOSITORY_RIGHTS)),
            ("Container Registry Repository Writer", set()),
        ],
    )
    def test_give_rights_in_legacy_mode(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient, role: str, rights: set[str]
    ) -> None:
        robot = plane.add_principal(registry, role)
        token = nobody.with_basic(robot.app_id, robot.secret).token("repository:app:*")
        granted = claims_of(token)["access"]
        assert (set(granted[0]["actions"]) if granted else set()) == rights

    def test_of_repositories_give_rights_in_abac_mode_only(
        self, plane: Plane, registry: RegistryRow, nobody: RegistryClient
    ) -> None:
        plane.change(registry, role_assignment_mode=ABAC)
        robot = plane.add_principal(registry, "Container Registry Repository Writer", "Owner")
        token = nobody.with_basic(robot.app_id, robot.secret).token("repository:app:*", "registry:catalog:*")
        granted = {one["type"]: set(one["actions"]) for one in claims_of(token)["access"]}
        assert granted["repository"] == REPOSITORY_RIGHTS - {"delete"}
        assert granted["registry"] == {"metadata_read"}  # a list of those repositories, not the whole catalog


class TestStaleAuthority:
    """Row 21: what was taken away ends the next request, in every process."""

    def clients(self, plane: Plane, token: str) -> list[RegistryClient]:
        """Return clients of two processes that have both seen the token before."""
        planes = [plane, plane.another_process()]
        clients = [one.client().with_token(token) for one in planes]
        for client in clients:
            assert client.get("/v2/app/manifests/v1").status_code == 200
        return clients

    def check_stopped(self, clients: list[RegistryClient]) -> None:
        for client in clients:
            for method in ("GET", "HEAD"):
                assert client.open(method, "/v2/app/manifests/v1").status_code == 401
            assert client.open("PUT", "/v2/app/manifests/v2").status_code == 401

    def test_disabled_admin_user(self, plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        refresh = json_of(admin.token_response(offline_token="true"))["refresh_token"]
        clients = self.clients(plane, admin.token("repository:app:*"))
        plane.change(registry, admin_enabled=False)
        self.check_stopped(clients)
        assert admin.get("/v2/app/manifests/v1").status_code == 401
        assert admin.token_response(PULL).status_code == 401
        assert admin.with_basic(REFRESH_USER, refresh).token_response(PULL).status_code == 401

    def test_disabled_admin_user_even_without_a_stamp(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        clients = self.clients(plane, admin.token("repository:app:*"))
        plane.change(registry, revokes=False, admin_enabled=False)
        self.check_stopped(clients)

    def test_renewed_password(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, nobody: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        refresh = json_of(admin.token_response(offline_token="true"))["refresh_token"]
        clients = self.clients(plane, admin.token("repository:app:*"))
        other = nobody.with_basic("demo", plane.admin_password(registry, "password2")).token(PULL)
        user = AdminUser(plane.services.vault, RandomIds(), SystemClock())
        with plane.services.database.write() as tx:
            user.renew(tx, registry.id, PasswordName.FIRST)
        self.check_stopped(clients)
        assert admin.token_response(PULL).status_code == 401
        assert admin.with_basic(REFRESH_USER, refresh).token_response(PULL).status_code == 401
        assert nobody.with_token(other).get("/v2/app/manifests/v1").status_code == 200

    def test_deleted_service_principal(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        robot = plane.add_principal(registry, "Owner")
        clients = self.clients(plane, admin.with_basic(robot.app_id, robot.secret).token("repository:app:*"))
        plane.services.directory.delete_principal(robot.object_id)
        self.check_stopped(clients)

    def test_removed_role(self, plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        robot = plane.add_principal(registry)
        key = plane.assign(registry, robot, "Owner")
        plane.assign(registry, robot, "AcrDelete")
        clients = self.clients(plane, admin.with_basic(robot.app_id, robot.secret).token("repository:app:*"))
        with plane.services.database.write() as tx:
            role_assignments.remove(tx, key)
        self.check_stopped(clients)
        for client in clients:  # what is left of the rights still counts
            assert codes(client.open("DELETE", "/v2/app/manifests/none")) == ["TAG_UNKNOWN"]

    def test_a_right_that_comes_back_counts_again(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        (client, _) = self.clients(plane, admin.token(PULL))
        plane.change(registry, admin_enabled=False)
        assert client.get("/v2/app/manifests/v1").status_code == 401
        plane.change(registry, admin_enabled=True)
        assert client.get("/v2/app/manifests/v1").status_code == 200

    def test_a_registry_made_anew_does_not_know_the_old_tokens(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        token = admin.token("repository:app:*")
        with plane.services.database.write() as tx:
            registries.delete(tx, registry.id)
        again = plane.add_registry()
        plane.client(again).push_image("app", "v1")
        assert admin.with_token(token).get("/v2/app/manifests/v1").status_code == 401


class TestTokenConfusion:
    """Row 9: only our own access tokens for this registry, service and scope count."""

    @pytest.fixture
    def image(self, admin: RegistryClient) -> str:
        admin.push_image("app", "v1")
        return "/v2/app/manifests/v1"

    def forged(self, claims: dict[str, Any], key: Any, algorithm: str, **headers: str) -> str:
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)

    def symmetric(self, claims: dict[str, Any], key: str, kid: str) -> str:
        """Sign with the public key as if it were a shared secret."""
        parts = [as_json({"alg": "HS256", "typ": "JWT", "kid": kid}), as_json(claims)]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        signature = hmac.digest(key.encode(), text, "sha256")
        return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    def test_other_algorithms_and_keys(self, admin: RegistryClient, image: str, plane: Plane) -> None:
        token = admin.token(PULL)
        header, claims = jwt.get_unverified_header(token), claims_of(token)
        jwks = plane.services.issuer.jwks(REGISTRY)
        public = json.dumps(jwks["keys"][0])
        own = ec.generate_private_key(ec.SECP256R1())
        for forged in (
            self.forged(claims, None, "none", kid=header["kid"]),
            self.symmetric(claims, public, header["kid"]),
            self.forged(claims, own, "ES256", kid=header["kid"]),
            self.forged(claims, own, "ES256", kid="mine", jwk=public),
            token[:-4] + "AAAA",
            token.rpartition(".")[0] + ".",
            token + "x" * 20_000,
        ):
            assert admin.with_token(forged).get(image).status_code == 401

    def test_a_widened_scope(self, admin: RegistryClient, image: str) -> None:
        head, body, signature = admin.token("repository:other:pull").split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        claims["access"][0]["name"] = "app"
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        assert admin.with_token(f"{head}.{body}.{signature}").get(image).status_code == 401

    def test_a_refresh_token_is_no_access_token(self, admin: RegistryClient, image: str) -> None:
        response = json_of(admin.token_response(PULL, offline_token="true"))
        assert admin.with_token(response["refresh_token"]).get(image).status_code == 401
        used = admin.with_basic(REFRESH_USER, response["access_token"]).token_response(PULL)
        assert used.status_code == 401

    def test_an_entra_token_is_no_access_token(
        self, admin: RegistryClient, image: str, plane: Plane, registry: RegistryRow
    ) -> None:
        robot = plane.add_principal(registry, "Owner")
        token = entra_token(plane, robot, HOST)
        assert admin.with_token(token).get(image).status_code == 401

    def test_another_registry(self, admin: RegistryClient, image: str, plane: Plane) -> None:
        other = plane.client(plane.add_registry("other", "other.example.test"), "other.example.test")
        token = other.token(PULL)
        assert admin.with_token(token).get(image).status_code == 401
        # Nor does it after it was seen where it belongs.
        other.with_token(token).get(image)
        assert admin.with_token(token).get(image).status_code == 401

    @pytest.mark.parametrize(
        "scope",
        [
            "repository:app:push",
            "repository:app/b:pull",
            "repository:ap:pull",
            "repository:App:pull",
            "repository:*:pull",
            "repository:app:metadata_read",
            "registry:catalog:*",
            "artifact-repository:app:pull",
        ],
    )
    def test_a_scope_for_something_else(self, admin: RegistryClient, image: str, scope: str) -> None:
        assert admin.scoped(scope).get(image).status_code == 401

    def test_an_expired_token(
        self, admin: RegistryClient, image: str, plane: Plane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = admin.scoped(PULL)
        assert client.get(image).status_code == 200
        later = time.time() + plane.services.settings.registry_token_lifetime + 1

        class Later:
            def now(self) -> Any:
                return datetime.fromtimestamp(later, UTC)

        monkeypatch.setattr(plane.services.registry_tokens, "_clock", Later())
        assert client.get(image).status_code == 401


class TestAnonymousPull:
    """Row 6: private content stays private, and the switch acts at once."""

    def anonymous(self, client: RegistryClient, *scopes: str) -> TestResponse:
        return client.token_response(*scopes)

    def test_is_refused_where_it_is_off(self, admin: RegistryClient, nobody: RegistryClient) -> None:
        admin.push_image("app", "v1")
        assert nobody.get("/v2/app/manifests/v1").status_code == 401
        assert self.anonymous(nobody, PULL).status_code == 401
        answer = post(nobody, grant_type="password", refresh_token="", scope=PULL)
        assert answer.status_code == 401

    def test_may_pull_and_nothing_else(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, nobody: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        plane.change(registry, anonymous_pull=True)
        client = nobody.scoped("repository:app:*", "registry:catalog:*")
        assert client.get("/v2/app/manifests/v1").status_code == 200
        assert client.get("/v2/app/tags/list").status_code == 200
        assert client.get("/v2/_catalog").status_code == 401
        assert client.open("POST", "/v2/app/blobs/uploads/").status_code == 401
        assert client.open("DELETE", "/acr/v1/app").status_code == 401
        form = post(nobody, grant_type="password", refresh_token="", scope=PULL)
        assert nobody.with_token(json_of(form)["access_token"]).get("/v2/app/manifests/v1").status_code == 200
        assert nobody.with_basic("demo", "wrong").token_response(PULL).status_code == 401

    def test_ends_at_once_when_it_is_switched_off(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, nobody: RegistryClient
    ) -> None:
        admin.push_image("app", "v1")
        plane.change(registry, anonymous_pull=True)
        token = nobody.token(PULL)
        for process in (plane, plane.another_process()):
            assert process.client().with_token(token).get("/v2/app/manifests/v1").status_code == 200
        for revokes in (True, False):
            plane.change(registry, revokes=revokes, anonymous_pull=False)
            assert nobody.with_token(token).get("/v2/app/manifests/v1").status_code == 401


class TestNetworkRules:
    """Row 23: rules hold on every route, whatever the client says about itself."""

    PATHS = (
        ("GET", "/v2/"),
        ("GET", "/v2/app/manifests/v1"),
        ("GET", f"/v2/app/blobs/{digest_of(b'layer')}"),
        ("POST", "/v2/app/blobs/uploads/"),
        ("GET", "/acr/v1/app"),
        ("GET", "/oauth2/token"),
        ("POST", "/oauth2/exchange"),
    )

    def test_keep_strangers_out(self, plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        plane.change(registry, default_action="Deny", ip_rules=("203.0.113.0/24",))
        password = plane.admin_password(registry)
        inside = plane.client(address="203.0.113.9").with_basic("demo", password)
        outside = plane.client(address="198.51.100.1").with_basic("demo", password)
        assert inside.get("/v2/app/manifests/v1").status_code == 200
        for method, path in self.PATHS:
            answer = outside.open(method, path, headers={"X-Forwarded-For": "203.0.113.9"})
            assert (answer.status_code, codes(answer)) == (403, ["DENIED"]), path

    def test_public_access_off_keeps_everybody_out(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        plane.change(registry, public_access=False)
        for method, path in self.PATHS:
            assert codes(admin.open(method, path)) == ["DENIED"], path


class TestHosts:
    @pytest.mark.usefixtures("registry")
    def test_that_no_registry_has_are_unknown(self, plane: Plane) -> None:
        for host in ("", "nobody.test", "demo.example.test", "a" * 3000, 'x"y'):
            answer = plane.client(host=host).get("/v2/")
            assert (answer.status_code, codes(answer)) == (404, ["NAME_UNKNOWN"])
            assert "WWW-Authenticate" not in answer.headers
            path = "/v2/app/manifests/v1"
            assert plane.client(host=host).get(path).status_code == 404

    def test_are_compared_without_case_and_default_port(self, plane: Plane) -> None:
        plane.add_registry("plain", "plain.example.test")
        assert plane.client(host="PLAIN.example.test:443").get("/v2/").status_code == 401

    def test_of_a_registry_that_is_not_ready_are_unknown(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient
    ) -> None:
        with plane.services.database.write() as tx:
            registries.set_ready(tx, registry.id, False)
        assert admin.get("/v2/").status_code == 404
        assert admin.get("/v2/app/manifests/v1").status_code == 404


def test_a_password_works_without_a_token_as_well(
    plane: Plane, registry: RegistryRow, admin: RegistryClient, nobody: RegistryClient
) -> None:
    admin.push_image("app", "v1")
    robot = plane.add_principal(registry, "AcrPull")
    client = nobody.with_basic(robot.app_id, robot.secret)
    assert client.get("/v2/").status_code == 200
    assert client.get("/v2/app/manifests/v1").status_code == 200
    refused = client.open("POST", "/v2/app/blobs/uploads/")
    assert (refused.status_code, codes(refused)) == (403, ["DENIED"])
