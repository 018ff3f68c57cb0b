"""The directory API, as az's service-principal commands use it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controlplane.domain.principals import Principal
from controlplane.persistence import role_assignments
from controlplane.persistence.role_assignments import AssignmentRow
from controlplane.services.bootstrap import BootstrapResult
from controlplane.services.graph import Services
from tests.identity.conftest import GRAPH_SCOPE, MANAGEMENT_SCOPE, Caller


def values(response: TestResponse) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return list(response.get_json()["value"])


def created(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    return dict(response.get_json())


def refusal(response: TestResponse) -> tuple[int, str]:
    assert {"code", "message", "innerError"} == response.get_json()["error"].keys()
    return response.status_code, response.get_json()["error"]["code"]


def test_a_service_principal_is_created_as_az_does_and_can_sign_in(owner_caller: Caller) -> None:
    az = owner_caller.graph
    assert values(az("GET", "/servicePrincipals?$filter=displayName eq 'ci'")) == []
    assert values(az("GET", "/applications?$filter=startswith(displayName,'ci')")) == []
    application = created(az("POST", "/applications", json={"displayName": "ci", "keyCredentials": []}))
    assert application["passwordCredentials"] == []
    asked = {
        "displayName": "rbac",
        "endDateTime": "2027-01-02T03:04:05Z",
        "startDateTime": "2026-01-02T03:04:05Z",
    }
    password = az(
        "POST", f"/applications/{application['id']}/addPassword", json={"passwordCredential": asked}
    )
    assert password.status_code == 200
    secret = password.get_json()["secretText"]
    assert password.get_json()["endDateTime"].startswith("2027-01-02T03:04:05")
    principal = created(
        az("POST", "/servicePrincipals", json={"appId": application["appId"], "accountEnabled": True})
    )
    assert principal["servicePrincipalNames"] == [application["appId"]]
    assert principal["displayName"] == "ci"
    assert principal["id"] != application["id"]
    newcomer = Caller(owner_caller.client, application["appId"], secret, owner_caller.tenant)
    assert newcomer.token_response().status_code == 200
    assert newcomer.graph("GET", "/me").get_json()["id"] == principal["id"]


def test_a_secret_is_shown_once(owner_caller: Caller, stranger: Caller) -> None:
    application = values(owner_caller.graph("GET", f"/applications?$filter=appId eq '{stranger.app_id}'"))[0]
    shown = application["passwordCredentials"]
    assert [credential["secretText"] for credential in shown] == [None]
    assert stranger.secret.startswith(shown[0]["hint"])
    everything = (
        owner_caller.graph("GET", "/applications").text + owner_caller.graph("GET", "/servicePrincipals").text
    )
    assert stranger.secret not in everything


def test_reset_removes_every_secret_and_adds_one(owner_caller: Caller, stranger: Caller) -> None:
    az = owner_caller.graph
    found = values(
        az("GET", f"/servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '{stranger.app_id}')")
    )
    principal = az("GET", f"/servicePrincipals/{found[0]['id']}").get_json()
    for credential in principal["passwordCredentials"]:
        path = f"/servicePrincipals/{principal['id']}/removePassword"
        assert az("POST", path, json={"keyId": credential["keyId"]}).status_code == 204
    added = az("POST", f"/servicePrincipals/{principal['id']}/addPassword", json={})
    assert stranger.token_response().status_code == 401
    again = Caller(stranger.client, stranger.app_id, added.get_json()["secretText"], stranger.tenant)
    assert again.token_response().status_code == 200


def test_several_secrets_work_side_by_side(owner_caller: Caller, stranger: Caller) -> None:
    application = values(owner_caller.graph("GET", f"/applications?$filter=appId eq '{stranger.app_id}'"))[0]
    second = owner_caller.graph("POST", f"/applications/{application['id']}/addPassword").get_json()
    for secret in (stranger.secret, second["secretText"]):
        assert stranger.token_response(client_secret=secret).status_code == 200
    shown = owner_caller.graph("GET", f"/applications/{application['id']}").get_json()["passwordCredentials"]
    assert second["keyId"] in {credential["keyId"] for credential in shown}
    assert len(shown) == 2


def test_objects_are_found_by_client_id_in_brackets(owner_caller: Caller, stranger: Caller) -> None:
    az = owner_caller.graph
    application = az("GET", f"/applications(appId='{stranger.app_id}')").get_json()
    principal = az("GET", f"/servicePrincipals(appId='{stranger.app_id}')").get_json()
    assert application["appId"] == principal["appId"] == stranger.app_id
    assert (
        az("PATCH", f"/applications(appId='{stranger.app_id}')", json={"displayName": "n"}).status_code == 204
    )
    assert az("GET", f"/servicePrincipals/{principal['id']}").get_json()["displayName"] == "n"
    assert az("DELETE", f"/servicePrincipals(appId='{stranger.app_id}')").status_code == 204
    assert refusal(az("GET", f"/servicePrincipals(appId='{stranger.app_id}')")) == (
        404,
        "Request_ResourceNotFound",
    )


def test_deleting_the_principal_leaves_the_application_and_deleting_that_leaves_nothing(
    owner_caller: Caller, stranger: Caller
) -> None:
    az = owner_caller.graph
    principal = az("GET", f"/servicePrincipals(appId='{stranger.app_id}')").get_json()
    assert az("DELETE", f"/servicePrincipals/{principal['id']}").status_code == 204
    application = az("GET", f"/applications(appId='{stranger.app_id}')").get_json()
    again = created(az("POST", "/servicePrincipals", json={"appId": stranger.app_id}))
    assert again["id"] != principal["id"]
    assert az("DELETE", f"/applications/{application['id']}").status_code == 204
    assert refusal(az("GET", f"/servicePrincipals/{again['id']}")) == (404, "Request_ResourceNotFound")
    assert stranger.token_response().get_json()["error_codes"] == [700016]


def test_disabling_a_principal_is_shown_and_acts(owner_caller: Caller, stranger: Caller) -> None:
    az = owner_caller.graph
    path = f"/servicePrincipals(appId='{stranger.app_id}')"
    assert az("PATCH", path, json={"accountEnabled": False}).status_code == 204
    assert az("GET", path).get_json()["accountEnabled"] is False
    assert stranger.token_response().get_json()["error_codes"] == [7000112]


@pytest.mark.parametrize(
    ("kind", "condition", "count"),
    [
        ("applications", "displayName eq 'Stranger'", 1),
        ("applications", "startswith(displayName,'str')", 1),
        ("applications", "startswith(displayName, 'str') and displayName eq 'stranger'", 1),
        ("applications", "startswith(displayName,'%')", 0),
        ("applications", "startswith(displayName,'s_')", 0),
        ("applications", "displayName eq 'it''s'", 0),
        ("applications", "displayName eq 'a' and displayName eq 'stranger'", 0),
        ("applications", "identifierUris/any(s:s eq 'api://x')", 0),
        ("servicePrincipals", "displayName eq 'stranger'", 1),
        ("servicePrincipals", "startswith(displayName,'')", 2),
        ("servicePrincipals", "servicePrincipalNames/any(x:x eq 'stranger')", 0),
        ("users", "userPrincipalName eq 'a@b.c'", 0),
        ("groups", "startswith(displayName,'x')", 0),
    ],
)
def test_filters_find_what_they_say(
    owner_caller: Caller, stranger: Caller, kind: str, condition: str, count: int
) -> None:
    assert stranger.app_id
    found = values(owner_caller.graph("GET", f"/{kind}", query_string={"$filter": condition}))
    assert len(found) == count


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "displayName ne 'x'"},
        {"$filter": "displayName eq 'x' or displayName eq 'y'"},
        {"$filter": "secretText eq 'x'"},
        {"$filter": "displayName eq x"},
        {"$filter": "displayName eq 'x"},
        {"$filter": "startswith(displayName)"},
        {"$filter": "' or 1=1 --"},
        {"$filter": "displayName eq 'x' and " * 200},
        {"$orderby": "displayName"},
        {"$count": "true"},
        {"$top": "0"},
        {"$top": "1000"},
        {"$top": "-1"},
        {"$top": "many"},
        {"$skiptoken": "nonsense"},
        {"$skiptoken": "WzFd"},
        {"$select": "nope"},
    ],
)
def test_what_a_list_does_not_understand_it_refuses(owner_caller: Caller, query: dict[str, str]) -> None:
    answer = owner_caller.graph("GET", "/applications", query_string=query)
    assert refusal(answer) == (400, "Request_UnsupportedQuery")


def test_pages_hold_everything_once(owner_caller: Caller, services: Services) -> None:
    for number in range(7):
        services.directory.create_application("same name" if number % 2 else f"app {number}")
    url: str | None = "/applications?$top=3&$select=id"
    seen: list[str] = []
    pages = 0
    while url is not None:
        answer = owner_caller.graph("GET", url)
        seen += [row["id"] for row in values(answer)]
        pages += 1
        link = answer.get_json().get("@odata.nextLink")
        url = None if link is None else link.removeprefix("https://localhost:8443/v1.0")
    assert len(seen) == len(set(seen)) == 8
    assert pages == 3


def test_objects_by_ids_carry_their_type(
    owner_caller: Caller, owner: BootstrapResult, stranger: Caller
) -> None:
    az = owner_caller.graph
    application = az("GET", f"/applications(appId='{stranger.app_id}')").get_json()
    principal = az("GET", f"/servicePrincipals(appId='{stranger.app_id}')").get_json()
    ids = [application["id"], principal["id"], owner.object_id.upper(), str(uuid.uuid4())]
    body = {"ids": ids, "types": ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"]}
    found = values(az("POST", "/directoryObjects/getByIds", json=body))
    assert {row["id"] for row in found} == {principal["id"], owner.object_id}
    assert {row["@odata.type"] for row in found} == {"#microsoft.graph.servicePrincipal"}
    everything = values(az("POST", "/directoryObjects/getByIds", json={"ids": ids}))
    assert len(everything) == 3
    assert values(az("POST", "/directoryObjects/getByIds", json={"ids": []})) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/applications", {}),
        ("/applications", {"displayName": ""}),
        ("/applications", {"displayName": "  "}),
        ("/applications", {"displayName": "x" * 257}),
        ("/applications", {"displayName": "line\nbreak"}),
        ("/applications", {"displayName": 5}),
        ("/applications", {"displayName": "x", "unknown": 1}),
        ("/applications", {"displayName": "x", "keyCredentials": [{"key": "k"}]}),
        ("/applications", {"displayName": "x", "identifierUris": ["api://x"]}),
        ("/applications", {"displayName": "x", "signInAudience": "AzureADMultipleOrgs"}),
        ("/applications", ["displayName"]),
        ("/applications", "text"),
        ("/servicePrincipals", {"appId": "00000000-0000-0000-0000-000000000000"}),
        ("/servicePrincipals", {}),
        ("/servicePrincipals", {"appId": "x", "accountEnabled": "maybe"}),
        ("/directoryObjects/getByIds", {}),
        ("/directoryObjects/getByIds", {"ids": "x"}),
        ("/directoryObjects/getByIds", {"ids": [1]}),
        ("/directoryObjects/getByIds", {"ids": ["x"] * 1001}),
    ],
)
def test_a_bad_body_is_named_as_such(owner_caller: Caller, path: str, body: Any) -> None:
    assert refusal(owner_caller.graph("POST", path, json=body)) == (400, "Request_BadRequest")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_json_is_named_as_such(owner_caller: Caller, data: bytes) -> None:
    assert refusal(owner_caller.graph("POST", "/applications", data=data)) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "credential",
    [
        {"endDateTime": "2020-01-01T00:00:00Z"},
        {"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2026-06-01T00:00:00Z"},
        {"endDateTime": "tomorrow"},
        {"endDateTime": 5},
        {"customKeyIdentifier": "x"},
        {"secretText": "mine"},
    ],
)
def test_a_secret_with_times_or_members_that_make_no_sense_is_refused(
    owner_caller: Caller, stranger: Caller, credential: dict[str, Any]
) -> None:
    path = f"/applications(appId='{stranger.app_id}')/addPassword"
    answer = owner_caller.graph("POST", path, json={"passwordCredential": credential})
    assert refusal(answer) == (400, "Request_BadRequest")


def test_an_application_has_one_principal_and_a_bounded_number_of_secrets(
    owner_caller: Caller, stranger: Caller
) -> None:
    again = owner_caller.graph("POST", "/servicePrincipals", json={"appId": stranger.app_id})
    assert refusal(again) == (409, "Request_MultipleObjectsWithSameKeyValue")
    path = f"/applications(appId='{stranger.app_id}')/addPassword"
    answers = [owner_caller.graph("POST", path) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [200] * 19 + [400]


def test_a_key_id_of_another_application_removes_nothing(owner_caller: Caller, stranger: Caller) -> None:
    own = owner_caller.graph("GET", f"/applications(appId='{owner_caller.app_id}')").get_json()
    key_id = own["passwordCredentials"][0]["keyId"]
    path = f"/applications(appId='{stranger.app_id}')/removePassword"
    answer = owner_caller.graph("POST", path, json={"keyId": key_id})
    assert refusal(answer) == (400, "Request_BadRequest")
    assert owner_caller.token_response().status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/applications/not-a-guid"),
        ("GET", "/nothing/here"),
        ("PUT", "/applications"),
        ("DELETE", "/me"),
        ("GET", "/me/ownedObjects"),
    ],
)
def test_what_the_directory_does_not_serve_is_said_in_its_own_envelope(
    owner_caller: Caller, method: str, path: str
) -> None:
    status, _ = refusal(owner_caller.graph(method, path))
    assert 400 <= status < 500


@pytest.mark.parametrize("kind", ["applications", "servicePrincipals", "users", "groups"])
def test_an_object_that_is_not_there_is_not_found(owner_caller: Caller, kind: str) -> None:
    answer = owner_caller.graph("GET", f"/{kind}/{uuid.uuid4()}")
    assert refusal(answer) == (404, "Request_ResourceNotFound")


# --- who may ---------------------------------------------------------------------------------------------

WRITES = [
    ("POST", "/applications"),
    ("PATCH", "/applications(appId='{app}')"),
    ("DELETE", "/applications(appId='{app}')"),
    ("POST", "/applications(appId='{app}')/addPassword"),
    ("POST", "/applications(appId='{app}')/removePassword"),
    ("POST", "/servicePrincipals"),
    ("PATCH", "/servicePrincipals(appId='{app}')"),
    ("DELETE", "/servicePrincipals(appId='{app}')"),
    ("POST", "/servicePrincipals(appId='{app}')/addPassword"),
    ("POST", "/servicePrincipals(appId='{app}')/removePassword"),
    ("DELETE", "/applications/99999999-9999-9999-9999-999999999999"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_writing_takes_the_right_to_assign_roles_at_the_root(
    owner_caller: Caller, stranger: Caller, method: str, path: str
) -> None:
    for app in (stranger.app_id, owner_caller.app_id):
        answer = stranger.graph(method, path.format(app=app), json={"displayName": "x"})
        assert refusal(answer) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "/", 201),  # User Access Administrator
        ("b24988ac-6180-42a0-ab88-20f7382dd24c", "/", 403),  # Contributor
        ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "/subscriptions/{sub}", 403),  # Owner below the root
    ],
)
def test_which_roles_may_write(
    services: Services,
    owner: BootstrapResult,
    principal_maker: Callable[[str], tuple[Principal, str]],
    flask_client: FlaskClient,
    role: str,
    scope: str,
    status: int,
) -> None:
    principal, secret = principal_maker("runner")
    scope_key = scope.format(sub=owner.subscription_id)
    with services.database.write() as tx:
        row = AssignmentRow("/k", scope_key, principal.object_id, "ServicePrincipal", role, None)
        role_assignments.add(tx, row)
    caller = Caller(flask_client, principal.app_id or "", secret, owner.tenant_id)
    assert caller.graph("POST", "/applications", json={"displayName": "new"}).status_code == status


def test_everybody_in_the_directory_may_read(stranger: Caller) -> None:
    for path in ("/applications", "/servicePrincipals", "/me", "/users", "/groups"):
        assert stranger.graph("GET", path).status_code == 200
    assert stranger.graph("POST", "/directoryObjects/getByIds", json={"ids": []}).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic dTpw", "Bearer a.b.c"])
def test_without_a_good_token_nothing_is_told(flask_client: FlaskClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in ("/applications", "/nothing/here", f"/applications/{uuid.uuid4()}"):
        answer = flask_client.get(f"/v1.0{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert "value" not in answer.get_json()


def test_a_token_for_the_management_api_is_not_for_the_directory(owner_caller: Caller) -> None:
    for scope, status in (
        (MANAGEMENT_SCOPE, 401),
        (GRAPH_SCOPE, 200),
        ("https://localhost:8443//.default", 200),
    ):
        headers = {"Authorization": f"Bearer {owner_caller.token(scope=scope)}"}
        assert owner_caller.client.get("/v1.0/me", headers=headers).status_code == status


def test_a_managed_identity_is_listed_and_left_to_its_resource(
    owner_caller: Caller, services: Services
) -> None:
    with services.database.write() as tx:
        made = services.directory.ensure_identity(tx, "/subscriptions/s/registries/r", "r")
    az = owner_caller.graph
    shown = az("GET", f"/servicePrincipals/{made.id}").get_json()
    assert shown["servicePrincipalType"] == "ManagedIdentity"
    assert shown["alternativeNames"] == ["isExplicit=False", "/subscriptions/s/registries/r"]
    assert refusal(az("DELETE", f"/servicePrincipals/{made.id}"))[0] == 400
    assert refusal(az("POST", f"/servicePrincipals/{made.id}/addPassword"))[0] == 400
