"""Rows 9, 20 and 21 of the attacks, for registry tokens and their scope maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import jwt
import pytest

from controlplane.kernel.clock import rfc3339
from tests.api.deployment import CONTRIBUTOR, REGISTRIES, Template
from tests.support.both_planes import House
from tests.support.distribution import RegistryClient, json_of

MANIFEST = "/v2/app/manifests/v1"
PULL = "repository:app:pull"
REFRESH_USER = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def house(running: House, template: Template) -> House:
    """A deployment where ``demo1`` holds ``app:v1`` and ``app/sub:v1``."""
    running.renew(template)
    for name in ("app", "app/sub"):
        running.admin().push_image(name, "v1")
    return running


class TestTokenConfusion:
    """Row 9: a token opens what its scope map names, whatever it is asked for and wherever it is sent."""

    @pytest.mark.parametrize("scope", ["repository:app/sub:pull", "repository:ap:pull", "repository:*:pull"])
    def test_a_name_that_is_not_quite_the_map_s(self, house: House, scope: str) -> None:
        client = house.signed_in("robot", house.token("robot", "app/content/read"))
        assert client.scoped(scope).get("/v2/app/sub/manifests/v1").status_code == 401
        assert client.get("/v2/app/sub/manifests/v1").status_code == 403
        assert client.get(MANIFEST).status_code == 200

    @pytest.mark.parametrize("scope", ["repository:app:*", "repository:app:pull,push,delete"])
    def test_a_widened_scope(self, house: House, scope: str) -> None:
        client = house.signed_in("robot", house.token("robot", "app/content/read")).scoped(scope)
        assert client.get(MANIFEST).status_code == 200
        assert client.open("POST", "/v2/app/blobs/uploads/").status_code == 401
        assert client.open("DELETE", MANIFEST).status_code == 401
        assert client.open("PATCH", "/acr/v1/app", json={}).status_code == 401

    def test_a_name_below_a_prefix_is_not_the_prefix(self, house: House) -> None:
        client = house.signed_in("robot", house.token("robot", "app/*/content/read"))
        assert client.get("/v2/app/sub/manifests/v1").status_code == 200
        assert client.get(MANIFEST).status_code == 403

    def test_another_registry_with_a_token_of_the_same_name(self, house: House) -> None:
        here, there = (house.token("robot", "*/content/read", registry=name) for name in ("demo1", "other"))
        assert house.signed_in("robot", there).get("/v2/").status_code == 401
        assert house.signed_in("robot", here, "other").get("/v2/").status_code == 401
        issued = house.signed_in("robot", there, "other").token(PULL)
        assert house.client().with_token(issued).get(MANIFEST).status_code == 401

    def test_a_refresh_token_is_no_access_token_nor_a_password(self, house: House) -> None:
        client = house.signed_in("robot", house.token("robot", "app/content/read"))
        refresh = json_of(client.token_response(offline_token="true"))["refresh_token"]
        assert house.client().with_token(refresh).get(MANIFEST).status_code == 401
        assert house.signed_in("robot", refresh).get("/v2/").status_code == 401

    def test_a_password_of_another_token(self, house: House) -> None:
        passwords = {name: house.token(name, f"{name}/content/read") for name in ("robot1", "robot2")}
        assert house.signed_in("robot1", passwords["robot2"]).get("/v2/").status_code == 401
        for wrong in ("", "acrtok_", passwords["robot1"][:-1], passwords["robot1"].upper(), "é" * 65):
            assert house.signed_in("robot1", wrong).get("/v2/").status_code == 401

    def test_a_claim_that_was_changed(self, house: House) -> None:
        token = house.signed_in("robot", house.token("robot", "app/content/read")).token(PULL)
        claims = jwt.decode(token, options={"verify_signature": False})
        claims["cred"] = "admin/password/1"
        forged = jwt.encode(claims, "k" * 32, headers=jwt.get_unverified_header(token) | {"alg": "HS256"})
        assert house.client().with_token(forged).get(MANIFEST).status_code == 401

    def test_the_password_opens_nothing_of_the_management_api(self, house: House) -> None:
        password = house.token("robot", "app/content/read")
        assert house.arm("GET", "", token=password).status_code == 401
        issued = house.signed_in("robot", password).token(PULL)
        assert house.arm("GET", "", token=issued).status_code == 401


class TestManagement:
    """Row 20: rights on one registry are none on another's tokens and maps."""

    def test_passwords_are_not_made_for_a_token_of_another_registry(self, house: House) -> None:
        house.token("robot", "app/content/read", registry="other")
        caller = house.api.persona(CONTRIBUTOR, house.path())
        there, nowhere = (f"{house.path('other')}/tokens/{name}" for name in ("robot", "nobody"))
        answers = [
            house.arm("POST", "generateCredentials", {"tokenId": token_id}, token=caller)
            for token_id in (there, nowhere)
        ]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert answers[0].text.replace("robot", "nobody") == answers[1].text
        with_rights = house.arm("POST", "generateCredentials", {"tokenId": there})
        assert with_rights.status_code == 400

    def test_maps_of_another_registry_are_neither_used_nor_told_of(self, house: House) -> None:
        house.scope_map("secret-map", "app/content/read", registry="other")
        caller = house.api.persona(CONTRIBUTOR, house.path())
        answers = [
            house.arm(
                "PUT",
                "tokens/robot",
                {"properties": {"scopeMapId": f"{house.path('other')}/scopeMaps/{name}"}},
                token=caller,
            )
            for name in ("secret-map", "nothing-map", "_repositories_pull")
        ]
        assert {answer.status_code for answer in answers} == {400}
        reasons = {answer.json["error"]["message"].partition("is invalid: ")[2] for answer in answers}
        assert len(reasons) == 1
        for below in ("tokens", "scopeMaps", "tokens/robot", "scopeMaps/_repositories_pull"):
            assert house.arm("GET", below, registry="other", token=caller).status_code == 403

    def test_who_only_reads_makes_no_passwords(self, house: House) -> None:
        house.token("robot", "app/content/read")
        reader = house.api.persona("acdd72a7-3385-48ef-bd42-f606fba81ae7", house.path())
        body = {"tokenId": f"{house.path()}/tokens/robot"}
        assert house.arm("POST", "generateCredentials", body, token=reader).status_code == 403
        shown = house.api.get(f"{house.path()}/tokens/robot", version=REGISTRIES, token=reader)
        assert "acrtok_" not in shown.text
        assert "lookup" not in shown.text


def _disable(house: House) -> None:
    house.done("PATCH", "tokens/robot", {"properties": {"status": "disabled"}})


def _narrow(house: House) -> None:
    house.scope_map("robot-map", "other/content/read")


def _take_map(house: House) -> None:
    house.done("PATCH", "tokens/robot", {"properties": {"scopeMapId": None}})


def _other_map(house: House) -> None:
    map_id = house.scope_map("empty-map")
    house.done("PATCH", "tokens/robot", {"properties": {"scopeMapId": map_id}})


def _delete_password(house: House) -> None:
    kept = {"passwords": [{"name": "password2"}]}
    house.done("PATCH", "tokens/robot", {"properties": {"credentials": kept}})


def _renew_password(house: House) -> None:
    house.passwords("robot", name="password1")


def _delete(house: House) -> None:
    house.arm("DELETE", "tokens/robot")


def _replace(house: House) -> None:
    house.arm("DELETE", "tokens/robot")
    house.token("robot", "app/content/read")


class TestStaleAuthority:
    """Row 21: what is taken away ends the next request, in every process, by every way in."""

    def ways(self, house: House, password: str) -> list[RegistryClient]:
        """Return clients that know the password, or a token got with it, at two processes."""
        basic = house.signed_in("robot", password)
        scoped = basic.scoped(PULL)
        ways = [basic, scoped]
        ways += [RegistryClient(self.other, one.host, one.authorization) for one in (basic, scoped)]
        assert [one.get(MANIFEST).status_code for one in ways] == [200] * 4
        return ways

    @pytest.fixture(autouse=True)
    def another_process(self, house: House) -> Iterator[None]:
        self.other = house.another_process()
        yield
        self.other.close()

    @pytest.mark.parametrize(
        ("take_away", "signs_in"),
        [
            (_disable, False),
            (_narrow, True),
            (_take_map, True),
            (_other_map, True),
            (_delete_password, False),
            (_renew_password, False),
            (_delete, False),
            (_replace, False),
        ],
        ids=lambda one: getattr(one, "__name__", ""),
    )
    def test_ends_at_once(self, house: House, take_away: Callable[[House], None], signs_in: bool) -> None:
        password = house.token("robot", "app/content/read")
        refresh = json_of(house.signed_in("robot", password).token_response(offline_token="true"))
        renewing = house.signed_in(REFRESH_USER, refresh["refresh_token"])
        ways = self.ways(house, password)
        take_away(house)
        for one in ways:
            assert one.get(MANIFEST).status_code in {401, 403}
            assert one.open("HEAD", MANIFEST).status_code in {401, 403}
        assert (renewing.token_response(PULL).status_code == 200) is signs_in
        if signs_in:
            assert renewing.scoped(PULL).get(MANIFEST).status_code == 401

    def test_the_other_password_goes_on(self, house: House) -> None:
        house.token("robot", "app/content/read")
        first, second = house.passwords("robot")
        client = house.signed_in("robot", second).scoped(PULL)
        _renew_password(house)
        assert client.get(MANIFEST).status_code == 200
        assert house.signed_in("robot", first).get("/v2/").status_code == 401

    def test_a_disabled_token_comes_back_with_what_it_had(self, house: House) -> None:
        password = house.token("robot", "app/content/read")
        client = house.signed_in("robot", password)
        _disable(house)
        refused = client.token_response(PULL)
        assert (refused.status_code, "disabled" in refused.text) == (401, True)
        assert "disabled" not in house.signed_in("robot", "wrong").token_response(PULL).text
        house.done("PATCH", "tokens/robot", {"properties": {"status": "enabled"}})
        assert client.scoped(PULL).get(MANIFEST).status_code == 200

    def test_a_token_that_outlives_its_password_by_none_of_its_own(self, house: House) -> None:
        end = rfc3339(house.clock.now() + timedelta(seconds=30))
        ways = self.ways(house, house.token("robot", "app/content/read", expiry=end))
        house.clock.pass_by(31)
        assert [one.get(MANIFEST).status_code for one in ways] == [401] * 4
